"""The goal in every place of a level, and what an agent did there: as a file of a run, and as a report shows it.

Reads what `goal_sweep.py` played, and plays the recorded actions again for pictures; needs neither the agent nor torch.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from goalposts.errors import UserError

from ...envs.levels.level import Level
from ...envs.worlds.registry import get_world
from ...envs.worlds.world import World
from ..report.data import Exploration, Place
from ..runs.run import Run
from ..system.atomic_files import RunError, read_limited, write_atomic
from ..system.parquet import Unreadable, read_parquet
from .replay import replay
from .trajectories import MAX_PICTURE, MAX_STEPS

FILE = "explored.parquet"
GREEDY = -1  # the number of the rollout that takes the likeliest actions; 0, 1, … are sampled
SHOWN = 3  # sampled rollouts of each place that a page can play; all of them count
MAX_BYTES, MAX_ROWS = 1 << 28, 2_000_000
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


@dataclass(frozen=True)
class Seen:
    """A run as a page shows it: its name there, and its episodes table."""

    name: str
    run: Run
    episodes: pl.DataFrame


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
        table = read_parquet(content, MAX_ROWS).table
    except Unreadable as error:
        raise RunError(f"{path} is damaged: it is not a whole Parquet file ({error}). {remedy}") from None
    if table is None:
        raise RunError(f"{path} holds more rollouts than any of ours. {remedy}")
    if dict(table.schema) != SCHEMA or any(
        table[name].null_count() for name in SCHEMA if name != "train_step"
    ):
        raise RunError(f"{path} holds other columns than explored levels have. {remedy}")
    too_long = (pl.col("actions").bin.size() > MAX_STEPS) | (pl.col("level").str.len_bytes() > MAX_PICTURE)
    if table.filter(too_long).height:
        raise RunError(f"{path} holds an episode or a level larger than any of ours. {remedy}")
    return table


def explored(seen: Sequence[Seen]) -> list[Exploration]:
    """What the runs have of the same levels, in the order of the first that has any; [] where nothing was explored.

    What was played by another checkpoint than the one in the episodes table is left out. Raises RunError.
    """
    tables = {one.name: table for one in seen if (table := _current(one)) is not None}
    keys = ["condition", "level_index", "layout_hash", "level"]
    found = []
    for key in (
        next(iter(tables.values())).select(keys).unique(maintain_order=True).iter_rows() if tables else ()
    ):
        chosen = [pl.col(name) == value for name, value in zip(keys, key, strict=True)]
        parts = {name: part for name, table in tables.items() if (part := table.filter(chosen)).height}
        limits = {one.name: one.run.config.env.max_steps for one in seen}
        found.append(exploration_of(parts, limits))
    return found


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


def _current(one: Seen) -> pl.DataFrame | None:
    path = one.run.path / FILE
    if not path.exists():
        return None
    table, keys = read_explored(path), ["run", "train_step"]
    known = one.episodes.select(keys).unique().cast({name: SCHEMA[name] for name in keys})
    return table if table.height and table.select(keys).unique().equals(known) else None


def exploration_of(parts: dict[str, pl.DataFrame], limits: dict[str, int | None]) -> Exploration:
    """One level as a page shows it, from each agent's rows of it. limits: steps an episode may have. Raises RunError."""
    first = next(iter(parts.values()))
    facts = first.row(0, named=True)
    world = get_world(facts["world"])
    cells = first.select("row", "col").unique(maintain_order=True).rows()
    try:
        level = Level.from_text(facts["level"], world.name)
        home = home_of(level, world, cells)
        places = {
            name: [_place(level, home, cell, part, limits[name]) for cell in cells]
            for name, part in parts.items()
        }
    except RunError:
        raise
    except (UserError, IndexError) as error:
        raise RunError(
            f"an explored level cannot be played again ({str(error).rstrip('.')}); make it anew with: goalposts explore"
        ) from error
    goal = world.legend.tiles[level.tiles[home]].sprite
    return Exploration(facts["layout_hash"], facts["condition"], goal, home, places)


def _place(
    level: Level, home: tuple[int, int], cell: tuple[int, int], part: pl.DataFrame, limit: int | None
) -> Place:
    here = part.filter((pl.col("row") == cell[0]) & (pl.col("col") == cell[1])).sort("rollout")
    sampled = here.filter(pl.col("rollout") != GREEDY)
    counts = {
        kind: sampled.filter(pl.col("outcome_first") == kind).height for kind in ("goal", "proxy", "neither")
    }
    shown = here.filter(pl.col("rollout") < SHOWN)
    there = moved(level, home, cell)
    return Place(
        *cell, counts, [replay(there, list(actions), max_steps=limit) for actions in shown["actions"]]
    )
