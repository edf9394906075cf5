"""The commands that train, measure and show runs. Thin: each calls one function of the other packages.

Read next: `experiments/training/train.py`, `experiments/evaluation/evaluate.py`, `experiments/publish/run_report.py`,
`experiments/study/demo.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goalposts.errors import UserError
from goalposts.text import plain

from ...envs.worlds.contract.sources import shown_command
from ..external.agent_options import AgentOptions
from .app import (
    MAIN,
    Config,
    Frames,
    Json,
    OneWorld,
    Overrides,
    Quiet,
    RunPaths,
    Trust,
    VecNormalized,
    app,
    chosen_world,
    is_agent_word,
    load_worlds,
    progress_bars,
    say,
    show,
    show_json,
)
from .renamed import agent_words

if TYPE_CHECKING:
    from ..runs.run import Run


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

    experiment = load_config(config, overrides or [])
    path = out or default_out(experiment)
    if (path / CONFIG).exists():
        Run.create(path, experiment)  # refused now, before torch is imported
    from ..training.train import train as train_run  # torch: only for a config that is valid

    with progress_bars([experiment.name], quiet) as told:
        run = train_run(experiment, path, lambda step, total, words: told(0, step, total, words), evaluate)
    say(_trained_text(run))
    if evaluate:
        say(f"next: {shown_command('diagnose', run.path)}, {shown_command('report', run.path)}")


def _trained_text(run: Run) -> str:
    """Describe the length of a training, and why it exceeds the requested number of steps."""
    step, asked = run.status().step, run.config.train.total_steps
    more = f" ({asked:,} were asked for; a training ends with a whole batch of all its environments)"
    return f"trained {step:,} steps{more if step > asked else ''}: {run.path}"


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
        summary = evaluate_named(
            name,
            condition or None,
            levels,
            out=out,
            file=file,
            world=of,
            tell=lambda what, done, total: told(0, done, total, what),
        )
    if as_json:
        show_json(evaluation_json(name, summary))
        return
    show(outcome_table(summary.rows))
    for line in held_out_lines(summary):
        say(line)
    say(f"episodes: {summary.stored or 'not kept; --out FILE.parquet writes them'}")
    if summary.stored and out is None:
        say(f"next: {shown_command('diagnose', run)}")


@app.command(rich_help_panel=MAIN)
def diagnose(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Run folders; several are judged together. Or one agent as module:NAME, or, with --trust, a zip of stable-baselines3."
        ),
    ],
    evaluate_missing: Annotated[
        bool, typer.Option("--evaluate-missing", help="First play the missing probes, and keep them.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Play every probe again on 200 levels, and keep nothing.")
    ] = False,
    world: Annotated[
        list[str] | None,
        typer.Option(
            "--world",
            metavar="NAME",
            help="The world of an agent that is not a run; custom worlds as module:NAME or path/to/file.py:NAME.",
        ),
    ] = None,
    observation: Annotated[str, typer.Option(help="What such an agent sees: view, full or rgb.")] = "view",
    levels: Annotated[
        int | None, typer.Option(min=1, max=10_000_000, help="Layouts per condition for such an agent.")
    ] = None,
    trust: Trust = False,
    frames: Frames = 1,
    vec_normalize: VecNormalized = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Diagnose what an agent pursues: verdict, probes, conflict curve, attribution, with reasons and intervals.

    Several seeds of one config are judged together, as a training procedure.
    """
    load_worlds(world)
    if any(map(is_agent_word, runs)):
        if len(runs) > 1 or evaluate_missing or preview:
            raise UserError(BY_ITSELF)
        of = chosen_world(world[-1] if world else None)
        agent = _Outside(
            str(runs[0]),
            AgentOptions(trust, frames, vec_normalize),
            {"world": of, "observation": observation, "levels": levels},
        )
        return agent.diagnose(as_json)
    AgentOptions(trust, frames, vec_normalize).refuse_for_runs(observation, levels)
    add = shown_command("diagnose", *runs, "--evaluate-missing")
    diagnoses = _of_runs(runs, evaluate_missing, preview, quiet)
    forecasts = _forecasts_of(runs) if diagnoses[0].verdict.shift is None else {}
    _show_diagnoses(diagnoses, add, as_json, forecasts)
    if not as_json:
        _show_after(runs, diagnoses[0].verdict)


BY_ITSELF = "an agent that is not a run is diagnosed by itself: give only that one, without --evaluate-missing and --preview"


def _of_runs(paths: list[Path], keep: bool, preview: bool, quiet: bool) -> list[Any]:
    if keep and preview:
        raise UserError("--evaluate-missing keeps what it plays and --preview does not; give one of them")
    from ..evaluation.evaluated_run import diagnoses_of, evaluated, open_runs

    runs, fresh = open_runs(paths), {}
    if keep or preview:
        from ..evaluation.missing_probes import play_probes

        with progress_bars([str(run.path) for run in runs], quiet) as told:
            fresh = play_probes(runs, preview, lambda k, words, done, total: told(k, done, total, words))
    return diagnoses_of(evaluated(runs, fresh))


