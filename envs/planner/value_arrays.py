"""Array groups of the value-iteration kernels, as NamedTuples that numba unpacks at compile time.

Read next: `value_iteration.py`, which creates them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class CodedObjectives(NamedTuple):
    """Objectives in the kernels' format, int64[O] each."""

    masks: np.ndarray
    pays: np.ndarray
    foresees: np.ndarray


class WiredGraph(NamedTuple):
    """The graph for one objective, with states numbered by place int32[≥ n].

    row int32[≥ n, A]: the next state; gain uint8[≥ n, A]: the step's pay. Two extra rows represent "nothing more is paid"
    (n) and "every remaining step is paid" (n + 1).
    """

    place: np.ndarray
    row: np.ndarray
    gain: np.ndarray


class Schedule(NamedTuple):
    """States that can occur at step t of an episode: those with place[…] in begin[t] … end[t] − 1, int64[≥ horizon].

    Scratch: at int64[≥ n + 2]; seen int64[> horizon]: the number of states exactly t steps from the start.
    """

    begin: np.ndarray
    end: np.ndarray
    at: np.ndarray
    seen: np.ndarray


class ValueArrays(NamedTuple):
    """Working arrays of value iteration; later and now are float64[≥ n + 2] or, for K temperatures, float64[≥ n + 2, K]."""

    wired: WiredGraph
    schedule: Schedule
    later: np.ndarray
    now: np.ndarray


class SoftWeights(NamedTuple):
    """Weights of soft value iteration for K inverse temperatures.

    factor float64[2, K]: weight of an unpaid step, exp(−β) / A, and of a paid step, 1 / A; betas float64[K].
    """

    factor: np.ndarray
    betas: np.ndarray
    discount: float
