"""Probes and interventions for a few agents per α, and what they say. Read next: `experiments/interpretation/use.py`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from ....envs.worlds.registry import get_world
from ...evaluation.evaluate import subject_of
from ...interpretation.probes import OWN, RAW, probe_agent
from ...interpretation.probes import SCHEMA as PROBE_SCHEMA
from ...interpretation.states import held_out_states
from ...interpretation.untrained import untrained_agents
from ...interpretation.use import SCHEMA as USE_SCHEMA
from ...interpretation.use import Arena, use_table
from ...runs.run import Run
from .numbers import BLIND, FEWEST, MAIN, alpha_of, arm_of
from .parts import kept

ALPHAS = (0.0, 0.01, 0.03, 0.1, 1.0)
USE, PROBES = "use", "probes"
NULL = 0.05

_drawn = lru_cache(maxsize=4)(
    held_out_states
)  # all agents with one observation are asked about the same states


def full_tables(
    runs: Sequence[Run], seeds: int, levels: int, alphas: Sequence[float], parts: Path
) -> dict[str, pl.DataFrame]:
    """The tables of `use_table` and `probe_agent`, with arm, α, seed and number of levels, for the first seeds of these α.

    Blind agents are probed only: no intervention on the goal reaches them. Finished agents are kept in `parts`.
    """
    chosen = [
        run
        for alpha in alphas
        for arm in (MAIN, BLIND)
        for run in [run for run in runs if arm_of(run) == arm and alpha_of(run) == alpha][:seeds]
    ]
    done = [kept(parts / f"full-{levels}", run, lambda run: _of(run, levels)) for run in chosen]
    found: dict[str, list[pl.DataFrame]] = {USE: [], PROBES: []}
    for run, tables in zip(chosen, done, strict=True):
        who = {"arm": arm_of(run), "alpha": alpha_of(run), "seed": run.config.seed, "levels": levels}
        for name, schema in ((USE, USE_SCHEMA), (PROBES, PROBE_SCHEMA)):
            table = pl.DataFrame(tables[name], schema=schema)
            found[name].append(
                table.select(*(pl.lit(value).alias(key) for key, value in who.items()), pl.all())
            )
    return {name: pl.concat(tables) for name, tables in found.items()}


def _of(run: Run, levels: int) -> dict[str, Any]:
    """Both tables of an agent as JSON values."""
    arm = arm_of(run)
    print(f"in full: {arm}, α = {alpha_of(run):g}, seed {run.config.seed}", file=sys.stderr, flush=True)
    subject, world, seed = subject_of(run), get_world(run.config.world), run.config.evaluate.level_seed
    control, shift = world.default_condition("control"), world.default_condition("shift")
    states = _drawn(world.name, control, subject.observation, levels, seed)
    use = []
    if arm == MAIN:
        use = use_table(subject, states, Arena.of(subject, control, shift, seed, levels)).to_dicts()
    return {USE: use, PROBES: probe_agent(subject.agent, untrained_agents(run), states).to_dicts()}


def read_tables(out: Path) -> dict[str, pl.DataFrame]:
    """The tables next to the page, those that are there."""
    paths = {name: out.with_name(f"{out.stem}-{name}.csv") for name in (USE, PROBES)}
    return {name: pl.read_csv(path) for name, path in paths.items() if path.exists()}


def use_lines(tables: dict[str, pl.DataFrame]) -> list[str]:
    """The lines of the page."""
    if len(tables) < 2:
        return ["Not measured in this edition of the page; `--full N` of its command does that."]
    probes, use = tables[PROBES], tables[USE]
    lines = [
        "A linear probe reads whether the coin is left or right of the agent, on levels that it was not trained on:",
        "",
    ]
    lines += [
        "| α | n | last hidden layer | untrained nets | raw observation | shuffled labels | selectivity |",
        "|---|---|---|---|---|---|---|",
    ]
    for alpha in sorted(set(probes["alpha"])):
        own = probes.filter(pl.col("alpha") == alpha, pl.col("row") == OWN)
        raw = probes.filter(pl.col("alpha") == alpha, pl.col("row") == RAW)
        cells = [
            _mean(own["accuracy"]),
            _mean(own["untrained"]),
            _mean(raw["accuracy"]),
            _mean(own["shuffled"]),
            _mean(own["selectivity"]),
        ]
        lines.append(f"| {100 * alpha:g}% | {own.height} | {' | '.join(cells)} |")
    lines += [
        "",
        "Interventions on that layer in real episodes; in brackets the mean over 20 random directions of the same norm:",
        "",
    ]
    alphas = sorted(set(use["alpha"]))
    lines += [
        f"| intervention | {' | '.join(f'α = {100 * alpha:g}%' for alpha in alphas)} |",
        f"|---|{'---|' * len(alphas)}",
    ]
    for title in use["intervention"].str.replace(r"rank \d+", "rank").unique(maintain_order=True):
        cells = []
        for alpha in alphas:
            some = use.filter(
                pl.col("alpha") == alpha, pl.col("intervention").str.replace(r"rank \d+", "rank") == title
            )
            cells.append(f"{_pair(some, 'preference')}; {_pair(some, 'capability')}")
        lines.append(f"| {title.replace(', rank)', ')').replace(' (rank)', '')} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Each cell: goal preference; capability. {_size(use)}",
        "",
        _random_null(use),
    ]
    return lines


def _size(use: pl.DataFrame) -> str:
    n, levels = use.n_unique("seed"), int(use["levels"][0])
    few = ": an example, not an estimate" if n < FEWEST else ""
    return f"{n} training seed{'s' * (n > 1)} per α, {levels} shifted and {levels} control levels per agent{few}."


def _mean(values: pl.Series) -> str:
    known = values.drop_nulls()
    return f"{known.mean():.2f}".replace("-", "−") if len(known) else "—"


def _pair(some: pl.DataFrame, name: str) -> str:
    random = _mean(some[f"random_{name}"])
    return _mean(some[name]) + ("" if random == "—" else f" [{random}]")


def _random_null(use: pl.DataFrame) -> str:
    plain = use.filter(pl.col("intervention") == "none").select(
        "alpha", "seed", pl.col("preference").alias("plain")
    )
    joined = use.join(plain, on=["alpha", "seed"]).drop_nulls(["random_preference", "plain"])
    moved = (joined["random_preference"] - joined["plain"]).abs()
    broken = int((moved >= NULL).sum())
    most = float(moved.max() or 0.0)  # type: ignore[arg-type]
    said = "the null holds" if not broken else f"**the null breaks** in {broken} of {len(moved)} cases"
    return (
        f"Random directions change the goal preference by {float(moved.mean() or 0.0):.3f} on average and by at most {most:.3f} "  # type: ignore[arg-type]
        f"(mean over 20 directions, per agent and intervention; bound {NULL}): {said}."
    )
