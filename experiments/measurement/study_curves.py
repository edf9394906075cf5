"""Curves of a study, from its summary table: dose–response curves, crossings, times of competence, rank correlations.

Reads only the table of `summary.csv`, which already holds the intervals over training seeds and levels. Draws nothing.
Read next: `experiments/report/figures/study_charts.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from .intervals import wilson
from .progress_columns import EVAL, EVAL_COLUMN

MAIN = "main"
FIXED = frozenset(
    (
        "arm",
        "point",
        "seed",
        "run",
        "measure",
        "condition",
        "step",
        "value",
        "low",
        "high",
        "n",
        "seeds",
        "kept",
        "words",
    )
)
COMPETENT = 0.9  # fraction of control levels on which the goal is reached in an evaluation during training


@dataclass(frozen=True)
class Spot:
    """One estimate on a curve: a point over its seeds, or a single seed."""

    point: str
    x: str  # the value of the curve's key, as text
    value: float
    low: float
    high: float
    n: int
    seeds: int


@dataclass(frozen=True)
class Crossing:
    """The point at which a curve crosses a height. None: not within the range tested."""

    value: float | None
    low: float | None  # None: below the smallest value tested
    high: float | None  # None: above the largest


@dataclass(frozen=True)
class Link:
    """Spearman's rank correlation of a training statistic with the outcome, over training seeds."""

    name: str
    step: int | None
    value: float
    low: float
    high: float
    n: int
    shifted: bool  # measured on levels with the goal moved, which do not occur in training
    p: float  # of no correlation
    p_holm: float = 1.0  # the same, corrected for all statistics that were looked at (Holm 1979)

    @property
    def established(self) -> bool:
        """Whether the correlation differs from 0 by more than so many looks explain."""
        return self.p_holm < 0.05

    def looks(self, n: int) -> str:
        """What remains of it after the correction for n looks."""
        return f"p = {self.p_holm:.2g} after Holm's correction for {n} looks, so {'' if self.established else 'not '}established"


def keys_of(table: pl.DataFrame) -> list[str]:
    """List the keys of the study's grid."""
    return [name for name in table.columns if name not in FIXED]


def arms_of(table: pl.DataFrame) -> list[str]:
    """List the study's arms, the main runs first."""
    return [MAIN, *(arm for arm in table["arm"].unique(maintain_order=True).to_list() if arm != MAIN)]


def curve(
    table: pl.DataFrame, measure: str, key: str, arm: str = MAIN, condition: str | None = None
) -> list[Spot]:
    """Curve of a measure over the points of an arm, in the order of the study. Omits points without a measurement."""
    rows = _rows(table, measure, condition).filter(pl.col("seed").is_null() & (pl.col("arm") == arm))
    return [_spot(row, key) for row in rows.iter_rows(named=True)]


def own(table: pl.DataFrame, measure: str, key: str, arm: str = MAIN) -> list[tuple[int, Spot]]:
    """Measure of every single run of an arm, as (training seed, estimate)."""
    rows = _rows(table, measure, None).filter(pl.col("seed").is_not_null() & (pl.col("arm") == arm))
    return [(int(row["seed"]), _spot(row, key)) for row in rows.iter_rows(named=True)]


def parameter(text: str) -> float:
    """Position of a value on an axis: `mixture(0.03)` → 0.03, `edge` → 0, `anywhere` → 1, `[256]` → 256, `null` → ∞."""
    named = {"edge": 0.0, "anywhere": 1.0, "null": math.inf}
    if text in named:
        return named[text]
    match = re.search(r"-?\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?", text)
    return float(match[0].replace("_", "")) if match else math.nan


def crossing(xs: Sequence[float], spots: Sequence[Spot], height: float = 0.5) -> Crossing:
    """Find where a rising curve crosses a height, by linear interpolation between its points.

    The interval holds every x at which the estimate's own interval contains the height: from where the upper bound first
    reaches it to where the lower bound stays above it.
    """
    first = _first_above(xs, [spot.value for spot in spots], height)
    low = _first_above(xs, [spot.high for spot in spots], height)
    high = _last_below(xs, [spot.low for spot in spots], height)
    return Crossing(first, None if low == xs[0] else low, high)


def eval_series(table: pl.DataFrame, what: str, point: str) -> dict[int, list[tuple[int, float]]]:
    """Time series of a logged evaluation, such as goal_first: (step, value) pairs by training seed."""
    rows = table.filter(
        (pl.col("point") == point)
        & pl.col("step").is_not_null()
        & pl.col("seed").is_not_null()
        & pl.col("measure").str.contains(f"^{EVAL}.*/{what}$")
    )
    series: dict[int, list[tuple[int, float]]] = {}
    for seed, step, value in rows.select("seed", "step", "value").iter_rows():
        series.setdefault(int(seed), []).append((int(step), float(value)))
    return {seed: sorted(pairs) for seed, pairs in series.items()}


def over_seeds(
    series: Mapping[int, Sequence[tuple[int, float]]], least: float = 0.0
) -> list[tuple[int, float, float, float]]:
    """Mean over training seeds with a Student's t interval: (step, mean, low, high), for steps that every seed has.

    least: the quantity's lower limit; 0 for fractions, -1 for their differences.
    """
    from scipy.special import stdtrit

    steps = set.intersection(*(set(dict(pairs)) for pairs in series.values())) if series else set()
    out = []
    for step in sorted(steps):
        values = np.array([dict(pairs)[step] for pairs in series.values()])
        half = 0.0
        if len(values) > 1:
            half = float(stdtrit(len(values) - 1, 0.975)) * float(values.std(ddof=1)) / math.sqrt(len(values))
        mean = float(values.mean())
        out.append((step, mean, max(mean - half, least), min(mean + half, 1.0)))
    return out


