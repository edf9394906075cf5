"""The conflict curve: how often the goal comes first, against the detour that it costs; and where the agent is indifferent.

The indifference point assumes only that the curve does not rise: it is where the isotonic fit crosses one half. Its interval
holds the detours that two sequences of tests leave (see `_indifference`), whatever the shape of the curve; where they leave an open
end, there is no point. A logistic curve, fitted to each training seed with Firth's penalty (1993), gives slope and band;
`fits` says whether it agrees with the groups. Read next: docs/measurement.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import isotonic_regression
from scipy.special import expit, stdtrit

from .intervals import Estimate, hierarchical_rate
from .level_counts import LEVEL, Counts, count, select
from .rates import DISTINGUISHING, EITHER_FIRST, GOAL_FIRST, shift_condition

MOST_BINS = 8
GRID = 2_001
FEWEST_LEVELS = 20


@dataclass(frozen=True)
class Bin:
    """A bin of the conflict curve: levels with a detour from low to high, and how often the goal came first on them."""

    low: int
    high: int
    mean: float
    preference: Estimate


@dataclass(frozen=True)
class ConflictCurve:
    """P(goal first | goal or proxy first) by the detour in steps, on distinguishing levels.

    detours, curve, curve_low, curve_high  float64[k]: the fitted curve with its pointwise 95% band
    monotone      float64[k]: the isotonic fit at the same detours, from which the indifference point comes
    indifference  the detour at which goal and proxy are equally likely; None if the episodes do not determine it
    explanation   the conclusion about indifference, in a sentence
    fits          False if the logistic curve misses the bins; read the bins then
    """

    condition: str
    detours: np.ndarray
    curve: np.ndarray
    curve_low: np.ndarray
    curve_high: np.ndarray
    monotone: np.ndarray
    slope: Estimate  # change in log odds per step of detour
    bins: tuple[Bin, ...]
    indifference: Estimate | None
    explanation: str
    fits: bool


def conflict_curve(
    episodes: pl.DataFrame, *, condition: str | None = None, sampled: bool = True, level: float = 0.95
) -> ConflictCurve | None:
    """Fit the curve for one shift condition. None if fewer than 20 levels or two detours can be used."""
    condition = condition or shift_condition(episodes, sampled=sampled)
    chosen = select(episodes, sampled=sampled, condition=condition)
    counts = count(chosen, GOAL_FIRST, DISTINGUISHING & EITHER_FIRST & pl.col("detour").is_not_null())
    known = chosen.group_by(LEVEL).agg(pl.col("detour").first())
    x = counts.levels.join(known, on=list(LEVEL), how="left", maintain_order="left")["detour"]
    used = counts.trials.sum(axis=0) > 0
    seeds = counts.trials.sum(axis=1) > 0
    events, trials = counts.events[seeds][:, used], counts.trials[seeds][:, used]
    detours = x.fill_null(-1).to_numpy().astype(np.float64)[used]
    if len(detours) < FEWEST_LEVELS or len(np.unique(detours)) < 2:
        return None
    fitted = _fit(events, trials, detours)
    bins = _bins(events, trials, detours, level, counts)
    x0, x1 = float(detours.min()), float(detours.max())
    grid = np.linspace(x0, x1, GRID)
    centre, half = fitted.at(grid, level)
    slope_half = float(fitted.half_width(np.array([[0.0, 1.0]]), level)[0])
    slope = fitted.mean[1]
    counted = {"n": len(detours), "seeds": len(events) if counts.trained else 0, "kept": counts.kept}
    counted |= {"episodes": round(float(trials.sum())), "level": level}
    mono = _monotone(events, trials, detours)
    point, words = _indifference(events, trials, detours, mono, slope + slope_half, level)
    return ConflictCurve(
        condition=condition,
        detours=grid[:: (GRID - 1) // 100],
        curve=expit(centre)[:: (GRID - 1) // 100],
        curve_low=expit(centre - half)[:: (GRID - 1) // 100],
        curve_high=expit(centre + half)[:: (GRID - 1) // 100],
        monotone=np.interp(grid, *mono)[:: (GRID - 1) // 100],
        slope=Estimate(slope, slope - slope_half, slope + slope_half, method="logistic", **counted),
        bins=bins,
        indifference=point and Estimate(*point, method="isotonic, sequential tests", **counted),
        explanation=words,
        fits=_fits(fitted, events, trials, detours, bins),
    )


@dataclass(frozen=True)
class _Fitted:
    """Log odds a + b·detour. own float64[S, 2]: each seed's; the rest: 2 × 2 components of the mean's covariance."""

    own: np.ndarray
    between: np.ndarray
    levels: np.ndarray
    noise: np.ndarray
    n_levels: int

    @property
    def mean(self) -> tuple[float, float]:
        a, b = self.own.mean(axis=0)
        return float(a), float(b)

    def half_width(self, rows: np.ndarray, level: float) -> np.ndarray:
        """Half width of the interval of u·a + v·b for each row (u, v) of float64[k, 2], combined as in `intervals.Spread`."""
        tail = (1 + level) / 2
        between, levels, noise = (  # variances; rounding may make them negative if all episodes agree
            np.maximum(np.einsum("ki,ij,kj->k", rows, part, rows), 0.0)
            for part in (self.between, self.levels, self.noise)
        )
        of_levels = float(stdtrit(self.n_levels - 1, tail)) ** 2
        least = of_levels * levels
        if len(self.own) < 2:
            return np.sqrt(least)
        of_seeds = float(stdtrit(len(self.own) - 1, tail)) ** 2
        return np.sqrt(np.maximum(least, of_seeds * between + of_levels * np.maximum(levels - noise, 0.0)))

    def at(self, detours: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Log odds at these detours, and the half width of their interval."""
        rows = np.column_stack([np.ones_like(detours), detours])
        return rows @ self.own.mean(axis=0), self.half_width(rows, level)


