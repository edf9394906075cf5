"""Scores of a predictor against an outcome: pooled, and within configs, where a predictor that only reads the config scores nothing.

Arrays only: values float64[n], targets float64[n] or bool[n], cells int64[n] (the config of each agent). Read next: `comparison.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

SAMPLES = 1000  # bootstrap samples
PERMUTATIONS = 2000
RIDGE = 1.0  # penalty on the slope of a standardized predictor, which separable data would make infinite


@dataclass(frozen=True)
class RankScore:
    """A score with its 95% bootstrap interval and one-sided permutation p; nan where it is undefined."""

    value: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan


def auroc(values: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive has a larger value than a negative; ties count half. nan if one of them is missing."""
    n, ones = len(values), int(positive.sum())
    if not 0 < ones < n:
        return math.nan
    ranks = rankdata(values)
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * (n - ones)))


def correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson's r along the last axis; nan where one side does not vary, or is empty."""
    if not one.shape[-1]:
        return np.array(math.nan)
    one = one - one.mean(axis=-1, keepdims=True)
    other = other - other.mean(axis=-1, keepdims=True)
    scale = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 1e-12, (one * other).sum(axis=-1) / scale, math.nan)


def spearman(values: np.ndarray, target: np.ndarray) -> float:
    """Spearman's rank correlation; nan where one side does not vary."""
    return float(correlation(rankdata(values), rankdata(target)))


def within(values: np.ndarray, target: np.ndarray, cells: np.ndarray) -> float:
    """Partial Spearman correlation with config fixed effects: ranks within each cell, in [0, 1], minus the cell's mean, pooled."""
    return float(correlation(centred_ranks(values, cells), centred_ranks(target, cells)))


def centred_ranks(values: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Ranks within each cell, scaled to [0, 1], minus the cell's mean: float64[n]."""
    ranks = np.zeros(len(values))
    for cell in np.unique(cells):
        ranks[cells == cell] = _scaled(values[cells == cell])
    return ranks


def _scaled(values: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    ranks = rankdata(values, axis=-1)
    return (ranks - ranks.mean(axis=-1, keepdims=True)) / max(values.shape[-1] - 1, 1)


def score_within(values: np.ndarray, target: np.ndarray, cells: np.ndarray, seed: int = 0) -> RankScore:
    """`within`, with agents resampled and outcomes permuted within cells."""
    value = within(values, target, cells)
    if math.isnan(value):
        return RankScore(value)
    rng = np.random.default_rng(seed)
    value_ranks, target_ranks, shuffled = [], [], []
    for cell in np.unique(cells):
        mine = np.flatnonzero(cells == cell)
        draws = mine[rng.integers(0, len(mine), (SAMPLES, len(mine)))]
        value_ranks.append(_scaled(values[draws]))
        target_ranks.append(_scaled(target[draws]))
        shuffled.append(rng.permuted(np.tile(_scaled(target[mine]), (PERMUTATIONS, 1)), axis=1))
    order = np.concatenate([np.flatnonzero(cells == cell) for cell in np.unique(cells)])
    sampled = correlation(np.concatenate(value_ranks, axis=1), np.concatenate(target_ranks, axis=1))
    null = correlation(centred_ranks(values, cells)[order], np.concatenate(shuffled, axis=1))
    low, high = np.nanquantile(sampled, [0.025, 0.975])
    return RankScore(value, float(low), float(high), _p(null, value))


def score_pooled(values: np.ndarray, target: np.ndarray, cells: np.ndarray, seed: int = 0) -> RankScore:
    """Spearman's correlation, with whole cells resampled, and whole cells' outcomes changing places."""
    value = spearman(values, target)
    if math.isnan(value):
        return RankScore(value)
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(cells == cell) for cell in np.unique(cells)]
    low, high = _by_groups(spearman, values, target, groups, rng)
    order = np.concatenate(groups)
    permuted = np.empty((PERMUTATIONS, len(order)))
    for row in permuted:
        places = rng.permutation(len(groups))
        row[:] = np.concatenate(
            [_block(target[groups[k]], len(own), rng) for own, k in zip(groups, places, strict=True)]
        )
    null = correlation(rankdata(values[order]), rankdata(permuted, axis=1))
    return RankScore(value, low, high, _p(null, value))


def score_auroc(values: np.ndarray, positive: np.ndarray, cells: np.ndarray, seed: int = 0) -> RankScore:
    """`auroc`, with whole cells resampled."""
    value = auroc(values, positive)
    if math.isnan(value):
        return RankScore(value)
    groups = [np.flatnonzero(cells == cell) for cell in np.unique(cells)]
    return RankScore(value, *_by_groups(auroc, values, positive, groups, np.random.default_rng(seed)))


def ceiling(even: np.ndarray, odd: np.ndarray, cells: np.ndarray) -> float:
    """The largest `within` that a perfect predictor can reach, from the target on two halves of the levels (Spearman–Brown)."""
    r = within(even, odd, cells)
    return math.sqrt(2 * r / (1 + r)) if r > 0 else 0.0 if not math.isnan(r) else math.nan


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's correction; nan stays nan and does not count."""
    order = sorted((k for k, p in enumerate(ps) if not math.isnan(p)), key=lambda k: ps[k])
    p_values, largest = list(ps), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, min(1.0, ps[k] * (len(order) - rank)))
        p_values[k] = largest
    return p_values


@dataclass(frozen=True)
class Logistic:
    """Logistic regression on one standardized predictor, with a ridge penalty on its slope."""

    mean: float
    scale: float
    intercept: float
    slope: float

    @classmethod
    def fit(cls, values: np.ndarray, positive: np.ndarray) -> Logistic:
        """Fit on float64[n], bool[n]."""
        mean, scale = float(values.mean()), float(values.std()) or 1.0
        x, sign = (values - mean) / scale, np.where(positive, 1.0, -1.0)

        def loss(b: np.ndarray) -> float:
            return float(np.logaddexp(0.0, -sign * (b[0] + b[1] * x)).sum() + 0.5 * RIDGE * b[1] ** 2)

        coefficients = minimize(loss, np.zeros(2)).x
        return cls(mean, scale, float(coefficients[0]), float(coefficients[1]))

    def predict(self, values: np.ndarray) -> np.ndarray:
        """The probability of a positive, float64[n]."""
        return expit(self.intercept + self.slope * (values - self.mean) / self.scale)


def _block(outcomes: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """A cell's outcomes in random order, cut or filled up at random to another cell's size."""
    more = max(0, count - len(outcomes))
    return np.concatenate([rng.permutation(outcomes), rng.choice(outcomes, more)])[:count]


def _by_groups(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    values: np.ndarray,
    outcomes: np.ndarray,
    groups: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> tuple[float, float]:
    """95% bootstrap interval of a statistic; whole groups (indices) are resampled. nan if it is defined for no sample."""
    sampled = []
    for _ in range(SAMPLES):
        drawn = np.concatenate([groups[k] for k in rng.integers(0, len(groups), len(groups))])
        sampled.append(statistic(values[drawn], outcomes[drawn]))
    known = np.array(sampled)[~np.isnan(sampled)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (math.nan, math.nan)
    return float(low), float(high)


def _p(null: np.ndarray, value: float) -> float:
    return float((1 + (null >= value - 1e-12).sum()) / (1 + len(null)))
