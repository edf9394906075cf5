"""What the agent sees: channel planes, uint8 0/1, cut out of the level's plane bits.

Each cell of a level carries its planes as bits of one uint16, so moving things are one OR, a camera is a few row copies
and the planes are unpacked at the end. `view` is a camera centred on the agent; `full` is the whole level from its top
left corner. `rgb` is drawn by `render.py`. A plane may be left out, repeated or drawn larger: see `observation.py` for how
that is written. No statistics, no rules. Read next: `engine.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit

from .observation import OBSERVATIONS, ObservationError, Shown, parse_observation
from .world import World

__all__ = [
    "OBSERVATIONS",
    "ObservationError",
    "Window",
    "enlarge",
    "spare_rows",
    "window_of",
    "write_observation",
]

N_STATE = N_FACTS = N_ACTIONS = 0  # bound for each world by kernel.bind
objects: Any = None
N_PLANES = 0

MAX_OBJECTS = 64
BLOCK = 16  # cells that are copied at once


@dataclass(frozen=True)
class Window:
    """Which part of the level an observation shows. shape (C, H, W); pad: rim of the plane grid (rows, columns).

    bits uint16[C]: the world's plane that each plane of the observation shows; reach int64[C]: by how many cells it is
    drawn larger on every side.
    """

    shape: tuple[int, int, int]
    follow: bool
    pad: tuple[int, int]
    bits: np.ndarray = field(compare=False)
    reach: np.ndarray = field(compare=False)

    @property
    def spec(self) -> tuple[int, int, int, bool, np.ndarray, np.ndarray]:
        """(planes, rows, columns, follow, bits, reach), as the kernels take it."""
        return (*self.shape, self.follow, self.bits, self.reach)

    def scratch(self) -> tuple[np.ndarray, np.ndarray]:
        """Room for one cut-out and for the list of moving things."""
        return np.zeros(self.shape[1] * self.shape[2] + BLOCK, np.uint16), np.zeros(
            (MAX_OBJECTS, 3), np.int32
        )

    def grids(self, n: int, rows: int, cols: int) -> np.ndarray:
        """Room for the plane bits of n levels of up to rows x cols: uint16[n, H + rim + spare rows, W + rim]."""
        width = cols + 2 * self.pad[1]
        return np.zeros((n, rows + 2 * self.pad[0] + spare_rows(width), width), np.uint16)

    def camera(self, row: int, col: int) -> tuple[int, int, int, int]:
        """(top row, left column, rows, columns) on the level, for an agent at (row, col)."""
        _, rows, cols = self.shape
        return (row - rows // 2, col - cols // 2, rows, cols) if self.follow else (0, 0, rows, cols)


def window_of(world: World, observation: str, level_shape: tuple[int, ...]) -> Window:
    """The window of an observation. Raises ObservationError for unknown ones and for levels beyond `full`."""
    asked = parse_observation(observation, world.planes)
    shown = [(k, asked.shown.get(name, Shown())) for k, name in enumerate(world.planes)]
    bits = np.array([1 << k for k, how in shown for _ in range(how.count)], np.uint16)
    reach = np.array([how.size // 2 for _, how in shown for _ in range(how.count)], np.int64)
    if not len(bits):
        raise ObservationError(f"{observation!r} shows nothing at all; leave some plane in")
    if asked.kind in ("view", "rgb"):
        rows, cols = world.view
        return Window((len(bits), rows, cols), True, (rows // 2, cols // 2), bits, reach)
    if level_shape[0] > world.full[0] or level_shape[1] > world.full[1]:
        raise ObservationError(
            f"levels of up to {level_shape[0]}x{level_shape[1]} do not fit the `full` observation of {world.name} "
            f"({world.full[0]}x{world.full[1]}); use observation='view' here"
        )
    pad = (world.full[0] - level_shape[0], world.full[1] - level_shape[1])
    return Window((len(bits), *world.full), False, pad, bits, reach)


@njit(inline="always")
def spare_rows(width):
    """Rows below a plane grid that are never shown, so that its last row too may be read in whole blocks."""
    return (BLOCK + width - 1) // width


@njit(inline="always")
def corner(state, height, width, window):
    """(top row, left column) of the window on the level, then those of the level on its plane grid of height x width."""
    rows, cols = window[1], window[2]
    if window[3]:
        return state[0] - rows // 2, state[1] - cols // 2, rows // 2, cols // 2
    return 0, 0, height - rows, width - cols  # of `full`; see `window_of`


def write_observation(state, facts, cells, base, height, width, window, out, place, scratch):
    """Write one observation into out uint8[…] from `place` on, from the plane bits cells uint16[…].

    Both are flat, because a view of one environment costs as much as the work itself: the level's plane grid with its rim,
    height x width, begins at `base`; spare rows follow it. Planes that are drawn larger want `enlarge` afterwards.
    """
    planes, rows, cols, _, bits, _ = window
    cut, things = scratch
    top, left, pad_rows, pad_cols = corner(state, height, width, window)
    # Unsigned running indices: numba then leaves out its wrap-around tests and the loops become vector instructions.
    n = np.uint64(rows * cols)
    at = np.uint64(0)
    # Rows are copied in whole blocks, each one move of the processor; what is too much is written over by the next row.
    begin = np.uint64(base + (top + pad_rows) * width + left + pad_cols)
    for _ in range(rows):
        for block in range(0, cols, BLOCK):
            for c in range(BLOCK):
                cut[at + np.uint64(block + c)] = cells[begin + np.uint64(block + c)]
        at += np.uint64(cols)
        begin += np.uint64(width)
    for k in range(objects(facts, state, things)):
        r, c = things[k, 0] - top, things[k, 1] - left
        if 0 <= r < rows and 0 <= c < cols:
            cut[r * cols + c] |= np.uint16(things[k, 2])
    at = np.uint64(place)
    for p in range(planes):
        bit = bits[p]
        for cell in range(n):
            out[at + cell] = np.uint8(1) if cut[cell] & bit else np.uint8(0)
        at += n


def enlarge(state, facts, cells, base, height, width, window, out, place, scratch):
    """Draw the planes with a reach larger, in an observation that `write_observation` wrote. Arguments as there."""
    planes, rows, cols, _, bits, reach = window
    things = scratch[1]
    top, left, pad_rows, pad_cols = corner(state, height, width, window)
    for p in range(planes):
        k, bit = reach[p], bits[p]
        plane = place + p * rows * cols
        if k > 0:  # also what stands up to k cells outside reaches into the window
            for r in range(max(-k, -top - pad_rows), min(rows + k, height - top - pad_rows)):
                for c in range(max(-k, -left - pad_cols), min(cols + k, width - left - pad_cols)):
                    if cells[base + (top + pad_rows + r) * width + left + pad_cols + c] & bit:
                        _mark(out, plane, rows, cols, r, c, k)
            for i in range(objects(facts, state, things)):
                r, c = things[i, 0] - top, things[i, 1] - left
                if things[i, 2] & bit and -k <= r < rows + k and -k <= c < cols + k:
                    _mark(out, plane, rows, cols, r, c, k)


@njit
def _mark(out, plane, rows, cols, row, col, k):
    """Set all cells of a plane of rows x cols that are at most k away from (row, col), up and down and sideways."""
    for r in range(max(row - k, 0), min(row + k + 1, rows)):
        for c in range(max(col - k, 0), min(col + k + 1, cols)):
            out[plane + r * cols + c] = 1