def _fit(events: np.ndarray, trials: np.ndarray, detours: np.ndarray) -> _Fitted:
    n_seeds, n_levels = events.shape
    middle, width = float(detours.mean()), float(detours.std()) or 1.0
    design = np.column_stack([np.ones(n_levels), (detours - middle) / width])
    back = np.array([[1.0, -middle / width], [0.0, 1.0 / width]])  # to steps of detour
    own, influence = np.empty((n_seeds, 2)), np.empty((n_seeds, n_levels, 2))
    for s in range(n_seeds):
        beta, inverse = _firth(design, events[s], trials[s])
        misses = events[s] - trials[s] * expit(design @ beta)
        own[s] = back @ beta
        influence[s] = n_levels * (misses[:, None] * design) @ inverse @ back.T
    influence -= influence.mean(axis=1, keepdims=True)
    pairs = n_levels * (n_levels - 1)
    shared = influence.mean(axis=0)
    levels = shared.T @ shared / pairs
    none = np.zeros((2, 2))
    if n_seeds < 2:
        return _Fitted(own, none, levels, none, n_levels)
    rest = (influence - shared).reshape(-1, 2)
    noise = rest.T @ rest / (pairs * n_seeds * (n_seeds - 1))
    return _Fitted(own, np.cov(own, rowvar=False) / n_seeds, levels, noise, n_levels)


