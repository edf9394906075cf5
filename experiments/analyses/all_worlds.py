"""All worlds compared: every world's misgeneralizing agent and its control, and scripted agents with known goals.

    python -m goalposts.experiments.analyses.all_worlds docs/results/worlds.csv --rows docs/results/rows

reads the recorded rows of each world's study (`goalposts study corner --rows docs/results/rows/corner.parquet`), trains nothing, and
writes the table and the page (`.md`).

    python -m goalposts.experiments.analyses.all_worlds OUT.csv --seeds 5 --runs runs/worlds

trains missing runs (rerun the command to resume; `--worlds Corner Beacon` trains only these worlds), then writes the table and
the page (`.md`) with its figure (`.svg`, `.png`) of all finished runs in the folders `--runs` and `--also`. A run counts if its
config is the shipped one and its world still generates the levels it was measured on, so a change in one world does not affect
the runs of the others. Each run is judged by its world's usual shift. Read next: `experiments/study/demo.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program
from goalposts.registration import WORLDS

from ...agents.scripted import scripted_agents
from ...envs.generation.generate import generate
from ...envs.planner.planner import survey_levels
from ...envs.worlds.contract.behaviour import HIDDEN, hides_goal
from ...envs.worlds.registry import get_world
from ..config.schema import ExperimentConfig, load_config, shipped_configs
from ..evaluation.evaluated_run import Evaluated, verdict_of
from ..external.adopt import evaluate
from ..measurement import Estimate, Verdict, diagnose
from ..runs.run import Run
from ..study.design.plan import MAIN, Point, StudyPlan, plan_study
from ..study.results.page_header import front_matter, golden_of, split, with_missed
from ..study.results.recorded_rows import read_rows
from ..system.atomic_files import RunError, check_parent, write_atomic
from ..training.train import train
from .all_worlds_page import GREEDY, SHOWN, draw, page

KNOWN_LEVELS = 1000
# The verdict on sampled episodes, and the label of that on greedy ones.
ByMode = tuple[Verdict, str | None]


def configs_of(world: str, every: bool = False) -> list[str]:
    """List the configs of a world's twins, the one that should misgeneralize first; `every` appends its other configs."""
    twins = [f"{world.lower()}/{name}" for name in WORLDS[world].pair or ()]
    others = [name for name in shipped_configs() if name.split("/")[0] == world.lower() and name not in twins]
    return [*twins, *(others if every else ())]


def train_all(
    folder: Path, worlds: Sequence[str], seeds: int, every: bool = False, also: Sequence[Path] = ()
) -> None:
    """Train and evaluate missing runs, world by world and seed by seed, so that an interruption leaves complete pairs.

    Raises UserError if a training fails, or if a finished run that no longer counts is in the way.
    """
    for world in worlds:
        for seed in range(seeds):
            for name in configs_of(world, every):
                config = load_config(name, [f"seed={seed}"])
                if seed in {item.config.seed for item in finished_runs([folder, *also], config)}:
                    continue
                path = folder / f"{config.name}-s{seed}"
                if (path / "config.yaml").exists() and Run.open(path).status().state == "finished":
                    raise RunError(
                        f"{path} is a finished run of another config, or of levels that {world} no longer generates. Move "
                        "it elsewhere, then run the same command to train it again"
                    )
                begin = time.process_time()
                train(config, path)
                print(f"{path.name}: {time.process_time() - begin:.0f} s of CPU", file=sys.stderr, flush=True)


def measure(folders: Sequence[Path], recorded: Path | None = None) -> pl.DataFrame:
    """Measure each training procedure found in the folders and each scripted agent of its world: one row per agent.

    recorded: a folder with recorded rows of the worlds' studies, to read in place of the folders.
    """
    rows = []
    for world in WORLDS:
        if recorded is not None:
            known = verdicts_of_study(recorded, world)
        else:
            groups = {
                name: finished_runs(folders, load_config(name)) for name in configs_of(world, every=True)
            }
            known = {
                name: _by_mode(pl.concat([run.episodes for run in runs]), verdict_of(runs))
                for name, runs in groups.items()
                if runs
            }
        if known:
            usual = [get_world(world).default_condition(role) for role in ("control", "shift")]
            played = [*usual, HIDDEN] if hides_goal(get_world(world)) else usual
            for name, agent in scripted_agents().items():
                table = evaluate(agent, played, KNOWN_LEVELS, world)
                known[name] = _by_mode(table, diagnose(table, shift=usual[1]))
        rows += [_row(world, name, *by_mode) for name, by_mode in known.items()]
    return pl.DataFrame(rows, infer_schema_length=None)


def _by_mode(episodes: pl.DataFrame, verdict: Verdict) -> ByMode:
    """Judge the greedy episodes as the sampled ones were; None where no greedy episode was played."""
    if episodes["sampled"].all():
        return verdict, None
    greedy = diagnose(
        episodes, verdict.thresholds, shift=verdict.shift, sampled=False, leakage=verdict.leakage
    )
    return verdict, greedy.label


def verdicts_of_study(recorded: Path, world: str) -> dict[str, ByMode]:
    """Judge each training procedure of the world's study, by name, from its recorded rows. Raises RunError, EpisodesError."""
    study = world.lower()
    path = recorded / f"{study}.parquet"
    if not path.exists():
        return {}
    plan, known = plan_study(study), read_rows(path)
    verdicts: dict[str, ByMode] = {}
    for point in plan.points:
        own = [known.episodes[run] for _, run in point.runs if run in known.episodes]
        if not own:
            continue
        name = config_of(plan, point)
        episodes = pl.concat(own).with_columns(agent=pl.lit(name))
        measures = [row for _, run in point.runs for row in json.loads(known.measures.get(run, "[]"))]
        leaked = sum(int(row["value"] or 0) for row in measures if row["measure"] == "leaked")
        verdict = diagnose(episodes, plan.runs[point.runs[0][1]].verdict, leakage=leaked)
        verdicts[name] = _by_mode(episodes, verdict)
    return verdicts


