"""The study driver: finds missing runs, has an engine do them, stores each run, and writes the tables.

It can be killed at any time; the next call does exactly the missing runs. Read next: `experiments/study/design/plan.py`,
`experiments/study/workers/local.py`, `experiments/study/folder/folder.py`, `experiments/study/results/summary.py`.
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

from ...envs.worlds.contract.sources import shown_command
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
    """Observer of a study's progress."""

    def begun(self, todo: list[str], finished: int) -> None:
        """Called at the start, with the runs to do and the number already finished."""

    def tick(self, at: list[At]) -> None:
        """Called regularly, with the current work of each worker."""

    def ended(self, run_id: str, failed: Failed | None) -> None:
        """Called when a run has finished or failed."""


@dataclass(frozen=True)
class Outcome:
    """Result of `run_study`: runs done now, done before, still missing, and failed."""

    done: int
    before: int
    missing: int
    failed: tuple[Failed, ...]
    written: bool = True  # whether tables, figures and page were written; False: they were up to date


def default_out(plan: StudyPlan) -> Path:
    """The default folder of a study."""
    return Path("studies") / plan.study.name


def todo_of(
    plan: StudyPlan, folder: StudyFolder, limit: int | None = None, rows: Path | None = None
) -> list[str]:
    """List the ids of the runs to do, in order, without those in a file of recorded rows. Raises RunError."""
    finished = folder.finished() | (
        read_rows(rows).measures.keys() if rows is not None and rows.exists() else set()
    )
    return [run for run in plan.runs if run not in finished][: limit if limit is not None else None]


def load_worlds(plan: StudyPlan) -> None:
    """Load the study's worlds. Raises WorldError for a custom world that the user has not named, whose code must not run."""
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
    """Do the missing runs, at most `limit`, and write tables, figures and page unless they are up to date.

    rows: a file that records the table rows of each finished run; runs in it are skipped.
    Raises RunError; a failed run raises nothing.
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
            for run in todo:
                announce(plan.runs[run].world, plan.runs[run].env.observation)
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
    """Restore the runs in a file of recorded rows; at the end, even after an error, record all finished runs."""
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
    """Wrap the engine's results in a generator, so that leaving it early closes the engine's."""
    yield from engine.run(jobs)


def _jobs(plan: StudyPlan, folder: StudyFolder, todo: list[str], here: bool) -> Iterator[Job]:
    base, study = folder.path.resolve(), plan.study
    written = None if study.plan is None else (study.plan.file, study.plan.sha256)
    for run in todo:
        scratch = str(base / WORK / run) if here else None
        yield Job(run, plan.runs[run], scratch, plan=written, predictors=study.predictors)


def check_study(path: str | os.PathLike[str]) -> StudyFolder:
    """Open a study folder that has tables. Raises RunError."""
    folder = StudyFolder.open(path)
    if not folder.finished():
        raise RunError(f"{path} has no finished run yet; resume with: {shown_command('study', path)}")
    return folder


def report_study(path: str | os.PathLike[str]) -> Path:
    """Rewrite a study's tables, figures and page from its finished runs; returns the page. Raises RunError."""
    from .design.plan import plan_study

    folder, plan = check_study(path), plan_study(path)
    with folder.hold():
        return _write(folder, plan)


def _write(folder: StudyFolder, plan: StudyPlan) -> Path:
    from .results.page_data import write_report  # loads matplotlib and the player

    write_tables(folder, plan)
    page = write_report(folder, plan)
    remember(folder, plan)
    return page
