"""Collectible things: lists of their cells in a level's facts, and one state bit for each that is gone.

Shared by the worlds whose goals are counted. A list takes 1 + `MOST` facts: the number of things, then the cell of each as
row × columns + column, in reading order. For things hidden from the agent, the number of cells is added. Not a world.
Read next: `envs/worlds/keys_and_chests.py`, `envs/worlds/shields.py`.
"""

import numpy as np
from numba import njit

from ...render.scene import Sprite
from ..contract.canvas import mark
from .topdown import COL, COLS, ROW, ROWS

MOST = 5  # maximum number of things of each kind


@njit(inline="always")
def note(facts, at, cell, seen):
    """Append a thing to the list that starts at facts[at]."""
    facts[at + 1 + facts[at]] = cell if seen else cell + facts[ROWS] * facts[COLS]
    facts[at] += 1


@njit(inline="always")
def sets(facts, at):
    """Number of possible sets of things that are gone."""
    return 1 << facts[at]


@njit(inline="always")
def here(facts, at, state):
    """Bit of the thing on the agent's cell; there must be one."""
    cell = state[ROW] * facts[COLS] + state[COL]
    bit = 0
    for k in range(facts[at]):
        if facts[at + 1 + k] % (facts[ROWS] * facts[COLS]) == cell:
            bit = 1 << k
    return bit


@njit(inline="always")
def size(bits):
    """Count the set bits."""
    n = 0
    for k in range(MOST):
        n += bits >> k & 1
    return n


@njit(inline="always")
def show(facts, at, gone, planes, canvas):
    """Mark the visible things that are not gone."""
    for k in range(facts[at]):
        cell = facts[at + 1 + k]
        if cell < facts[ROWS] * facts[COLS] and not gone >> k & 1:
            mark(canvas, cell // facts[COLS], cell % facts[COLS], planes)


def item_sprites(facts: np.ndarray, at: int, gone: int, name: str, after: str = "") -> tuple[Sprite, ...]:
    """Sprites of a list of things: `name`, or `after` once a thing is gone (empty: not drawn)."""
    cols, cells = int(facts[COLS]), int(facts[ROWS] * facts[COLS])
    placements = [(after if gone >> k & 1 else name, int(facts[at + 1 + k])) for k in range(int(facts[at]))]
    return tuple(Sprite(word, *divmod(cell, cols)) for word, cell in placements if word and cell < cells)
