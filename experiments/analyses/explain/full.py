"""Probes and interventions for a few agents per α, and what they say. Read next: `experiments/interpretation/use.py`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from ....envs.worlds.registry import get_world
from ...evaluation.evaluate import subject_of
from ...interpretation.probes import FRESH, OWN, RAW, probe_agent
from ...interpretation.probes import SCHEMA as PROBE_SCHEMA
from ...interpretation.states import held_out_states
from ...interpretation.support import untrained_agents
from ...interpretation.use import SCHEMA as USE_SCHEMA
from ...interpretation.use import Arena, use_table
from ...runs.run import Run
from .numbers import BLIND, FEWEST, MAIN, alpha_of, arm_of
from .parts import kept
from .texts import INTERVENED, PROBED

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
    frames: dict[str, list[pl.DataFrame]] = {USE: [], PROBES: []}
    for run, tables in zip(chosen, done, strict=True):
        who = {"arm": arm_of(run), "alpha": alpha_of(run), "seed": run.config.seed, "levels": levels}
        for name, schema in ((USE, USE_SCHEMA), (PROBES, PROBE_SCHEMA)):
            table = pl.DataFrame(tables[name], schema=schema)
            frames[name].append(
                table.select(*(pl.lit(value).alias(key) for key, value in who.items()), pl.all())
            )
    return {name: pl.concat(tables) for name, tables in frames.items()}


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


def use_lines(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """The lines of the page."""
    if USE not in tables or PROBES not in tables:
        return ["Not measured in this edition of the page; `--full N` of its command does that."]
    use = tables[USE]
    return [
        PROBED,
        "",
        *_probe_lines(tables[PROBES]),
        "",
        INTERVENED,
        "",
        *_intervention_lines(use),
        "",
        f"Each cell: goal preference; capability. {_size(use)}",
        "",
        _random_null(use),
        "",
        _shares(use),
    ]


PROBE_HEADS = (
    *(
        "read from",
        "α",
        "n",
        "accuracy",
        "untrained nets",
        "minus untrained",
        "shuffled labels",
        "control task",
    ),
    "selectivity",
)


def _probe_lines(probes: pl.DataFrame) -> list[str]:
    """The raw observation, untrained nets, blind agents and those of each α."""
    lines = [f"| {' | '.join(PROBE_HEADS)} |", f"|{'---|' * len(PROBE_HEADS)}"]
    seen, blind = (probes.filter(pl.col("arm") == arm) for arm in (MAIN, BLIND))
    groups = [
        (name, "all", seen.filter(pl.col("row") == row))
        for name, row in (("raw observation", RAW), ("untrained nets", FRESH))
    ]
    for name, table in (("blind", blind), ("sees the coin", seen)):
        own = table.filter(pl.col("row") == OWN)
        groups += [
            (name, f"{100 * alpha:g}%", own.filter(pl.col("alpha") == alpha))
            for alpha in sorted(set(own["alpha"]))
        ]
    for name, alpha, some in groups:
        columns = ("accuracy", "untrained", "minus_untrained", "shuffled", "control_task", "selectivity")
        lines.append(
            f"| {name} | {alpha} | {some.height} | {' | '.join(_mean(some[column]) for column in columns)} |"
        )
    return lines


def _intervention_lines(use: pl.DataFrame) -> list[str]:
    alphas = sorted(set(use["alpha"]))
    lines = [
        f"| intervention | {' | '.join(f'α = {100 * alpha:g}%' for alpha in alphas)} |",
        f"|---|{'---|' * len(alphas)}",
    ]
    titled = use.with_columns(_title().alias("title"))
    for title in titled["title"].unique(maintain_order=True):
        cells = []
        for alpha in alphas:
            some = titled.filter(pl.col("alpha") == alpha, pl.col("title") == title)
            cells.append(f"{_pair(some, 'preference')}; {_pair(some, 'capability')}")
        lines.append(f"| {title} | {' | '.join(cells)} |")
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
    moved = _moves(use)
    change = moved["change"]
    broken = moved.filter(pl.col("change") >= NULL)
    verdict = "the null holds"
    if broken.height:
        where = broken.group_by("title", "alpha").len().sort("title", "alpha").rows()
        listed = "; ".join(f"{title} at α = {100 * alpha:g}%: {n}" for title, alpha, n in where)
        verdict = f"**the null breaks** in {broken.height} of {moved.height} cases ({listed})"
    return (
        f"Random changes move the goal preference by {float(change.mean() or 0.0):.3f} on average and by at most "  # type: ignore[arg-type]
        f"{float(change.max() or 0.0):.3f} (mean over 20, per agent and intervention; bound {NULL}): {verdict}."  # type: ignore[arg-type]
    )


def _moves(use: pl.DataFrame) -> pl.DataFrame:
    """Per agent and intervention with random controls, how far these move the preference from that without any intervention."""
    plain = use.filter(pl.col("intervention") == "none").select(
        "alpha", "seed", pl.col("preference").alias("plain")
    )
    joined = use.join(plain, on=["alpha", "seed"]).drop_nulls(["random_preference", "plain"])
    return joined.with_columns(
        (pl.col("random_preference") - pl.col("plain")).abs().alias("change"), _title().alias("title")
    )


def _title() -> pl.Expr:
    """An intervention's title without the rank, which differs between agents."""
    return pl.col("intervention").str.replace(r", rank \d+", "").str.replace(r" \(rank \d+\)", "")


def _shares(use: pl.DataFrame) -> str:
    """Steering's sign by single states."""
    some = use.drop_nulls("share")
    if not some.height:
        return ""
    parts = [
        f"{100 * float(group['share'].mean() or 0.0):.0f}% at α = {100 * float(str(alpha[0])):g}%"  # type: ignore[arg-type]
        for alpha, group in some.group_by("alpha", maintain_order=True)
    ]
    return f"Steering's sign by single state: the policy moves as steered in {', '.join(parts)} of the states that it moves in at all."
