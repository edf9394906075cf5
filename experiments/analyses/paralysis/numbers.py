"""Numbers of the paralysis study: a row per agent, then curves over α, the crossing, the maximum, and what the plan concludes.

Reads recorded rows of the studies `paralysis` and `paralysis-corner`; the definitions are those of docs/results/paralysis-plan.md.
Read next: `page.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from ....envs.worlds.registry import get_world
from ...measurement.rates import DISTINGUISHING, GOAL_FIRST, GOAL_REACHED, TIMED_OUT
from ...measurement.study_curves import parameter
from ...study.design.plan import MAIN, StudyPlan, plan_study
from ...study.results.recorded_rows import read_rows

STUDIES = ("paralysis", "paralysis-corner")
# Fraction of control episodes that reach the goal, below which an agent is left out of the curves.
CAPABLE = 0.9
REPETITIONS = 1000
LEAST_SHARE = 0.05  # of bootstrap samples, for an α to be among the possible maxima
FACTOR = 2.0
CONFIRMING, REFUTING = 8, 5  # settings, of ten
COLUMNS = (
    "setting",
    "alpha",
    "seed",
    "capability",
    "goal_first",
    "timeouts",
    "circles_shift",
    "circles_control",
    "circles_none",
    "conflict",
    "conflict_beyond_none",
    "able",
)
Conclusion = Literal["confirmed", "refuted", "undecided"]


@dataclass(frozen=True)
class Curve:
    """A measure over α: mean over training seeds with a bootstrap interval, float[k] each."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Setting:
    """One setting of the star: both curves, where they peak and cross, and what follows."""

    name: str
    alphas: np.ndarray
    seeds: tuple[int, ...]  # able agents per α
    lost: int  # agents left out, because they never learned to play
    goal_first: Curve
    conflict: Curve
    beyond_none: Curve
    timeouts: Curve
    crossing: float | None
    crossing_range: tuple[float, float]  # 95% bootstrap interval; infinite: above the largest α
    peak: float
    peaks: tuple[float, ...]  # every α that is the maximum in at least 5% of bootstrap samples
    above_ends: bool  # the maximum exceeds both ends, each by an interval that excludes 0

    @property
    def monotone(self) -> bool:
        """The maximum is at one end of the grid."""
        return self.peak in (self.alphas[0], self.alphas[-1])

    def near(self, alpha: float) -> bool:
        """Within a factor of 2 of the crossing, or one of the two points of the grid next to it."""
        if self.crossing is None or alpha <= 0:
            return False
        if max(alpha / self.crossing, self.crossing / alpha) <= FACTOR:
            return True
        above = int(np.searchsorted(self.alphas, self.crossing))
        return alpha in self.alphas[max(above - 1, 0) : above + 1]

    @property
    def agrees(self) -> bool:
        """The prediction holds in this setting."""
        return any(map(self.near, self.peaks)) and self.above_ends

    @property
    def contradicts(self) -> bool:
        """Monotone, or the maximum is too far from the crossing."""
        return self.monotone or not any(map(self.near, self.peaks))


def agents_of(rows: Path, studies: Sequence[str] = STUDIES) -> pl.DataFrame:
    """One row per agent in the recorded rows, with `COLUMNS`. Raises RunError, EpisodesError."""
    records = []
    for study in studies:
        path = rows / f"{study}.parquet"
        if path.exists():
            plan, known = plan_study(study), read_rows(path)
            records += list(_agents(plan, known.episodes))
    return pl.DataFrame(records, schema=list(COLUMNS), orient="row", infer_schema_length=None)


def _agents(plan: StudyPlan, episodes: Mapping[str, pl.DataFrame]):
    for point in plan.points:
        alpha = parameter(point.values["env.condition"])
        setting = point.arm if point.arm != MAIN else plan.study.name.replace("paralysis", "recipe", 1)
        for seed, run in point.runs:
            if run in episodes:
                yield (setting, alpha, seed, *_measured(episodes[run], plan))


