"""Study session: the runs that remain, the engine, the time estimate, and the state of a study, for `goalposts study`.

Prints nothing. Read next: `driver.py`, which does the runs; `experiments/cli/study.py`, which prints.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from goalposts.errors import UserError

from ..system.atomic_files import check_parent
from .design.plan import StudyPlan, plan_study, refuse_changes
from .driver import Outcome, StudyWatch, default_out, load_worlds, run_study, todo_of
from .folder.damage import damage_of
from .folder.estimate import TimeEstimate
from .folder.estimate import estimate as estimate_time
from .folder.folder import STUDY, StudyFolder
from .folder.progress import StudyProgress
from .workers.local import Executor, LocalEngine


@dataclass(frozen=True)
class StudyTask:
    """A study, its folder, and the ids of the runs that remain to be done."""

    plan: StudyPlan
    folder: StudyFolder
    todo: list[str]
    limit: int | None = None
    rows: Path | None = None

    def estimate(self, workers: int, tell: Callable[[str], None] = lambda words: None) -> TimeEstimate | None:
        """Estimate the time of what remains; measures short runs if there are no finished ones. None if nothing remains."""
        return estimate_time(self.plan, self.folder, self.todo, workers, tell) if self.todo else None

    def run(self, engine: Executor, watch: StudyWatch | None = None) -> Outcome:
        """Do the remaining runs. watch: observer of the progress; default: none."""
        watch = watch or StudyProgress(self.plan, engine.workers, {}, quiet=True)
        return run_study(self.plan, self.folder.path, engine, watch, self.limit, self.rows)


def prepare_study(
    config: str,
    overrides: Iterable[str] = (),
    out: Path | None = None,
    limit: int | None = None,
    rows: Path | None = None,
) -> StudyTask:
    """Plan a study and find what remains to be done; runs nothing, writes nothing.

    config: a study file, a study folder, or a shipped name. out: default: the folder itself, else studies/<name>.
    limit, rows: see `run_study`. Raises ConfigError, RunError, UserError, WorldError.
    """
    overrides = list(overrides)
    refuse_changes(config, overrides, out)
    plan = plan_study(config, overrides)
    if plan.study.plan is not None:
        plan.study.plan.check(of_folder=os.path.isdir(config))
    load_worlds(plan)
    folder = StudyFolder(out or (Path(config) if os.path.isfile(Path(config) / STUDY) else default_out(plan)))
    folder.refuse_foreign(plan.study)
    if rows is not None:
        check_parent(rows, "give --rows another name")
    return StudyTask(plan, folder, todo_of(plan, folder, limit, rows), limit, rows)


def choose_engine(engine: str = "local", address: str | None = None, workers: int | None = None) -> Executor:
    """The engine of that name. workers: default: one per core. Raises UserError for what contradicts."""
    if engine not in ("local", "ray"):
        raise UserError(f"unknown engine {engine!r}; must be local or ray")
    if engine == "local":
        if address is not None:
            raise UserError("--address requires --engine ray")
        return LocalEngine(workers or os.cpu_count() or 1)
    if address is not None and workers is not None:
        raise UserError(
            "--workers cannot be combined with --address: a cluster decides by its cores; leave one out"
        )
    from .workers.ray_cluster import RayEngine, cluster_of_environment

    if address is None and workers is not None and (cluster := cluster_of_environment()):
        raise UserError(
            f"--workers cannot be combined with a cluster, and RAY_ADDRESS={cluster} names one; leave out --workers, or "
            "unset RAY_ADDRESS to use the cores of this machine"
        )
    return RayEngine(address, workers)


@dataclass(frozen=True)
class PointStatus:
    """One point of a study: runs done, of how many, and why others failed, by seed."""

    point: str
    done: int
    runs: int
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyStatus:
    """The progress of a study. others: finished runs in its folder that belong to no point of it.

    damaged: finished runs whose files are not whole, and what is wrong with them, by folder; they do not count as done.
    """

    study: str
    done: int
    runs: int
    running: bool
    others: int
    points: list[PointStatus]
    damaged: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields for JSON."""
        return asdict(self)


def damaged_runs(folder: StudyFolder, plan: StudyPlan) -> dict[str, str]:
    """What is wrong with the files of finished runs that are not whole, by run."""
    finished = folder.finished()
    runs = [run for run in plan.runs if run in finished]
    return {run: words for run in runs if (words := damage_of(folder, run)) is not None}


def study_status(path: str | os.PathLike[str]) -> StudyStatus:
    """The progress of a study folder. Raises RunError."""
    folder, plan = StudyFolder.open(path), plan_study(path)
    finished, failed = folder.finished(), folder.failed()
    wrong = damaged_runs(folder, plan)
    whole = finished - wrong.keys()
    points = [
        PointStatus(
            point.name,
            sum(run in whole for _, run in point.runs),
            len(point.runs),
            {
                f"seed {seed}": failed[run]
                for seed, run in point.runs
                if run in failed and run not in finished
            },
        )
        for point in plan.points
    ]
    return StudyStatus(
        plan.study.name,
        len(whole & plan.runs.keys()),
        len(plan.runs),
        folder.in_use(),
        len(finished - plan.runs.keys()),
        points,
        {str(folder.run(run)): words for run, words in wrong.items()},
    )
