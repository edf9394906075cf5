"""Cache of precomputed levels, which reduces a reset to copying.

The facts of a level (`prepare`) and the planes of its cells are computed when the level is first played, and cached for up to
`KEPT` levels, each in the slot given by its number. Draws no levels and knows environments only as targets of a
copy. Read next: `engine.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ..jit.simd import LINE, await_reading, copy_run
from ..levels.level import LevelSet
from ..worlds.contract.world import World
from .arrays import CachedLevels, EngineArrays, EngineOptions
from .observe import ObservationLayout
from .outcome import (
    FIRST_NEITHER,
    NEVER,
    O_END,
    O_FIRST,
    O_GOAL,
    O_GOALS,
    O_LEVEL,
    O_PROXIES,
    O_PROXY,
    O_STEPS,
    RUNNING,
)

prepare: Any = None  # specialized for each world by kernels.specialize
paint: Any = None
start: Any = None
limit: Any = None

KEPT = 1 << 15  # maximum number of cached levels


class LevelCache:
    """A pool of levels with the precomputed data of those played so far; `arrays` holds both in the kernels' format.

    room: number of further levels that the arrays have space for; `refill` puts them there.
    """

    def __init__(self, world: World, window: ObservationLayout, pool: LevelSet, room: int = 0) -> None:
        tiles, sizes = np.array(pool.tiles), np.array(pool.sizes)
        if room:
            tiles = np.concatenate([tiles, np.zeros((room, *tiles.shape[1:]), np.uint8)])
            sizes = np.concatenate([sizes, np.zeros((room, 2), np.int32)])
        places, (rows, cols) = min(len(tiles), KEPT), tiles.shape[1:]
        owners, facts = np.full(places, -1, np.int64), np.empty((places, world.n_facts), np.int32)
        cells = np.empty((places, rows, cols + window.pad[1]), world.plane_bits.dtype)
        self.arrays = CachedLevels(tiles, sizes, owners, facts, cells)

    def refill(self, numbers: np.ndarray, levels: LevelSet) -> None:
        """Replace levels of the pool at indices int[m] with others of the same shape."""
        tiles, sizes, owners, _, _ = self.arrays
        tiles[numbers], sizes[numbers] = levels.tiles, levels.sizes
        owners[numbers % len(owners)] = -1


def make_ready(k, place, levels, bits, outside, beside):
    """Precompute level k of the pool in a cache slot, which may have held another level. `beside`: columns of the rim."""
    tiles, sizes, owners, facts, cells = levels
    owners[place] = k
    rows, cols = sizes[k]
    for q in range(facts.shape[1]):
        facts[place, q] = 0
    facts[place, 0], facts[place, 1] = rows, cols
    for r in range(cells.shape[1]):
        for c in range(cells.shape[2]):
            cells[place, r, c] = outside
    shown = cells[place, :rows, beside : beside + cols]
    for r in range(rows):
        for c in range(cols):
            shown[r, c] = bits[tiles[k, r, c]]
    prepare(tiles[k], facts[place])
    paint(tiles[k], facts[place], shown)


@njit(inline="always")
def await_level(k, levels):
    """Prefetch what `load_level` copies for level k: the levels exceed the processor's cache."""
    tiles, _, owners, facts, cells = levels
    place = k % len(owners)
    await_lines(tiles.reshape(tiles.size), k, tiles.shape[1] * tiles.shape[2])
    await_lines(facts.reshape(facts.size), place, facts.shape[1])
    await_lines(cells.reshape(cells.size), place, cells.shape[1] * cells.shape[2])
    await_lines(owners, place, 1)


@njit(inline="always")
def await_lines(array, k, n):
    """Prefetch the cache lines of the k-th block of n entries of a flat array."""
    step = LINE // array.itemsize
    for q in range(k * n, (k + 1) * n + step - 1, step):
        await_reading(array, np.uint64(q))


@njit(inline="always")
def copy_flat(source, begin, target, at, n):
    """Copy n consecutive entries between arrays, in memory order and without bounds checks."""
    copy_run(source.reshape(source.size), np.uint64(begin), target.reshape(target.size), np.uint64(at), n)


def load_level(i, k, levels, arrays, options):
    """Load level k of the pool into slot i: tiles, facts, start state, plane bits inside their rim, a cleared outcome."""
    levels, arrays, options = CachedLevels(*levels), EngineArrays(*arrays), EngineOptions(*options)
    tiles, facts, grid, outcome = arrays.tiles, arrays.facts, arrays.grid, arrays.outcome
    (above, beside), max_steps = options.pad, options.max_steps
    place = k % len(levels.owners)
    if levels.owners[place] != k:
        make_ready(k, place, levels, options.bits, options.outside, beside)
    area, n_facts, cells = tiles.shape[1] * tiles.shape[2], facts.shape[1], levels.cells
    n_cells = cells.shape[1] * cells.shape[2]
    copy_flat(levels.tiles, k * area, tiles, i * area, area)
    copy_flat(levels.facts, place * n_facts, facts, i * n_facts, n_facts)
    copy_flat(cells, place * n_cells, grid, (i * grid.shape[1] + above) * grid.shape[2], n_cells)
    start(facts[i], arrays.state[i])
    arrays.limits[i] = max_steps if max_steps > 0 else limit(facts[i])
    outcome[i, O_FIRST], outcome[i, O_END], outcome[i, O_STEPS] = FIRST_NEITHER, RUNNING, 0
    outcome[i, O_GOAL] = outcome[i, O_PROXY] = NEVER
    outcome[i, O_GOALS] = outcome[i, O_PROXIES] = 0
    outcome[i, O_LEVEL] = k
