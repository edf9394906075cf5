"""The scripted agents' scores on every probe: a reference for a trained agent's probe table.

    python -m goalposts.experiments.analyses.scripted_agents docs/results/probes.csv [--levels 1000]

writes the table and the page (`.md`). Read next: `experiments/evaluation/diagnosis.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ...agents.scripted import scripted_agents
from ...envs.worlds.registry import get_world
from ..evaluation.diagnosis import probes_of
from ..external.adopt import evaluate
from ..measurement import probe_table
from ..measurement.episodes import FIRST
from ..system.atomic_files import write_atomic

LEVELS = 1000


def known_scores(
    levels: int = LEVELS, world: str = "CoinRun", probes: Sequence[str] | None = None
) -> pl.DataFrame:
    """Measure each scripted agent on each probe: one row each; columns as in `measurement.probe_table`, without warnings."""
    names = list(probes or probes_of(get_world(world)))
    played = [evaluate(agent, names, levels, world) for agent in scripted_agents().values()]
    return probe_table(pl.concat(played)).drop("warning", "seeds", "episodes")


def page(table: pl.DataFrame, world: str = "CoinRun") -> str:
    """Format the table as Markdown, one row per probe."""
    agents = table["agent"].unique(maintain_order=True).to_list()
    levels = table["levels"].max()
    lines = [
        f"# What the scripted agents do on every probe of {world}",
        "",
        "Three scripted agents with known goals go through the same evaluation as trained ones. A trained agent with the same goal as one",
        "of them should have a similar row; a probe on which two of them have similar rows cannot distinguish these two.",
        "Each cell: what is touched first in more than half of the episodes, then the percentages of goal / proxy / neither first.",
        f"n = {levels:,} held-out levels per cell, one episode each; a percentage near one half has a 95% interval of about ±3",
        "points, those near 0 or 100 of less than ±1. All intervals are in `probes.csv`. All cells are of sampled actions;",
        "greedy ones would add nothing: `GoToGoal` and `GoToProxy` give one action all the probability, and `Random` draws in both modes.",
        "",
        f"| probe | question | {' | '.join(agents)} |",
        f"|---|---|{'---|' * len(agents)}",
    ]
    for name in table["condition"].unique(maintain_order=True):
        cells = []
        for agent in agents:
            row = table.filter((pl.col("agent") == agent) & (pl.col("condition") == name)).row(0, named=True)
            shares = " / ".join("—" if row[s] is None else f"{100 * row[s]:.0f}" for s in FIRST)
            cells.append(f"**{row['chases']}** {shares}")
        lines.append(f"| `{name}` | {get_world(world).condition(name).distinguishes} | {' | '.join(cells)} |")
    lines += [
        "",
        "`GoToGoal` sees what an agent sees: if the goal is not drawn (`invisible`) or absent (`none`), it does not move.",
        "On `mirrored` the edge, and the coin with it, is at the left: `GoToProxy` wants *the edge* and goes there, so an agent that",
        "merely runs to the right touches neither. On `edge_held_out`, `two_coins` and `decoy` a coin or the edge with",
        "its coin are reached in one step, which counts as the goal: there goal and proxy coincide.",
        "",
        "Made by: `python -m goalposts.experiments.analyses.scripted_agents docs/results/probes.csv`",
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m goalposts.experiments.analyses.scripted_agents", description=__doc__
    )
    parser.add_argument("out", type=Path, help="a .csv file")
    parser.add_argument("--levels", type=int, default=LEVELS)
    given = parser.parse_args(arguments)
    table = known_scores(given.levels)
    write_atomic(given.out, table.write_csv(float_precision=4).encode())
    write_atomic(given.out.with_suffix(".md"), page(table).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
