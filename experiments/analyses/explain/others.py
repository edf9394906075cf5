"""Agents of other studies: separate nets for policy and value, other worlds, and pairs of agents. Read next: `others_page.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from goalposts.errors import UserError

from ....envs.worlds.registry import get_world
from ...evaluation.evaluate import subject_of
from ...interpretation.pair import SCHEMA as PAIR_SCHEMA
from ...interpretation.pair import pair_table
from ...interpretation.states import held_out_states
from ...interpretation.use import Arena
from ...runs.run import Run
from .numbers import MAIN, alpha_of, arm_of, entries, runs_in
from .parts import kept

PAIRS, SEPARATE, WORLDS = "pairs", "separate", "worlds"


def variety(condition: str) -> tuple[float, str]:
    """Order conditions by their parameter; of those without one, `anywhere` and `pairs` are last, others first."""
    if "(" in condition:
        return float(condition.split("(")[1].rstrip(")")), condition
    return (1.0 if condition in ("anywhere", "pairs") else 0.0), condition


def has_separate_nets(run: Run) -> bool:
    """Whether policy and value share no layer."""
    net = run.config.train.net
    return not net.trunk and bool(net.pi) and bool(net.vf)


def separate_table(folders: Iterable[Path], levels: int, parts: Path) -> pl.DataFrame:
    """One row per agent of CoinRun with separate nets, the columns of `numbers.gather`. Raises UserError if there is none."""
    runs = [
        run
        for folder in folders
        for run in runs_in(folder)
        if run.config.world == "CoinRun" and arm_of(run) == MAIN and has_separate_nets(run)
    ]
    if not runs:
        raise UserError(
            "these folders hold no run with separate nets; make some with: goalposts study separate"
        )
    runs.sort(key=lambda run: (alpha_of(run), run.config.seed))

    def of(run: Run) -> Any:
        return entries(run, levels, {"arm": MAIN, "alpha": alpha_of(run), "seed": run.config.seed}, False)

    return _rows(kept(parts / f"maps-{levels}", run, of) for run in runs)


def worlds_tables(
    folders: Iterable[Path], seeds: int, levels: int, parts: Path
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Agents of other worlds than CoinRun, the first seeds of each training condition, and their nets before training.

    Returns one row per agent, and the mean maps of the pull for the first and the last condition. A world without a
    movable goal is left out, with a line on stderr.
    """
    chosen: dict[tuple[str, str], list[Run]] = {}
    for run in [run for folder in folders for run in runs_in(folder)]:
        usual = run.config.env.observation == "view" and run.config.env.reward == "goal"
        if run.config.world != "CoinRun" and usual:
            chosen.setdefault((run.config.world, run.config.env.condition), []).append(run)
    done: list[Any] = []
    first: dict[str, str] = {}
    for (world, condition), runs in sorted(
        chosen.items(), key=lambda choice: (choice[0][0], variety(choice[0][1]))
    ):
        for run in sorted(runs, key=lambda run: run.config.seed)[:seeds]:
            who = {"arm": MAIN, "world": world, "condition": condition, "seed": run.config.seed}
            fresh = first.setdefault(world, condition) == condition

            def of(run: Run, who: dict[str, Any] = who, fresh: bool = fresh) -> Any:
                return entries(run, levels, who, fresh)

            try:
                done.append(kept(parts / f"worlds-{levels}", run, of))
            except UserError as error:
                print(f"{world}: {error}", file=sys.stderr, flush=True)
                break
    if not done:
        raise UserError("these folders hold no run of another world with a movable goal")
    ends = {world: {conditions[0], conditions[-1]} for world, conditions in _conditions(chosen).items()}
    maps = [
        pl.DataFrame(
            [row for row in entry["maps"] if row["quantity"] == "pull"], infer_schema_length=None
        ).select(
            *(pl.lit(entry["agent"][name]).alias(name) for name in ("arm", "world", "condition")), pl.all()
        )
        for each in done
        for entry in each
        if entry["agent"]["condition"] in ends[entry["agent"]["world"]]
    ]
    by = ["arm", "world", "condition", "role", "thing", "quantity", "row", "col"]
    return _rows(done), pl.concat(maps).group_by(by).agg(
        pl.col("mean").mean(), pl.len().alias("agents")
    ).sort(by)


def _conditions(chosen: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The training conditions of each world, in their order."""
    conditions: dict[str, list[str]] = {}
    for world, condition in sorted(chosen, key=lambda pair: (pair[0], variety(pair[1]))):
        conditions.setdefault(world, []).append(condition)
    return conditions


def _rows(done: Iterable[list[dict[str, Any]]]) -> pl.DataFrame:
    return pl.DataFrame([entry["agent"] for each in done for entry in each], infer_schema_length=None)


def pairs_table(runs: Sequence[Run], pairs: int, levels: int, parts: Path) -> pl.DataFrame:
    """`pair_table` of the agents with the smallest and the largest α, for the first seeds that both have."""
    seen = [run for run in runs if arm_of(run) == MAIN]
    low, high = min(map(alpha_of, seen)), max(map(alpha_of, seen))
    ends = [{run.config.seed: run for run in seen if alpha_of(run) == alpha} for alpha in (low, high)]
    tables = []
    for seed in sorted(ends[0].keys() & ends[1].keys())[:pairs]:

        def of(first: Run, second: Run = ends[1][seed]) -> Any:
            return _pair(first, second, levels)

        rows = kept(parts / f"pairs-{levels}", ends[0][seed], of)
        table = pl.DataFrame(rows, schema=PAIR_SCHEMA)
        tables.append(table.select(pl.lit(seed).alias("seed"), pl.lit(levels).alias("levels"), pl.all()))
    return pl.concat(tables)


def _pair(first: Run, second: Run, levels: int) -> list[dict[str, Any]]:
    print(f"pair: seed {first.config.seed}", file=sys.stderr, flush=True)
    subjects = [subject_of(run) for run in (first, second)]
    world, seed = get_world(first.config.world), first.config.evaluate.level_seed
    control, shift = world.default_condition("control"), world.default_condition("shift")
    states = held_out_states(world.name, control, subjects[0].observation, 2, seed)
    arena = Arena.of(subjects[0], control, shift, seed, levels)
    return pair_table(subjects[0].agent, subjects[1].agent, states, arena).to_dicts()
