"""Trajectories: recorded episodes, each a level as text and the actions taken; the rules are deterministic.

Written next to the episodes table, so that reports, films and attribution need neither the agent nor torch.
Read next: `replay.py`, which replays them for images.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from goalposts.process.budget import reading_budget

from ...envs.engine.outcome import O_STEPS
from ...envs.levels.level import MAX_COLS, Level, LevelError, LevelSet
from ...envs.levels.level import MAX_ROWS as MAX_ROWS_OF_LEVEL
from ...envs.worlds.contract.sources import shown_command
from ..measurement.episodes import FEW_ROWS, episodes_file, read_episodes
from ..runs.run import Run
from ..system.atomic_files import RunError, read_limited, write_together
from ..system.parquet import UNSEEN, Unreadable, read_parquet
from .evaluate import Evaluation

FILE = "trajectories.parquet"
LEAKAGE = "leakage.json"  # next to it; by condition: the number of levels whose layout was trained on
MAX_BYTES = 1 << 30
MAX_STEPS = 100_000
MAX_PICTURE = 1 << 15
MAX_ROWS = 50_000_000
PER_LEVEL = 1_000  # bytes of a level object in memory
Content = bytes | Callable[[BinaryIO], object]  # a file's content, or a function that writes it
# Facts on which episodes of one table must agree: levels per condition, runs, training steps, modes.
Facts = tuple[Any, ...]
SCHEMA: dict[str, pl.DataType] = {
    "run": pl.String(),
    "agent": pl.String(),
    "world": pl.String(),
    "condition": pl.String(),
    "level_index": pl.Int32(),
    "layout_hash": pl.String(),
    "level": pl.String(),  # as text
    "actions": pl.Binary(),  # one byte per action
}


def trajectories_of(evaluation: Evaluation) -> pl.DataFrame:
    """Build the trajectories table: the sampled episodes of an evaluation, in the order of its episodes table."""
    tables = []
    for condition, levels in evaluation.levels.items():
        played = evaluation.played[condition]
        rows = evaluation.episodes.filter((pl.col("condition") == condition) & pl.col("sampled"))
        lengths = played.outcome[:, O_STEPS].tolist()
        tables.append(
            rows.select("run", "agent", "world", "condition", "level_index", "layout_hash").with_columns(
                level=pl.Series([level.to_text() for level in levels], dtype=pl.String),
                actions=pl.Series(
                    [played.actions[i, :n].tobytes() for i, n in enumerate(lengths)], dtype=pl.Binary
                ),
            )
        )
    return pl.concat(tables).cast(SCHEMA)  # type: ignore[arg-type]


def read_trajectories(path: Path) -> pl.DataFrame:
    """Read a trajectories file that `record` wrote. Raises RunError."""
    content = read_limited(path, MAX_BYTES)
    most = min(MAX_ROWS, FEW_ROWS + len(content))
    return read_recorded(path, content, SCHEMA, most, ("trajectories", "evaluate"))


def read_recorded(
    path: Path,
    content: bytes,
    schema: dict[str, pl.DataType],
    most: int,
    words: tuple[str, str],
    nullable: str = "",
) -> pl.DataFrame:
    """Check and return a Parquet table of recorded actions that anyone may have written. Raises RunError.

    most: rows. words: what the table is called, and the command that writes it. nullable: a column that may hold nulls.
    """
    kind, command = words
    remedy = f"Write it again with: {shown_command(command, path.parent)}"
    try:
        parquet = read_parquet(content, most, what=path)
    except Unreadable as error:
        raise RunError(f"{path} is damaged: it is not a complete Parquet file ({error}). {remedy}") from None
    table = parquet.table
    if table is None:
        raise RunError(f"{path} claims more episodes than its size or the limit allows. {remedy}")
    if dict(table.schema) != schema or any(table[name].null_count() for name in schema if name != nullable):
        raise RunError(f"{path} does not have the columns of {kind}. {remedy}")
    too_long = (pl.col("actions").bin.size() > MAX_STEPS) | (pl.col("level").str.len_bytes() > MAX_PICTURE)
    if table.filter(too_long).height:
        raise RunError(f"{path} holds an episode or a level larger than allowed. {remedy}")
    refuse_unseen(table, path, remedy)
    return reading_budget().hold(table, parquet.size, path)


def refuse_unseen(table: pl.DataFrame, path: Path, remedy: str) -> None:
    """Raise RunError if a name in the table is not one line of visible text."""
    for name in table.columns:
        if name != "level" and table.schema[name] == pl.String and table[name].str.contains(UNSEEN).any():
            raise RunError(f"{path}: column {name!r} holds control characters or line breaks. {remedy}")


def read_leakage(run: Run) -> dict[str, int]:
    """Read the leakage: by condition, the number of levels whose layout was trained on; empty if not counted. Raises RunError."""
    path = run.path / LEAKAGE
    if not path.exists():
        return {}
    try:
        counts = json.loads(read_limited(path, 1 << 20))
        if not all(type(n) is int and 0 <= n <= MAX_ROWS for n in counts.values()):
            raise TypeError
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise RunError(
            f"{path} is damaged. Write it again with: {shown_command('evaluate', run.path)}"
        ) from None
    return counts


def record(run: Run, evaluation: Evaluation, add: bool = False) -> None:
    """Store an evaluation in the run's folder, replacing the earlier one; with `add`, only the conditions it contains.

    The caller must hold the lock. Raises RunError, without changing anything, if `add` would mix conditions played on
    different levels.
    """
    episodes, trajectories, leaked = evaluation.episodes, trajectories_of(evaluation), evaluation.leaked
    kept = what_stays(run, list(evaluation.levels), _facts(episodes)) if add else None
    if kept is not None:
        episodes = pl.concat([kept.episodes, episodes])
        trajectories = pl.concat([kept.trajectories, trajectories])
        leaked = {**kept.leaked, **leaked}
    buffer = io.BytesIO()
    trajectories.write_parquet(buffer)
    write_together(files_of(run, buffer.getvalue(), leaked, episodes_file(episodes)))


def files_of(
    run: Run, trajectories: Content, leaked: Mapping[str, int], episodes: Content
) -> dict[Path, Content]:
    """List the files of an evaluation in a run's folder with their content, in the order in which they are renamed.

    Raises FolderGone if the run's folder was removed or replaced since it was locked.
    """
    run.check_there()
    counts = (json.dumps(dict(leaked), indent=1) + "\n").encode()
    return {run.path / FILE: trajectories, run.path / LEAKAGE: counts, run.episodes_path: episodes}


@dataclass(frozen=True)
class Kept:
    """The conditions of an earlier evaluation that stay when others are added or replaced."""

    episodes: pl.DataFrame
    trajectories: pl.DataFrame
    leaked: dict[str, int]


def what_stays(run: Run, new: list[str], facts: Facts) -> Kept | None:
    """Read the episodes in a run's folder, except for the conditions that are replayed; None if none remain.

    facts: those of the new episodes. Raises RunError if the remaining episodes were played on other levels or by another
    agent.
    """
    if not run.episodes_path.exists():
        return None
    episodes = read_episodes(run.episodes_path, follow=False).filter(~pl.col("condition").is_in(new))
    if not episodes.height:
        return None
    of_kept = _facts(episodes)
    if of_kept != facts:
        raise RunError(
            f"{run.episodes_path} holds an evaluation on {of_kept[0]:,} levels per condition, at step {of_kept[2]}; a table "
            f"must not mix it with one on {facts[0]:,} levels, at step {facts[2]}. Nothing was changed. Give the same "
            "--levels, omit --condition to evaluate everything again, or write elsewhere with --out."
        )
    trajectories = pl.DataFrame(schema=SCHEMA)
    if (run.path / FILE).exists():
        trajectories = read_trajectories(run.path / FILE).filter(~pl.col("condition").is_in(new))
    return Kept(episodes, trajectories, read_leakage(run))


def _facts(episodes: pl.DataFrame) -> Facts:
    columns = (episodes[name].unique().sort().to_list() for name in ("run", "train_step", "sampled"))
    return (episodes["level_index"].n_unique(), *columns)


def check_together(run: Run, episodes: pl.DataFrame, trajectories: pl.DataFrame) -> None:
    """Raise RunError if the trajectories and the table differ, as when a process was killed between writing the two."""
    keys = ["condition", "level_index"]
    lengths = trajectories.select(*keys, steps=pl.col("actions").bin.size().cast(pl.Int32)).sort(keys)
    if not lengths.equals(episodes.filter("sampled").select(*keys, "steps").sort(keys)):
        raise RunError(
            f"{run.path / FILE} and {run.episodes_path} are of different evaluations. "
            f"Write both again with: {shown_command('evaluate', run.path)}"
        )


def levels_and_actions(trajectories: pl.DataFrame) -> tuple[LevelSet, np.ndarray, np.ndarray]:
    """Unpack rows of one world: (levels, actions uint8[N, T] padded with 255, lengths int64[N]). Raises RunError."""
    budget, what = reading_budget(), "the recorded episodes"
    lines = trajectories.select(
        rows=pl.col("level").str.count_matches("\n", literal=True), size=pl.col("level").str.len_bytes()
    ).max()
    longest = int(trajectories["actions"].bin.size().max() or 0)  # pyright: ignore[reportArgumentType]
    most_rows, most_columns = (
        (int(lines["rows"][0] or 0) + 1, int(lines["size"][0] or 0)) if lines.height else (0, 0)
    )
    a_level = min(most_rows, MAX_ROWS_OF_LEVEL) * min(most_columns, MAX_COLS)
    budget.claim(trajectories.height * (2 * a_level + longest + PER_LEVEL), what)
    try:
        rows = trajectories.select("level", "world").iter_rows()
        levels = [Level.from_text(text, world) for text, world in budget.each(rows, what)]
    except LevelError as error:
        raise RunError(f"a recorded level is not valid: {error.message}") from error
    taken = trajectories["actions"].to_list()
    lengths = np.array([len(a) for a in taken], np.int64)
    actions = np.full((len(taken), int(lengths.max(initial=0))), 255, np.uint8)
    for row, acts in zip(actions, taken, strict=True):
        row[: len(acts)] = np.frombuffer(acts, np.uint8)
    return LevelSet.of(levels), actions, lengths
