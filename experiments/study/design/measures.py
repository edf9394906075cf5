"""Measures of a study, as rows of its summary: one estimate of a run or a point per row, with its interval.

A run has its own estimates and the values logged during training. A point has estimates over training seeds and levels, with
two-way intervals. Reads tables, writes no file. Read next: `experiments/study/results/summary.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from ...config.schema import ExperimentConfig
from ...evaluation.trajectories import read_leakage
from ...measurement import Estimate, Verdict, diagnose, outcomes
from ...measurement.episodes import read_episodes
from ...measurement.metrics import METRICS
from ...measurement.progress_columns import EVAL, LENGTH, RETURN
from ...measurement.rates import OUTCOMES
from ...runs.run import Run

Row = dict[str, Any]
GREEDY = "greedy/"  # before the name of a measure: by greedy episodes; without it, by sampled ones
LOGGED = (
    RETURN,
    "entropy",
    "value_loss",
    "policy_loss",
    LENGTH,
)  # of progress.csv, besides the periodic evaluation
COLUMNS: dict[str, Any] = {
    "arm": pl.String,
    "point": pl.String,
    "seed": pl.Int64,  # null: all seeds of the point together
    "run": pl.String,
    "measure": pl.String,
    "condition": pl.String,
    "step": pl.Int64,  # null: after training
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "seeds": pl.Int64,
    "kept": pl.Float64,
    "words": pl.String,  # a verdict's label; or an interval's warning
}


def measures_of_run(run: Run) -> list[Row]:
    """Compute the measures of one run, in a fixed order."""
    episodes = read_episodes(run.episodes_path, follow=False)
    leaked = sum(read_leakage(run).values())
    rows = list(_measures(episodes, diagnose(episodes, run.config.verdict, leakage=leaked), leaked))
    progress = run.progress()
    rows += [
        _row(name, step=int(row["step"] or 0), value=value)
        for row in progress
        for name, value in row.items()
        if value is not None and (name.startswith(EVAL) or (name in LOGGED and row is progress[-1]))
    ]
    return rows


def measures_of_point(episodes: pl.DataFrame, config: ExperimentConfig, leaked: int) -> list[Row]:
    """Compute the measures of a point over all its seeds (episodes with one agent label), and its outlier seeds."""
    verdict = diagnose(episodes, config.verdict, leakage=leaked)
    rows = list(_measures(episodes, verdict, leaked))
    for odd in verdict.outliers:
        seed = int(odd.name.removeprefix("seed "))
        rows.append(_row("outlier", value=odd.value, words=str(odd)) | {"seed": seed})
    return rows


def _measures(episodes: pl.DataFrame, verdict: Verdict, leaked: int) -> Iterator[Row]:
    yield from _of_verdict(verdict)
    if verdict.sampled and not episodes["sampled"].all():
        greedy = diagnose(episodes, verdict.thresholds, shift=verdict.shift, sampled=False, leakage=leaked)
        yield from _of_verdict(greedy, GREEDY)
    for condition in episodes["condition"].unique(maintain_order=True):
        found = outcomes(episodes, condition=condition)
        for name in OUTCOMES:
            yield _estimated(name, condition, getattr(found, name))
    yield _row("leaked", value=float(leaked))


def _of_verdict(verdict: Verdict, prefix: str = "") -> Iterator[Row]:
    """The label and all numbers, measured on sampled episodes, or on greedy ones with a prefix."""
    yield _row(f"{prefix}verdict", condition=verdict.shift, words=verdict.label, seeds=len(verdict.runs))
    for metric in METRICS:
        on = verdict.control if metric.about == "control" else verdict.shift
        yield _estimated(f"{prefix}{metric.key}", on, verdict.numbers[metric.key])


def _estimated(measure: str, condition: str | None, found: Estimate | None) -> Row:
    if found is None:
        return _row(measure, condition=condition)
    return _row(
        measure,
        condition=condition,
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.n,
        seeds=found.seeds,
        kept=found.kept,
        words=found.warning,
    )


def _row(measure: str, **values: str | float | None) -> Row:
    """A row with these values; all other columns are null."""
    names = ("condition", "step", "value", "low", "high", "n", "seeds", "kept", "words")
    return {"measure": measure, **{name: values.get(name) for name in names}}
