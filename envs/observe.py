"""What the agent sees: channel planes, uint8 0/1, cut out of the level's plane bits.

Each cell of a level carries its planes as bits of one small number. Moving things are marked in the cells and taken out
again; between the two, sixteen cells at a time become bytes of a plane. `view` is a camera centred on the agent; `full` is the
whole level from its top left corner. `rgb` is drawn by `render.py`. A plane may be left out, repeated or drawn larger: see
`observation.py` for how that is written. No statistics, no rules. Read next: `engine.py`; `sixteen.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit

from .observation import OBSERVATIONS, ObservationError, Shown, parse_observation
from .sixteen import SIXTEEN, show_sixteen
from .world import World

__all__ = [
    "OBSERVATIONS",
    "SPARE",
    "ObservationError",
    "Window",
    "enlarge",
    "mark",
    "unmark",
    "unpack",
    "window_of",
]

N_STATE = N_FACTS = N_ACTIONS = 0  # bound for each world by kernel.bind
objects: Any = None

MAX_OBJECTS = 64
AT_ONCE = 32  # environments whose moving things are marked at the same time
SPARE = SIXTEEN  # bytes behind the last observation that may be written


@dataclass(frozen=True)
class Window:
    """Which part of the level an observation shows. shape (C, H, W); pad: rim of the plane grid (rows, columns).

    bits uint8[C] or uint16[C]: the world's plane that each plane of the observation shows; reach int64[C]: by how many
    cells it is drawn larger on every side.
    """

    shape: tuple[int, int, int]
    follow: bool
    pad: tuple[int, int]
    bits: np.ndarray = field(compare=False)
    reach: np.ndarray = field(compare=False)

    @property
    def spec(self) -> tuple[int, int, int, int, int, int, np.ndarray, np.ndarray]:
        """(planes, rows, columns, follow 0 or 1, rim's rows, rim's columns, bits, reach), as the kernels take it."""
        return (*self.shape, int(self.follow), *self.pad, self.bits, self.reach)

    def scratch(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Room for the moving things of one environment, and for what was marked in `AT_ONCE` of them; see `mark`."""
        return (
            np.zeros((MAX_OBJECTS, 3), np.int32),
            np.zeros(AT_ONCE, np.int64),
            np.zeros((AT_ONCE, MAX_OBJECTS), np.int64),
            np.zeros((AT_ONCE, MAX_OBJECTS), self.bits.dtype),
        )

    def grids(self, n: int, rows: int, cols: int) -> np.ndarray:
        """Room for the plane bits of n levels of up to rows x cols: [n, rows + twice the rim + spare rows, rim + cols].

        The rim at the left of a row is also the one at the right of the row before.
        """
        width = cols + self.pad[1]
        spare = -(-(self.pad[1] + SIXTEEN) // width)
        return np.zeros((n, rows + 2 * self.pad[0] + spare, width), self.bits.dtype)

    def camera(self, row: int, col: int) -> tuple[int, int, int, int]:
        """(top row, left column, rows, columns) on the level, for an agent at (row, col)."""
        _, rows, cols = self.shape
        return (row - rows // 2, col - cols // 2, rows, cols) if self.follow else (0, 0, rows, cols)


def window_of(world: World, observation: str, level_shape: tuple[int, ...]) -> Window:
    """The window of an observation. Raises ObservationError for unknown ones and for levels beyond `full`."""
    asked = parse_observation(observation, world.planes)
    shown = [(k, asked.shown.get(name, Shown())) for k, name in enumerate(world.planes)]
    bits = np.array([1 << k for k, how in shown for _ in range(how.count)], world.plane_bits.dtype)
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
def corner(state, window):
    """(top row, left column) of the window on the level."""
    return (state[0] - window[1] // 2) * window[3], (state[1] - window[2] // 2) * window[3]


def mark(state, facts, cells, base, width, window, scratch, slot):
    """Add an environment's moving things to the plane bits of its cells; what was there is kept in a slot of the scratch.

    cells is flat, because a view of one environment costs as much as the work itself: the environment's plane grid, of rows
    of `width` cells, begins at `base`.
    """
    things, counts, places, before = scratch
    above, beside = window[4], window[5]
    n = 0
    for k in range(objects(facts, state, things)):
        r, c = things[k, 0], things[k, 1]
        if 0 <= r < facts[0] and 0 <= c < facts[1]:
            place = base + (r + above) * width + c + beside
            places[slot, n], before[slot, n] = place, cells[place]
            cells[place] |= things[k, 2]
            n += 1
    counts[slot] = n


@njit(inline="always")
def unmark(cells, scratch, slot):
    """Undo `mark`."""
    _, counts, places, before = scratch
    for k in range(counts[slot] - 1, -1, -1):
        cells[places[slot, k]] = before[slot, k]


@njit(inline="always")
def unpack(state, cells, base, width, window, out, place):
    """Write one observation into the flat out uint8[…] from `place` on, from the plane bits of the cells.

    Sixteen columns at a time, the last ones first: what is too much is written over by what comes after, but for up to
    `SPARE` bytes behind the observation. Planes that are drawn larger want `enlarge` afterwards.
    """
    planes, rows, cols, _, above, beside, bits, _ = window
    top, left = corner(state, window)
    first = np.uint64(base + (top + above) * width + left + beside)
    for k in range((cols - 1) // SIXTEEN, -1, -1):
        at = np.uint64(place + k * SIXTEEN)
        for p in range(planes):
            bit, begin = bits[p], first + np.uint64(k * SIXTEEN)
            for _ in range(rows):
                show_sixteen(cells, begin, bit, out, at)
                at += np.uint64(cols)
                begin += np.uint64(width)


@njit
def enlarge(state, cells, base, width, level_rows, window, out, place):
    """Draw the planes with a reach larger, in an observation that `unpack` wrote while things were marked.

    level_rows: of the largest level; beyond the rim of that there is nothing.
    """
    planes, rows, cols, _, above, beside, bits, reach = window
    top, left = corner(state, window)
    for p in range(planes):
        k, bit = reach[p], bits[p]
        plane = place + p * rows * cols
        if k > 0:  # also what stands up to k cells outside reaches into the window
            for r in range(max(-k, -top - above), min(rows + k, level_rows + above - top)):
                for c in range(max(-k, -left - beside), min(cols + k, width - left)):
                    if cells[base + (top + above + r) * width + left + beside + c] & bit:
                        _draw_larger(out, plane, rows, cols, r, c, k)


@njit
def _draw_larger(out, plane, rows, cols, row, col, k):
    """Set all cells of a plane of rows x cols that are at most k away from (row, col), up and down and sideways."""
    for r in range(max(row - k, 0), min(row + k + 1, rows)):
        for c in range(max(col - k, 0), min(col + k + 1, cols)):
            out[plane + r * cols + c] = 1
