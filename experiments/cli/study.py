"""The commands of studies: a grid of runs, how far it is, two of them side by side. Thin, as the other commands are.

`goalposts study CONFIG` is short for `goalposts study run CONFIG`. Read next: `experiments/study/driver.py`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from goalposts.errors import UserError
from goalposts.text import plain, plain_lines

from ...envs.worlds.contract.sources import world_options
from .app import MAIN, Commands, Json, app, say, show, show_json
from .renamed import is_renamed


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
    from ..study.design.plan import plan_study, refuse_changes
    from ..study.driver import default_out, load_worlds, run_study, todo_of
    from ..study.folder.estimate import TimeEstimate
    from ..study.folder.estimate import estimate as estimate_time
    from ..study.folder.folder import STUDY, StudyFolder
    from ..study.folder.progress import StudyProgress, spell_time
    from ..study.workers.local import LocalEngine

    refuse_changes(config, overrides or [], out)
    plan = plan_study(config, overrides or [])
    load_worlds(plan)
    path = out or (Path(config) if os.path.isfile(Path(config) / STUDY) else default_out(plan))
    folder = StudyFolder(path)
    folder.refuse_foreign(plan.study)  # before anything is measured or said
    chosen = None if dry_run else _ray(engine, address, workers)
    at_once = chosen.workers if chosen is not None else workers or os.cpu_count() or 1
    if rows is not None and not rows.parent.is_dir():
        raise UserError(
            f"cannot write {rows}: there is no folder {rows.parent}; make it, or give --rows another name"
        )
    todo = todo_of(plan, folder, limit, rows)
    show(_plan_words(plan, folder, todo))
    expected = TimeEstimate(0.0, {}, False)
    if todo and estimate:
        expected = estimate_time(plan, folder, todo, at_once, lambda words: say(words, err=True))
        by = "short runs measured here" if expected.measured else "the finished runs of this study"
        say(
            f"estimated time: {spell_time(expected.seconds)} with {at_once} worker{'s' * (at_once > 1)} (by {by})"
        )
    if dry_run:
        return
    watch = StudyProgress(plan, at_once, expected.per_run, quiet)
    began = time.monotonic()
    try:
        found = run_study(plan, path, chosen or LocalEngine(at_once), watch, limit, rows)
    finally:
        watch.close()
    took = time.monotonic() - began
    more = f", {found.missing} still missing" if found.missing else ""
    if found.written or found.missing:
        say(f"{found.done} runs done in {spell_time(took)}{more}: {path}")
    else:
        say(f"up to date: tables, figures and page match the finished runs{more}: {path}")
    if todo and expected.seconds and not found.failed:
        say(f"that was {took / expected.seconds:.2f} times the estimate")
    for failed in found.failed:
        say(f"failed: {watch.names[failed.id]}: {failed.message}")
        say(f"        log: {folder.log(failed.id)}")
    if found.failed:
        say("run the same command again to retry the failed runs")
        raise typer.Exit(1)


@study_app.command()
def status(path: StudyPath, as_json: Json = False) -> None:
    """Show the progress of a study: runs done, missing and failed, point by point."""
    from ..study.design.plan import plan_study
    from ..study.folder.folder import StudyFolder

    folder = StudyFolder.open(path)
    plan = plan_study(path)
    finished, failed = folder.finished(), folder.failed()
    points = [
        {
            "point": point.name,
            "done": sum(one in finished for _, one in point.runs),
            "runs": len(point.runs),
            "failed": {
                f"seed {seed}": failed[one]
                for seed, one in point.runs
                if one in failed and one not in finished
            },
        }
        for point in plan.points
    ]
    done, running = len(finished & plan.runs.keys()), folder.in_use()
    others = len(finished - plan.runs.keys())
    if as_json:
        show_json(
            {
                "study": plan.study.name,
                "done": done,
                "runs": len(plan.runs),
                "running": running,
                "others": others,
                "points": points,
            }
        )
        return
    say(
        f"{plan.study.name}: {done} of {len(plan.runs)} runs done; {'running now' if running else 'nothing is running'}"
    )
    width = max(len(point["point"]) for point in points)
    for point in points:
        say(f"  {point['point']:{width}}  {point['done']:3} of {point['runs']}")
        for seed, why in point["failed"].items():
            say(f"  {'':{width}}  {seed} failed: {why}")
    if others:
        say(
            f"  {others} further runs in the folder belong to no point of the current study; tables leave them out"
        )
    if done < len(plan.runs) and not running:
        say(f"resume with: goalposts study {path}{world_options()}")


def _ray(engine: str, address: str | None, workers: int | None) -> Any:
    """The Ray engine where that is what is wanted; None for the local one."""
    if engine not in ("local", "ray"):
        raise UserError(f"unknown engine {engine!r}; must be local or ray")
    if engine == "local":
        if address is not None:
            raise UserError("--address requires --engine ray")
        return None
    if address is not None and workers is not None:
        raise UserError(
            "--workers cannot be combined with --address: a cluster decides by its cores; leave one out"
        )
    if address is None and workers is not None and (there := os.environ.get("RAY_ADDRESS")):
        raise UserError(
            f"--workers cannot be combined with a cluster, and RAY_ADDRESS={there} names one; leave out --workers, or unset "
            "RAY_ADDRESS to use the cores of this machine"
        )
    from ..study.workers.ray_cluster import RayEngine

    return RayEngine(address, workers)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def _plan_words(plan: Any, folder: Any, todo: list[str]) -> str:
    study = plan.study
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
    finished = len(folder.finished() & plan.runs.keys())
    lines.append(f"{len(plan.runs)} runs, {finished} finished, {len(todo)} to do now; folder: {folder.path}")
    return plain_lines(lines)


@study_app.command()
def compare(first: StudyPath, second: StudyPath, as_json: Json = False) -> None:
    """Compare two studies at the points that both have."""
    from dataclasses import asdict

    from ..study.design.plan import plan_study
    from ..study.driver import check_study
    from ..study.folder.folder import SUMMARY
    from ..study.results.compare import compare as compare_tables
    from ..study.results.compare import compare_text
    from ..study.results.summary import read_summary

    tables = [read_summary(check_study(path).path / SUMMARY, plan_study(path)) for path in (first, second)]
    found = compare_tables(*tables)
    if as_json:
        show_json([asdict(one) for one in found])
    else:
        show(compare_text(found, (plain(first), plain(second))))


def say_study_report(path: Path) -> None:
    """What `study report` does; `report` does it too where its one folder is a study's."""
    from ..study.driver import report_study

    page = report_study(path)
    say(f"{page} ({page.stat().st_size / 1e6:.1f} MB), figures in {path / 'figures'}")


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

    command = f"goalposts study docs studies/{path.resolve().name} --out {out}"
    if not out.is_dir():
        raise UserError(f"there is no folder {out}; make it, or give --out another")
    say(str(write_docs(check_study(path), plan_study(path), out, command)))
