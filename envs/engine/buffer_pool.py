"""Large arrays that are fresh to whoever gets them, without asking the system for memory each time.

An array that comes from the system costs more than what is written into it here: a page of it at a time is found and
wiped. So an array is handed out again once nobody holds it any more, nor any view of it: also those of a whole rollout
that a learner held. Read next: `engine.py`.
"""

from __future__ import annotations

import sys

import numpy as np

FEW, MUCH = 4, 1 << 27  # arrays that are kept in any case; bytes that all those which are kept may have
LOOKED_AT = (
    -1,
    -2,
    0,
    1,
)  # places among those kept: given out last, which a cache may still hold; longest ago


class BufferPool:
    """Arrays uint8[size], the contents undefined; each belongs to its holder for as long as it is held."""

    def __init__(self, size: int) -> None:
        self.size, self.most = size, max(FEW, MUCH // size)
        self._kept: list[np.ndarray] = []  # in the order in which they were given out last
        self._alone = 0

    def take(self) -> np.ndarray:
        """An array that nobody else holds."""
        kept = self._kept
        for k in LOOKED_AT:
            if -len(kept) <= k < len(kept) and sys.getrefcount(kept[k]) == self._alone:
                kept.append(kept.pop(k))
                return kept[-1]
        fresh = np.empty(self.size, np.uint8)
        if len(kept) < self.most:
            kept.append(fresh)
            del fresh
            self._alone = sys.getrefcount(kept[-1])  # what Python counts where only we hold it
            return kept[-1]
        return fresh
