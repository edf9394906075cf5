"""What the kernels of value iteration take: named groups of arrays, which numba unpacks when it compiles.

Read next: `value_iteration.py`, which makes them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class CodedObjectives(NamedTuple):
    """Objectives as the kernels read them, int64[O] each."""

    masks: np.ndarray
    pays: np.ndarray
    foresees: np.ndarray


class WiredGraph(NamedTuple):
    """The graph as an objective sees it, its states numbered by place int32[≥ n].

    row int32[≥ n, A]: the next state; gain uint8[≥ n, A]: what the step pays. Two more rows stand for "nothing more is paid"
    (n) and "every step that is left is paid" (n + 1).
    """

    place: np.ndarray
    row: np.ndarray
    gain: np.ndarray


class Schedule(NamedTuple):
    """Which states can be met at step t of an episode: those with place[…] in begin[t] … end[t] − 1, int64[≥ horizon].

    Scratch: at int64[≥ n + 2]; seen int64[> horizon], how many states are exactly t steps from the start.
    """

    begin: np.ndarray
    end: np.ndarray
    at: np.ndarray
    seen: np.ndarray


class ValueArrays(NamedTuple):
    """What value iteration writes into; later and now float64[≥ n + 2] or, for K temperatures, float64[≥ n + 2, K]."""

    wired: WiredGraph
    schedule: Schedule
    later: np.ndarray
    now: np.ndarray


class SoftWeights(NamedTuple):
    """Of soft value iteration, for K inverse temperatures.

    factor float64[2, K]: the weight of a step that pays nothing, exp(−β) / A, and of one that pays, 1 / A; betas float64[K].
    """

    factor: np.ndarray
    betas: np.ndarray
    discount: float
