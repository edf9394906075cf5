"""Distance of layouts from the training layouts: the number of cells in which they differ.

Splits by hash make layouts different, not distant: most held-out layouts differ from some training layout in a few cells. Layouts of
different sizes count as `CAP` cells apart or more. Read next: `generate.py`, which redraws layouts that are too near.
"""

from __future__ import annotations

import numpy as np

from ..levels.level import LevelSet, legend_of

CAP = 12  # larger distances count as this one
BLOCK = 1 << 22  # memory of a comparison, in bytes


class Layouts:
    """Distinct training layouts by size, prepared for comparisons."""

    def __init__(self, training: LevelSet) -> None:
        known, sizes = _bare(training), np.asarray(training.sizes)
        self.count = len(training)
        self.of_size: dict[tuple[int, int], np.ndarray] = {}  # uint8[k, rows · cols]
        for rows, cols in np.unique(sizes, axis=0).tolist():
            mask = (sizes == (rows, cols)).all(axis=1)
            self.of_size[rows, cols] = np.unique(
                known[mask, :rows, :cols].reshape(int(mask.sum()), -1), axis=0
            )

    def nearest(self, levels: LevelSet, cap: int = CAP) -> np.ndarray:
        """Distance of each level's layout to the nearest of these, in cells, capped at `cap`: int64[N]."""
        layouts, sizes = _bare(levels), np.asarray(levels.sizes)
        distances = np.full(len(levels), cap, np.int64)
        for (rows, cols), pool in self.of_size.items():
            here = np.flatnonzero((sizes == (rows, cols)).all(axis=1))
            if not len(here):
                continue
            own = layouts[here, :rows, :cols].reshape(len(here), -1)
            step = max(1, BLOCK // pool.size)
            for k in range(0, len(here), step):
                cells = np.count_nonzero(own[k : k + step, None] != pool[None], axis=2).min(axis=1)
                distances[here[k : k + step]] = np.minimum(cells, cap)
        return distances


def _bare(levels: LevelSet) -> np.ndarray:
    """Tiles without goal objects, uint8[N, H, W]."""
    return np.where(legend_of(levels.world).goal_codes()[levels.tiles], 0, levels.tiles).astype(np.uint8)
