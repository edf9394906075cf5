"""Chunked evaluation: play many levels in parts, writing each part to disk and freeing its memory.

The parts are in a hidden folder next to the result and replace its files atomically at the end. The rates are pooled from
those of the parts, so memory does not grow with the number of levels. Read next: `evaluate.py`; `trajectories.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from goalposts.errors import UserError

from ..measurement.episodes import MAX_ROWS, SCHEMA_VERSION, VERSION_KEY, episodes_file
from ..measurement.rates import OutcomesRow, pooled, rows_of
from ..runs.run import Run
from ..system.atomic_files import disk_errors, unfinished_name, write_together
from .evaluate import Evaluation, EvaluationSpec, Subject, Tell, evaluate_in_parts
from .trajectories import files_of, trajectories_of, what_stays

AT_ONCE = 20_000  # levels per part
ROWS_A_GROUP = 100_000  # of a Parquet file; explicit, so that equal episodes give equal bytes


@dataclass
class Found:
    """Summary of an evaluation: the rows of its outcomes table, and its leakage by condition."""

    rows: list[OutcomesRow] = field(default_factory=list)
    leaked: dict[str, int] = field(default_factory=dict)

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


def evaluate_many(
    subject: Subject,
    plan: EvaluationSpec,
    target: Run | Path | None,
    add: bool = False,
    tell: Tell | None = None,
) -> Found:
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
    found, parts = Found(), evaluate_in_parts(subject, plan, AT_ONCE, tell)
    if target is None:
        for part in parts:
            found.add(part)
        return found
    if isinstance(target, Path):
        with _pieces(target) as pieces:
            for part in parts:
                found.add(part)
                pieces.add("episodes", episodes_file(part.episodes))
            write_together({target: pieces.joined("episodes", _EPISODES)})
        return found
    facts = (plan.levels, [subject.run], [subject.train_step], sorted(plan.modes))
    kept = what_stays(target, plan.conditions, facts) if add else None
    with _pieces(target.episodes_path) as pieces:
        if kept is not None:
            pieces.add("episodes", episodes_file(kept.episodes))
            pieces.add("trajectories", kept.trajectories.write_parquet)
        for part in parts:
            found.add(part)
            pieces.add("episodes", episodes_file(part.episodes))
            pieces.add("trajectories", trajectories_of(part).write_parquet)
        leaked = found.leaked if kept is None else {**kept.leaked, **found.leaked}
        trajectories, episodes = pieces.joined("trajectories"), pieces.joined("episodes", _EPISODES)
        write_together(files_of(target, trajectories, leaked, episodes))
    return found


_EPISODES = {VERSION_KEY: str(SCHEMA_VERSION)}


@dataclass
class _Pieces:
    """Pieces of tables, written one by one and read back as one table."""

    folder: Path
    written: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, name: str, content: bytes | Callable[[Path], object]) -> None:
        pieces = self.written.setdefault(name, [])
        path = self.folder / f"{name}-{len(pieces):06}.parquet"
        with disk_errors(path, "write"):
            path.write_bytes(content) if isinstance(content, bytes) else content(path)
        pieces.append(path)

    def joined(self, name: str, metadata: dict[str, str] | None = None) -> Callable[[BinaryIO], Any]:
        """Return a function that writes the pieces of a name to a file, as one table in order."""
        table = pl.scan_parquet(self.written[name])
        return lambda file: table.sink_parquet(file, row_group_size=ROWS_A_GROUP, metadata=metadata)


@contextmanager
def _pieces(beside: Path) -> Iterator[_Pieces]:
    """Collect pieces in a hidden folder and remove it at the end; after a crash, the next holder of the lock removes it."""
    folder = unfinished_name(beside)
    with disk_errors(folder, "write"):
        folder.mkdir()
    try:
        yield _Pieces(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
