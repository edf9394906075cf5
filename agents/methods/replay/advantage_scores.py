"""Learning-potential scores of a rollout's levels, computed from advantages in one compiled pass.

The positive value loss of Jiang et al. 2021 ("Prioritized level replay", arXiv 2010.03934) and its absolute variant. Read next:
`plr.py`, which replays levels according to them.
"""

from __future__ import annotations

import numpy as np

from ....envs.jit.kernels import kernel

POSITIVE, ABSOLUTE = 0, 1


@kernel
def scored(levels, advantages, starts, kind, ids, scores):
    """Fill in ids int64[T·n] and scores float64[T·n] of each episode's part in the rollout; returns their number.

    levels int64[T, n]; advantages, starts float32[T, n].
    """
    m = 0
    steps, n = levels.shape
    for i in range(n):
        total, count = 0.0, 0
        for t in range(steps):
            if count and starts[t, i] > 0:
                ids[m], scores[m] = levels[t - 1, i], total / count
                m += 1
                total, count = 0.0, 0
            a = advantages[t, i]
            total += max(a, np.float32(0)) if kind == POSITIVE else abs(a)
            count += 1
        if count:
            ids[m], scores[m] = levels[steps - 1, i], total / count
            m += 1
    return m


def scores_of(
    levels: np.ndarray, advantages: np.ndarray, starts: np.ndarray, kind: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return (ids int64[m], scores float64[m]) of the episodes in a rollout; see `scored`."""
    ids, scores = np.empty(levels.size, np.int64), np.empty(levels.size)
    m = scored(levels, advantages, starts, kind, ids, scores)
    return ids[:m], scores[:m]
