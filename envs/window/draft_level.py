"""A level under the pen: strokes, undo, and at every moment its fault or its plan. Needs no pygame.

Read next: `edit.py`, which shows it.
"""

from __future__ import annotations

import numpy as np

from ..levels.level import MAX_COLS, MAX_ROWS, Level
from ..planner.planner import Plan
from ..worlds.registry import get_world
from .overlays import plan_of


class Sketch:
    """The tiles of one level, and how they came about. tiles uint8[H, W]."""

    def __init__(self, level: Level) -> None:
        self.world = get_world(level.world)
        self.tiles = np.array(level.tiles)
        self._kept = self.tiles.copy()
        self._past: list[np.ndarray] = []
        self._future: list[np.ndarray] = []
        self._drawing = False

    @property
    def level(self) -> Level:
        """As it is now, valid or not."""
        return Level(self.world.name, self.tiles)

    @property
    def changed(self) -> bool:
        """Whether it differs from what was saved."""
        return not np.array_equal(self.tiles, self._kept)

    @property
    def fault(self) -> tuple[int, int, str] | None:
        """(row, column, what is allowed there) of the first fault, or None."""
        return self.world.legend.check(self.tiles)

    @property
    def plan(self) -> Plan:
        """What the planner proves. Raises LevelError for a level with a fault."""
        return plan_of(self.level)

    def saved(self) -> None:
        """It is on the disk as it is now."""
        self._kept = self.tiles.copy()

    def draw(self, cell: tuple[int, int], code: int, more: bool = False) -> None:
        """Put a tile on a cell. All until `lift` is one stroke, undone at once.

        What a level must have once is moved rather than doubled. So is the only goal object of its kind, unless `more`.
        """
        old = int(self.tiles[cell])
        if old == code:
            return
        if not self._drawing:
            self._remember()
            self._drawing = True
        others = np.argwhere(self.tiles == code)
        self.tiles[cell] = code
        goal = self.world.legend.tiles[code].goal_object
        if len(others) != 1 or (goal and more):
            return
        place = tuple(others[0])
        if goal:
            self.tiles[place] = 0
        elif self.fault is not None:
            for filling in (0, old):
                self.tiles[place] = filling
                if self.fault is None:
                    return
            self.tiles[place] = code

    def lift(self) -> None:
        """The stroke is over."""
        self._drawing = False

    def undo(self) -> bool:
        """Take the last stroke back; False if there is none."""
        return self._swap(self._past, self._future)

    def redo(self) -> bool:
        """Bring back what was taken back last; False if there is nothing."""
        return self._swap(self._future, self._past)

    def resize(self, cell: tuple[int, int], axis: int, by: int) -> bool:
        """One row (axis 0) or column (axis 1) more or less at a cell; False where the level would be too large or small.

        A new one repeats the one at the cell, but for what was there only once in the level.
        """
        size, at = self.tiles.shape[axis] + by, cell[axis]
        if not 2 <= size <= (MAX_ROWS, MAX_COLS)[axis]:
            return False
        self.lift()
        self._remember()
        if by < 0:
            self.tiles = np.ascontiguousarray(np.delete(self.tiles, at, axis))
            return True
        counts = np.bincount(self.tiles.ravel(), minlength=256)
        line, beside = self.tiles.take(at, axis), self.tiles.take(at - 1 if at else at + 1, axis)
        fresh = np.where(counts[line] == 1, beside, line)
        self.tiles = np.ascontiguousarray(np.insert(self.tiles, at + 1, fresh, axis))
        return True

    def _remember(self) -> None:
        self._past.append(self.tiles.copy())
        del self._past[:-500]
        self._future.clear()

    def _swap(self, source: list[np.ndarray], target: list[np.ndarray]) -> bool:
        self.lift()
        if not source:
            return False
        target.append(self.tiles.copy())
        self.tiles = source.pop()
        return True
