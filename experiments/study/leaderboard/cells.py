"""The cells of the leaderboard: one row per point and measure, with its interval over training seeds and levels, and its n.

Rates come from the measurement (crossed random effects); costs and CVaR have Student's interval over seeds. Read next: `board.py`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from ....envs.worlds.registry import get_world
from ...measurement import Estimate, diagnose
from ...measurement.level_counts import count
from ...measurement.rates import DISTINGUISHING, EITHER_FIRST, GOAL_FIRST, estimate
from .agents import SCHEMA
from .points import SECOND_SHIFT, MethodPoint

# Measures of the verdict, by the names of `agents.MEASURES`.
JUDGED = {
    "capability": "capability",
    "preference": "preference",
    "corrected": "preference_beyond_chance",
    "goal_first": "goal_first",
    "paralysis": "paralysis",
    "regret": "normalized_regret",
}
OVER_SEEDS = ("cvar", "effective_alpha", "steps", "scoring_steps", "labels", "cpu")
VERDICT, VERDICTS, CRITICAL = "verdict", "verdicts", "critical/"
BUDGET = "budget"  # of rows with another budget than that of the study's main runs
CONTROL = "control/"  # rows of controls that do not hold; their words are the control and its state
ENTRY = ", α = 1"  # ends the name of the control that says whether a world enters
COLUMNS = {
    **{name: SCHEMA[name] for name in ("study", "world", "label_class", "method", "parameter")},
    "measure": pl.String(),
    "value": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "n": pl.Int64(),  # training seeds
    "planned": pl.Int64(),
    "words": pl.String(),
}


def cells_of(points: Iterable[MethodPoint], agents: pl.DataFrame, unfinished: bool = False) -> pl.DataFrame:
    """The cells of points. agents: their rows, from `agents_of`.

    unfinished: whether a point without a finished agent has cells too, which say so.
    """
    rows: list[dict[str, Any]] = []
    for point in points:
        if not point.runs and not unfinished:
            continue
        rows += [_row(point, BUDGET, words=point.budget)] if point.budget else []
        rows += _of_point(point, agents) if point.runs else _of_none(point)
    return pl.DataFrame(rows, schema=COLUMNS)


def rows_of(agents: pl.DataFrame, point: MethodPoint) -> pl.DataFrame:
    """The agents of one point."""
    same = [pl.col(name) == getattr(point, name) for name in ("study", "method", "parameter")]
    return agents.filter(*same)


def over_seeds(
    values: Iterable[float | None], least: float = 0.0, most: float = math.inf
) -> tuple[float, ...] | None:
    """Mean, low, high, n with Student's 95% interval, cut at the possible range; None without values.

    A single value has no interval: its ends are infinite.
    """
    from scipy.special import stdtrit

    known = np.array([value for value in values if value is not None])
    if not len(known):
        return None
    mean = float(known.mean())
    if len(known) < 2:
        return mean, -math.inf, math.inf, 1
    half = float(stdtrit(len(known) - 1, 0.975) * known.std(ddof=1) / math.sqrt(len(known)))
    return mean, max(least, mean - half), min(most, mean + half), len(known)


def _of_point(point: MethodPoint, agents: pl.DataFrame) -> list[dict[str, Any]]:
    own = rows_of(agents, point)
    verdict = diagnose(point.episodes, point.config.verdict)
    rows = [
        _row(point, VERDICT, words=verdict.label, n=own.height),
        _row(point, VERDICTS, words=_counted(own), n=own.height),
    ]
    rows += [_estimated(point, name, verdict.numbers[key]) for name, key in JUDGED.items()]
    second = _played(point, SECOND_SHIFT.get(point.world, ""), sampled=True)
    likeliest = _played(point, get_world(point.world).default_condition("shift"), sampled=False)
    rows += [
        _estimated(point, "greedy_preference", _rate(likeliest, DISTINGUISHING & EITHER_FIRST)),
        _estimated(point, "greedy_goal_first", _rate(likeliest, DISTINGUISHING)),
        _estimated(point, "second_goal_first", _rate(second, DISTINGUISHING)),
    ]
    for name in OVER_SEEDS:
        most = 1.0 if name in ("cvar", "effective_alpha") else math.inf
        spread = over_seeds(own[name].to_list(), most=most)
        if spread is not None:
            value, low, high, n = spread
            rows.append(_row(point, name, value, low, high, int(n)))
    return rows


def _played(point: MethodPoint, condition: str, sampled: bool) -> pl.DataFrame:
    return point.episodes.filter((pl.col("sampled") == sampled) & (pl.col("condition") == condition))


def _rate(episodes: pl.DataFrame, trial: pl.Expr) -> Estimate | None:
    """How often the goal comes first among trials; None without episodes."""
    return estimate(count(episodes, GOAL_FIRST, trial)) if episodes.height else None


def _of_none(point: MethodPoint) -> list[dict[str, Any]]:
    return [_row(point, VERDICT), _row(point, VERDICTS, words="no finished run")]


def _counted(own: pl.DataFrame) -> str:
    counts = Counter(own["verdict"].drop_nulls().to_list()).most_common()
    return ", ".join(f"{count} {words}" for words, count in counts)


def _estimated(point: MethodPoint, name: str, number: Estimate | None) -> dict[str, Any]:
    if number is None:
        return _row(point, name, n=0)
    return _row(point, name, number.value, number.low, number.high, max(number.seeds, 1), number.warning)


def _row(
    point: MethodPoint,
    measure: str,
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
    n: int = 0,
    words: str | None = None,
) -> dict[str, Any]:
    same = {name: getattr(point, name) for name in ("study", "world", "label_class", "method", "parameter")}
    return {
        **same,
        "measure": measure,
        "value": value,
        "low": low,
        "high": high,
        "n": n,
        "planned": point.planned,
        "words": words,
    }
