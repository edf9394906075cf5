"""What the agent sees: channel planes, uint8 0/1, cut out of the level's plane bits.

Each cell of a level carries its planes as bits of one uint16, so moving things are one OR, a camera is a few row copies
and the planes are unpacked at the end. `view` is a camera centred on the agent; `full` is the whole level from its top
left corner. `rgb` is drawn by `render.py`. No statistics, no rules. Read next: `engine.py`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np

from goalposts.errors import UserError

from .world import World

N_STATE = N_FACTS = N_ACTIONS = 0  # bound for each world by kernel.bind
objects: Any = None
N_PLANES = 0

MAX_OBJECTS = 64
OBSERVATIONS = ("view", "full", "rgb")


class ObservationError(UserError, ValueError):
    """An unknown kind of observation, or a level that does not fit it."""


@dataclass(frozen=True)
class Window:
    """Which part of the level an observation shows. shape (C, H, W); pad: rim of the plane grid (rows, columns)."""

    shape: tuple[int, int, int]
    follow: bool
    pad: tuple[int, int]

    @property
    def spec(self) -> tuple[int, int, int, bool]:
        """(planes, rows, columns, follow), as the kernels take it."""
        return (*self.shape, self.follow)

    def scratch(self) -> tuple[np.ndarray, np.ndarray]:
        """Room for one cut-out and for the list of moving things."""
        return np.zeros(self.shape[1] * self.shape[2], np.uint16), np.zeros((MAX_OBJECTS, 3), np.int32)

    def camera(self, row: int, col: int) -> tuple[int, int, int, int]:
        """(top row, left column, rows, columns) on the level, for an agent at (row, col)."""
        _, rows, cols = self.shape
        return (row - rows // 2, col - cols // 2, rows, cols) if self.follow else (0, 0, rows, cols)


def window_of(world: World, observation: str, level_shape: tuple[int, ...]) -> Window:
    """The window of an observation kind. Raises ObservationError for unknown kinds and for levels beyond `full`."""
    planes = len(world.planes)
    if observation in ("view", "rgb"):
        rows, cols = world.view
        return Window((planes, rows, cols), True, (rows // 2, cols // 2))
    if observation == "full":
        if level_shape[0] > world.full[0] or level_shape[1] > world.full[1]:
            raise ObservationError(
                f"levels of up to {level_shape[0]}x{level_shape[1]} do not fit the `full` observation of {world.name} "
                f"({world.full[0]}x{world.full[1]}); use observation='view' here"
            )
        return Window(
            (planes, *world.full), False, (world.full[0] - level_shape[0], world.full[1] - level_shape[1])
        )
    close = difflib.get_close_matches(str(observation), OBSERVATIONS, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ObservationError(f"unknown observation {observation!r}; allowed: {', '.join(OBSERVATIONS)}.{hint}")


def write_observation(state, facts, grid, window, obs, scratch):
    """Write one observation, obs uint8[C, H, W], from the plane bits grid uint16[H + rim, W + rim]."""
    planes, rows, cols, follow = window
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
        bit = np.uint16(1 << p)
        for cell in range(n):
            flat[at + np.uint64(cell)] = np.uint8(1) if cut[cell] & bit else np.uint8(0)
        at += n
