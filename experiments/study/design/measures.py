"""Measures of a study, as rows of its summary: one estimate of a run or a point per row, with its interval.

A run has its own estimates, the name of what it does (from its recorded actions) and the values logged during training. A point
has estimates over training seeds and levels, with two-way intervals, and how far its levels are from the training layouts.
Reads tables, writes no file. Read next: `experiments/study/results/summary.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from ....envs.worlds.registry import get_world
from ...config.schema import ExperimentConfig
from ...evaluation.diagnosis import Recorded, name_runs, relocated
from ...evaluation.held_out import held_out
from ...evaluation.trajectories import FILE as TRAJECTORIES
from ...evaluation.trajectories import read_leakage, read_trajectories
from ...measurement import Estimate, Verdict, diagnose, outcomes
from ...measurement.behaviour.naming import BECAUSE_OF_PLACE
from ...measurement.episodes import read_episodes
from ...measurement.metrics import METRICS
from ...measurement.paired_contrasts import mean_relocation_effect
from ...measurement.progress_columns import EVAL, LENGTH, RETURN, SPENT
from ...measurement.rates import OUTCOMES, estimate, loop_counts
from ...runs.run import Run

Row = dict[str, Any]
BEHAVIOUR, RELOCATION, DECIDING = "behaviour", "relocation_effect", "deciding"
DID = "did/"  # before the outcome that a candidate behaviour predicts; `did` writes it
LOOPED = "looped"  # greedy episodes that go round in circles
DISTANCE = "distance/"  # to the nearest training layout, before the name of a statistic
GREEDY = "greedy/"  # before the name of a measure: by greedy episodes; without it, by sampled ones
FORESIGHT = "foresight/"  # before the name of a predictor of `goalposts foresee`
PLAN = "plan"  # in the column `words`: SHA-256 of the study's preregistered plan
LOGGED = (
    RETURN,
    "entropy",
    "value_loss",
    "policy_loss",
    LENGTH,
    *SPENT,
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
    verdict = diagnose(episodes, run.config.verdict, leakage=leaked)
    rows = [*_measures(episodes, verdict, leaked), *_of_actions(run, episodes, verdict)]
    progress = run.progress()
    rows += [
        _row(name, step=int(row["step"] or 0), value=value)
        for row in progress
        for name, value in row.items()
        if value is not None and (name.startswith(EVAL) or (name in LOGGED and row is progress[-1]))
    ]
    return rows


def measured_again(episodes: pl.DataFrame, config: ExperimentConfig, rows: list[Row]) -> list[Row]:
    """The measures of a run that other code measured: what episodes determine is computed again, the rest is kept."""
    leaked = sum(int(row["value"] or 0) for row in rows if row["measure"] == "leaked")
    verdict = diagnose(episodes, config.verdict, leakage=leaked)
    kept = [row for row in rows if row["step"] is not None or not is_of_episodes(row["measure"])]
    return [*_measures(episodes, verdict, leaked), *kept]


def did(predicted: Iterable[str]) -> str:
    """The measure of a prediction: how often all of it held of an episode."""
    return DID + " and ".join(predicted)


def is_of_episodes(measure: str) -> bool:
    """Whether a measure that is no log entry is computed from the run's episodes."""
    return measure != PLAN and not measure.startswith(FORESIGHT) and not is_of_actions(measure)


def is_of_actions(measure: str) -> bool:
    """Whether a measure comes from recorded actions, which recorded rows do not contain."""
    return measure in (BEHAVIOUR, RELOCATION) or measure.startswith(DID)


def measures_of_point(
    episodes: pl.DataFrame, config: ExperimentConfig, leaked: int, of_actions: Sequence[Row]
) -> list[Row]:
    """Compute the measures of a point over all its seeds (episodes with one agent label), and its outlier seeds.

    of_actions: the rows of its agents that come from recorded actions, among them the name of what each agent does ("" where the probes
    gave none) and its relocation effect.
    """
    names = [row["words"] or "" for row in of_actions if row["measure"] == BEHAVIOUR]
    verdict = diagnose(episodes, config.verdict, leakage=leaked)
    rows = list(_measures(episodes, verdict, leaked))
    for condition, distances in held_out(config, config.evaluate.conditions, config.evaluate.levels).items():
        for name, value in asdict(distances).items():
            rows.append(_row(f"{DISTANCE}{name}", condition=condition, value=float(value)))
    if names:
        counts = Counter(name or "no name" for name in names).most_common()
        words = "; ".join(f"{name}: {count} of {len(names)}" for name, count in counts)
        rows.append(_row(BEHAVIOUR, words=words, n=len(names)))
    rows += _relocation_over_seeds([row for row in of_actions if row["measure"] == RELOCATION])
    for odd in verdict.outliers:
        seed = int(odd.name.removeprefix("seed "))
        rows.append(_row("outlier", value=odd.value, words=str(odd)) | {"seed": seed})
    return rows