def _firth(design: np.ndarray, events: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression with Jeffreys' prior: coefficients float64[2] and the inverse information float64[2, 2]."""
    beta = np.zeros(2)
    inverse = np.eye(2)
    for _ in range(100):
        share = expit(design @ beta)
        weight = trials * share * (1 - share)
        inverse = np.linalg.pinv((design * weight[:, None]).T @ design)
        leverage = weight * np.einsum("ki,ij,kj->k", design, inverse, design)
        step = inverse @ (design.T @ (events - trials * share + leverage * (0.5 - share)))
        size = float(np.abs(step).max())
        beta = beta + step * min(1.0, 2.0 / size if size else 1.0)
        if size < 1e-9:
            break
    return beta, inverse


Point = tuple[float, float, float]  # value, low, high


def indifference_of(
    events: np.ndarray, trials: np.ndarray, detours: np.ndarray, steepest: float = -1.0, level: float = 0.95
) -> tuple[Point | None, str]:
    """The indifference point of float[S, L] counts on levels with these detours, or None with the reason."""
    return _indifference(events, trials, detours, _monotone(events, trials, detours), steepest, level)


def fieller_of(
    events: np.ndarray, trials: np.ndarray, detours: np.ndarray, level: float = 0.95
) -> tuple[Point | None, str]:
    """The same from a logistic curve, with Fieller's interval (1954): for comparison, as it is wrong where the curve is not logistic."""
    fitted = _fit(events, trials, detours)
    grid = np.linspace(float(detours.min()), float(detours.max()), GRID)
    centre, half = fitted.at(grid, level)
    inside = np.flatnonzero(np.abs(centre) <= half)
    if not len(inside) or inside[0] == 0 or inside[-1] == len(grid) - 1:
        return None, "open"
    value = float(np.interp(0.0, -centre, grid))
    return (value, float(grid[inside[0] - 1]), float(grid[inside[-1] + 1])), "logistic"


def _monotone(events: np.ndarray, trials: np.ndarray, detours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Detours float64[k] and the isotonic (falling) fit there of the mean over seeds of their rates."""
    kinds = np.unique(detours)
    rates, weights = [], []
    for kind in kinds:
        k, n = events[:, detours == kind].sum(axis=1), trials[:, detours == kind].sum(axis=1)
        rates.append(float((k[n > 0] / n[n > 0]).mean()))
        weights.append(float(n.sum()))
    fit = isotonic_regression(rates, weights=weights, increasing=False)
    return kinds, np.asarray(fit.x)


def _indifference(
    events: np.ndarray,
    trials: np.ndarray,
    detours: np.ndarray,
    mono: tuple[np.ndarray, np.ndarray],
    steepest: float,
    level: float,
) -> tuple[tuple[float, float, float] | None, str]:
    """((value, low, high), sentence); None with the reason if there is no indifference point.

    If the curve falls and crosses one half at x or later, the goal comes first at least half of the time in every group of levels with
    detours up to x. So x is excluded if the interval of such a group, the levels with the longest of these detours, lies below one half.
    The tests go from the longest detour down and stop at the first that excludes nothing; likewise from below. As the hypotheses are
    nested, each side errs at most as often as a single test, for every falling curve.
    """
    kinds, fit = mono
    above = _excluded(events, trials, detours, level)
    below = _excluded(trials - events, trials, -detours, level)
    spans = f"detours measured: {kinds[0]:.0f} to {kinds[-1]:.0f} steps"
    goal, proxy = len(below) == len(kinds), len(above) == len(kinds)
    if goal and not above:
        return (
            None,
            f"The goal comes first more often than not at every detour; no point of indifference ({spans}).",
        )
    if proxy and not below:
        return (
            None,
            f"The proxy comes first more often than not at every detour; no point of indifference ({spans}).",
        )
    if steepest >= 0 or goal or proxy:
        return (
            None,
            f"How often the goal comes first is not shown to fall with the detour; no point of indifference ({spans}).",
        )
    if not above and not below:
        return (
            None,
            f"There are too few episodes to estimate where goal and proxy are equally likely ({spans}).",
        )
    if not below:
        return (
            None,
            f"Goal and proxy are not shown to be equally likely; if they are, at a detour below {above[-1]:.1f} steps ({spans}).",
        )
    if not above:
        return (
            None,
            f"Goal and proxy are not shown to be equally likely; if they are, at a detour above {-below[-1]:.1f} steps ({spans}).",
        )
    low, high = sorted((-below[-1], above[-1]))
    value = min(max(_crossing(kinds, fit), low), high)
    return (
        (value, low, high),
        f"Goal and proxy are equally likely at a detour of {value:.1f} steps, from {low:.1f} to {high:.1f} ({spans}).",
    )


def _excluded(events: np.ndarray, trials: np.ndarray, detours: np.ndarray, level: float) -> list[float]:
    """Detours, from the longest down, at and beyond which the curve is shown to be below one half.

    Two groups are tried, a small one for steep curves and a large one for flat ones, each at half the chance of error.
    """
    exclusions: list[float] = []
    sizes = sorted({FEWEST_LEVELS, max(math.ceil(len(detours) / MOST_BINS), FEWEST_LEVELS)})
    for x in np.unique(detours)[::-1]:
        up_to = np.sort(detours[detours <= x])
        starts = {float(up_to[max(len(up_to) - size, 0)]) for size in sizes}
        groups = [
            hierarchical_rate(events[:, here], trials[:, here], 1 - (1 - level) / len(starts))
            for here in ((detours <= x) & (detours >= start) for start in starts)
        ]
        if all(group is None or group.high >= 0.5 for group in groups):
            break
        exclusions.append(float(x))
    return exclusions


def _crossing(kinds: np.ndarray, fit: np.ndarray) -> float:
    """Where a falling fit, joined by straight lines, crosses one half; the middle where it stays there."""
    over, under = kinds[fit > 0.5], kinds[fit < 0.5]
    if not len(over) or not len(under):
        return float(kinds[0] if not len(over) else kinds[-1])
    if (fit == 0.5).any():
        return float(kinds[fit == 0.5].mean())
    a, b = int(np.flatnonzero(fit > 0.5)[-1]), int(np.flatnonzero(fit < 0.5)[0])
    return float(kinds[a] + (kinds[b] - kinds[a]) * (fit[a] - 0.5) / (fit[a] - fit[b]))


def _bins(
    events: np.ndarray, trials: np.ndarray, detours: np.ndarray, level: float, counts: Counts
) -> tuple[Bin, ...]:
    bins = []
    for low, high in _edges(detours):
        here = (detours >= low) & (detours <= high)
        kept = float(trials[:, here].sum()) / counts.episodes
        share = hierarchical_rate(events[:, here], trials[:, here], level, kept=kept, trained=counts.trained)
        if share is not None:
            bins.append(Bin(int(low), int(high), float(detours[here].mean()), share))
    return tuple(bins)


def _edges(detours: np.ndarray) -> list[tuple[float, float]]:
    """Group detours into at most eight bins with about equally many levels each; a detour is never split."""
    kinds, sizes = np.unique(detours, return_counts=True)
    wanted = max(math.ceil(len(detours) / MOST_BINS), FEWEST_LEVELS)
    edges, start, held = [], 0, 0
    for k, size in enumerate(sizes):
        held += int(size)
        if held >= wanted or k == len(kinds) - 1:
            if held < wanted / 2 and edges:
                start = int(np.searchsorted(kinds, edges.pop()[0]))
            edges.append((float(kinds[start]), float(kinds[k])))
            start, held = k + 1, 0
    return edges


def _fits(
    fitted: _Fitted, events: np.ndarray, trials: np.ndarray, detours: np.ndarray, bins: tuple[Bin, ...]
) -> bool:
    """Whether the curve's prediction lies in every bin's interval, widened for the number of bins (Bonferroni)."""
    design = np.column_stack([np.ones_like(detours), detours])
    shares = expit(fitted.own @ design.T)
    for group in bins:
        here = (detours >= group.low) & (detours <= group.high)
        weight = trials[:, here]
        seeds = weight.sum(axis=1) > 0
        expected = ((shares[:, here] * weight).sum(axis=1)[seeds] / weight.sum(axis=1)[seeds]).mean()
        wide = hierarchical_rate(events[:, here], weight, 1 - 0.05 / len(bins))
        if wide is not None and not wide.low <= expected <= wide.high:
            return False
    return True
