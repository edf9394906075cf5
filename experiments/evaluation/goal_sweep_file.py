"""Goal sweep files: write and read the rollouts of `goal_sweep.py` in a run's folder, and replay them for a report.

Replays the recorded actions for images; needs neither the agent nor torch.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from goalposts.process.budget import reading_budget

from ...envs.levels.level import Level
from ...envs.worlds.contract.sources import shown_command
from ...envs.worlds.contract.world import World
from ..runs.run import Run
from ..system.atomic_files import RunError, read_limited, write_atomic
from .trajectories import read_recorded

FILE = "goal_sweep.parquet"
OLD_FILE = "explored.parquet"  # its name until November 2026
GREEDY = -1  # the number of the rollout that takes the likeliest actions; 0, 1, … are sampled
MAX_BYTES, MAX_ROWS = 1 << 28, 2_000_000
FEW_ROWS = 10_000  # any file may claim this many rows; beyond that, one per byte
MAX_LEVELS = 100
SECONDS_A_BYTE = 2e-4  # time limit of a replay, about three times what a valid file takes
SCHEMA: dict[str, pl.DataType] = {
    "run": pl.String(),
    "train_step": pl.Int64(),
    "world": pl.String(),
    "condition": pl.String(),
    "level_index": pl.Int32(),
    "layout_hash": pl.String(),
    "level": pl.String(),  # as text, with the goal where the generator put it
    "row": pl.Int32(),  # where the goal was moved to
    "col": pl.Int32(),
    "rollout": pl.Int32(),
    "outcome_first": pl.String(),
    "actions": pl.Binary(),  # one byte per action
}


def sweep_path(run: Path) -> Path:
    """The goal sweep in a run folder: under its name, or under the old name if only that exists."""
    old = run / OLD_FILE
    return old if old.exists() and not (run / FILE).exists() else run / FILE


def write_sweep(run: Run, table: pl.DataFrame) -> Path:
    """Write a goal sweep into the run's folder, replacing an earlier one. Raises RunError."""
    buffer = io.BytesIO()
    table.cast(SCHEMA).write_parquet(buffer)  # type: ignore[arg-type]
    write_atomic(run.path / FILE, buffer.getvalue())
    return run.path / FILE


def read_sweep(path: Path) -> pl.DataFrame:
    """Read a goal sweep that `write_sweep` wrote. Raises RunError."""
    content = read_limited(path, MAX_BYTES)
    most = min(MAX_ROWS, FEW_ROWS + len(content))
    table = read_recorded(path, content, SCHEMA, most, ("a goal sweep", "sweep-goal"), "train_step")
    levels = table.select("condition", "level_index", "layout_hash", "level").n_unique()
    if levels > MAX_LEVELS:
        remedy = f"Write it again with: {shown_command('sweep-goal', path.parent)}"
        raise RunError(f"{path} holds {levels:,} levels; a goal sweep has at most {MAX_LEVELS}. {remedy}")
    reading_budget().read(len(content), SECONDS_A_BYTE)
    return table


def moved(level: Level, home: tuple[int, int], to: tuple[int, int]) -> Level:
    """Return the level with the object at `home` moved to `to`."""
    tiles = np.array(level.tiles)
    code, tiles[home] = tiles[home], 0
    tiles[to] = code
    return Level(level.world, tiles)


def home_of(level: Level, world: World, places: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Find which of the places holds the goal. Raises RunError if none does."""
    goals = world.legend.goal_codes()
    for row, col in places:
        if (
            0 <= row < level.tiles.shape[0]
            and 0 <= col < level.tiles.shape[1]
            and goals[level.tiles[row, col]]
        ):
            return row, col
    raise RunError(
        "an explored level has no goal in any of its places; write it again with: goalposts sweep-goal"
    )