def _relocation_over_seeds(rows: Sequence[Row]) -> list[Row]:
    """The mean relocation effect of agents that were measured on the same levels; none if they were not, or if there is no effect."""
    if not rows or len({(row["condition"], row["words"], row["n"]) for row in rows}) > 1:
        return []
    first = rows[0]
    found = mean_relocation_effect([(row["value"], row["low"], row["high"]) for row in rows], first["n"])
    return [_estimated(RELOCATION, first["condition"], found) | {"words": first["words"]}]


def _measures(episodes: pl.DataFrame, verdict: Verdict, leaked: int) -> Iterator[Row]:
    yield from _of_verdict(verdict)
    if verdict.sampled and not episodes["sampled"].all():
        greedy = diagnose(episodes, verdict.thresholds, shift=verdict.shift, sampled=False, leakage=leaked)
        yield from _of_verdict(greedy, GREEDY)
    for condition in episodes["condition"].unique(maintain_order=True):
        shares = outcomes(episodes, condition=condition)
        for name in OUTCOMES:
            yield _estimated(name, condition, getattr(shares, name))
        if episodes["sampled"].all():
            continue
        if len(verdict.runs) > 1:
            shares = outcomes(episodes, condition=condition, sampled=False)
            for name in OUTCOMES:
                yield _estimated(f"{GREEDY}{name}", condition, getattr(shares, name))
        counts = loop_counts(episodes.filter(~pl.col("sampled")), condition)
        if counts is not None:
            yield _estimated(f"{GREEDY}{LOOPED}", condition, estimate(counts))
    yield _row("leaked", value=float(leaked))


def _of_actions(run: Run, episodes: pl.DataFrame, verdict: Verdict) -> Iterator[Row]:
    """The name of what the agent does, each tested prediction, and the relocation effect."""
    path, config = run.path / TRAJECTORIES, run.config
    if not path.exists():
        return
    env = config.env
    recorded = [Recorded(config.name, episodes, read_trajectories(path), env.max_steps, env.slip)]
    moved = relocated(verdict, recorded, episodes)
    naming = name_runs(get_world(config.world), recorded, verdict.sampled, lambda: moved)
    if naming is not None:
        yield _row(BEHAVIOUR, words=naming.name or "")
        tests = {
            (test.condition, test.predicted): test.share
            for candidate in naming.candidates
            for test in candidate.tests
            if BECAUSE_OF_PLACE not in test.predicted  # that is the relocation effect
        }
        for (condition, predicted), share in tests.items():
            if share is not None:
                yield _estimated(did(predicted), condition, share)
    if moved is not None:
        yield _estimated(RELOCATION, verdict.shift, moved.effect) | {"words": moved.other}


def _of_verdict(verdict: Verdict, prefix: str = "") -> Iterator[Row]:
    """The label and all numbers, measured on sampled episodes, or on greedy ones with a prefix."""
    yield _row(f"{prefix}verdict", condition=verdict.shift, words=verdict.label, seeds=len(verdict.runs))
    if not prefix:
        yield _row(DECIDING, condition=verdict.shift, words="; ".join(map(str, verdict.deciding)))
    for metric in METRICS:
        on = verdict.control if metric.about == "control" else verdict.shift
        yield _estimated(f"{prefix}{metric.key}", on, verdict.numbers[metric.key])


def _estimated(measure: str, condition: str | None, number: Estimate | None) -> Row:
    if number is None:
        return _row(measure, condition=condition)
    return _row(
        measure,
        condition=condition,
        value=number.value,
        low=number.low,
        high=number.high,
        n=number.n,
        seeds=number.seeds,
        kept=number.kept,
        words=number.warning,
    )


def given_measures(rows: Iterable[Row]) -> list[Row]:
    """Rows of a run's measures from parts of rows that were computed elsewhere; all other columns are null."""
    return [_row(**row) for row in rows]


def _row(measure: str, **values: str | float | None) -> Row:
    """A row with these values; all other columns are null."""
    names = ("condition", "step", "value", "low", "high", "n", "seeds", "kept", "words")
    return {"measure": measure, **{name: values.get(name) for name in names}}
