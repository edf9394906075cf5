"""Large arrays that are fresh to whoever gets them, without asking the system for memory each time.

An array that comes from the system costs more than what is written into it here: a page of it at a time is found and
wiped. So an array is handed out again once nobody holds it any more, nor any view of it. Read next: `engine.py`.
"""

from __future__ import annotations

import sys

import numpy as np

MOST = 4  # arrays that are kept


class Recycled:
    """Arrays uint8[size], the contents undefined; each belongs to its holder for as long as it is held."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[np.ndarray] = []
        self._alone = 0

    def take(self) -> np.ndarray:
        """An array that nobody else holds."""
        for k in range(len(self._kept)):
            if sys.getrefcount(self._kept[k]) == self._alone:
                return self._kept[k]
        fresh = np.empty(self.size, np.uint8)
        if len(self._kept) < MOST:
            self._kept.append(fresh)
            del fresh
            self._alone = sys.getrefcount(self._kept[-1])  # what Python counts where only we hold it
            return self._kept[-1]
        return fresh
