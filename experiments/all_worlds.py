"""One phenomenon in many disguises: every world's misgeneralizing agent and its control, and agents whose goals are known.

    python -m goalposts.experiments.all_worlds docs/results/worlds.csv --seeds 5 --runs runs/worlds

trains what is not trained yet (each run goes on where a stopped one was), and writes the table and, beside it, the page (`.md`).
`--worlds Corner Beacon` limits what is trained; the table holds all runs that are found. Capability, preference and
misgeneralization rate are those of the verdict, by the world's usual shift, over training seeds and levels. Read next: `demo.py`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from goalposts.errors import UserError
from goalposts.registration import WORLDS

from ..agents.scripted import scripted_agents
from ..envs.worlds.registry import get_world
from .config import ExperimentConfig, load_config, shipped_configs
from .evaluation import evaluate
from .measurement import Estimate, Verdict, diagnose
from .present import Evaluated, verdict_of
from .runs import Run
from .storage import write_atomic
from .training import train

NUMBERS = ("capability", "capability_shift", "preference", "misgeneralization")
KNOWN_LEVELS = 1000


def configs_of(world: str, every: bool = False) -> list[str]:
    """The twins of a world, the one that should misgeneralize first; with `every`, then its other configs."""
    twins = [f"{world.lower()}/{name}" for name in WORLDS[world].twins]
    others = [name for name in shipped_configs() if name.split("/")[0] == world.lower() and name not in twins]
    return [*twins, *(others if every else ())]


def train_all(folder: Path, worlds: Sequence[str], seeds: int, every: bool = False) -> None:
    """Train and evaluate what is not there yet, seed by seed, so that whatever stops this leaves whole seeds."""
    for seed in range(seeds):
        for name in (config for world in worlds for config in configs_of(world, every)):
            config = load_config(name, [f"seed={seed}"])
            path = folder / f"{config.name}-s{seed}"
            if (path / "config.yaml").exists() and Run.open(path).status().state == "finished":
                continue
            begin = time.process_time()
            train(config, path)
            print(f"{path.name}: {time.process_time() - begin:.0f} s of CPU", file=sys.stderr, flush=True)


def measure(folder: Path) -> pl.DataFrame:
    """One row for each training procedure found in the folder, and for each known agent of its world."""
    rows = []
    for world in WORLDS:
        groups = {name: _runs_of(folder, load_config(name)) for name in configs_of(world, every=True)}
        rows += [_row(world, name, verdict_of(found)) for name, found in groups.items() if found]
        if any(groups.values()):
            usual = [get_world(world).usual(role) for role in ("control", "shift")]
            for name, agent in scripted_agents().items():
                table = evaluate(agent, usual, KNOWN_LEVELS, world)
                rows.append(_row(world, name, diagnose(table, shift=usual[1])))
    return pl.DataFrame(rows, infer_schema_length=None)


def _runs_of(folder: Path, config: ExperimentConfig) -> list[Evaluated]:
    """The finished runs of a config, whatever their seed; those of an older version of it are left out."""
    found = []
    for path in sorted(folder.glob(f"{config.name}-s*/config.yaml")):
        run = Run.open(path.parent)
        same = run.config.override(["seed=0"]).hash() == config.override(["seed=0"]).hash()
        if same and run.status().state == "finished" and run.episodes_path.exists():
            found.append(Evaluated(run))
    return found


def _row(world: str, agent: str, verdict: Verdict) -> dict[str, Any]:
    row: dict[str, Any] = {
        "world": world, "agent": agent, "seeds": len(verdict.runs), "verdict": verdict.label,
        "control": verdict.control, "shift": verdict.shift, "leakage": verdict.leakage,
    }  # fmt: skip
    for name in NUMBERS:
        found: Estimate | None = getattr(verdict, name)
        ends = (None, None, None, None) if found is None else (found.value, found.low, found.high, found.kept)
        row |= dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_kept"), ends, strict=True))
    return row


def page(table: pl.DataFrame) -> str:
    """The table as Markdown."""
    lines = [
        "# All worlds",
        "",
        "Of each world the agent that should misgeneralize, its control, and agents whose goals are known, through the same",
        "measurement. In brackets 95 % intervals, over training seeds and levels where there are several seeds; n is the number of",
        "training seeds (– : not trained). 1,000 held-out levels a condition and seed, sampled actions. Judged by the shift that is named.",
        "",
        "| world | agent | n | capability in distribution | capability under shift | goal preference | misgeneralization rate | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table.iter_rows(named=True):
        trained = "/" in row["agent"]
        cells = [_cell(row, name) for name in NUMBERS]
        agent = f"`{row['agent'].split('/')[-1]}`" if trained else row["agent"]
        n = row["seeds"] if trained else "–"
        lines.append(
            f"| {row['world']}, `{row['shift']}` | {agent} | {n} | {' | '.join(cells)} | {row['verdict']} |"
        )
    lines += [
        "",
        "What preferring the goal means, of an episode: "
        + "; ".join(
            f"{name}: it {get_world(name).preference}" for name in table["world"].unique(maintain_order=True)
        )
        + ".",
        "",
        "Made by: `python -m goalposts.experiments.all_worlds docs/results/worlds.csv --seeds 5 --runs runs/worlds --every`",
        "",
    ]
    return "\n".join(lines)


def _cell(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "—"
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m goalposts.experiments.all_worlds", description=__doc__)
    parser.add_argument("out", type=Path, help="a .csv file")
    parser.add_argument("--runs", type=Path, default=Path("runs/worlds"), help="the folder of the runs")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    parser.add_argument("--every", action="store_true", help="train the other configs of each world as well")
    given = parser.parse_args(arguments)
    try:
        train_all(given.runs, given.worlds, given.seeds, given.every)
        table = measure(given.runs)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    write_atomic(given.out, table.write_csv(float_precision=4).encode())
    write_atomic(given.out.with_suffix(".md"), page(table).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
