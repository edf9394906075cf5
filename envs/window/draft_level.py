"""A level being edited: strokes, undo, and its current fault or plan. Does not need pygame.

Read next: `edit.py`, which shows it.
"""

from __future__ import annotations

import numpy as np

from ..levels.level import MAX_COLS, MAX_ROWS, Level
from ..planner.planner import Plan
from ..worlds.registry import get_world
from .overlays import plan_of


class Sketch:
    """The tiles uint8[H, W] of a level being edited, with their history."""

    def __init__(self, level: Level) -> None:
        self.world = get_world(level.world)
        self.tiles = np.array(level.tiles)
        self._kept = self.tiles.copy()
        self._past: list[np.ndarray] = []
        self._future: list[np.ndarray] = []
        self._drawing = False

    @property
    def level(self) -> Level:
        """The current level, valid or not."""
        return Level(self.world.name, self.tiles)

    @property
    def changed(self) -> bool:
        """Whether the level differs from the saved one."""
        return not np.array_equal(self.tiles, self._kept)

    @property
    def fault(self) -> tuple[int, int, str] | None:
        """First fault as (row, column, what is allowed there), or None."""
        return self.world.legend.check(self.tiles)

    @property
    def plan(self) -> Plan:
        """The planner's plan of the level. Raises LevelError if the level has a fault."""
        return plan_of(self.level)

    def saved(self) -> None:
        """Mark the current level as saved."""
        self._kept = self.tiles.copy()

    def draw(self, cell: tuple[int, int], code: int, more: bool = False) -> None:
        """Put a tile on a cell. Everything until `lift` is one stroke, undone together.

        Moves a tile that a level must have exactly once, and the only goal object of its kind unless `more`.
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
        """End the stroke."""
        self._drawing = False

    def undo(self) -> bool:
        """Undo the last stroke; False if there is none."""
        return self._swap(self._past, self._future)

    def redo(self) -> bool:
        """Redo the last undone stroke; False if there is none."""
        return self._swap(self._future, self._past)

    def resize(self, cell: tuple[int, int], axis: int, by: int) -> bool:
        """Insert or remove a row (axis 0) or column (axis 1) at a cell; False if the level would become too large or small.

        A new row or column copies the one at the cell, except for tiles that occur only once in the level.
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
