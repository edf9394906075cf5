"""Things that can be taken: lists of cells among a level's facts, and a bit of the state for each that is gone.

Shared by the worlds whose goals are counts. A list takes 1 + `MOST` facts: how many things, then the cell of each as
row × columns + column, in reading order; one that the agent cannot see has the number of cells added to it. Not a world.
Read next: `envs/worlds/keys_and_chests.py`, `envs/worlds/shields.py`.
"""

import numpy as np
from numba import njit

from ...render.scene import Sprite
from ..contract.canvas import mark
from .topdown import COL, COLS, ROW, ROWS

MOST = 5  # things of a kind


@njit(inline="always")
def note(facts, at, cell, seen):
    """Add a thing to the list that begins at facts[at]."""
    facts[at + 1 + facts[at]] = cell if seen else cell + facts[ROWS] * facts[COLS]
    facts[at] += 1


@njit(inline="always")
def sets(facts, at):
    """How many sets of things can be gone."""
    return 1 << facts[at]


@njit(inline="always")
def here(facts, at, state):
    """The bit of the thing on the agent's cell, which must stand there."""
    cell = state[ROW] * facts[COLS] + state[COL]
    bit = 0
    for k in range(facts[at]):
        if facts[at + 1 + k] % (facts[ROWS] * facts[COLS]) == cell:
            bit = 1 << k
    return bit


@njit(inline="always")
def size(bits):
    """How many bits are set."""
    n = 0
    for k in range(MOST):
        n += bits >> k & 1
    return n


@njit(inline="always")
def show(facts, at, gone, planes, canvas):
    """Mark the things that are not gone and can be seen."""
    for k in range(facts[at]):
        cell = facts[at + 1 + k]
        if cell < facts[ROWS] * facts[COLS] and not gone >> k & 1:
            mark(canvas, cell // facts[COLS], cell % facts[COLS], planes)


def pictures(facts: np.ndarray, at: int, gone: int, name: str, after: str = "") -> tuple[Sprite, ...]:
    """The things of a list, each by its name, or by another once it is gone (none: it is not drawn any more)."""
    cols, cells = int(facts[COLS]), int(facts[ROWS] * facts[COLS])
    found = [(after if gone >> k & 1 else name, int(facts[at + 1 + k])) for k in range(int(facts[at]))]
    return tuple(Sprite(word, *divmod(cell, cols)) for word, cell in found if word and cell < cells)
