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

from .observation import OBSERVATIONS, ObservationError, Shown, parse_observation
from .world import World

__all__ = ["OBSERVATIONS", "ObservationError", "Window", "window_of", "write_observation"]

N_STATE = N_FACTS = N_ACTIONS = 0  # bound for each world by kernel.bind
objects: Any = None
N_PLANES = 0

MAX_OBJECTS = 64


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
        return np.zeros(self.shape[1] * self.shape[2], np.uint16), np.zeros((MAX_OBJECTS, 3), np.int32)

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


def write_observation(state, facts, grid, window, obs, scratch):
    """Write one observation, obs uint8[C, H, W], from the plane bits grid uint16[H + rim, W + rim]."""
    planes, rows, cols, follow, bits, reach = window
    cut, things = scratch
    top, left = 0, 0  # of the window, on the level
    pad_rows, pad_cols = grid.shape[0] - rows, grid.shape[1] - cols  # of `full`; see `window_of`
    if follow:
        pad_rows, pad_cols = rows // 2, cols // 2
        top, left = state[0] - pad_rows, state[1] - pad_cols
    # Unsigned running indices: numba then leaves out its wrap-around tests and the loops become vector instructions.
    n = np.uint64(rows * cols)
    at = np.uint64(0)
    for r in range(rows):
        line = grid[top + pad_rows + r, left + pad_cols : left + pad_cols + cols]
        for c in range(len(line)):
            cut[at + np.uint64(c)] = line[c]
        at += np.uint64(cols)
    for k in range(objects(facts, state, things)):
        r, c = things[k, 0] - top, things[k, 1] - left
        if 0 <= r < rows and 0 <= c < cols:
            cut[r * cols + c] |= np.uint16(things[k, 2])
    flat = obs.reshape(planes * rows * cols)
    at = np.uint64(0)
    for p in range(planes):
        bit = bits[p]
        for cell in range(n):
            flat[at + np.uint64(cell)] = np.uint8(1) if cut[cell] & bit else np.uint8(0)
        at += n
        k = reach[p]
        if k > 0:  # also what stands up to k cells outside reaches into the window
            for r in range(max(-k, -top - pad_rows), min(rows + k, grid.shape[0] - top - pad_rows)):
                for c in range(max(-k, -left - pad_cols), min(cols + k, grid.shape[1] - left - pad_cols)):
                    if grid[top + pad_rows + r, left + pad_cols + c] & bit:
                        obs[p, max(r - k, 0) : min(r + k + 1, rows), max(c - k, 0) : min(c + k + 1, cols)] = 1
            for i in range(objects(facts, state, things)):
                r, c = things[i, 0] - top, things[i, 1] - left
                if things[i, 2] & bit and -k <= r < rows + k and -k <= c < cols + k:
                    obs[p, max(r - k, 0) : min(r + k + 1, rows), max(c - k, 0) : min(c + k + 1, cols)] = 1
