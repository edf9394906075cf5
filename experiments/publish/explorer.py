"""Data of a report's explorer, from goal sweeps: the goal in every place of a level, and each agent's episodes there.

Replays the recorded actions for images; needs neither the agent nor torch. Read next: `experiments/evaluation/goal_sweep_file.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from goalposts.errors import UserError
from goalposts.process.budget import OverBudget, reading_budget

from ...envs.levels.level import Level
from ...envs.worlds.registry import get_world
from ..evaluation.goal_sweep_file import FILE, GREEDY, SCHEMA, home_of, moved, read_sweep, sweep_path
from ..evaluation.replay import replay
from ..measurement.episodes import FIRST
from ..report.data import Exploration, Place
from ..runs.run import Run
from ..system.atomic_files import RunError
from .live_world import proxy_cells

SHOWN = 3  # sampled rollouts per place that a page can play; the statistics use all of them


@dataclass(frozen=True)
class Seen:
    """A run on a page: its name there, and its episodes table."""

    name: str
    run: Run
    episodes: pl.DataFrame


def explored(seen: Sequence[Seen]) -> list[Exploration]:
    """Collect the runs' explored levels that they have in common, in the order of the first run that has any; else [].

    Leaves out sweeps by a checkpoint other than the one in the episodes table. Raises RunError.
    """
    tables = {agent.name: table for agent in seen if (table := _current(agent)) is not None}
    keys = ["condition", "level_index", "layout_hash", "level"]
    explorations = []
    for key in (
        next(iter(tables.values())).select(keys).unique(maintain_order=True).iter_rows() if tables else ()
    ):
        chosen = [pl.col(name) == value for name, value in zip(keys, key, strict=True)]
        parts = {name: part for name, table in tables.items() if (part := table.filter(chosen)).height}
        limits = {agent.name: agent.run.config.env.max_steps for agent in seen}
        explorations.append(exploration_of(parts, limits))
    return explorations


def _current(explorer: Seen) -> pl.DataFrame | None:
    path = sweep_path(explorer.run.path)
    if not path.exists():
        return None
    table, keys = read_sweep(path), ["run", "train_step"]
    known = explorer.episodes.select(keys).unique().cast({name: SCHEMA[name] for name in keys})
    return table if table.height and table.select(keys).unique().equals(known) else None


def exploration_of(parts: dict[str, pl.DataFrame], limits: dict[str, int | None]) -> Exploration:
    """Build one explored level of a page from each agent's rows. limits: maximum steps per episode. Raises RunError."""
    first = next(iter(parts.values()))
    facts = first.row(0, named=True)
    world = get_world(facts["world"])
    cells = first.select("row", "col").unique(maintain_order=True).rows()
    budget = reading_budget()
    try:
        level = Level.from_text(facts["level"], world.name)
        home = home_of(level, world, cells)
        places = {
            name: [_place(level, home, cell, part, limits[name]) for cell in budget.each(cells, FILE)]
            for name, part in parts.items()
        }
    except (RunError, OverBudget):
        raise
    except (UserError, IndexError) as error:
        raise RunError(
            f"a swept level cannot be replayed ({str(error).rstrip('.')}); make it again with: goalposts sweep-goal"
        ) from error
    goal = world.legend.tiles[level.tiles[home]].sprite
    cells_of_proxy = proxy_cells(facts["level"], world.name)
    return Exploration(facts["layout_hash"], facts["condition"], goal, home, places, cells_of_proxy)


def _place(
    level: Level, home: tuple[int, int], cell: tuple[int, int], part: pl.DataFrame, limit: int | None
) -> Place:
    here = part.filter((pl.col("row") == cell[0]) & (pl.col("col") == cell[1])).sort("rollout")
    sampled = here.filter(pl.col("rollout") != GREEDY)
    counts = {kind: sampled.filter(pl.col("outcome_first") == kind).height for kind in FIRST}
    shown = here.filter(pl.col("rollout") < SHOWN)
    moved_level = moved(level, home, cell)
    return Place(
        *cell, counts, [replay(moved_level, list(actions), max_steps=limit) for actions in shown["actions"]]
    )
