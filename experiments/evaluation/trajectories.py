"""Recorded episodes: a level's picture and the actions taken. The rules are deterministic, so that is all of an episode.

Written beside the episodes table, so that reports, films and attribution need neither the agent nor torch.
Read next: `replay.py`, which plays them again for pictures.
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
from ..measurement.episodes import FEW_ROWS, episodes_file, read_episodes
from ..runs.run import Run
from ..system.atomic_files import RunError, read_limited, write_together
from ..system.parquet import UNSEEN, Unreadable, read_parquet
from .evaluate import Evaluation

FILE = "trajectories.parquet"
LEAKAGE = "leakage.json"  # beside it; by condition: how many of its levels have a layout that was trained on
MAX_BYTES = 1 << 30
MAX_STEPS = 100_000
MAX_PICTURE = 1 << 15
MAX_ROWS = 50_000_000
PER_LEVEL = 1_000  # bytes of a level as an object
Content = bytes | Callable[[BinaryIO], object]  # of a file, or what writes it
# Of episodes that may stand in one table: levels a condition, runs, training steps, modes.
Facts = tuple[Any, ...]
SCHEMA: dict[str, pl.DataType] = {
    "run": pl.String(),
    "agent": pl.String(),
    "world": pl.String(),
    "condition": pl.String(),
    "level_index": pl.Int32(),
    "layout_hash": pl.String(),
    "level": pl.String(),  # the picture
    "actions": pl.Binary(),  # one byte an action
}


def trajectories_of(evaluation: Evaluation) -> pl.DataFrame:
    """The sampled episodes of an evaluation, in the order of its table."""
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
    """Read a file that `record` made. Raises RunError."""
    content = read_limited(path, MAX_BYTES)
    remedy = f"Write it anew with: goalposts evaluate {path.parent}"
    try:
        found = read_parquet(content, min(MAX_ROWS, FEW_ROWS + len(content)), what=path)
    except Unreadable as error:
        raise RunError(f"{path} is damaged: it is not a complete Parquet file ({error}). {remedy}") from None
    table = found.table
    if table is None:
        raise RunError(f"{path} claims more episodes than its size or any evaluation of ours holds. {remedy}")
    if dict(table.schema) != SCHEMA or any(table[name].null_count() for name in SCHEMA):
        raise RunError(f"{path} holds other columns than trajectories have. {remedy}")
    too_long = (pl.col("actions").bin.size() > MAX_STEPS) | (pl.col("level").str.len_bytes() > MAX_PICTURE)
    if table.filter(too_long).height:
        raise RunError(f"{path} holds an episode or a level larger than any of ours. {remedy}")
    refuse_unseen(table, path, remedy)
    return reading_budget().hold(table, found.size, path)


def refuse_unseen(table: pl.DataFrame, path: Path, remedy: str) -> None:
    """Raise RunError if a name in the table is not one line of visible text."""
    for name in table.columns:
        if name != "level" and table.schema[name] == pl.String and table[name].str.contains(UNSEEN).any():
            raise RunError(f"{path}: column {name!r} holds control characters or line breaks. {remedy}")


def read_leakage(run: Run) -> dict[str, int]:
    """By condition: how many of its levels have a layout that was trained on; empty if nobody counted. Raises RunError."""
    path = run.path / LEAKAGE
    if not path.exists():
        return {}
    try:
        found = json.loads(read_limited(path, 1 << 20))
        if not all(type(n) is int for n in found.values()):
            raise TypeError
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise RunError(f"{path} is damaged. Write it anew with: goalposts evaluate {run.path}") from None
    return found


def record(run: Run, evaluation: Evaluation, add: bool = False) -> None:
    """Keep an evaluation in the run's folder, in place of the one that is there; `add`: in place of its conditions only.

    Needs the lock. Raises RunError, with nothing changed, if it is to be added to conditions played on other levels.
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
    """The files of an evaluation in a run's folder, in the order in which they take their names."""
    counts = (json.dumps(dict(leaked), indent=1) + "\n").encode()
    return {run.path / FILE: trajectories, run.path / LEAKAGE: counts, run.episodes_path: episodes}


@dataclass(frozen=True)
class Kept:
    """What stays of an evaluation to which conditions are added: the other conditions."""

    episodes: pl.DataFrame
    trajectories: pl.DataFrame
    leaked: dict[str, int]


def what_stays(run: Run, new: list[str], facts: Facts) -> Kept | None:
    """The episodes in a run's folder but for the conditions that are played anew; None if there are none.

    facts: of the new episodes. Raises RunError if those that stay were played on other levels, or by another agent.
    """
    if not run.episodes_path.exists():
        return None
    episodes = read_episodes(run.episodes_path, follow=False).filter(~pl.col("condition").is_in(new))
    if not episodes.height:
        return None
    of_kept = _facts(episodes)
    if of_kept != facts:
        raise RunError(
            f"{run.episodes_path} holds an evaluation on {of_kept[0]:,} levels a condition, at step {of_kept[2]}; a table "
            f"must not mix it with one on {facts[0]:,} levels, at step {facts[2]}. Nothing was changed. Give the same "
            "--levels, leave --condition out to evaluate everything anew, or write elsewhere with --out."
        )
    trajectories = pl.DataFrame(schema=SCHEMA)
    if (run.path / FILE).exists():
        trajectories = read_trajectories(run.path / FILE).filter(~pl.col("condition").is_in(new))
    return Kept(episodes, trajectories, read_leakage(run))


def _facts(episodes: pl.DataFrame) -> Facts:
    columns = (episodes[name].unique().sort().to_list() for name in ("run", "train_step", "sampled"))
    return (episodes["level_index"].n_unique(), *columns)


def check_together(run: Run, episodes: pl.DataFrame, trajectories: pl.DataFrame) -> None:
    """Raise RunError if the episodes recorded are not those of the table: a process was killed between the two files."""
    keys = ["condition", "level_index"]
    lengths = trajectories.select(*keys, steps=pl.col("actions").bin.size().cast(pl.Int32)).sort(keys)
    if not lengths.equals(episodes.filter("sampled").select(*keys, "steps").sort(keys)):
        raise RunError(
            f"{run.path / FILE} and {run.episodes_path} are of different evaluations. "
            f"Write both anew with: goalposts evaluate {run.path}"
        )


def levels_and_actions(trajectories: pl.DataFrame) -> tuple[LevelSet, np.ndarray, np.ndarray]:
    """(levels, actions uint8[N, T] padded by 255, lengths int64[N]) of some rows of one world. Raises RunError."""
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
