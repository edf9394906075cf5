"""Array groups of the engine's kernels, as NamedTuples that numba unpacks at compile time.

Read next: `engine.py`, which creates them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class EngineArrays(NamedTuple):
    """State of n environments: tiles uint8[n, H, W], facts int32[n, F], state int32[n, S], and episode outcomes.

    grid: their plane bits, see `ObservationLayout.grids`; limits int32[n]; outcome int32[n, 8], see `outcome.py`; seeds uint64[n];
    episodes int64[n]; everyone int32[n]: 0 … n − 1; following int64[n]: the level of the pool that each plays next, where the caller
    chooses.
    """

    tiles: np.ndarray
    facts: np.ndarray
    state: np.ndarray
    grid: np.ndarray
    limits: np.ndarray
    outcome: np.ndarray
    seeds: np.ndarray
    episodes: np.ndarray
    everyone: np.ndarray
    following: np.ndarray


class EngineOptions(NamedTuple):
    """Options of the step loop.

        slip; goal_mask: rewarded events; done_mask: events that end an episode; max_steps 0: the world's own limit; direct:
    slot i takes level following[i] of the pool next, which the caller chooses, else a level drawn by (seed, episode).
        bits: planes of each tile's code; outside: those beyond the level; pad: the rim of the grid (rows, columns).
    """

    slip: float
    goal_mask: int
    done_mask: int
    max_steps: int
    direct: bool
    bits: np.ndarray
    outside: np.integer[Any]
    pad: tuple[int, int]


class CachedLevels(NamedTuple):
    """A pool of levels, tiles uint8[N, H, W] and sizes int32[N, 2], and precomputed data of the levels played so far.

    For M ≤ N cache slots: owners int64[M], the level in each, −1 for none; facts int32[M, F]; cells [M, H, rim + W], their planes,
    with the rim on the left.
    """

    tiles: np.ndarray
    sizes: np.ndarray
    owners: np.ndarray
    facts: np.ndarray
    cells: np.ndarray


class WindowSpec(NamedTuple):
    """An `ObservationLayout` in the kernels' format; `above`, `beside`: rows and columns of the rim."""

    planes: int
    rows: int
    cols: int
    follows: int
    above: int
    beside: int
    bits: np.ndarray
    reach: np.ndarray


class ObservingScratch(NamedTuple):
    """Cells in the windows of some environments; around [rows + 1, columns]: moving things, see `ObservationLayout.scratch`."""

    cut: np.ndarray
    around: np.ndarray


class StepArrays(NamedTuple):
    """Output arrays of a step.

    reward float32[n]; done uint8[n]: CONTINUES, TERMINATED or TRUNCATED, and the same as terminated, truncated bool[n];
    obs, final_obs uint8[n · C · H · W + SPARE]; final_obs, final_outcome int32[n, 8] and ended int32[n] are filled from
    the front.
    """

    reward: np.ndarray
    done: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    obs: np.ndarray
    final_obs: np.ndarray
    final_outcome: np.ndarray
    ended: np.ndarray
