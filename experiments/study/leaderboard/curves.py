"""Numbers over the agents of several points: critical α, head-start ratio, differences from plain training, one curve of effective α.

Reads the table of `agents.py`; intervals are bootstrap intervals over training seeds, the same seeds at every point. Definitions:
docs/results/methods-plan.md. Read next: `board.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

REPETITIONS = 1000
HALF = 0.5
TINY = 1e-12  # of rounding
MARGIN = 0.1  # of a mean residual within which a method is on the curve


@dataclass(frozen=True)
class Span:
    """A number with its 95% interval and n training seeds. least, most: the range that was tested; beyond it, ends are 0 or ∞.

    upto: the upper bound of a value of which only bounds are known; `value` is then the lower one. dropped: agents of either method
    that were left out because the other method has none at their parameter and seed.
    """

    value: float
    low: float
    high: float
    n: int
    least: float = 0.0
    most: float = math.inf
    upto: float | None = None
    dropped: int = 0

    @property
    def short(self) -> str:
        """Format as `0.031 [0.02, 0.04]`; ends outside the range tested, and values that are bounds, are written as such."""
        return f"{self._shown()} [{self._end(self.low)}, {self._end(self.high)}]"

    @property
    def counted(self) -> str:
        """Format n, and how many agents were left out: `n = 9 seeds; 5 agents left out, whose pair is missing`."""
        left = f"; {self.dropped} agents left out, whose pair is missing" if self.dropped else ""
        return f"n = {self.n} seeds{left}"

    def _shown(self) -> str:
        if self.upto is None:
            return self._end(self.value)
        if math.isinf(self.upto):
            return f">{self.value:.2g}" if self.value > 0 else "unknown"
        return f"<{self.upto:.2g}" if self.value == 0 else f"{self.value:.2g} to {self.upto:.2g}"

    def _end(self, value: float) -> str:
        if value < self.least:
            return f"<{self.least:g}"
        if value > self.most:
            return f">{self.most:g}"
        if math.isinf(value) and value > 0:
            return "∞"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def grid_of(agents: pl.DataFrame, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """A measure by seed and parameter: (parameters float64[P], values float64[S, P] with nan where there is no agent)."""
    parameters, seeds = (np.array(agents[name].unique().sort().to_list()) for name in ("parameter", "seed"))
    values = np.full((len(seeds), len(parameters)), np.nan)
    for parameter, seed, value in agents.select("parameter", "seed", measure).iter_rows():
        if value is not None:
            values[np.searchsorted(seeds, seed), np.searchsorted(parameters, parameter)] = value
    return parameters, values


def passes(parameters: np.ndarray, values: np.ndarray, height: float) -> float:
    """Where the mean over seeds, made monotone, passes a height, linear in the logarithm; 0: before the first point, ∞: nowhere."""
    from scipy.optimize import isotonic_regression

    counts = np.isfinite(values).sum(axis=0)
    mask = counts > 0
    if not mask.any():
        return math.nan
    means = np.nansum(values[:, mask], axis=0) / counts[mask]
    fitted = np.asarray(isotonic_regression(means, weights=counts[mask].astype(float)).x)
    x = np.log(parameters[mask])
    if fitted[0] >= height:
        return 0.0
    above = np.flatnonzero(fitted >= height)
    if not len(above):
        return math.inf
    k = int(above[0])
    part = (height - fitted[k - 1]) / (fitted[k] - fitted[k - 1])
    return float(math.exp(x[k - 1] + part * (x[k] - x[k - 1])))


def resampled(seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Bootstrap samples of seeds: int64[REPETITIONS, seeds]."""
    return rng.integers(0, seeds, (REPETITIONS, seeds))