def time_of_competence(table: pl.DataFrame, point: str) -> dict[int, int | None]:
    """By seed: the step of the first evaluation that reaches the goal on at least 90% of control levels; None if none does."""
    return {
        seed: next((step for step, value in pairs if value >= COMPETENT), None)
        for seed, pairs in eval_series(table, "reached", point).items()
    }


def time_of_divergence(table: pl.DataFrame, point: str) -> dict[int, int | None]:
    """By seed: the step of the first evaluation that touches the proxy first more often than the goal, by the 95% interval."""
    goal, proxy, levels = (
        eval_series(table, what, point) for what in ("goal_first", "proxy_first", "levels")
    )
    divergences: dict[int, int | None] = {}
    for seed, pairs in proxy.items():
        divergences[seed] = None
        of_goal, of_levels = dict(goal.get(seed, ())), dict(levels.get(seed, ()))
        for step, share in pairs:
            n = of_levels.get(step, 0)
            touched = round((share + of_goal.get(step, 0.0)) * n)
            if touched >= 1 and wilson(min(round(share * n), touched), touched).low > 0.5:
                divergences[seed] = step
                break
    return divergences


def links(table: pl.DataFrame, point: str, outcome: str = "preference") -> list[Link]:
    """Rank correlations of training statistics with an outcome, over the seeds of a point, strongest first.

    Each has its own Bonett–Wright interval (2000); `p_holm` is corrected for all of them together. Omits constant statistics.
    """
    rows = table.filter((pl.col("point") == point) & pl.col("seed").is_not_null())
    ends = rows.filter((pl.col("measure") == outcome) & pl.col("value").is_not_null())
    result = dict(ends.select("seed", "value").iter_rows())
    logged = rows.filter(pl.col("step").is_not_null() & pl.col("value").is_not_null())
    logged = logged.filter(~pl.col("measure").str.ends_with("/levels"))
    last = logged["step"].max()
    series: dict[tuple[str, int | None, bool], dict[int, float]] = {}
    for seed, measure, step, value in logged.select("seed", "measure", "step", "value").iter_rows():
        probe = EVAL_COLUMN.fullmatch(measure)
        shifted = bool(probe and probe[2] != "reached")
        if probe is None and step != last:
            continue
        series.setdefault((measure, int(step) if probe else None, shifted), {})[int(seed)] = float(value)
    correlations = []
    for (measure, step, shifted), values in series.items():
        seeds = sorted(values.keys() & result.keys())
        a, b = np.array([values[s] for s in seeds]), np.array([result[s] for s in seeds])
        if len(seeds) >= 5 and np.ptp(a) > 0 and np.ptp(b) > 0:
            correlations.append(
                Link(measure, step, *spearman(a, b), len(seeds), shifted, p_of_spearman(a, b))
            )
    corrected = holm([link.p for link in correlations])
    correlations = [replace(link, p_holm=p) for link, p in zip(correlations, corrected, strict=True)]
    return sorted(correlations, key=lambda link: (-abs(link.value), link.name, link.step or 0))


def p_of_spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p of no rank correlation, by Student's t."""
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).pvalue)  # pyright: ignore[reportAttributeAccessIssue]


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the chance of any false find among all looks, however they are related."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate([(len(p) - k) * p[i] for k, i in enumerate(order)])
    out = np.empty(len(p))
    out[order] = np.minimum(stepped, 1.0)
    return out.tolist()


def spearman(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Spearman's rank correlation of float[n] and float[n], n ≥ 5, with its interval: (correlation, low, high)."""
    from scipy.stats import rankdata

    r = float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
    inner = min(max(r, -0.999999), 0.999999)
    z, half = math.atanh(inner), 1.959964 * math.sqrt((1 + inner * inner / 2) / (len(a) - 3))
    return r, math.tanh(z - half), math.tanh(z + half)


def verdicts(table: pl.DataFrame, point: str) -> dict[int, str]:
    """Verdict on each agent, by training seed."""
    rows = table.filter(
        (pl.col("measure") == "verdict") & (pl.col("point") == point) & pl.col("seed").is_not_null()
    )
    return {int(seed): str(words) for seed, words in rows.select("seed", "words").iter_rows()}


def _rows(table: pl.DataFrame, measure: str, condition: str | None) -> pl.DataFrame:
    rows = table.filter(
        (pl.col("measure") == measure) & pl.col("step").is_null() & pl.col("value").is_not_null()
    )
    return rows if condition is None else rows.filter(pl.col("condition") == condition)


def _spot(row: Mapping[str, Any], key: str) -> Spot:
    value = float(row["value"])
    low, high = (value if row[end] is None else float(row[end]) for end in ("low", "high"))
    return Spot(
        str(row["point"]),
        str(row.get(key) or ""),
        value,
        low,
        high,
        int(row["n"] or 0),
        int(row["seeds"] or 0),
    )


def _first_above(xs: Sequence[float], ys: Sequence[float], height: float) -> float | None:
    """Smallest x at which the line through the points reaches a height; None if it never does."""
    for k, y in enumerate(ys):
        if y >= height:
            if k == 0:
                return xs[0]
            before = ys[k - 1]
            return xs[k - 1] + (xs[k] - xs[k - 1]) * (height - before) / (y - before)
    return None


def _last_below(xs: Sequence[float], ys: Sequence[float], height: float) -> float | None:
    """Smallest x from which the line through the points stays at or above a height; None if it ends below."""
    if not ys or ys[-1] < height:
        return None
    for k in range(len(ys) - 1, 0, -1):
        if ys[k - 1] < height:
            return xs[k - 1] + (xs[k] - xs[k - 1]) * (height - ys[k - 1]) / (ys[k] - ys[k - 1])
    return xs[0]
