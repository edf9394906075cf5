"""Observations: channel planes, uint8 0/1, cut from the level's plane bits.

Each cell of a level holds its planes as bits of one integer. The cells in the window are copied, moving things are
marked on them, then many cells at a time are expanded to bytes of a plane. `view` is a camera centred on the agent; `full` is the
whole level from its top left corner. `envs/render/render.py` draws `rgb`. A plane can be omitted, repeated or enlarged: see
`observation_spec.py` for the syntax. No statistics, no rules. Read next: `engine.py`; `envs/jit/simd.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit

from ..jit.kernels import inlined
from ..jit.simd import COPIED, LINE, SHOWN, await_writing, copy_cells, show_cells, show_half, show_quarter
from ..worlds.contract.canvas import canvas_of
from ..worlds.contract.world import World
from .arrays import EngineArrays, ObservingScratch, WindowSpec
from .observation_spec import OBSERVATIONS, ObservationError, PlaneDisplay, parse_observation

__all__ = [
    "OBSERVATIONS",
    "SPARE",
    "ObservationError",
    "ObservationLayout",
    "observation_layout",
    "observe_all",
]

PLANES = ROWS = COLS = 0  # of the window; bound per window, since loops of constant length run faster
FOLLOWS = False  # whether the window follows the agent
LARGER = False  # whether some plane is enlarged; `enlarge` is compiled only if needed
objects: Any = None  # specialized for each world by kernels.specialize

AT_ONCE = 32  # number of environments whose cells are copied at a time
NEAR = 1 << 15  # bytes of a processor's L1 cache
SPARE = SHOWN  # bytes past the last observation that may be overwritten


@dataclass(frozen=True)
class ObservationLayout:
    """The part of the level that an observation shows. shape (C, H, W); pad: rim of the plane grid (rows, columns).

    bits uint8[C] or uint16[C]: the world's plane shown by each plane of the observation; reach int64[C]: number of
    cells by which it is enlarged on every side.
    """

    shape: tuple[int, int, int]
    follow: bool
    pad: tuple[int, int]
    bits: np.ndarray = field(compare=False)
    reach: np.ndarray = field(compare=False)

    @property
    def spec(self) -> WindowSpec:
        """Convert to the kernels' format."""
        return WindowSpec(*self.shape, int(self.follow), *self.pad, self.bits, self.reach)

    def scratch(self) -> ObservingScratch:
        """Allocate scratch for the window cells of `AT_ONCE` environments and, as [rows + 1, columns], for one environment's
        moving things in its window and within the largest reach around it; the extra row takes everything farther away.
        """
        _, rows, cols = self.shape
        most = int(self.reach.max())
        around = np.zeros((rows + 2 * most + 1, cols + 2 * most), self.bits.dtype)
        return ObservingScratch(np.zeros(AT_ONCE * rows * cols + SHOWN, self.bits.dtype), around)

    def grids(self, n: int, rows: int, cols: int, outside: np.integer) -> np.ndarray:
        """Allocate plane bits of n levels of up to rows × cols cells: [n, rows + 2 · rim + spare rows, rim + cols], all `outside`.

        The left rim of a row is also the right rim of the row above.
        """
        width = cols + self.pad[1]
        spare = -(-(self.pad[1] + COPIED) // width)
        return np.full((n, rows + 2 * self.pad[0] + spare, width), outside, self.bits.dtype)

    def camera(self, row: int, col: int) -> tuple[int, int, int, int]:
        """Position of the window, (top row, left column, rows, columns) on the level, for an agent at (row, col)."""
        _, rows, cols = self.shape
        return (row - rows // 2, col - cols // 2, rows, cols) if self.follow else (0, 0, rows, cols)


def observation_layout(world: World, observation: str, level_shape: tuple[int, ...]) -> ObservationLayout:
    """Create the layout of an observation. Raises ObservationError if it is unknown or the levels are too large for `full`."""
    asked = parse_observation(observation, world.planes)
    shown = [(k, asked.shown.get(name, PlaneDisplay())) for k, name in enumerate(world.planes)]
    bits = np.array([1 << k for k, how in shown for _ in range(how.count)], world.plane_bits.dtype)
    reach = np.array([how.size // 2 for _, how in shown for _ in range(how.count)], np.int64)
    if not len(bits):
        raise ObservationError(f"{observation!r} shows nothing; keep at least one plane")
    if asked.kind in ("view", "rgb"):
        rows, cols = world.view
        return ObservationLayout((len(bits), rows, cols), True, (rows // 2, cols // 2), bits, reach)
    if level_shape[0] > world.full[0] or level_shape[1] > world.full[1]:
        raise ObservationError(
            f"levels of up to {level_shape[0]}x{level_shape[1]} do not fit the `full` observation of {world.name} "
            f"({world.full[0]}x{world.full[1]}); use observation='view' here"
        )
    pad = (world.full[0] - level_shape[0], world.full[1] - level_shape[1])
    return ObservationLayout((len(bits), *world.full), False, pad, bits, reach)


@njit(inline="always")
def corner(state, rows, cols, follows):
    """Top left corner of the window, (row, column) on the level."""
    return (state[0] - rows // 2 if follows else 0), (state[1] - cols // 2 if follows else 0)


def observe_all(which, arrays, window, out, scratch):
    """Write the observations of the environments `which` int32[m] consecutively into out uint8[m · C · H · W + SPARE].

    Each write may exceed its observation by up to `SPARE` bytes, which the next one overwrites. Per batch of environments, three
    loops copy the windows, mark moving things and expand planes. Reading in large pieces what was just written in small
    ones is slow, so each loop reads data that the previous loop wrote a while ago, and `out` is prefetched meanwhile.
    """
    arrays, window, scratch = EngineArrays(*arrays), WindowSpec(*window), ObservingScratch(*scratch)
    facts, state, grid, cut = arrays.facts, arrays.state, arrays.grid, scratch.cut
    width, size = grid.shape[2], grid.shape[1] * grid.shape[2]
    cells = grid.reshape(grid.size)
    rows, cols, area, each = ROWS, COLS, ROWS * COLS, PLANES * ROWS * COLS
    for first in range(0, len(which), AT_ONCE):
        last = min(first + AT_ONCE, len(which))
        for k in range(first, last):
            i = np.int64(which[np.uint64(k)])
            top, left = corner(state[np.uint64(i)], rows, cols, FOLLOWS)
            begin = i * size + (top + window.above) * width + left + window.beside
            copy_window(cells, begin, width, rows, cols, cut, (k - first) * area)
        for k in range(first, last):
            i = np.uint64(which[np.uint64(k)])
            top, left = corner(state[i], rows, cols, FOLLOWS)
            if AT_ONCE * each <= NEAR:
                for line in range(0, each, LINE):
                    await_writing(out, np.uint64(k * each + line))
            place = (k - first) * area
            objects(facts[i], state[i], canvas_of(cut, place, top, left, rows, cols, AT_ONCE * area))
        for k in range(first, last):
            place = k * each
            show_window(cut, (k - first) * area, area, PLANES, window.bits, out, place)
            if LARGER:
                i, around = np.int64(which[k]), scratch.around
                around[:] = 0
                objects(facts[i], state[i], canvas_around(state[i], rows, cols, FOLLOWS, around))
                enlarge(i, arrays, window, out, place, around)


@njit(inline="always")
def copy_window(cells, begin, width, rows, cols, cut, place):
    """Copy a window, rows of `cols` cells that start `width` cells apart, into consecutive memory.

    Copies too many of the last columns first; the preceding columns and the next rows overwrite the excess.
    """
    for k in range((cols - 1) // COPIED, -1, -1):
        source, target = np.uint64(begin + k * COPIED), np.uint64(place + k * COPIED)
        for _ in range(rows):
            copy_cells(cells, source, cut, target)
            source += np.uint64(width)
            target += np.uint64(cols)


@njit(inline="always")
def show_window(cut, begin, area, planes, bits, out, place):
    """Write the planes of `area` cells consecutively."""
    target = np.uint64(place)
    for p in range(planes):
        bit, at, source = bits[p], target, np.uint64(begin)
        for _ in range(area // SHOWN):
            show_cells(cut, source, out, at, bit)
            at += np.uint64(SHOWN)
            source += np.uint64(SHOWN)
        rest = area % SHOWN
        if rest > SHOWN // 2:
            show_cells(cut, source, out, at, bit)
        elif rest > SHOWN // 4:
            show_half(cut, source, out, at, bit)
        elif rest > 0:
            show_quarter(cut, source, out, at, bit)
        target += np.uint64(area)


@njit(inline="always")
def canvas_around(state, rows, cols, follows, around):
    """Canvas of the window and its surroundings; `ObservationLayout.scratch` allocates the memory."""
    top, left = corner(state, rows, cols, follows)
    high, wide = around.shape[0] - 1, around.shape[1]
    most = (wide - cols) // 2
    return canvas_of(around.reshape(around.size), 0, top - most, left - most, high, wide, high * wide)


@njit(inline="always")
def enlarge(i, arrays, window, out, place, around):
    """Enlarge the planes with a reach in the observation of environment i that `show_window` wrote.

    Nothing exists outside the rim of the largest level. around: moving things on `canvas_around`.
    """
    planes, rows, cols, follows, above, beside, bits, reach = window
    grid, level_rows = arrays.grid, arrays.tiles.shape[1]
    width, cells, base = grid.shape[2], grid.reshape(grid.size), i * grid.shape[1] * grid.shape[2]
    top, left = corner(arrays.state[i], rows, cols, follows)
    most = (around.shape[1] - cols) // 2
    for p in range(planes):
        k, bit = reach[p], bits[p]
        plane = place + p * rows * cols
        if k > 0:  # things up to k cells outside the window reach into it
            for r in range(max(-k, -top - above), min(rows + k, level_rows + above - top)):
                for c in range(max(-k, -left - beside), min(cols + k, width - left)):
                    stands = cells[base + (top + above + r) * width + left + beside + c]
                    if (stands | around[most + r, most + c]) & bit:
                        _draw_larger(out, plane, rows, cols, r, c, k)


@inlined
def _draw_larger(out, plane, rows, cols, row, col, k):
    """Set all cells of a plane of rows × cols that are at most k rows and k columns away from (row, col)."""
    for r in range(max(row - k, 0), min(row + k + 1, rows)):
        for c in range(max(col - k, 0), min(col + k + 1, cols)):
            out[plane + r * cols + c] = 1
