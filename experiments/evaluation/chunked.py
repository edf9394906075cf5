"""Chunked evaluation: play many levels in parts, writing each part to disk and freeing its memory.

The parts are in a hidden folder next to the result and replace its files atomically at the end. The rates are pooled from
those of the parts, so memory does not grow with the number of levels. Read next: `evaluate.py`; `trajectories.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from goalposts.errors import UserError
from goalposts.process.budget import VARIABLE, reading_budget
from goalposts.process.notices import notice

from ...envs.worlds.registry import load_world
from ..measurement.episodes import MAX_ROWS, METADATA, episodes_file, write_episodes
from ..measurement.rates import OutcomesRow, pooled, rows_of
from ..runs.run import Run
from ..system.atomic_files import check_new, write_together
from ..system.pieces import Pieces
from .evaluate import (
    Evaluation,
    EvaluationSpec,
    Subject,
    Tell,
    evaluate_fully,
    evaluate_in_parts,
    plan_of,
    subject_of,
)
from .held_out import HeldOut, held_out
from .level_files import evaluate_file, read_level_file
from .subjects import is_scripted, run_named, subject_named
from .trajectories import files_of, record, trajectories_of, what_stays

AT_ONCE = 20_000  # levels per part
AN_EPISODE, A_RECORDED = 340, 700  # bytes of memory that reading an episode takes, and its recorded actions


@dataclass
class EvaluationSummary:
    """Summary of an evaluation: the rows of its outcomes table, its leakage by condition, the file of its episodes."""

    rows: list[OutcomesRow] = field(default_factory=list)
    leaked: dict[str, int] = field(default_factory=dict)
    stored: Path | None = None
    distances: dict[str, HeldOut] = field(
        default_factory=dict
    )  # by condition; empty where training is not known

    def add(self, part: Evaluation) -> None:
        """Add the next part; parts of a condition must be consecutive."""
        for condition, n in part.leaked.items():
            self.leaked[condition] = self.leaked.get(condition, 0) + n
        for new in rows_of(part.episodes):
            for k, row in enumerate(self.rows):
                if (row.sampled, row.outcomes.condition) == (new.sampled, new.outcomes.condition):
                    self.rows[k] = OutcomesRow(row.sampled, pooled([row.outcomes, new.outcomes]))
                    break
            else:
                self.rows.append(new)


def evaluate_named(
    name: str,
    conditions: Sequence[str] | None = None,
    levels: int | None = None,
    *,
    out: Path | None = None,
    file: Path | None = None,
    world: str | None = None,
    tell: Tell | None = None,
) -> EvaluationSummary:
    """Evaluate a run folder or a scripted agent and store the episodes, as `goalposts evaluate` does.

    conditions, levels   default: as in `plan_of`. Conditions that are given replace those of the run's evaluation, or are
                         added to it; without any, the whole evaluation is replaced
    out                  store the episodes in this new file, and leave the run unchanged
    file                 play the levels of this file instead, and leave the run unchanged
    world                of a scripted agent; default: that of the file, else CoinRun

    Raises UserError, RunError or CheckpointError.
    """
    check_new(out)
    if file is not None and (conditions or levels):
        raise UserError(
            "--file brings its own levels; leave --condition and --levels out, or leave --file out"
        )
    if out is not None and out.suffix.lower() != ".parquet":
        raise UserError(
            f"cannot write {out}: episodes are a Parquet table; give --out a name that ends in .parquet"
        )
    run = None if is_scripted(name) else run_named(name)
    kept = run if out is None and file is None else None
    with nullcontext() if kept is None else kept.lock():
        if run is not None:
            subject = subject_of(run)
        else:
            known = load_world(world).name if world else None
            subject = subject_named(name, read_level_file(file, known).world if file else known or "CoinRun")
        plan = plan_of(subject, conditions, levels) if file is None else None
        if plan is not None and plan.levels > AT_ONCE:
            summary = evaluate_many(subject, plan, out or kept, bool(conditions), tell)
        else:
            played = (
                evaluate_fully(subject, conditions, levels, tell=tell)
                if file is None
                else evaluate_file(subject, file, tell=tell)
            )
            if out is not None:
                write_episodes(played.episodes, out)
            elif kept is not None:
                record(kept, played, add=bool(conditions))
            summary = EvaluationSummary(rows_of(played.episodes), played.leaked)
    far = {} if plan is None or run is None else held_out(run.config, plan.conditions, plan.levels)
    return replace(summary, stored=out or (kept and kept.episodes_path), distances=far)


def evaluate_many(
    subject: Subject,
    plan: EvaluationSpec,
    target: Run | Path | None,
    add: bool = False,
    tell: Tell | None = None,
) -> EvaluationSummary:
    """Play a plan in parts of `AT_ONCE` levels, and store it as `record` would.

    target: a run whose lock is held, a new file for the episodes alone, or None to store nothing. Raises UserError if the
    episodes exceed the limit of a readable table, RunError as `record` does.
    """
    rows = len(plan.conditions) * plan.levels * len(plan.modes)
    if rows > MAX_ROWS:
        raise UserError(
            f"{plan.levels:,} levels in {len(plan.conditions)} conditions are {rows:,} episodes; a table holds at most "
            f"{MAX_ROWS:,}. Give fewer --levels, or one --condition at a time with --out."
        )
    summary, parts = EvaluationSummary(), evaluate_in_parts(subject, plan, AT_ONCE, tell)
    if target is not None:
        _tell_what_reading_takes(rows, len(plan.conditions) * plan.levels if isinstance(target, Run) else 0)
    if target is None:
        for part in parts:
            summary.add(part)
        return summary
    if isinstance(target, Path):
        with Pieces.beside(target) as pieces:
            for part in parts:
                summary.add(part)
                pieces.add("episodes", episodes_file(part.episodes))
            write_together({target: pieces.joined("episodes", METADATA)})
        return summary
    facts = (plan.levels, [subject.run], [subject.train_step], sorted(plan.modes))
    kept = what_stays(target, plan.conditions, facts) if add else None
    with Pieces.beside(target.episodes_path) as pieces:
        if kept is not None:
            pieces.add("episodes", episodes_file(kept.episodes))
            pieces.add("trajectories", kept.trajectories.write_parquet)
        for part in parts:
            summary.add(part)
            pieces.add("episodes", episodes_file(part.episodes))
            pieces.add("trajectories", trajectories_of(part).write_parquet)
        leaked = summary.leaked if kept is None else {**kept.leaked, **summary.leaked}
        trajectories, episodes = pieces.joined("trajectories"), pieces.joined("episodes", METADATA)
        write_together(files_of(target, trajectories, leaked, episodes))
    return summary


def _tell_what_reading_takes(episodes: int, recorded: int) -> None:
    """Say so if commands that read the result would be over the usual budget."""
    needed = AN_EPISODE * episodes + A_RECORDED * recorded
    if needed > reading_budget().memory:
        notice(
            f"commands that read these {episodes:,} episodes will need {VARIABLE}={-(-needed // 10**9)}GB, because they take "
            "more memory than a command may spend on files"
        )