def quantiles(samples: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Ends of an interval of samples, which may be infinite."""
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


def critical_alpha(agents: pl.DataFrame, measure: str, height: float = HALF) -> Span | None:
    """The α at which a method's measure passes a height. None with fewer than two points."""
    agents = agents.filter(pl.col("parameter") > 0)
    if agents["parameter"].n_unique() < 2 or agents[measure].null_count() == agents.height:
        return None
    parameters, values = grid_of(agents, measure)
    draws = resampled(len(values), np.random.default_rng(0))
    samples = np.array([passes(parameters, values[draw], height) for draw in draws])
    low, high = quantiles(samples[~np.isnan(samples)])
    return Span(passes(parameters, values, height), low, high, len(values), parameters[0], parameters[-1])


def paired(one: pl.DataFrame, other: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """The agents of two methods at parameters and seeds that both have, and how many agents that leaves out."""
    keys = ["parameter", "seed"]
    first, second = one.join(other, on=keys, how="semi"), other.join(one, on=keys, how="semi")
    return first, second, one.height + other.height - first.height - second.height


def bounds(parameters: np.ndarray, values: np.ndarray, height: float = HALF) -> tuple[float, float]:
    """Bounds of where a curve passes a height: equal within the range tested, (0, its start) before it, (its end, ∞) after it."""
    place = passes(parameters, values, height)
    tested = parameters[np.isfinite(values).any(axis=0)]
    if place == 0:
        return 0.0, float(tested[0])
    return (float(tested[-1]), math.inf) if math.isinf(place) else (place, place)


def ratio_bounds(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Bounds of the ratio of two positive numbers of which bounds are known."""
    return one[0] / other[1], one[1] / other[0] if other[0] > 0 else math.inf


def critical_ratio(one: pl.DataFrame, other: pl.DataFrame, measure: str) -> Span | None:
    """Critical α of one method over that of another, paired by seed, on the parameters and seeds that both have.

    A critical α outside the range tested bounds the ratio on one side only: the interval is from the lower bounds to the upper ones.
    None with fewer than two common parameters, or if a method has no value.
    """
    one, other, dropped = paired(*(agents.filter(pl.col("parameter") > 0) for agents in (one, other)))
    empty = any(agents[measure].null_count() == agents.height for agents in (one, other))
    if one["parameter"].n_unique() < 2 or empty:
        return None
    (parameters, first), (_, second) = (grid_of(agents, measure) for agents in (one, other))
    draws = [np.arange(len(first)), *resampled(len(first), np.random.default_rng(0))]
    ratios = np.array(
        [ratio_bounds(*(bounds(parameters, grid[draw]) for grid in (first, second))) for draw in draws]
    )
    low, high = ratios[0]
    lows, highs = ratios[1:][~np.isnan(ratios[1:]).any(axis=1)].T
    ends = quantiles(lows)[0], quantiles(highs)[1]
    return Span(float(low), *ends, len(first), upto=None if low == high else float(high), dropped=dropped)


@dataclass(frozen=True)
class HeadStart:
    """Labels needed from scratch over labels needed from the agent. ratio: with its interval; agent, scratch: where each curve passes,
    0 before the first number of labels, ∞ nowhere.
    """

    measure: str
    height: float
    ratio: Span
    agent: float
    scratch: float


def head_start(agent: pl.DataFrame, scratch: pl.DataFrame, measure: str, height: float) -> HeadStart | None:
    """Head-start ratio of a measure on the labels and seeds that both starts have; None without any. 0 and ∞ count as the ends of the
    range of labels.
    """
    agent, scratch, dropped = paired(agent, scratch)
    if any(table[measure].null_count() == table.height for table in (agent, scratch)):
        return None
    (parameters, agent_grid), (_, scratch_grid) = (grid_of(table, measure) for table in (agent, scratch))
    draws = [np.arange(len(agent_grid)), *resampled(len(agent_grid), np.random.default_rng(0))]

    def needed(values: np.ndarray) -> float:
        return min(max(passes(parameters, values, height), parameters[0]), parameters[-1])

    ratios = np.array([needed(scratch_grid[draw]) / needed(agent_grid[draw]) for draw in draws])
    ratio = Span(float(ratios[0]), *quantiles(ratios[1:]), len(agent_grid), dropped=dropped)
    return HeadStart(
        measure,
        height,
        ratio,
        passes(parameters, agent_grid, height),
        passes(parameters, scratch_grid, height),
    )


@dataclass(frozen=True)
class FromPlain:
    """A method minus plain training at equal parameters, paired by seed and averaged; p is Holm's over all methods."""

    method: str
    span: Span
    p: float


def differences(agents: pl.DataFrame, measure: str, against: str, level: float = 0.95) -> list[FromPlain]:
    """Each method minus the method `against`, on the parameters and seeds that both have, by Student's t; Holm's correction.

    level: of the intervals.
    """
    from scipy.special import stdtr, stdtrit

    from ...measurement.study_curves import holm

    base = agents.filter(pl.col("method") == against).select("parameter", "seed", base=pl.col(measure))
    comparisons: list[tuple[str, Span, float]] = []
    for (method,), own in agents.filter(pl.col("method") != against).group_by("method", maintain_order=True):
        both = (
            own.join(base, on=["parameter", "seed"]).drop_nulls([measure, "base"]).sort("seed", "parameter")
        )
        change = (pl.col(measure) - pl.col("base")).mean().alias("by")
        each = both.group_by("seed", maintain_order=True).agg(change)["by"].to_numpy()
        if len(each) < 2:
            continue
        mean, error = float(each.mean()), float(each.std(ddof=1) / math.sqrt(len(each)))
        half = float(stdtrit(len(each) - 1, (1 + level) / 2)) * error
        p = float(abs(mean) <= TINY)  # if the difference is the same for every seed
        if error > TINY:
            p = float(2 * stdtr(len(each) - 1, -abs(mean) / error))
        comparisons.append((str(method), Span(mean, mean - half, mean + half, len(each), -math.inf), p))
    return [
        FromPlain(m, s, p)
        for (m, s, _), p in zip(comparisons, holm([p for *_, p in comparisons]), strict=True)
    ]


@dataclass(frozen=True)
class OnCurve:
    """A method's mean residual from the curve of all other methods. agents: those within the others' range of effective α."""

    method: str
    span: Span  # corrected for the number of methods (Bonferroni)
    agents: int
    outside: int


def one_curve(agents: pl.DataFrame, measure: str = "preference") -> list[OnCurve]:
    """Test whether a measure is one monotone function of effective α: for each method, residuals from the fit to all others."""
    known = agents.drop_nulls([measure, "effective_alpha"])
    methods = known["method"].unique(maintain_order=True).to_list()
    if len(methods) < 2:
        return []
    x, y, name = log_alpha(known), known[measure].to_numpy(), known["method"].to_numpy()
    seeds, place = np.unique(known["seed"].to_numpy(), return_inverse=True)
    rng = np.random.default_rng(0)
    weights = [np.bincount(draw, minlength=len(seeds)) for draw in resampled(len(seeds), rng)]
    tests = []
    for method in methods:
        own, others = name == method, name != method
        inside = own & (x >= x[others].min()) & (x <= x[others].max())
        if not inside.any():
            tests.append(
                OnCurve(method, Span(math.nan, -math.inf, math.inf, 0, -math.inf), 0, int(own.sum()))
            )
            continue
        value = residual(x, y, np.ones(len(x)), inside, others)
        samples = np.array([residual(x, y, w[place].astype(float), inside, others) for w in weights])
        ends = quantiles(samples[~np.isnan(samples)], 1 - 0.05 / len(methods))
        n = len(np.unique(place[inside]))
        span = Span(value, *ends, n, -math.inf)
        tests.append(OnCurve(method, span, int(inside.sum()), int((own & ~inside).sum())))
    return tests


def log_alpha(agents: pl.DataFrame) -> np.ndarray:
    """Natural logarithm of effective α, float64[n]; agents without a distinguishing step are placed at a third of the smallest other."""
    alphas = agents["effective_alpha"].to_numpy()
    positive = alphas[alphas > 0]
    return np.log(np.maximum(alphas, positive.min() / 3 if len(positive) else 1.0))


def monotone(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The monotone curve of least squares: its places, ascending, and its heights. Equal x count with their mean."""
    from scipy.optimize import isotonic_regression

    places, back = np.unique(x, return_inverse=True)
    total = np.bincount(back, weights)
    means = np.bincount(back, weights * y) / total
    return places, np.asarray(isotonic_regression(means, weights=total).x)


def residual(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, inside: np.ndarray, others: np.ndarray
) -> float:
    """Mean of y minus the monotone fit to the others, over the agents `inside`; nan if the sample lacks either."""
    fit, own = others & (weights > 0), inside & (weights > 0)
    if not fit.any() or not own.any():
        return math.nan
    places, curve = monotone(x[fit], y[fit], weights[fit])
    return float(np.average(y[own] - np.interp(x[own], places, curve), weights=weights[own]))


def is_one_curve(points: Sequence[OnCurve]) -> str:
    """`one curve`, `not one curve` or `undecided`, as the plan says."""
    spans = [test.span for test in points if test.agents]
    if any((s.low > 0 or s.high < 0) and abs(s.value) > MARGIN for s in spans):
        return "not one curve"
    if spans and all(s.low >= -MARGIN and s.high <= MARGIN for s in spans):
        return "one curve"
    return "undecided"
