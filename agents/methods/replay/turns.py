"""Levels that take turns: given out in order, and again from the first after the last."""

from __future__ import annotations

import numpy as np


class Turns:
    """Gives out levels int64[n] in turn."""

    def __init__(self, levels: np.ndarray) -> None:
        self.levels, self._given = levels, 0

    def next(self, count: int) -> np.ndarray:
        """The next `count` levels: int64[count]."""
        first = self._given
        self._given += count
        return self.levels[np.arange(first, self._given) % len(self.levels)]