@dataclass(frozen=True)
class _Outside:
    """An agent that is not a run: its word on the command line, and the options of `adopt`."""

    word: str
    loading: AgentOptions
    options: dict[str, Any]

    def diagnose(self, as_json: bool) -> None:
        """Play, and show the diagnosis; keep nothing."""
        from ..evaluation.evaluate import subject_of
        from ..evaluation.evaluated_run import diagnoses_of, evaluated
        from ..external.adopt import adopted_for_now
        from ..external.named_agent import agent_named

        agent, options = agent_named(self.word, self.loading), self.options
        with adopted_for_now(agent, **options) as run:
            diagnosis = diagnoses_of(evaluated([run]))[0]
        _show_diagnoses([diagnosis], self.keep(), as_json)
        if not as_json:
            _show_sight(
                lambda: subject_of(agent, options["world"], options["observation"]), diagnosis.verdict
            )
            say()
            say(self.after())

    def adopts(self) -> str:
        return shown_command("adopt", self.word, "--out", "FOLDER")

    def keep(self) -> str:
        return f"{self.adopts()}, then {shown_command('diagnose', 'FOLDER', '--evaluate-missing')}"

    def after(self) -> str:
        return f"nothing was kept; for report, record and comparisons: {self.adopts()}"


def _show_after(runs: list[Path], verdict: Any) -> None:
    """What follows a diagnosis of runs: for a single one, whether it can see the goal; the next step."""
    if len(runs) == 1:
        _show_sight(lambda: _subject_of(runs[0]), verdict)
    say()
    say(f"next: {shown_command('report', *runs)}")


def _forecasts_of(runs: list[Path]) -> dict[str, list[str]]:
    """For runs that were evaluated under no shift: a forecast of what they pursue after one, or why there is none."""
    from ..foresight.forecast import forecast_of_agent

    forecasts = {}
    for run in runs:
        try:
            forecasts[str(run)] = forecast_of_agent(_subject_of(run))
        except UserError as error:  # no checkpoint, for example
            forecasts[str(run)] = [f"No forecast: {error}"]
    return forecasts


def _subject_of(run: Path) -> Any:
    from ..evaluation.evaluate import subject_of  # torch is needed from here on only
    from ..runs.run import Run

    return subject_of(Run.open(run))


def _show_sight(load: Callable[[], Any], verdict: Any) -> None:
    """Whether an agent can see the goal, where its behaviour shows no effect of seeing it. load: returns its subject."""
    from ..evaluation.evaluated_run import unaffected

    if not unaffected(verdict):
        return
    from ..evaluation.missing_probes import sight_of

    try:
        sentence = sight_of(load(), verdict)
    except UserError as error:  # pixels, for example
        sentence = str(error)
    show(f"\nCan it see the goal?\n  {sentence}")


def _show_diagnoses(
    diagnoses: list[Any], add: str, as_json: bool, forecasts: dict[str, list[str]] | None = None
) -> None:
    from .tables import diagnosis_text

    if as_json:
        more = {"forecast": forecasts} if forecasts else {}
        records = [diagnosis.to_dict() | more for diagnosis in diagnoses]
        show_json(records if len(records) > 1 else records[0])
        return
    show("\n\n\n".join(diagnosis_text(diagnosis, plain(add)) for diagnosis in diagnoses))
    for run, lines in (forecasts or {}).items():
        show("\n  ".join([f"\nBefore any shift, {plain(run)}", *map(plain, lines)]))


@app.command(rich_help_panel=MAIN)
def foresee(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run folder. Or one agent as module:NAME, or, with --trust, a zip of stable-baselines3."
        ),
    ],
    world: OneWorld = None,
    observation: Annotated[
        str, typer.Option(help="What an agent that is not a run sees: view or full.")
    ] = "view",
    trust: Trust = False,
    frames: Frames = 1,
    vec_normalize: VecNormalized = None,
    as_json: Json = False,
) -> None:
    """Forecast what an agent pursues, before any shift: predictors by the access that they need, and the forecast."""
    from ..runs.run import Run

    source: Any = None
    options: dict[str, Any] = {}
    if is_agent_word(run):
        from ...envs.worlds.registry import load_world
        from ..external.named_agent import agent_named

        options = {"world": load_world(chosen_world(world)).name, "observation": observation}
        source = agent_named(str(run), AgentOptions(trust, frames, vec_normalize))
    else:
        load_worlds([world] if world else None)
        AgentOptions(trust, frames, vec_normalize).refuse_for_runs(observation)
        source = Run.open(run)
    from ..foresight.text import foresee_fully  # torch is needed from here on only

    foresight = foresee_fully(source, **options)
    if as_json:
        return show_json(foresight.to_dict())
    show(str(foresight))


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

    opened_runs = open_runs(runs)
    from ..training.finetune import STEPS, marks_of, shifted  # torch: only for runs that are there
    from ..training.finetune import finetune as test
    from .tables import recovery_text

    for run in opened_runs:
        marks_of(shifted(run.config, condition, steps or STEPS), steps or STEPS)  # refused before any work
    tables = []
    with progress_bars([str(run.path) for run in opened_runs], quiet) as told:
        for k, run in enumerate(opened_runs):
            tables.append(
                test(run, condition, steps or STEPS, levels, lambda *at, k=k: told(k, *at))  # type: ignore[misc]
            )
    curves = recoveries(list(zip([run.config for run in opened_runs], tables, strict=True)))
    if as_json:
        records = [{"agent": name, **curve.to_dict()} for name, curve in curves]
        show_json(records if len(records) > 1 else records[0])
        return
    show("\n\n".join(f"{name}\n{recovery_text(curve)}" for name, curve in curves))
    say(f"next: {shown_command('diagnose', *runs)}, {shown_command('report', *runs)}")


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

    opened_runs = open_runs(runs)
    counts = sweep(opened_runs, levels, samples)
    if not any(counts):
        say("none of these levels has exactly one movable goal, so there is nothing to drag")
        return
    for run, count in zip(opened_runs, counts, strict=True):
        say(
            f"swept {count} levels: {run.path / FILE}"
            if count
            else f"not evaluated on these levels: {run.path}"
        )
    say(f"next: {shown_command('report', *(run.path for run in opened_runs))}")
