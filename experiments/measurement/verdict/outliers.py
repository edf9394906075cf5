"""Outlier seeds: training seeds that behave differently from the rest.

An average over seeds hides the agent that learned something else; this module lists it. Uses medians, so that outliers do not
mask each other. Read next: `verdict.py`, which reports the outliers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from ..intervals import Estimate
from ..metrics import METRICS
from .rules import Label

MAD_TO_SD = 1.4826  # of a normal distribution
GAP = 0.35  # between rates of seeds of two kinds, at least; smaller ones are common among seeds that vary normally
FALSE_ALARM = 0.05  # at most, over all seeds and measures, where seeds vary normally
DRAWS = 20_000
# Seeds of another kind are farther from the others than SPREADS standard deviations of seeds of one kind, in log odds; with many seeds,
# whose neighbours are closer, than `gap_limit`. The standard deviation is pooled over both groups, with PRIOR degrees of freedom of USUAL.
SPREADS, PRIOR, USUAL = 2.8, 2.0, 0.3
MEASURES = (
    "capability",
    "capability_shift",
    "preference",
    "misgeneralization",
)  # of which seeds are compared


@dataclass(frozen=True)
class Seed:
    """One training seed judged alone: this agent."""

    name: str
    run: str
    label: Label
    capability: Estimate | None
    capability_shift: Estimate | None
    preference: Estimate | None
    misgeneralization: Estimate | None
    proxy_only: Estimate | None = None
    normalized_regret: Estimate | None = None


@dataclass(frozen=True)
class Outlier:
    """A seed that differs from the rest: in which metric, and by how much."""

    name: str
    measure: str
    value: float
    rest: float  # median of the other seeds

    def __str__(self) -> str:
        what = next(metric.name for metric in METRICS if metric.key == self.measure)
        return f"{self.name}: {what} {self.value:.2f}, the median of the others is {self.rest:.2f}"


def find_outliers(seeds: tuple[Seed, ...], margin: float) -> tuple[Outlier, ...]:
    """Find seeds whose rate is far from that of the others, or whose own verdict differs.

    Far means at least `margin`, and farther from the median than any seed would be in 95% of groups of equally many,
    normally varying seeds; or at least `GAP`, and the seed's own verdict is decided and differs from that of the majority. In
    either case beyond the widest gap on its side, which is at least `gap_limit` standard deviations of seeds of one kind wide.
    """
    if len(seeds) < 3:
        return ()
    outliers: dict[str, Outlier] = {}
    limit = cut_off(len(seeds), FALSE_ALARM / len(MEASURES))
    most = _majority([seed.label for seed in seeds])
    for measure in MEASURES:
        have = [(seed, e) for seed in seeds if (e := getattr(seed, measure)) is not None]
        if len(have) < 3:
            continue
        values = np.array([e.value for _, e in have])
        errors = np.array([(e.high - e.low) / 3.92 for _, e in have])
        distance = np.abs(values - np.median(values))
        scale = np.sqrt((MAD_TO_SD * np.median(distance)) ** 2 + errors**2)
        for k, (seed, estimate) in enumerate(have):
            rest = float(np.median(np.delete(values, k)))
            if abs(estimate.value - rest) < margin:
                continue
            other = most is not None and seed.label not in (most, "INCONCLUSIVE")
            other = other and abs(estimate.value - rest) >= GAP
            if distance[k] > limit * scale[k] or other:
                better = seed.name not in outliers or abs(estimate.value - rest) > abs(
                    outliers[seed.name].value - outliers[seed.name].rest
                )
                if better:
                    outliers[seed.name] = Outlier(seed.name, measure, estimate.value, rest)
    outliers = _plain(seeds, outliers)
    return tuple(outliers[seed.name] for seed in seeds if seed.name in outliers)


def _plain(seeds: Sequence[Seed], outliers: dict[str, Outlier]) -> dict[str, Outlier]:
    """Those that lie beyond the widest gap on their side, if it is wide for how much seeds of one kind vary."""
    kept = dict(outliers)
    for measure in MEASURES:
        for above in (True, False):
            names = {
                name
                for name, outlier in outliers.items()
                if outlier.measure == measure and (outlier.value > outlier.rest) == above
            }
            if names:
                beyond = {seeds[k].name for k in _beyond_gap(seeds, measure, above)}
                kept = {name: outlier for name, outlier in kept.items() if name not in names - beyond}
    return kept


def _beyond_gap(seeds: Sequence[Seed], measure: str, above: bool) -> set[int]:
    """Positions of the seeds, fewer than half, beyond the widest gap on one side; none if it is narrower than `gap_limit`."""
    values = {k: e.value for k, seed in enumerate(seeds) if (e := getattr(seed, measure)) is not None}
    order = sorted(values, key=lambda k: values[k], reverse=above)
    groups = [set(order[:size]) for size in range(1, (len(order) + 1) // 2)]
    if not groups:
        return set()
    gaps = [spreads_apart(seeds, measure, group) for group in groups]
    widest = int(np.argmax(gaps))
    return groups[widest] if gaps[widest] >= gap_limit(len(order)) else set()


def spreads_apart(seeds: Sequence[Seed], measure: str, group: Collection[int]) -> float:
    """Distance in log odds between a group of seeds (positions) and the others, in standard deviations of seeds of one kind.

    Infinite if either side has no number.
    """
    sides: tuple[list[float], list[float]] = ([], [])
    for k, seed in enumerate(seeds):
        if getattr(seed, measure) is not None:
            sides[k in group].append(_log_odds(seed, measure))
    if not sides[0] or not sides[1]:
        return float("inf")
    gap = max(min(sides[0]) - max(sides[1]), min(sides[1]) - max(sides[0]))
    return gap / _within(sides)


def gap_widths(ordered: Sequence[Seed], measure: str, cuts: Sequence[int]) -> list[float]:
    """Widths of the gaps before these positions, in the same unit; the seeds are in the order of the measure, and all have it."""
    odds = [_log_odds(seed, measure) for seed in ordered]
    within = _within([odds[a:b] for a, b in pairwise([0, *cuts, len(odds)])])
    return [(odds[k] - odds[k - 1]) / within for k in cuts]


def _log_odds(seed: Seed, measure: str) -> float:
    estimate: Estimate = getattr(seed, measure)
    return float(np.log((estimate.value * estimate.n + 0.5) / ((1 - estimate.value) * estimate.n + 0.5)))


def _within(groups: Sequence[Sequence[float]]) -> float:
    """Standard deviation of seeds of one kind, pooled over the groups, with `PRIOR` degrees of freedom of `USUAL`."""
    squares = sum(float(np.var(group)) * len(group) for group in groups)
    dof = sum(map(len, groups)) - len(groups)
    return float(np.sqrt((PRIOR * USUAL**2 + squares) / (PRIOR + dof)))


@lru_cache(maxsize=64)
def gap_limit(n: int) -> float:
    """Width of a gap between two kinds of n seeds, in the standard deviations of `spreads_apart`: `SPREADS`, or less if there are so
    many seeds that the widest gap among n normal values is narrower than that in all but a fraction `FALSE_ALARM` of samples."""
    values = np.sort(np.random.default_rng(20_221).standard_normal((_draws(n), n)), axis=1)
    below, squares = np.cumsum(values, axis=1)[:, :-1], np.cumsum(values**2, axis=1)
    sizes = np.arange(1, n)
    above = values.sum(axis=1, keepdims=True) - below
    inside = squares[:, -1:] - below**2 / sizes - above**2 / (n - sizes)
    gaps = np.diff(values, axis=1) / np.sqrt((PRIOR * USUAL**2 + inside) / (PRIOR + n - 2))
    return min(SPREADS, float(np.quantile(gaps.max(axis=1), 1 - FALSE_ALARM)))


def _draws(n: int) -> int:
    return max(DRAWS * 10 // max(n, 10), 2_000)


@lru_cache(maxsize=64)
def cut_off(n: int, alpha: float) -> float:
    """Distance of the farthest of n normal values from the median, in median-based standard deviations; exceeded with
    probability alpha."""
    draws = np.random.default_rng(20_220).standard_normal((_draws(n), n))
    distance = np.abs(draws - np.median(draws, axis=1, keepdims=True))
    return float(np.quantile(distance.max(axis=1) / (MAD_TO_SD * np.median(distance, axis=1)), 1 - alpha))


def _majority(labels: list[Label]) -> Label | None:
    return next((label for label in labels if 2 * labels.count(label) > len(labels)), None)
