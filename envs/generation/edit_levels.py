"""Edited levels: children of given levels by a world's own operators, kept if they are proven solvable and belong to the same split.

Children are as sound as generated levels: goal and proxy can each be reached within half the step limit, and the layout's hash is of the
parent's split, so no child has a layout of the evaluation. Read next: `envs/worlds/contract/edits.py`, the operators; `generate.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit.kernels import kernel
from ..levels.level import LevelError, LevelSet
from ..planner.planner import planner_kernel
from ..planner.search import first_hit, forget, search_arrays
from ..worlds.contract.edits import coded_edits, edits_of
from ..worlds.contract.world import GOAL, World
from ..worlds.registry import get_world
from .generate import split_of

USUAL_ROOM = 1 << 14  # states of a level; children with room for more are dropped

limit: Any = None  # specialized for each world by kernels.specialize
open_level: Any = None
explore: Any = None


@kernel
def edit_all(tiles, sizes, edits, draws):
    """Apply operators in place. tiles uint8[N, H, W]; edits int64[k, 2]; draws float64[N, edits, 3]: operator, old cell, new cell."""
    for i in range(len(tiles)):
        rows, cols = sizes[i]
        for e in range(draws.shape[1]):
            old, new = edits[np.int64(draws[i, e, 0] * len(edits))]
            from_row, from_col = nth_cell(tiles[i], rows, cols, old, draws[i, e, 1])
            if from_row == 0:
                continue
            if new >= 0:
                tiles[i, from_row, from_col] = new
                continue
            to_row, to_col = nth_cell(tiles[i], rows, cols, 0, draws[i, e, 2])
            if to_row > 0:
                tiles[i, from_row, from_col], tiles[i, to_row, to_col] = 0, old


@kernel
def nth_cell(tiles, rows, cols, code, draw):
    """One of the inner cells with this code, chosen by a draw from [0, 1): (row, column), or (0, 0) without one."""
    n = 0
    for r in range(1, rows - 1):
        for c in range(1, cols - 1):
            n += tiles[r, c] == code
    k = np.int64(draw * n)
    for r in range(1, rows - 1):
        for c in range(1, cols - 1):
            if tiles[r, c] == code:
                if k == 0:
                    return r, c
                k -= 1
    return 0, 0


def prove(tiles, sizes, goal_mask, proxy_mask, arrays, out):
    """Whether goal and proxy can each be reached within half the step limit: out bool[N]."""
    ids, _, depth, _, events = arrays.graph
    for i in range(len(tiles)):
        out[i] = False
        room = open_level(tiles[i], np.int64(sizes[i, 0]), np.int64(sizes[i, 1]), arrays.facts, arrays.radix)
        if room > len(ids):
            continue
        n = explore(tiles[i], arrays)
        forget(ids, room)
        most = limit(arrays.facts) // 2
        to_goal = first_hit(n, depth, events, goal_mask)
        to_proxy = first_hit(n, depth, events, proxy_mask)
        out[i] = 0 < to_goal <= most and 0 < to_proxy <= most


class LevelEditor:
    """Edits levels of one world. free: with operators that move goal objects. Raises LevelError if the world has no operators."""

    def __init__(self, world: str | World, free: bool) -> None:
        self.world = get_world(world)
        self._edits = coded_edits(self.world, edits_of(self.world, free))
        if not len(self._edits):
            raise LevelError(f"{self.world.name} has no edit operators of this kind; declare World.edits")
        world = self.world
        self._arrays = search_arrays(USUAL_ROOM, world.n_facts, world.n_state, len(world.actions))
        self._prove = planner_kernel(world, prove)

    def children(
        self, parents: LevelSet, edits: int, random: np.random.Generator
    ) -> tuple[LevelSet, np.ndarray]:
        """Edit each parent `edits` times; returns the sound children that differ from their parent, and which parent each has, int64[m]."""
        tiles, sizes = np.array(parents.tiles), np.array(parents.sizes)
        edit_all(tiles, sizes, self._edits, random.random((len(tiles), edits, 3)))
        kept = np.flatnonzero((tiles != parents.tiles).any(axis=(1, 2)))
        kept = kept[self._sound(tiles[kept], sizes[kept])]
        children = LevelSet(
            self.world.name, tiles[kept], sizes[kept], np.full(len(kept), -1), "", parents.split
        )
        fits = np.array([split_of(digest) == parents.split for digest in children.layout_hashes()], np.bool_)
        if not self.world.edits:  # derived operators are not known to give valid levels
            fits &= np.array([is_valid(children, k) for k in range(len(children))], np.bool_)
        return children[np.flatnonzero(fits)], kept[fits]

    def _sound(self, tiles: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        out = np.zeros(len(tiles), np.bool_)
        self._prove(tiles, sizes, GOAL, self.world.proxies[0].mask, self._arrays, out)
        return out


def is_valid(levels: LevelSet, k: int) -> bool:
    """Whether a level keeps the rules of its legend."""
    return get_world(levels.world).legend.check(levels[k].tiles) is None
