"""The commands that train, measure and show runs. Thin: each calls one function of the other packages.

Read next: `experiments/training/train.py`, `experiments/evaluation/evaluate.py`, `experiments/publish/run_report.py`,
`experiments/study/demo.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goalposts.errors import UserError
from goalposts.text import plain

from ...envs.worlds.contract.sources import shown_command
from .app import (
    MAIN,
    Config,
    Json,
    OneWorld,
    Overrides,
    Quiet,
    RunPaths,
    app,
    chosen_world,
    progress_bars,
    say,
    show,
    show_json,
)
from .renamed import agent_words


@app.command(rich_help_panel=MAIN)
def train(
    config: Config,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; default: runs/<name>-s<seed>.")] = None,
    evaluate: Annotated[bool, typer.Option(help="Evaluate after training.")] = True,
    quiet: Quiet = False,
) -> None:
    """Train one agent from a config. To resume an interrupted run, run the same command again."""
    from ..config.schema import load_config
    from ..runs.folder_names import CONFIG
    from ..runs.run import Run, default_out

    found = load_config(config, overrides or [])
    path = out or default_out(found)
    if (path / CONFIG).exists():
        Run.create(path, found)  # refused now, before torch is imported
    from ..training.train import train as train_run  # torch: only for a config that is valid

    with progress_bars([found.name], quiet) as told:
        run = train_run(found, path, lambda step, total, words: told(0, step, total, words), evaluate)
    say(f"trained {run.status().step:,} steps: {run.path}")
    if evaluate:
        say(f"next: {shown_command('diagnose', run.path)}, {shown_command('report', run.path)}")


@app.command(rich_help_panel=MAIN)
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder, or GoToGoal, GoToProxy, Random, Mixture(q).")],
    condition: Annotated[list[str] | None, typer.Option(help="Only this condition; may be repeated.")] = None,
    levels: Annotated[int | None, typer.Option(min=1, max=10_000_000, help="Layouts per condition.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the table to this file and leave the run unchanged.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Play the levels of this file and leave the run unchanged.")
    ] = None,
    world: OneWorld = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play the conditions, print the outcomes, and store the episodes in the run folder.

    A new evaluation replaces the old one; with --condition, only those conditions are replaced or added.
    """
    from ..evaluation.chunked import evaluate_named
    from .tables import evaluation_json, held_out_lines, outcome_table

    name = agent_words([str(run)])[0]
    of = world if file is not None else chosen_world(world)
    with progress_bars([name], quiet) as told:
        found = evaluate_named(
            name,
            condition or None,
            levels,
            out=out,
            file=file,
            world=of,
            tell=lambda what, done, total: told(0, done, total, what),
        )
    if as_json:
        show_json(evaluation_json(name, found))
        return
    show(outcome_table(found.rows))
    for line in held_out_lines(found):
        say(line)
    say(f"episodes: {found.stored or 'not kept; --out FILE.parquet writes them'}")


@app.command(rich_help_panel=MAIN)
def diagnose(
    runs: RunPaths,
    evaluate_missing: Annotated[
        bool, typer.Option("--evaluate-missing", help="First play the missing probes, and keep them.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Play every probe again on 200 levels, and keep nothing.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Diagnose what an agent pursues: verdict, probes, conflict curve, attribution, with reasons and intervals.

    Several seeds of one config are judged together, as a training procedure.
    """
    from ..evaluation.evaluated_run import diagnoses_of, evaluated, open_runs
    from .tables import diagnosis_text

    if evaluate_missing and preview:
        raise UserError("--evaluate-missing keeps what it plays and --preview does not; give one of them")
    found = open_runs(runs)
    fresh = {}
    if evaluate_missing or preview:
        from ..evaluation.missing_probes import play_probes

        with progress_bars([str(run.path) for run in found], quiet) as told:
            fresh = play_probes(found, preview, lambda k, words, done, total: told(k, done, total, words))
    diagnoses = diagnoses_of(evaluated(found, fresh))
    if as_json:
        made = [one.to_dict() for one in diagnoses]
        show_json(made if len(made) > 1 else made[0])
        return
    add = shown_command("diagnose", *runs, "--evaluate-missing")
    show("\n\n\n".join(diagnosis_text(one, plain(add)) for one in diagnoses))


@app.command(rich_help_panel=MAIN)
def finetune(
    runs: RunPaths,
    condition: Annotated[
        str | None, typer.Option(help="Condition to fine-tune on; default: the world's usual shift.")
    ] = None,
    steps: Annotated[
        list[int] | None,
        typer.Option(min=1, max=10**10, help="Measure after this many training steps; may be repeated."),
    ] = None,
    levels: Annotated[int, typer.Option(min=1, max=1_000_000, help="Held-out levels per measurement.")] = 500,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Test whether the capability was lost or merely misdirected: fine-tune on shifted levels, against training from scratch.

    The result is stored in the run folder, where `diagnose` and `report` find it. Run the command again to resume.
    """
    from ..evaluation.evaluated_run import open_runs
    from ..runs.finetune_csv import recoveries

    found = open_runs(runs)
    from ..training.finetune import STEPS, marks_of, shifted  # torch: only for runs that are there
    from ..training.finetune import finetune as test
    from .tables import recovery_text

    for run in found:
        marks_of(shifted(run.config, condition, steps or STEPS), steps or STEPS)  # refused before any work
    tables = []
    with progress_bars([str(run.path) for run in found], quiet) as told:
        for k, run in enumerate(found):
            tables.append(
                test(run, condition, steps or STEPS, levels, lambda *at, k=k: told(k, *at))  # type: ignore[misc]
            )
    curves = recoveries(list(zip([run.config for run in found], tables, strict=True)))
    if as_json:
        made = [{"agent": name, **curve.to_dict()} for name, curve in curves]
        show_json(made if len(made) > 1 else made[0])
        return
    show("\n\n".join(f"{name}\n{recovery_text(curve)}" for name, curve in curves))


@app.command(rich_help_panel=MAIN)
def sweep_goal(
    runs: RunPaths,
    levels: Annotated[int, typer.Option(min=1, max=20, help="Number of levels of the shift condition.")] = 3,
    samples: Annotated[int, typer.Option(min=1, max=500, help="Sampled episodes per placement.")] = 20,
) -> None:
    """Play every placement of the goal on a few levels, so that readers of the report can drag the goal.

    Give an agent and its control together, so that they get the same levels.
    """
    from ..evaluation.evaluated_run import open_runs
    from ..evaluation.goal_sweep import sweep_goal as sweep
    from ..evaluation.goal_sweep_file import FILE

    found = open_runs(runs)
    counts = sweep(found, levels, samples)
    if not any(counts):
        say("none of these levels has exactly one movable goal, so there is nothing to drag")
        return
    for run, count in zip(found, counts, strict=True):
        say(
            f"swept {count} levels: {run.path / FILE}"
            if count
            else f"not evaluated on these levels: {run.path}"
        )
    say(f"next: {shown_command('report', *(run.path for run in found))}")
