"""Put the goal into every place of a few levels, and let the agent play there: what the report's explorer shows.

Knows no coin: the goal is whatever single cell gives the goal's event, its places are all empty cells that can be
reached. Each place is played once with the likeliest actions and many times with sampled ones; the n-th sampled rollout
meets the same luck in every place, and the first of them the luck of the evaluation. Needs torch for trained agents.
Read next: `goal_sweep_file.py`, which keeps it and hands it to a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from ...agents.rollout import Played, play
from ...envs.engine.outcome import FIRST, O_FIRST, O_STEPS
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.planner import solve, survey_levels
from ...envs.worlds.contract.world import GOAL
from ..runs.run import Run
from ..system.atomic_files import RunError
from .evaluate import Subject, subject_of
from .evaluated_run import SHOWN, Evaluated, evaluated
from .goal_sweep_file import GREEDY, SCHEMA, moved, write_explored
from .replay import representative

LEVELS, SAMPLES = 3, 20
APART = 1_000_003  # between the numbers that key the luck of two sampled rollouts of one level


def goal_cell(level: Level) -> tuple[int, int] | None:
    """Where the one goal object stands that can be moved; None where there is none, or several."""
    plan = solve(level)
    taken = (plan.events & GOAL != 0) & (plan.succ >= 0)
    cells = np.unique(plan.states[plan.succ[taken]][:, :2], axis=0)
    if len(cells) != 1 or plan.world.counted:
        return None
    row, col = map(int, cells[0])
    return (row, col) if plan.world.legend.goal_codes()[level.tiles[row, col]] else None


def places_of(level: Level, home: tuple[int, int]) -> tuple[list[tuple[int, int]], LevelSet]:
    """Every cell that the goal may be in, row by row, and the levels with it there: empty, valid, proven reachable."""
    plan = solve(level)
    free = plan.reachable_cells() & (level.tiles == 0)
    free[home] = True
    cells = [(int(r), int(c)) for r, c in np.argwhere(free)]
    levels = [moved(level, home, cell) for cell in cells]
    valid = [k for k, one in enumerate(levels) if plan.world.legend.check(one.tiles) is None]
    found = LevelSet.of([levels[k] for k in valid])
    can = np.flatnonzero(survey_levels(found).steps_to_goal > 0)
    return [cells[valid[k]] for k in can], found[can]


def explore_level(
    subject: Subject, level: Level, number: int, seed: int, samples: int = SAMPLES
) -> pl.DataFrame | None:
    """One level, the goal in every place; columns row, col, rollout, outcome_first, actions. None: no goal to move.

    number: of the level in its seed's sequence, which with the seed decides the luck.
    """
    home = goal_cell(level)
    if home is None:
        return None
    cells, levels = places_of(level, home)
    n = len(cells)
    drawn = levels[np.tile(np.arange(n), samples)]
    drawn = replace(drawn, index=number + APART * np.repeat(np.arange(samples), n))
    tables = []
    for chosen, sampled in ((replace(levels, index=np.full(n, number)), False), (drawn, True)):
        played = play(
            subject.agent, chosen, subject.observation, sampled, seed, subject.max_steps, subject.slip
        )
        rollouts = np.repeat(np.arange(samples), n) if sampled else np.full(n, GREEDY)
        tables.append(_table(cells * (samples if sampled else 1), rollouts, played))
    return pl.concat(tables)


def _table(cells: Sequence[tuple[int, int]], rollouts: np.ndarray, played: Played) -> pl.DataFrame:
    lengths = played.outcome[:, O_STEPS].tolist()
    return pl.DataFrame(
        {
            "row": [row for row, _ in cells],
            "col": [col for _, col in cells],
            "rollout": rollouts,
            "outcome_first": [FIRST[k] for k in played.outcome[:, O_FIRST]],
            "actions": [played.actions[k, :n].tobytes() for k, n in enumerate(lengths)],
        },
        schema_overrides={name: SCHEMA[name] for name in ("row", "col", "rollout", "actions")},
    )


def explore(runs: Sequence[Run], levels: int = LEVELS, samples: int = SAMPLES) -> list[int]:
    """Explore the same few levels with every run and keep it in their folders; returns how many levels each has now.

    The levels are the first of the shift condition that come out as most do, over all runs together
    (`rollouts.representative`), those that the page's player shows last; a run that was evaluated on other levels gets none,
    and levels without one single goal that can be moved are left out. What is there is replaced, run by run.
    Raises RunError (not evaluated, not trained, of different worlds, in use), CheckpointError.
    """
    items = evaluated(runs)
    shift = _shift_of(items)
    subjects = [subject_of(item.run) for item in items]
    recorded = [item.trajectories().filter(pl.col("condition") == shift) for item in items]
    tables = [item.episodes for item in items]
    told = representative(tables, shift, SHOWN)  # a guess is worth more where the player has not told
    more = representative(tables, shift, len(told) + 20 * levels)
    chosen = sorted(more, key=told.__contains__)[:levels]
    keys = ["condition", "level_index", "layout_hash", "level"]
    rows = [
        row
        for k in chosen
        for row in recorded[0].filter(pl.col("level_index") == k).select(keys).iter_rows(named=True)
    ]
    counts = []
    for item, subject, known in zip(items, subjects, recorded, strict=True):
        seed, made = item.config.evaluate.level_seed, []
        with item.run.lock():
            for row in rows:
                if not known.filter(*(pl.col(key) == row[key] for key in keys)).height:
                    continue
                level = Level.from_text(row["level"], subject.world)
                found = explore_level(subject, level, row["level_index"], seed, samples)
                if found is not None:
                    facts = {
                        "run": subject.run,
                        "train_step": subject.train_step,
                        "world": subject.world,
                        **row,
                    }
                    same = [pl.lit(value).alias(name) for name, value in facts.items()]
                    made.append(found.select(*same, pl.all()).cast(SCHEMA))  # type: ignore[arg-type]
            write_explored(item.run, pl.concat(made) if made else pl.DataFrame(schema=SCHEMA))
        counts.append(len(made))
    return counts


def _shift_of(items: Sequence[Evaluated]) -> str:
    """The condition whose levels are explored. Raises RunError where a run cannot be asked to play them."""
    world = items[0].world
    shift = world.default_condition("shift")
    for item in items:
        path = item.run.path
        if item.world is not world:
            raise RunError("the runs are of different worlds; explore those of each world together")
        if item.untrained():
            raise RunError(f"{path} holds what somebody played, and no agent that could be asked to play on")
        if shift not in item.conditions():
            raise RunError(
                f"{path} was not evaluated on {shift!r}, whose levels are explored. Evaluate it there: goalposts evaluate "
                f"{path} --condition '{shift}'"
            )
    return shift