def config_of(plan: StudyPlan, point: Point) -> str:
    """Name of the shipped config of a point of a world's study, such as `colourshape/yellow_line`."""
    study = plan.study.name
    name = str(plan.study.base["name"]) if point.arm == MAIN else point.arm  # type: ignore[index]
    return f"{study}/{name.removeprefix(f'{study}-').replace('-', '_')}"


def finished_runs(folders: Sequence[Path], config: ExperimentConfig) -> list[Evaluated]:
    """List the finished runs of a config that count, in order of seed, each seed once."""
    evaluations: dict[int, Evaluated] = {}
    for run in _runs_of(folders, config):
        if (
            run.config.seed not in evaluations
            and run.status().state == "finished"
            and run.episodes_path.exists()
        ):
            item = Evaluated(run)
            if _on_todays_levels(item):
                evaluations[run.config.seed] = item
    return [evaluations[seed] for seed in sorted(evaluations)]


def _runs_of(folders: Sequence[Path], config: ExperimentConfig) -> Iterator[Run]:
    for path in (path for folder in folders for path in sorted(folder.glob(f"{config.name}-s*/config.yaml"))):
        run = Run.open(path.parent)
        if run.config.override([f"seed={config.seed}"]).hash() == config.hash():
            yield run


def _on_todays_levels(item: Evaluated) -> bool:
    """Whether its world still generates the levels of its usual control and shift, with the same planner values."""
    settings = item.config.evaluate
    columns = ["level_hash", "optimal_goal", "optimal_proxy", "distinguishing"]
    for role in ("control", "shift"):
        name = item.world.default_condition(role)
        levels = generate(item.world, name, settings.level_seed, settings.levels)
        survey = survey_levels(levels)
        now = zip(
            levels.level_hashes(),
            (None if n < 0 else n for n in survey.steps_to_goal.tolist()),
            (None if n < 0 else n for n in survey.steps_to_proxy.tolist()),
            survey.distinguishing.tolist(),
            strict=True,
        )
        then = item.episodes.filter((pl.col("condition") == name) & pl.col("sampled")).sort("level_index")
        if then.select(columns).rows() != list(now):
            return False
    return True


def _row(world: str, agent: str, verdict: Verdict, greedy: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "world": world,
        "agent": agent,
        "seeds": len(verdict.runs),
        "verdict": verdict.label,
        GREEDY: greedy,
        "control": verdict.control,
        "shift": verdict.shift,
        "leakage": verdict.leakage,
    }
    for metric in SHOWN:
        row |= _figures(metric.key, verdict.numbers[metric.key])
    each = [(seed.name, seed.preference) for seed in verdict.seeds]
    row["preferences"] = " ".join(f"{e.value:.2f}" for _, e in each if e is not None)
    return row


def _figures(name: str, estimate: Estimate | None) -> dict[str, Any]:
    ends = (
        (None,) * 5
        if estimate is None
        else (estimate.value, estimate.low, estimate.high, estimate.n, estimate.kept)
    )
    return dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_n", f"{name}_kept"), ends, strict=True))


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.all_worlds", __doc__)
    parser.add_argument("--rows", type=Path, help="a folder with recorded rows of studies: train nothing")
    parser.add_argument("--runs", type=Path, default=Path("runs/worlds"), help="the folder of the runs")
    parser.add_argument(
        "--also", type=Path, nargs="*", default=[], help="further folders of runs, read and not written to"
    )
    parser.add_argument(
        "--seeds", type=int, default=5, help="training seeds 0, 1, … of each config; 0: train none"
    )
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS), help="train these")
    parser.add_argument("--every", action="store_true", help="train the other configs of each world as well")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    if given.rows is None:
        train_all(given.runs, given.worlds, given.seeds, given.every, given.also)
    table = measure([given.runs, *given.also], given.rows)
    if not table.height and given.rows is not None:
        raise RunError(
            f"{given.rows} holds no rows of a world's study; record some with goalposts study corner --rows …"
        )
    if not table.height:
        raise RunError(f"{given.runs} holds no finished run of a shipped config; train some with --seeds 1")
    write_atomic(given.out, table.write_csv(float_precision=4).encode())
    header = _header(given, table)
    write_atomic(
        given.out.with_suffix(".md"), (header + with_missed(str(split(header)[0]["n"]), page(table))).encode()
    )
    figure = draw(table)
    for suffix, content in ((".svg", figure.svg()), (".png", figure.png())):
        write_atomic(given.out.with_suffix(suffix), content)


def _header(given: argparse.Namespace, table: pl.DataFrame) -> str:
    """The header of the page: its command and the recipes behind it."""
    golden = golden_of(given.out.parent)
    worlds = table["world"].unique(maintain_order=True).to_list()
    trained = table.filter(pl.col("agent").str.contains("/", literal=True))
    seeds = sorted(trained["seeds"].unique().to_list())
    source = f"--seeds {given.seeds} --runs {given.runs}" if given.rows is None else f"--rows {given.rows}"
    recipes = (
        [f"studies/{world.lower()}" for world in worlds]
        if given.rows is not None
        else trained["agent"].to_list()
    )
    return front_matter(
        f"python -m {__spec__.name if __spec__ else 'all_worlds'} {given.out} {source}",
        f"{' or '.join(map(str, seeds))} training seeds per config, in the table",
        recipes,
        {world: golden[world] for world in worlds if world in golden},
    )


if __name__ == "__main__":
    sys.exit(main())
