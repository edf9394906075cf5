"""Goal sweep: move the goal to every place of a few levels and let the agent play; the data of the report's explorer.

Works for any world: the goal is the single cell that gives the goal's event, its places are all reachable empty cells. Each
place is played once greedily and many times with sampled actions. The n-th sampled rollout has the same action noise in
every place (common random numbers), and the first has that of the evaluation. Needs torch for trained agents.
Read next: `goal_sweep_file.py`, which stores it and prepares it for a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from goalposts.errors import UserError
from goalposts.whole_numbers import whole

from ...agents.rollout import Played, play
from ...envs.engine.outcome import FIRST, O_FIRST, O_STEPS
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.planner import solve, survey_levels
from ...envs.worlds.contract.sources import shown_command
from ...envs.worlds.contract.world import GOAL
from ..runs.run import Run
from ..system.atomic_files import RunError
from .evaluate import Subject, subject_of
from .evaluated_run import SHOWN, Evaluated, evaluated
from .goal_sweep_file import GREEDY, SCHEMA, moved, write_sweep
from .replay import representative

LEVELS, SAMPLES = 3, 20
APART = 1_000_003  # offset between the noise keys of two sampled rollouts of one level


def goal_cell(level: Level) -> tuple[int, int] | None:
    """Find the cell of the movable goal object; None if there is none, or several."""
    plan = solve(level)
    taken = (plan.events & GOAL != 0) & (plan.succ >= 0)
    cells = np.unique(plan.states[plan.succ[taken]][:, :2], axis=0)
    if len(cells) != 1 or plan.world.counted:
        return None
    row, col = map(int, cells[0])
    return (row, col) if plan.world.legend.goal_codes()[level.tiles[row, col]] else None


def places_of(level: Level, home: tuple[int, int]) -> tuple[list[tuple[int, int]], LevelSet]:
    """List every possible goal cell (empty, valid, proven reachable), row by row, and the levels with the goal there."""
    plan = solve(level)
    free = plan.reachable_cells() & (level.tiles == 0)
    free[home] = True
    cells = [(int(r), int(c)) for r, c in np.argwhere(free)]
    levels = [moved(level, home, cell) for cell in cells]
    valid = [k for k, variant in enumerate(levels) if plan.world.legend.check(variant.tiles) is None]
    variants = LevelSet.of([levels[k] for k in valid])
    can = np.flatnonzero(survey_levels(variants).steps_to_goal > 0)
    return [cells[valid[k]] for k in can], variants[can]


def sweep_level(
    subject: Subject, level: Level, number: int, seed: int, samples: int = SAMPLES
) -> pl.DataFrame | None:
    """Sweep the goal over one level; columns row, col, rollout, outcome_first, actions. None if no goal can be moved.

    number: the level's number in its seed's sequence; with the seed, it keys the action noise.
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


def sweep_goal(runs: Sequence[Run], levels: int = LEVELS, samples: int = SAMPLES) -> list[int]:
    """Sweep the goal over the same few levels with every run and store the results in their folders; return the number of levels per run.

    Chooses representative levels of the shift condition over all runs (`replay.representative`), preferring those that the
    page's player does not show. A run that was evaluated on other levels gets none, and levels without a single movable goal
    are left out. Replaces earlier results, run by run.
    Raises RunError (not evaluated, not trained, of different worlds, in use) or CheckpointError.
    """
    levels, samples = whole("levels", levels, UserError, 1, 20), whole("samples", samples, UserError, 1, 500)
    items = evaluated(runs)
    shift = _shift_of(items)
    subjects = [subject_of(item.run) for item in items]
    recorded = [item.trajectories().filter(pl.col("condition") == shift) for item in items]
    tables = [item.episodes for item in items]
    shown = representative(tables, shift, SHOWN)  # by the player, so they give away the reader's guess
    more = representative(tables, shift, len(shown) + 20 * levels)
    chosen = sorted(more, key=shown.__contains__)[:levels]
    keys = ["condition", "level_index", "layout_hash", "level"]
    rows = [
        row
        for k in chosen
        for row in recorded[0].filter(pl.col("level_index") == k).select(keys).iter_rows(named=True)
    ]
    counts = []
    for item, subject, known in zip(items, subjects, recorded, strict=True):
        seed, sweeps = item.config.evaluate.level_seed, []
        with item.run.lock():
            for row in rows:
                if not known.filter(*(pl.col(key) == row[key] for key in keys)).height:
                    continue
                level = Level.from_text(row["level"], subject.world)
                sweep = sweep_level(subject, level, row["level_index"], seed, samples)
                if sweep is not None:
                    facts = {
                        "run": subject.run,
                        "train_step": subject.train_step,
                        "world": subject.world,
                        **row,
                    }
                    same = [pl.lit(value).alias(name) for name, value in facts.items()]
                    sweeps.append(sweep.select(*same, pl.all()).cast(SCHEMA))  # type: ignore[arg-type]
            write_sweep(item.run, pl.concat(sweeps) if sweeps else pl.DataFrame(schema=SCHEMA))
        counts.append(len(sweeps))
    return counts


def _shift_of(items: Sequence[Evaluated]) -> str:
    """Name the condition whose levels are swept. Raises RunError if a run has no agent that could play them."""
    world = items[0].world
    shift = world.default_condition("shift")
    for item in items:
        path = item.run.path
        if item.world is not world:
            raise RunError("the runs are of different worlds; sweep the goal for each world separately")
        if item.untrained():
            raise RunError(f"{path} is a recorded human session; a goal sweep needs a trained agent")
        if shift not in item.conditions():
            raise RunError(
                f"{path} was not evaluated on {shift!r}, whose levels are swept. Evaluate it there: "
                f"{shown_command('evaluate', path, '--condition', shift)}"
            )
    return shift
