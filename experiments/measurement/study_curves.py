"""What the figures of a study are drawn from, read off its summary: curves, critical points, times, what predicts what.

Reads the table of `summary.csv` and nothing else; the intervals over training seeds and levels stand in it already.
Draws nothing. Read next: `experiments/report/figures/study_charts.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from .intervals import wilson

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
COMPETENT = 0.9  # share of control levels on which the goal is reached, by the probe
PROBE = re.compile(r"probe/(.+)/(\w+)")


@dataclass(frozen=True)
class Spot:
    """One estimate: of a point over its seeds, or of one seed."""

    point: str
    x: str  # the value of the key that the curve goes over, in words
    value: float
    low: float
    high: float
    n: int
    seeds: int


@dataclass(frozen=True)
class Crossing:
    """Where a curve passes a height. None: not within what was tried."""

    value: float | None
    low: float | None  # None: below the least that was tried
    high: float | None  # None: beyond the largest


@dataclass(frozen=True)
class Link:
    """Spearman's rank correlation of something seen in training with the outcome, over training seeds."""

    name: str
    step: int | None
    value: float
    low: float
    high: float
    n: int
    shifted: bool  # it was measured on levels with the goal moved, which training does not show


def keys_of(table: pl.DataFrame) -> list[str]:
    """The keys of the grid."""
    return [name for name in table.columns if name not in FIXED]


def arms_of(table: pl.DataFrame) -> list[str]:
    """The arms, the main runs first."""
    return [MAIN, *(arm for arm in table["arm"].unique(maintain_order=True).to_list() if arm != MAIN)]


def curve(
    table: pl.DataFrame, measure: str, key: str, arm: str = MAIN, condition: str | None = None
) -> list[Spot]:
    """A measure of every point of an arm, in the order of the study. Points that were not measured are left out."""
    rows = _rows(table, measure, condition).filter(pl.col("seed").is_null() & (pl.col("arm") == arm))
    return [_spot(row, key) for row in rows.iter_rows(named=True)]


def own(table: pl.DataFrame, measure: str, key: str, arm: str = MAIN) -> list[tuple[int, Spot]]:
    """A measure of every single run of an arm, with its training seed."""
    rows = _rows(table, measure, None).filter(pl.col("seed").is_not_null() & (pl.col("arm") == arm))
    return [(int(row["seed"]), _spot(row, key)) for row in rows.iter_rows(named=True)]


def parameter(text: str) -> float:
    """`mixture(0.03)` → 0.03, `edge` → 0, `anywhere` → 1, `[256]` → 256, `null` → ∞: where a value stands on an axis."""
    named = {"edge": 0.0, "anywhere": 1.0, "null": math.inf}
    if text in named:
        return named[text]
    found = re.search(r"-?\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?", text)
    return float(found[0].replace("_", "")) if found else math.nan


def crossing(xs: Sequence[float], spots: Sequence[Spot], height: float = 0.5) -> Crossing:
    """Where a rising curve passes a height, on an axis where its points are joined by straight lines.

    The interval is every x at which the height lies within the estimate's own interval: from where the upper bound first
    reaches it, to where the lower bound stays above it.
    """
    first = _first_above(xs, [spot.value for spot in spots], height)
    low = _first_above(xs, [spot.high for spot in spots], height)
    high = _last_below(xs, [spot.low for spot in spots], height)
    return Crossing(first, None if low == xs[0] else low, high)


def probes(table: pl.DataFrame, what: str, point: str) -> dict[int, list[tuple[int, float]]]:
    """By training seed: (step, value) of a probe's column, such as goal_first."""
    rows = table.filter(
        (pl.col("point") == point)
        & pl.col("step").is_not_null()
        & pl.col("seed").is_not_null()
        & pl.col("measure").str.contains(f"^probe/.*/{what}$")
    )
    found: dict[int, list[tuple[int, float]]] = {}
    for seed, step, value in rows.select("seed", "step", "value").iter_rows():
        found.setdefault(int(seed), []).append((int(step), float(value)))
    return {seed: sorted(pairs) for seed, pairs in found.items()}


