"""A study from its plan to its folder: finds what is missing, has an engine do it, keeps each run, writes the tables.

Whenever it is killed, the next call does exactly what is missing. Read next: `experiments/study/design/plan.py`,
`experiments/study/workers/local.py`,
`experiments/study/folder/folder.py`, `experiments/study/results/summary.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from goalposts.registration import WORLDS

from ...envs.worlds.registry import get_world
from ..runs.provenance import now
from ..system.atomic_files import RunError
from ..training.precompile import announce
from .design.plan import StudyPlan
from .folder.folder import WORK, Call, StudyFolder
from .folder.stamp import is_made, remember
from .results.golden import golden_digests
from .results.recorded_rows import read_rows, restore_rows, write_rows
from .results.summary import write_tables
from .workers.job import Failed, Job
from .workers.local import At, Executor, LocalEngine


class StudyWatch(Protocol):
    """Who wants to know how a study goes."""

    def begun(self, todo: list[str], finished: int) -> None:
        """These runs are to be done now; so many were done before."""

    def tick(self, at: list[At]) -> None:
        """Time passes."""

    def ended(self, run_id: str, failed: Failed | None) -> None:
        """A run is done, or failed."""


@dataclass(frozen=True)
class Outcome:
    """What a call of `run_study` came to: runs done now, done before, still missing, and those that failed."""

    done: int
    before: int
    missing: int
    failed: tuple[Failed, ...]
    written: bool = True  # tables, figures and page; False: they were there, made from just these runs


def default_out(plan: StudyPlan) -> Path:
    """Where a study goes that is not told where."""
    return Path("studies") / plan.study.name


def todo_of(
    plan: StudyPlan, folder: StudyFolder, limit: int | None = None, rows: Path | None = None
) -> list[str]:
    """Ids of the runs to be done now, in order; without those that a file of recorded rows holds. Raises RunError."""
    finished = folder.finished() | (
        read_rows(rows).measures.keys() if rows is not None and rows.exists() else set()
    )
    return [one for one in plan.runs if one not in finished][: limit if limit is not None else None]


def load_worlds(plan: StudyPlan) -> None:
    """Refuse a study of a custom world that the user has not named: its code is run only then. Raises WorldError."""
    for world in dict.fromkeys(config.world for config in plan.runs.values()):
        if world not in WORLDS:
            get_world(world)


def run_study(
    plan: StudyPlan,
    out: str | os.PathLike[str],
    engine: Executor,
    watch: StudyWatch,
    limit: int | None = None,
    rows: Path | None = None,
) -> Outcome:
    """Do what is missing, at most `limit` runs, and write tables, figures and page if they are not made from just these runs.

    rows: a file that records what each finished run contributed; runs that it holds are not done again.
    Raises RunError; a failing run raises nothing.
    """
    load_worlds(plan)
    folder = StudyFolder(out)
    failed: list[Failed] = []
    done = 0
    began, cpu = time.monotonic(), time.process_time()
    with folder.begin(plan.study), _recorded(rows, folder, plan):
        before = len(folder.finished() & plan.runs.keys())
        todo = todo_of(plan, folder, limit)
        if isinstance(engine, LocalEngine):
            for one in todo:
                announce(plan.runs[one].world, plan.runs[one].env.observation)
        watch.begun(todo, before)
        with closing(_results(engine, _jobs(plan, folder, todo, isinstance(engine, LocalEngine)))) as results:
            for result in results:
                if result is None:
                    watch.tick(engine.at())
                    continue
                if isinstance(result, Failed):
                    folder.note(result)
                    failed.append(result)
                else:
                    folder.keep(result)
                    done += 1
                watch.ended(result.id, result if isinstance(result, Failed) else None)
        missing = len(plan.runs.keys() - folder.finished())
        if not missing:
            folder.end_work()
        written = bool(before + done) and (bool(done) or not is_made(folder, plan))
        if written:
            _write(folder, plan)
        if todo:
            wall, own = time.monotonic() - began, time.process_time() - cpu
            folder.note_call(Call(now(), done, len(failed), wall, own, engine.workers, type(engine).__name__))
    return Outcome(done, before, missing, tuple(failed), written)


@contextmanager
def _recorded(rows: Path | None, folder: StudyFolder, plan: StudyPlan) -> Iterator[None]:
    """Take over what a file of recorded rows holds; at the end, however it comes, record what is finished then."""
    if rows is None:
        yield
        return
    golden = golden_digests(plan)
    restore_rows(rows, folder, plan, golden)
    try:
        yield
    finally:
        write_rows(rows, folder, plan, golden)


def _results(engine: Executor, jobs: Iterator[Job]):
    """As a generator, so that leaving it early closes the engine's."""
    yield from engine.run(jobs)


def _jobs(plan: StudyPlan, folder: StudyFolder, todo: list[str], here: bool) -> Iterator[Job]:
    base = folder.path.resolve()
    for one in todo:
        yield Job(one, plan.runs[one], str(base / WORK / one) if here else None)


def check_study(path: str | os.PathLike[str]) -> StudyFolder:
    """A study folder with its tables. Raises RunError."""
    folder = StudyFolder.open(path)
    if not folder.finished():
        raise RunError(f"{path} has no finished run yet; resume with: goalposts study {path}")
    return folder


def report_study(path: str | os.PathLike[str]) -> Path:
    """Write a study's tables, figures and page anew from its finished runs; returns the page. Raises RunError."""
    from .design.plan import plan_study

    folder, plan = check_study(path), plan_study(path)
    with folder.hold():
        return _write(folder, plan)


def _write(folder: StudyFolder, plan: StudyPlan) -> Path:
    from .results.report import write_report  # matplotlib and the player only where something is shown

    write_tables(folder, plan)
    page = write_report(folder, plan)
    remember(folder, plan)
    return page
