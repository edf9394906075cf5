"""Calibration of goal attribution: a confusion matrix of agents with known goals.

Plays every hypothesis at several temperatures, with and without a habit, and also devices with random parameters and the
planner's agents. Each plays batches of 20 episodes; the table holds the fraction of batches on which each hypothesis has
the highest evidence.

On CoinRun's own levels some hypotheses predict the same actions: the left edge is always the nearest one, and the top row is
usually out of reach. `posed` levels remove these ambiguities: the same layouts, with less sky and the start anywhere.

    python -m goalposts.experiments.analyses.attribution_recovery OUT.csv [--batches 40]

writes the table and the page (`.md`). Each row is written as soon as it is known; rerun the command to resume.
Read next: `experiments/measurement/attribution.py`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goalposts.errors import tells_exit_code

from ...agents.rollout import play
from ...agents.scripted import GoToGoal, GoToProxy, Noisy
from ...agents.soft_optimal import Device, SoftOptimal
from ...envs.engine.outcome import O_STEPS
from ...envs.generation.generate import generate
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.planner import Plan, solve
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from ..evaluation.attribution import attribute, hypotheses_of, objectives_of
from ..study.results.page_header import front_matter, golden_of
from ..system.atomic_files import write_atomic

MODULE = "goalposts.experiments.analyses.attribution_recovery"
EPISODES = 20  # per batch
BETAS = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Known:
    """An agent whose hypothesis is known."""

    name: str
    truth: str
    agent: Any
    beta: float | None = None
    habit: str = ""

    @property
    def kind(self) -> str:
        """Kind of its hypothesis: agent or device."""
        return "device" if type(self.agent) is Device else "agent"


def known_agents(world: World, seed: int) -> list[Known]:
    """Create one agent of each kind, with parameters and random numbers derived from the seed.

    Without the targets that are a hypothesis only on some levels, such as `move_right` where a level continues past the edge.
    """
    rng = np.random.default_rng(seed)
    n = len(world.actions)
    agents = []
    for name, variants in objectives_of(world).items():
        if name in world.separated:
            continue
        for beta in BETAS:
            for habit in ("", "moves"):
                objective = variants[rng.integers(len(variants))]
                usual = Device(rng.dirichlet(np.ones(n), n + 1)) if habit else None
                agent = SoftOptimal(objective, beta, usual, seed=int(rng.integers(2**31)))
                agents.append(Known(name, name, agent, beta, habit))
    luck = rng.integers(2**31, size=4).tolist()
    devices = (
        Device.uniform(n, luck[0]),
        Device.frequencies(rng.dirichlet(np.ones(n)), luck[1]),
        Device.repeat(rng.uniform(0.5, 1.0), n, luck[2]),
        Device(rng.dirichlet(np.ones(n), n + 1), "moves", luck[3]),
    )
    agents += [Known(device.name, device.name, device) for device in devices]
    goal, proxy = world.goal.name, world.proxies[0].name
    return [
        *agents,
        Known("GoToGoal", goal, GoToGoal()),
        Known("GoToProxy", proxy, GoToProxy()),
        Known("Noisy(GoToGoal, 0.3)", goal, Noisy(GoToGoal(), 0.3)),
        Known("Noisy(GoToProxy, 0.3)", proxy, Noisy(GoToProxy(), 0.3)),
    ]


def posed(levels: LevelSet, seed: int) -> LevelSet:
    """CoinRun levels with rows of sky removed and the start moved, so that every target requires different actions.

    Coin, top row and both edges are at least 2 steps away, and one edge is at least 3 steps nearer than the other. Levels
    for which 40 random tries find no such start are left out.
    """
    world, rng = get_world(levels.world), np.random.default_rng(seed)
    targets = {t.name: t.mask for t in (world.goal, *world.proxies, *world.targets)}
    kept = []
    for level in levels:
        for _ in range(40):
            plan = _moved(level, rng)
            if plan is None:
                continue
            steps = {name: plan.steps_to_go(mask)[0] for name, mask in targets.items()}
            if min(steps.values()) >= 2 and abs(steps["left_edge"] - steps["right_edge"]) >= 3:
                kept.append(plan.level)
                break
    return LevelSet.of(kept, condition="posed")


def _moved(level: Level, rng: np.random.Generator) -> Plan | None:
    legend = get_world(level.world).legend
    wall, spawn = legend.codes["#"], legend.codes["A"]
    tiles = np.where(level.tiles == spawn, 0, level.tiles)
    sky = int(np.argmax((tiles[1:, 1:-1] != 0).any(axis=1)))  # empty rows below the ceiling
    tiles = np.delete(tiles, np.arange(1, 1 + rng.integers(sky + 1)), axis=0)
    ground = np.isin(tiles, [wall, legend.codes["B"], legend.codes["="]])
    places = np.argwhere((tiles[:-1] == 0) & ground[1:])
    places = places[(places[:, 0] > 0)]
    if not len(places):
        return None
    tiles[tuple(places[rng.integers(len(places))])] = spawn
    return solve(Level(level.world, tiles.astype(np.uint8)))


def calibrate(out: Path, batches: int, world: str = "CoinRun", seed: int = 0) -> pl.DataFrame:
    """Play, attribute and count; writes the table and prints one line per agent. About 200 episodes per second.

    Plays `batches` batches on posed levels, and a third as many on the world's own.
    """
    need = batches * EPISODES
    posed_levels = posed(generate(world, "off_path", seed + 1, 2 * need), seed)[:need]
    own = generate(world, "off_path", seed, batches // 3 * EPISODES)
    table = pl.read_csv(out) if out.exists() and out.stat().st_size else pl.DataFrame()
    known = known_agents(get_world(world), seed)
    for at, (levels, number) in enumerate((x, k) for x in (posed_levels, own) for k in range(len(known))):
        if at < table.height:
            continue
        row = _recognised(levels, number, seed)
        added = pl.DataFrame([row], schema_overrides={"beta": pl.Float64}).with_columns(
            pl.col(pl.Float64).round(3)
        )
        table = pl.concat([table, added]) if table.height else added
        write_atomic(out, table.write_csv().encode())
        beta = row["beta"] or "-"
        print(
            f"{row['levels']:9s} {row['generator']:22s} β {beta:4} {row['habit']:6s} recognised {row['recognised']:.3f}",
            flush=True,
        )
    return table


def _recognised(levels: LevelSet, number: int, seed: int) -> dict[str, Any]:
    """Measure how often the agent with this number is recognized on batches of these levels; returns one row."""
    world = get_world(levels.world)
    who = known_agents(world, seed)[number]
    best: list[str] = []
    margins, right_kind, with_ties = [], [], []
    for batch, first in enumerate(range(0, len(levels) - EPISODES + 1, EPISODES)):
        known = known_agents(world, seed * 100_003 + batch)[number]  # different parameters and random numbers
        part = levels[first : first + EPISODES]
        played = play(known.agent, part, noise_seed=batch)
        attribution = attribute(part, played.actions, played.outcome[:, O_STEPS])
        best.append(attribution.best)
        with_ties.append(who.truth in (attribution.best, *attribution.tied))
        right_kind.append(attribution.goal_directed == (who.kind == "agent"))
        own = attribution.table.filter(pl.col("hypothesis") == who.truth)["log_evidence"].item()
        other = attribution.table.filter(pl.col("hypothesis") != who.truth)["log_evidence"].max()
        margins.append(own - other)
    names = [h.name for h in hypotheses_of(world)]
    return {
        "levels": levels.condition,
        "generator": who.name,
        "kind": who.kind,
        "beta": who.beta,
        "habit": who.habit or "none",
        "batches": len(best),
        "recognised": float(np.mean([b == who.truth for b in best])),
        "recognised_or_tied": float(np.mean(with_ties)),
        "right_kind": float(np.mean(right_kind)),
        "median_margin": float(np.median(margins)),
        **{name: best.count(name) / len(best) for name in names},
    }


def page(table: pl.DataFrame) -> str:
    """Format the confusion matrices as Markdown: one for the posed levels, one for the world's own."""
    lines = [
        "# Attribution: which hypothesis is best, for agents with known goals",
        "",
        f"Batches of {EPISODES} whole episodes. Rows: the agent, over all temperatures and habits; columns: how often",
        "each hypothesis had the highest evidence, in percent of the batches (empty: never). The CSV file next to this page has every row",
        "by temperature and habit. These agents and devices are the hypotheses themselves, and the devices see nothing; devices that",
        "see, and agents from outside the library, are in [calibration](calibration.md).",
    ]
    names = table.columns[table.columns.index("median_margin") + 1 :]
    for levels, own in table.group_by("levels", maintain_order=True):
        batches = own.group_by("generator", maintain_order=True).agg(
            pl.col("batches").sum(), pl.col(names).mean()
        )
        least, tied = (
            f"{100 * float(str(own[column].min())):.1f}%" for column in ("recognised", "recognised_or_tied")
        )
        lines += [
            "",
            f"## Levels: `{levels[0]}`",
            "",
            f"{own['batches'][0]} batches per row of the file, {own['batches'].sum():,} in all. In the batches of every",
            f"generator, temperature and habit, the true hypothesis is the best in at least {least}, and the best or tied with it in",
            f"at least {tied}.",
            "",
            f"| who played | batches | {' | '.join(names)} |",
            f"|---|---|{'---|' * len(names)}",
        ]
        for row in batches.iter_rows(named=True):
            cells = [f"{100 * row[name]:.0f}" if row[name] >= 0.005 else "" for name in names]
            lines.append(f"| {row['generator']} | {row['batches']} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}")
    parser.add_argument("out", type=Path, help="the CSV file to write")
    parser.add_argument(
        "--batches", type=int, default=40, help=f"batches of {EPISODES} episodes for each known agent"
    )
    given = parser.parse_args(arguments)
    table = calibrate(given.out, given.batches)
    golden = golden_of(given.out.parent)
    header = front_matter(
        f"python -m {MODULE} docs/results/attribution-confusion.csv --batches {given.batches}",
        f"{given.batches} batches of {EPISODES} episodes per row of the file; no training seeds",
        (),
        {"CoinRun": golden["CoinRun"]} if golden else {},
    )
    write_atomic(given.out.with_suffix(".md"), (header + page(table)).encode())


if __name__ == "__main__":
    sys.exit(main())
