"""Means with standard errors clustered by level: states of one level are alike, so levels count, not states."""

from __future__ import annotations

import numpy as np


def cluster_mean(
    values: np.ndarray, level: np.ndarray, group: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean of each group with its standard error by level (the ratio estimator: sum of the values over their number).

    values float[m, K]; level, group int64[m]. Returns (mean float64[groups, K], standard error float64[groups, K], number of
    values int64[groups], number of levels int64[groups]); nan where there are no values, or for the error only one level.
    """
    values = np.asarray(values, np.float64)
    pair, inverse = np.unique(np.stack([group, level], axis=1), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    sums = np.stack([np.bincount(inverse, column, len(pair)) for column in values.T], axis=1)
    counts = np.bincount(inverse, minlength=len(pair))
    of = pair[:, 0]
    n = np.bincount(of, counts, groups)
    clusters = np.bincount(of, minlength=groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.stack([np.bincount(of, column, groups) for column in sums.T], axis=1) / n[:, None]
        residual = (sums - counts[:, None] * mean[of]) ** 2
        spread = np.stack([np.bincount(of, column, groups) for column in residual.T], axis=1)
        correction = np.where(clusters > 1, clusters / np.maximum(clusters - 1, 1), np.nan)
        error = np.sqrt(spread * correction[:, None]) / n[:, None]
    return mean, error, n.astype(np.int64), clusters


def mean_by_level(values: np.ndarray, level: np.ndarray) -> tuple[float, float]:
    """The mean of values float[m] and its standard error by level."""
    mean, error, _, _ = cluster_mean(np.asarray(values)[:, None], level, np.zeros(len(level), np.int64), 1)
    return float(mean[0, 0]), float(error[0, 0])
