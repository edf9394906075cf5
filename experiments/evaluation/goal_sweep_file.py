"""The goal in every place of a level, and what an agent did there: as a file of a run, and as a report shows it.

Reads what `goal_sweep.py` played, and plays the recorded actions again for pictures; needs neither the agent nor torch.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from goalposts.process.budget import reading_budget

from ...envs.levels.level import Level
from ...envs.worlds.contract.world import World
from ..runs.run import Run
from ..system.atomic_files import RunError, read_limited, write_atomic
from ..system.parquet import Unreadable, read_parquet
from .trajectories import MAX_PICTURE, MAX_STEPS, refuse_unseen

FILE = "explored.parquet"
GREEDY = -1  # the number of the rollout that takes the likeliest actions; 0, 1, … are sampled
MAX_BYTES, MAX_ROWS = 1 << 28, 2_000_000
FEW_ROWS = 10_000  # that any file may claim; beyond, one a byte
MAX_LEVELS = 100
SECONDS_A_BYTE = 2e-4  # that playing it again may take: a page of ours takes a third of that
SCHEMA: dict[str, pl.DataType] = {
    "run": pl.String(),
    "train_step": pl.Int64(),
    "world": pl.String(),
    "condition": pl.String(),
    "level_index": pl.Int32(),
    "layout_hash": pl.String(),
    "level": pl.String(),  # the picture, the goal where the generator put it
    "row": pl.Int32(),  # where it was put instead
    "col": pl.Int32(),
    "rollout": pl.Int32(),
    "outcome_first": pl.String(),
    "actions": pl.Binary(),  # one byte an action
}


def write_explored(run: Run, table: pl.DataFrame) -> Path:
    """Keep it in the run's folder, in place of what is there. Raises RunError."""
    buffer = io.BytesIO()
    table.cast(SCHEMA).write_parquet(buffer)  # type: ignore[arg-type]
    write_atomic(run.path / FILE, buffer.getvalue())
    return run.path / FILE


def read_explored(path: Path) -> pl.DataFrame:
    """Read a file that `write_explored` made. Raises RunError."""
    content = read_limited(path, MAX_BYTES)
    remedy = f"Write it anew with: goalposts explore {path.parent}"
    try:
        found = read_parquet(content, min(MAX_ROWS, FEW_ROWS + len(content)), what=path)
    except Unreadable as error:
        raise RunError(f"{path} is damaged: it is not a complete Parquet file ({error}). {remedy}") from None
    table = found.table
    if table is None:
        raise RunError(f"{path} holds more rollouts than any of ours. {remedy}")
    if dict(table.schema) != SCHEMA or any(
        table[name].null_count() for name in SCHEMA if name != "train_step"
    ):
        raise RunError(f"{path} holds other columns than explored levels have. {remedy}")
    too_long = (pl.col("actions").bin.size() > MAX_STEPS) | (pl.col("level").str.len_bytes() > MAX_PICTURE)
    if table.filter(too_long).height:
        raise RunError(f"{path} holds an episode or a level larger than any of ours. {remedy}")
    refuse_unseen(table, path, remedy)
    levels = table.select("condition", "level_index", "layout_hash", "level").n_unique()
    if levels > MAX_LEVELS:
        raise RunError(f"{path} holds {levels:,} levels; an exploration has at most {MAX_LEVELS}. {remedy}")
    reading_budget().read(len(content), SECONDS_A_BYTE)
    return reading_budget().hold(table, found.size, path)


def moved(level: Level, home: tuple[int, int], to: tuple[int, int]) -> Level:
    """The level with what stands at `home` put elsewhere."""
    tiles = np.array(level.tiles)
    code, tiles[home] = tiles[home], 0
    tiles[to] = code
    return Level(level.world, tiles)


def home_of(level: Level, world: World, places: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Which of the places the goal stands in. Raises RunError if it stands in none of them."""
    goals = world.legend.goal_codes()
    for row, col in places:
        if (
            0 <= row < level.tiles.shape[0]
            and 0 <= col < level.tiles.shape[1]
            and goals[level.tiles[row, col]]
        ):
            return row, col
    raise RunError("an explored level has no goal in any of its places; make it anew with: goalposts explore")