def _measured(table: pl.DataFrame, plan: StudyPlan) -> tuple[float, ...]:
    world = get_world(next(iter(plan.runs.values())).world)
    control, shift = (world.default_condition(role) for role in ("control", "shift"))
    sampled, greedy = table.filter(pl.col("sampled")), table.filter(~pl.col("sampled"))
    moved = sampled.filter((pl.col("condition") == shift) & DISTINGUISHING)
    capability = _mean(sampled.filter(pl.col("condition") == control), GOAL_REACHED)
    circles = [
        _mean(greedy.filter(pl.col("condition") == name), pl.col("looped"))
        for name in (shift, control, "none")
    ]
    return (
        capability,
        _mean(moved, GOAL_FIRST),
        _mean(moved, TIMED_OUT),
        *circles,
        circles[0] - circles[1],
        circles[0] - circles[2],
        float(capability >= CAPABLE),
    )


def _mean(table: pl.DataFrame, event: pl.Expr) -> float:
    return float(table.select(event.cast(pl.Float64).mean()).item())


def settings_of(agents: pl.DataFrame, seed: int = 0) -> list[Setting]:
    """Summarize each setting, in the order of the table."""
    return [
        _setting(str(name), part, np.random.default_rng(seed))
        for (name,), part in agents.group_by("setting", maintain_order=True)
    ]


def _setting(name: str, agents: pl.DataFrame, rng: np.random.Generator) -> Setting:
    able = agents.filter(pl.col("able") == 1)
    alphas = np.array(able["alpha"].unique().sort().to_list())
    groups = [able.filter(pl.col("alpha") == alpha) for alpha in alphas]
    draws = [rng.integers(0, len(group), (REPETITIONS, len(group))) for group in groups]
    conflict, repeated = _curve(groups, "conflict", draws)
    goal_first, firsts = _curve(groups, "goal_first", draws)
    top = int(np.argmax(conflict.value))
    shares = np.bincount(np.argmax(repeated, axis=1), minlength=len(alphas)) / REPETITIONS
    lows = [np.quantile(repeated[:, top] - repeated[:, end], 0.025) for end in (0, -1)]
    return Setting(
        name,
        alphas,
        tuple(len(group) for group in groups),
        agents.height - able.height,
        goal_first,
        conflict,
        _curve(groups, "conflict_beyond_none", draws)[0],
        _curve(groups, "timeouts", draws)[0],
        crossing_of(alphas, goal_first.value),
        _crossing_range(alphas, firsts),
        float(alphas[top]),
        tuple(float(a) for a, share in zip(alphas, shares, strict=True) if share >= LEAST_SHARE),
        top not in (0, len(alphas) - 1) and all(low > 0 for low in lows),
    )


def _curve(
    groups: Sequence[pl.DataFrame], measure: str, draws: Sequence[np.ndarray]
) -> tuple[Curve, np.ndarray]:
    """The curve, and its bootstrap samples over training seeds: float[REPETITIONS, k]."""
    values = [group[measure].to_numpy() for group in groups]
    repeated = np.stack([v[d].mean(axis=1) for v, d in zip(values, draws, strict=True)], axis=1)
    low, high = np.quantile(repeated, [0.025, 0.975], axis=0)
    return Curve(np.array([v.mean() for v in values]), low, high), repeated


def places(alphas: np.ndarray) -> np.ndarray:
    """Positions on the logarithmic axis; α = 0 is placed at a third of the smallest positive α."""
    least = float(alphas[alphas > 0].min())
    return np.log(np.where(alphas > 0, alphas, least / 3))


def crossing_of(alphas: np.ndarray, values: np.ndarray, height: float = 0.5) -> float | None:
    """The α at which a curve first passes a height, by linear interpolation over log α; None if it does not."""
    where = places(alphas)
    for k in range(1, len(alphas)):
        if values[k - 1] < height <= values[k]:
            share = (height - values[k - 1]) / (values[k] - values[k - 1])
            return math.exp(where[k - 1] + share * (where[k] - where[k - 1]))
    return None


def _crossing_range(alphas: np.ndarray, repeated: np.ndarray) -> tuple[float, float]:
    """The 95% interval of the crossing over bootstrap samples of a curve; samples that never cross count as infinite."""
    found = [crossing_of(alphas, values) for values in repeated]
    low, high = np.quantile(
        [math.inf if one is None else one for one in found], [0.025, 0.975], method="inverted_cdf"
    )
    return float(low), float(high)


def conclusion(settings: Sequence[Setting]) -> Conclusion:
    """What the plan concludes from these settings."""
    if sum(setting.agrees for setting in settings) >= CONFIRMING:
        return "confirmed"
    if sum(setting.contradicts for setting in settings) >= REFUTING:
        return "refuted"
    return "undecided"
