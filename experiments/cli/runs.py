"""The commands that train, measure and show runs. Thin: each calls one function of the modules beside it.

Read next: `experiments/training/train.py`, `experiments/evaluation/evaluate.py`, `experiments/publish/run_report.py`,
`experiments/demo.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from goalposts.errors import UserError

from .app import LOOK_UP, MAIN, Config, Json, Overrides, app, check_new, say, show_json

RunPath = Annotated[Path, typer.Argument(help="A run folder, such as runs/edge-s0.")]
RunPaths = Annotated[list[Path], typer.Argument(help="Run folders; several are judged together.")]


@contextmanager
def progress_bars(labels: list[str], quiet: bool) -> Iterator[Any]:
    """Bars on stderr, one a label, if somebody can watch them; yields told(which, step, total, words)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    console = Console(stderr=True)
    bars = Progress(*columns, console=console, disable=quiet or not console.is_interactive)
    tasks = [bars.add_task(label, total=None, words="waiting") for label in labels]

    def told(which: int, step: int, total: int, words: str) -> None:
        bars.start()  # only now: what is refused before any work needs no bar
        bars.update(tasks[which], completed=step, total=total, words=words)

    try:
        yield told
    finally:
        bars.stop()


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


@app.command(rich_help_panel=MAIN)
def demo(
    out: Annotated[Path, typer.Option(help="Folder for both runs, the report and the film.")] = Path("demo"),
    world: Annotated[str, typer.Option(help="Which world.")] = "CoinRun",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Training seed of both agents.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Environment steps of each training.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trainings at once; default: one a core.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Two agents, the same training score, different goals: train, move the goal, read both verdicts."""
    from ..demo import demo_configs, run_demo
    from ..publish.run_report import label_of
    from .tables import summary_table

    began = time.monotonic()
    configs = demo_configs(world, seed, [f"train.total_steps={steps}"] if steps else [])
    labels = [config.name for config in configs]
    command = f"goalposts demo --world {world} --seed {seed}" + (f" --steps {steps}" if steps else "")
    with progress_bars(labels, quiet) as told:
        made = run_demo(out, configs, workers or os.cpu_count() or 1, told, command)
    say(summary_table(list(made.twins)))
    for item in made.twins:
        verdict = item.verdict()
        say(f"\n{verdict.label}: the agent {label_of(item)}")
        say("\n".join(f"  • {reason}" for reason in verdict.reasons))
    leaked = [item.judged_leakage() for item in made.twins]
    say(f"\nleakage: {', '.join(map(str, leaked))} evaluation levels have a layout that was trained on")
    say(f"report:  {made.page}\nfilm:    {made.film}\n{time.monotonic() - began:.0f} s")


@app.command(rich_help_panel=MAIN)
def train(
    config: Config,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; default: runs/<name>-s<seed>.")] = None,
    evaluate: Annotated[bool, typer.Option(help="Evaluate when training is done.")] = True,
    quiet: Quiet = False,
) -> None:
    """Train one agent by a config. A run that was stopped goes on where it was: give the same command again."""
    from ..config.schema import load_config
    from ..runs.run import default_out
    from ..training.train import train as train_run

    found = load_config(config, overrides or [])
    path = out or default_out(found)
    with progress_bars([found.name], quiet) as told:
        run = train_run(found, path, lambda step, total, words: told(0, step, total, words), evaluate)
    say(f"trained {run.status().step:,} steps: {run.path}")
    if evaluate:
        say(f"next: goalposts diagnose {run.path}, goalposts report {run.path}")


@app.command(rich_help_panel=MAIN)
def evaluate(
    run: Annotated[
        Path, typer.Argument(help="A run folder, or goal-seeker, proxy-seeker, random, mixture(q).")
    ],
    condition: Annotated[
        list[str] | None, typer.Option(help="Only this one; may be given several times.")
    ] = None,
    levels: Annotated[int | None, typer.Option(min=1, max=10_000_000, help="Layouts a condition.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the table here, and leave the run as it is.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Play the levels of this file, and leave the run as it is.")
    ] = None,
    world: Annotated[str, typer.Option(help="Of an agent that is no run: which world.")] = "CoinRun",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play the conditions, print the outcomes, and keep the episodes in the run folder.

    A new evaluation replaces the one that is there; with --condition, only those conditions are replaced or added.
    """
    from ..evaluation.chunked import AT_ONCE, Found, evaluate_many
    from ..evaluation.evaluate import evaluate_fully, plan_of, subject_of
    from ..evaluation.level_files import evaluate_file
    from ..evaluation.subjects import is_scripted, subject_named
    from ..evaluation.trajectories import record
    from ..interactive.players import read_level_file
    from ..measurement.episodes import write_episodes
    from ..runs.run import Run
    from .tables import outcome_table, outcomes_json, rows_of

    check_new(out)
    if file is not None and (condition or levels):
        raise UserError(
            "--file brings its own levels; leave --condition and --levels out, or leave --file out"
        )
    scripted = is_scripted(str(run))
    folder = None if scripted else Run.open(run)
    kept = folder if out is None and file is None else None
    with nullcontext() if kept is None else kept.lock():
        of = read_level_file(file).world if scripted and file else world
        subject = subject_named(str(run), of) if folder is None else subject_of(folder)
        with progress_bars([subject.label], quiet) as told:

            def tell(words: str, done: int, total: int) -> None:
                told(0, done, total, words)

            plan = None if file is not None else plan_of(subject, condition or None, levels)
            if plan is not None and plan.levels > AT_ONCE:
                found = evaluate_many(subject, plan, out or kept, bool(condition), tell)
            else:
                if file is not None:
                    played = evaluate_file(subject, file, tell=tell)
                else:
                    played = evaluate_fully(subject, condition or None, levels, tell=tell)
                if out is not None:
                    write_episodes(played.episodes, out)
                elif kept is not None:
                    record(kept, played, add=bool(condition))
                found = Found(rows_of(played.episodes), played.leaked)
    if as_json:
        show_json({"run": str(run), "outcomes": outcomes_json(found.rows), "leaked": found.leaked})
        return
    say(outcome_table(found.rows))
    leaked = ", ".join(f"{n:,} of {name}" for name, n in found.leaked.items() if n)
    leaked = leaked or ("none" if found.leaked else "not known here")
    say(f"leakage (levels with a layout that was trained on): {leaked}")
    where = out or (kept.episodes_path if kept else "not kept; --out FILE.parquet writes them")
    say(f"episodes: {where}")


@app.command(rich_help_panel=MAIN)
def diagnose(
    runs: RunPaths,
    all_probes: Annotated[
        bool, typer.Option("--all", help="First play the probes that are missing, and keep them.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Play every probe anew on 200 levels, and keep nothing.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """What it chases: verdict, every probe, conflict curve, attribution, each with reasons and intervals.

    Runs of one config and several seeds are judged together, as a training procedure.
    """
    from ..publish.run_report import diagnoses_of, evaluated, open_runs
    from .tables import diagnosis_text

    if all_probes and quick:
        raise UserError("--all keeps what it plays and --quick does not; give one of them")
    found = open_runs(runs)
    fresh = {}
    if all_probes or quick:
        from ..evaluation.missing_probes import play_missing, play_quickly

        with progress_bars([str(run.path) for run in found], quiet) as told:
            for k, run in enumerate(found):
                if quick:
                    fresh[k] = play_quickly(
                        run, tell=lambda words, done, total, k=k: told(k, done, total, words)
                    )
                else:
                    play_missing(run, lambda words, done, total, k=k: told(k, done, total, words))
    diagnoses = diagnoses_of(evaluated(found, fresh))
    if as_json:
        made = [one.to_dict() for one in diagnoses]
        show_json(made if len(made) > 1 else made[0])
        return
    add = f"goalposts diagnose {' '.join(map(str, runs))} --all"
    say("\n\n\n".join(diagnosis_text(one, add) for one in diagnoses))


@app.command(rich_help_panel=MAIN)
def report(
    runs: RunPaths,
    out: Annotated[
        Path | None, typer.Option(help="The page; default: report.html in the first run's folder.")
    ] = None,
) -> None:
    """One self-contained HTML page of a run, of several side by side, or of a study. Works offline; can be mailed."""
    from ..study.folder import STUDY

    if len(runs) == 1 and (runs[0] / STUDY).is_file():
        from .study import say_study_report

        if out is not None:
            raise UserError(
                f"{runs[0]} is a study: its page and figures are written into its own folder; leave out --out"
            )
        return say_study_report(runs[0])
    from ..publish.run_report import open_runs, report_data
    from ..report.page.page import write_page

    found = open_runs(runs)
    check_new(out)
    command = "goalposts report " + " ".join(path.resolve().name for path in runs)
    page = out or runs[0] / "report.html"
    write_page(report_data(found, command), page)
    say(f"{page} ({page.stat().st_size / 1e6:.1f} MB)")


@app.command(rich_help_panel=MAIN)
def record(
    runs: Annotated[
        list[Path],
        typer.Argument(help="A run folder; two make twins on the same level. With --file also goal-seeker …"),
    ],
    out: Annotated[Path | None, typer.Option(help=".gif, .png (a strip) or .mp4 (extra `video`).")] = None,
    condition: Annotated[
        str | None, typer.Option(help="Default: the condition that the verdict is about.")
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=64, help="How many levels; more than one make a grid.")
    ] = 1,
    pick: Annotated[
        str | None, typer.Option(help="Only episodes that ended so: misgeneralized, goal, death, timeout.")
    ] = None,
    before_after: Annotated[
        bool,
        typer.Option("--before-after", help="One run on one layout: as in training, and after the move."),
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="Film what is played on the levels of this file.")
    ] = None,
    first: Annotated[int, typer.Option(min=0, help="Number of the file's first level to be filmed.")] = 0,
    px: Annotated[int, typer.Option(help="Pixels a tile: 8, 16 or 32.")] = 16,
    fps: Annotated[float, typer.Option(min=1, max=50, help="Frames a second.")] = 8,
) -> None:
    """Make a film of recorded episodes, chosen in the proportions of the table, never by hand."""
    from ..publish.films import film_before_and_after, film_of
    from ..publish.run_report import open_runs
    from ..report.film.encode import save

    if file is not None:
        from ..evaluation.level_files import film_of_file

        if condition or pick or before_after:
            raise UserError("--file brings its own levels; leave --condition, --pick and --before-after out")
        check_new(out)
        path = out or file.with_suffix(".gif")
        check_new(path)
        strip = path.suffix.lower() == ".png"
        made = film_of_file([str(run) for run in runs], file, first, count, px, strip)
    else:
        found = open_runs(runs)
        check_new(out)
        path = out or runs[0] / "rollout.gif"
        strip = path.suffix.lower() == ".png"
        if before_after:
            made = film_before_and_after(found, condition, count, pick, px, strip)
        else:
            made = film_of(found, condition, count, pick, px, as_strip=strip)
    save(cast(Any, made), path, fps)
    say(f"{path} ({path.stat().st_size / 1e3:.0f} kB)")


@app.command(rich_help_panel=LOOK_UP)
def bench(
    world: Annotated[str, typer.Option(help="Which world.")] = "CoinRun",
    seconds: Annotated[
        float, typer.Option(min=0.05, max=600, help="How long each figure is measured.")
    ] = 1.0,
    training: Annotated[bool, typer.Option(help="Measure training too.")] = True,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also every world in every face with every observation, a whole run, rollouts, and memory.",
        ),
    ] = False,
    peers: Annotated[
        bool, typer.Option(help="Measure others beside it: SB3, torch, Minigrid if installed.")
    ] = False,
    check: Annotated[
        Path | None,
        typer.Option(help="A file that --json wrote: exit code 1 where a ratio fell to less than half."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how fast everything is on this machine, one thread each."""
    from dataclasses import asdict

    from goalposts.registration import WORLDS

    from ...envs.worlds.registry import get_world, known_worlds
    from ..bench.suite import bench as measure
    from ..bench.timing import fallen, read_figures
    from .tables import bench_table, grid_table

    def tell(what: str) -> None:
        typer.echo(f"measuring {what} …", err=True)

    baseline = read_figures(check) if check else []
    home = get_world(world)
    if (training or peers) and home.name not in WORLDS:
        raise UserError(
            f"{world} does not ship with Goalposts, and learning is measured in worlds that do: "
            "give --no-training, and no --peers"
        )
    figures, grids = measure(world, seconds, training, tell), []
    if everything:
        from ..bench.matrix import matrix
        from ..bench.memory import memory
        from ..bench.rollouts import rollouts

        if training:
            from ..bench.training import STEPS, recipe, whole_run

            tell("a whole run")
            figures.append(whole_run(recipe(home, total_steps=STEPS)))
        tell("rollouts that are held, then let go")
        figures += rollouts(home, seconds)
        figures += memory(home, training, tell=tell)
        grids = matrix(known_worlds().values(), seconds, tell=tell)
    if peers:
        from ..bench.peers import bench_peers

        figures += bench_peers(home, 10 * seconds, tell)
    figures_of_grids = [figure for grid in grids for figure in grid.figures.values()]
    if as_json:
        show_json([asdict(figure) for figure in [*figures, *figures_of_grids]])
    else:
        say("\n".join([bench_table(figures), *map(grid_table, grids)]))
    if slower := fallen(figures, baseline):
        typer.echo("\n".join(["slower than half the baseline:", *slower]), err=True)
        raise typer.Exit(1)