def over_seeds(
    series: Mapping[int, Sequence[tuple[int, float]]], least: float = 0.0
) -> list[tuple[int, float, float, float]]:
    """(step, mean, low, high) over training seeds, by Student's t; only steps that every seed has.

    least: what the quantity cannot fall below; 0 for shares, -1 for their differences.
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
    """By seed: the first probe at which the goal is reached on at least 90 % of control levels; None: at none."""
    return {
        seed: next((step for step, value in pairs if value >= COMPETENT), None)
        for seed, pairs in probes(table, "reached", point).items()
    }


def time_of_divergence(table: pl.DataFrame, point: str) -> dict[int, int | None]:
    """By seed: the first probe at which the proxy is touched first more often than the goal, by the 95 % interval."""
    goal, proxy, levels = (probes(table, what, point) for what in ("goal_first", "proxy_first", "levels"))
    found: dict[int, int | None] = {}
    for seed, pairs in proxy.items():
        found[seed] = None
        of_goal, of_levels = dict(goal.get(seed, ())), dict(levels.get(seed, ()))
        for step, share in pairs:
            n = of_levels.get(step, 0)
            touched = round((share + of_goal.get(step, 0.0)) * n)
            if touched >= 1 and wilson(min(round(share * n), touched), touched).low > 0.5:
                found[seed] = step
                break
    return found


def links(table: pl.DataFrame, point: str, outcome: str = "preference") -> list[Link]:
    """How what was logged in training goes along with an outcome, over the seeds of a point: strongest first.

    The interval is Bonett and Wright's (2000), for each by itself. Quantities that do not vary are left out.
    """
    rows = table.filter((pl.col("point") == point) & pl.col("seed").is_not_null())
    ends = rows.filter((pl.col("measure") == outcome) & pl.col("value").is_not_null())
    result = dict(ends.select("seed", "value").iter_rows())
    logged = rows.filter(pl.col("step").is_not_null() & pl.col("value").is_not_null())
    logged = logged.filter(~pl.col("measure").str.ends_with("/levels"))
    last = logged["step"].max()
    series: dict[tuple[str, int | None, bool], dict[int, float]] = {}
    for seed, measure, step, value in logged.select("seed", "measure", "step", "value").iter_rows():
        probe = PROBE.fullmatch(measure)
        shifted = bool(probe and probe[2] != "reached")
        if probe is None and step != last:
            continue
        series.setdefault((measure, int(step) if probe else None, shifted), {})[int(seed)] = float(value)
    found = []
    for (measure, step, shifted), values in series.items():
        seeds = sorted(values.keys() & result.keys())
        a, b = np.array([values[s] for s in seeds]), np.array([result[s] for s in seeds])
        if len(seeds) >= 5 and np.ptp(a) > 0 and np.ptp(b) > 0:
            found.append(Link(measure, step, *spearman(a, b), len(seeds), shifted))
    return sorted(found, key=lambda link: (-abs(link.value), link.name, link.step or 0))


def spearman(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """(rank correlation, low, high) of float[n] and float[n], n ≥ 5."""
    from scipy.stats import rankdata

    r = float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
    inner = min(max(r, -0.999999), 0.999999)
    z, half = math.atanh(inner), 1.959964 * math.sqrt((1 + inner * inner / 2) / (len(a) - 3))
    return r, math.tanh(z - half), math.tanh(z + half)


def verdicts(table: pl.DataFrame, point: str) -> dict[int, str]:
    """By seed: the verdict on that agent."""
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
    """The least x at which a line through the points reaches a height; None if it never does."""
    for k, y in enumerate(ys):
        if y >= height:
            if k == 0:
                return xs[0]
            before = ys[k - 1]
            return xs[k - 1] + (xs[k] - xs[k - 1]) * (height - before) / (y - before)
    return None


def _last_below(xs: Sequence[float], ys: Sequence[float], height: float) -> float | None:
    """The least x from which a line through the points stays at a height or above; None if it ends below."""
    if not ys or ys[-1] < height:
        return None
    for k in range(len(ys) - 1, 0, -1):
        if ys[k - 1] < height:
            return xs[k - 1] + (xs[k] - xs[k - 1]) * (height - ys[k - 1]) / (ys[k] - ys[k - 1])
    return xs[0]
