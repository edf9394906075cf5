"""Pool of large arrays that are reused once they are no longer referenced.

Allocating an array costs more than filling it here, since the system finds and clears it page by page. An array is
therefore handed out again once neither it nor any view of it is referenced; this includes the arrays of a whole rollout
held by a learner. Read next: `engine.py`.
"""

from __future__ import annotations

import sys

import numpy as np

FEW, MUCH = 4, 1 << 27  # number of arrays that are always kept; maximum total bytes of kept arrays
LOOKED_AT = (
    -1,
    -2,
    0,
    1,
)  # indices of kept arrays: most recently handed out (maybe still cached), least recently


class BufferPool:
    """Pool of uint8[size] arrays with undefined contents; an array belongs to the caller while it is referenced."""

    def __init__(self, size: int) -> None:
        self.size, self.most = size, max(FEW, MUCH // size)
        self._kept: list[np.ndarray] = []  # in the order in which they were last handed out
        self._alone = 0

    def take(self) -> np.ndarray:
        """Take an array that has no other references."""
        kept = self._kept
        for k in LOOKED_AT:
            if -len(kept) <= k < len(kept) and sys.getrefcount(kept[k]) == self._alone:
                kept.append(kept.pop(k))
                return kept[-1]
        fresh = np.empty(self.size, np.uint8)
        if len(kept) < self.most:
            kept.append(fresh)
            del fresh
            self._alone = sys.getrefcount(kept[-1])  # of an array that only the pool holds
            return kept[-1]
        return fresh
