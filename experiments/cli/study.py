"""The commands of studies: a grid of runs, how far it is, two of them side by side. Thin, as the other commands are.

`goalposts study CONFIG` is short for `goalposts study run CONFIG`. Read next: `experiments/study/driver.py`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goalposts.errors import UserError
from goalposts.text import plain, plain_lines

from ...envs.worlds.contract.sources import shown_command
from .app import MAIN, Commands, Json, app, say, show, show_json
from .renamed import is_renamed

if TYPE_CHECKING:
    from ..study.driver import Outcome
    from ..study.folder.estimate import TimeEstimate
    from ..study.leaderboard.added import AddedMethod
    from ..study.session import StudyTask


class _RunUnlessNamed(Commands):
    """Words that begin with no command of the group are those of its command `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help" and not is_renamed("study", args[0]):
            args = ["run", *args]
        args = args or ["--help"]
        return super().parse_args(ctx, args)


study_app = typer.Typer(
    cls=_RunUnlessNamed, no_args_is_help=True, help="Run a grid of trainings and plot the results."
)
app.add_typer(study_app, name="study", rich_help_panel=MAIN)

StudyPath = Annotated[Path, typer.Argument(help="A study folder, such as studies/alpha.")]


@study_app.command()
def run(
    config: Annotated[
        str, typer.Argument(help="A study file, a study folder, or a shipped name such as alpha.")
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes, such as seeds=3 set.train.total_steps=50_000.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Study folder; default: studies/<name>.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Number of simultaneous runs; default: one per core.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Maximum number of runs in this call.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and the estimated time; run nothing.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option(help="Estimate the time by short runs if there are no finished ones.")
    ] = True,
    engine: Annotated[
        str, typer.Option(help="local (processes on this machine) or ray (a cluster).")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster: auto, host:6379 or ray://host:10001.")
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            help="A Parquet file that records what each run contributed; recorded runs are not repeated."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Do the missing runs of a study and write its tables. Run the command again to resume."""
    from ..study.folder.progress import StudyProgress
    from ..study.session import choose_engine, prepare_study

    task = prepare_study(config, overrides or [], out, limit, rows)
    executor = choose_engine("local" if dry_run else engine, None if dry_run else address, workers)
    show(_plan_text(task))
    expected = task.estimate(executor.workers, lambda words: say(words, err=True)) if estimate else None
    if expected is not None:
        say(_expected_text(expected, executor.workers))
    if dry_run:
        return
    watch = StudyProgress(task.plan, executor.workers, expected.per_run if expected else {}, quiet)
    began = time.monotonic()
    with closing(watch):
        outcome = task.run(executor, watch)
    show(_outcome_text(task, outcome, time.monotonic() - began, expected, watch.names))
    if outcome.failed:
        raise typer.Exit(1)


def _plan_text(task: StudyTask) -> str:
    plan, study = task.plan, task.plan.study
    lines = [f"study {study.name}: {study.question}" if study.question else f"study {study.name}"]
    for arm in dict.fromkeys(point.arm for point in plan.points):
        points = [point for point in plan.points if point.arm == arm]
        runs = sum(len(point.runs) for point in points)
        lines.append(
            f"  {arm}: {_count(len(points), 'point')}, {_count(len(points[0].runs), 'seed')} each, {_count(runs, 'run')}"
        )
        for key in dict.fromkeys(key for point in points for key in point.values):
            values = list(dict.fromkeys(point.values[key] for point in points if key in point.values))
            shown = ", ".join(values[:12]) + (f" and {len(values) - 12} more" if len(values) > 12 else "")
            lines.append(f"    {key}: {shown}")
    lines.append(f"  each evaluated on {study.levels:,} levels of {', '.join(study.conditions)}")
    finished = len(task.folder.finished() & plan.runs.keys())
    lines.append(
        f"{len(plan.runs)} runs, {finished} finished, {len(task.todo)} to do now; folder: {task.folder.path}"
    )
    return plain_lines(lines)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def _expected_text(expected: TimeEstimate, workers: int) -> str:
    from ..study.folder.progress import spell_time

    basis = "short runs measured here" if expected.measured else "the finished runs of this study"
    return f"estimated time: {spell_time(expected.seconds)} with {_count(workers, 'worker')} (by {basis})"


def _outcome_text(
    task: StudyTask,
    outcome: Outcome,
    seconds: float,
    expected: TimeEstimate | None,
    names: Mapping[str, str],
) -> str:
    from ..study.folder.progress import spell_time

    more = f", {outcome.missing} still missing" if outcome.missing else ""
    done = (
        f"{outcome.done} runs done in {spell_time(seconds)}"
        if outcome.written or outcome.missing
        else "up to date: tables, figures and page match the finished runs"
    )
    lines = [f"{done}{more}: {task.folder.path}"]
    if expected is not None and expected.seconds and not outcome.failed:
        lines.append(f"that was {seconds / expected.seconds:.2f} times the estimate")
    for failed in outcome.failed:
        lines.append(f"failed: {names[failed.id]}: {failed.message}")
        lines.append(f"        log: {task.folder.log(failed.id)}")
    if outcome.failed:
        lines.append("run the same command again to retry the failed runs")
    elif not outcome.missing:
        lines.append(f"page:   {task.folder.path / 'report.html'}")
        lines.append(f"next:   {shown_command('study', 'status', task.folder.path)}")
    return plain_lines(lines)


@study_app.command()
def status(path: StudyPath, as_json: Json = False) -> None:
    """Show the progress of a study: runs done, missing, failed and damaged, point by point."""
    from ..study.session import study_status
    from .tables import damage_lines, status_table

    progress = study_status(path)
    if as_json:
        show_json(progress.to_dict())
        return
    state = "running now" if progress.running else "nothing is running"
    say(f"{progress.study}: {progress.done} of {progress.runs} runs done; {state}")
    show(status_table(progress).rstrip())
    if progress.others:
        say(
            f"  {progress.others} further runs in the folder belong to no point of the current study; tables leave them out"
        )
    for line in damage_lines(progress.damaged):
        say(line)
    if progress.done < progress.runs and not progress.running:
        say(f"resume with: {shown_command('study', path)}")


@study_app.command()
def compare(first: StudyPath, second: StudyPath, as_json: Json = False) -> None:
    """Compare two studies at the points that both have."""
    from dataclasses import asdict

    from ..study.design.plan import plan_study
    from ..study.driver import check_study
    from ..study.folder.folder import SUMMARY
    from ..study.results.compare import compare as compare_tables
    from ..study.results.summary import read_summary
    from .tables import compare_text

    tables = [read_summary(check_study(path).path / SUMMARY, plan_study(path)) for path in (first, second)]
    differences = compare_tables(*tables)
    if as_json:
        show_json([asdict(difference) for difference in differences])
    else:
        show(compare_text(differences, (plain(first), plain(second))))
        say(f"next: {shown_command('report', first)}, {shown_command('report', second)}")


@study_app.command()
def methods(
    add: Annotated[
        str | None,
        typer.Option(help="Your method, module:NAME or path/to/file.py:NAME: this runs its code."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Changes to its study, such as seeds=[510,511,512,513,514] set.method.my_option=0.3."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Study folder; default: studies/methods-NAME.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Number of simultaneous runs; default: one per core.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Show the recorded leaderboard of training methods; with --add, train your method and show its row next to the recorded ones.

    --add is a quick version: fewer seeds than the recorded rows. Run the command again to resume.
    """
    if add is None:
        _show_recorded(changed=bool(overrides or out or workers))
        return
    from ..study.folder.progress import StudyProgress
    from ..study.leaderboard.added import add_method
    from ..study.session import choose_engine

    added = add_method(add, overrides or [], out)
    executor = choose_engine(workers=workers)
    show(_plan_text(added.task))
    watch = StudyProgress(added.task.plan, executor.workers, {}, quiet)
    began = time.monotonic()
    with closing(watch):
        outcome = added.task.run(executor, watch)
    show(_outcome_text(added.task, outcome, time.monotonic() - began, None, watch.names))
    _show_leaderboard(added, outcome)
    if outcome.failed:
        raise typer.Exit(1)


def _show_recorded(changed: bool) -> None:
    if changed:
        raise UserError(
            "changes, --out and --workers are of the study that trains your method; name it, as in --add my_file.py:MyMethod"
        )
    from ..study.leaderboard.added import SHORT
    from ..study.leaderboard.board import columns_of
    from ..study.leaderboard.committed import JOIN, recorded_boards
    from ..system.screen import table

    for board in recorded_boards():
        say(
            f"label class {board.label_class}, {board.world} ({board.study}){f', at {board.at}' if board.at else ''}:"
        )
        if board.controls:
            say(
                f"note: controls that do not hold: {'; '.join(board.controls)}; "
                "nothing is concluded from rows whose control fails without a known cause"
            )
        if not board.rows:
            say("this world does not enter, so its methods are not compared")
            continue
        heads, *rows = columns_of(board.rows, SHORT)
        show(table(heads, rows))
    say(
        "brackets: 95% intervals over training seeds and levels; methods compete within a label class, never across"
    )
    say(f"add your method: {JOIN}")


def _show_leaderboard(added: AddedMethod, outcome: Outcome) -> None:
    if not outcome.done + outcome.before:
        return
    from ..study.leaderboard.added import SHORT, leaderboard_of
    from ..study.leaderboard.board import columns_of
    from ..system.screen import table

    board = leaderboard_of(added)
    say(f"leaderboard of label class {added.label_class}, at {added.quick.name} = {added.quick.parameter:g}:")
    heads, *rows = columns_of(board.rows, SHORT)
    show(table(heads, rows))
    for note in board.notes:
        say(f"note: {note}")
    say(f"all columns: {plain(board.files[0])}; as a table: {plain(board.files[1])}")


def say_study_report(path: Path) -> None:
    """Implement `study report`, which `report` also does if its only folder is a study's."""
    from ..study.driver import report_study

    page = report_study(path)
    say(f"{page} ({page.stat().st_size / 1e6:.1f} MB), figures in {path / 'figures'}")
    say(f"next: {shown_command('study', 'compare', path, 'OTHER_STUDY')}")


@study_app.command()
def report(path: StudyPath) -> None:
    """Regenerate a study's tables, figures and report.html from its finished runs."""
    say_study_report(path)


@study_app.command()
def docs(
    path: StudyPath,
    out: Annotated[Path, typer.Option(help="A folder of the docs.")] = Path("docs/results"),
) -> None:
    """Write the study's page for the docs: question, figures, table, what it shows and does not show, n, time."""
    from ..study.design.plan import plan_study
    from ..study.driver import check_study
    from ..study.results.docs_page import write_docs

    command = shown_command("study", "docs", Path("studies") / path.resolve().name, "--out", out)
    if not out.is_dir():
        raise UserError(f"there is no folder {out}; create it, or give --out another")
    say(str(write_docs(check_study(path), plan_study(path), out, command)))
