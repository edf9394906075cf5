"""Parallel efficiency of a study on this machine: the same runs with one worker, with several, and with Ray, in turns.

    python -m goalposts.experiments.analyses.worker_efficiency --workers 2 --runs 4 --rounds 2 [--ray]

Efficiency is the time with one worker divided by `workers` times the time with several; 1 is perfect. The driver's fraction
is its CPU time divided by the total. Needs an idle machine, because other load is measured too.
Read next: `experiments/study/driver.py`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from goalposts.errors import UserError, tells_exit_code

from ..study.design.plan import StudyPlan, plan_study
from ..study.driver import run_study
from ..study.folder.folder import StudyFolder
from ..study.workers.job import Failed
from ..study.workers.local import At, Executor, LocalEngine


class _Silent:
    """A progress display that shows nothing and records when the last run ends."""

    over = 0.0

    def begun(self, todo: list[str], finished: int) -> None: ...

    def tick(self, at: list[At]) -> None: ...

    def ended(self, run_id: str, failed: Failed | None) -> None:
        self.over = time.perf_counter()
        self.cpu = time.process_time()
        if failed is not None:
            raise UserError(f"a run failed, so there is nothing to measure: {failed.message}")


def measure(plan: StudyPlan, engine: Executor) -> tuple[float, float, float]:
    """Run a study; return (seconds until the last run ended, the driver's CPU seconds until then, those of the runs)."""
    with tempfile.TemporaryDirectory() as folder:
        watch = _Silent()
        began, cpu = time.perf_counter(), time.process_time()
        run_study(plan, Path(folder) / "study", engine, watch)
        study = StudyFolder(Path(folder) / "study")
        of_runs = sum(times.cpu for run in plan.runs if (times := study.times(run)))
        return watch.over - began, watch.cpu - cpu, of_runs


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m goalposts.experiments.analyses.worker_efficiency", description=__doc__
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=4, help="runs each time; a multiple of --workers")
    parser.add_argument("--steps", type=int, default=500_000, help="training steps per run")
    parser.add_argument("--rounds", type=int, default=2, help="repetitions of each measurement, in turns")
    parser.add_argument("--ray", action="store_true", help="also Ray with the same number of cores")
    given = parser.parse_args(arguments)
    plan = plan_study("seeds", [f"seeds={given.runs}", f"set.train.total_steps={given.steps}"])
    print(f"{given.runs} runs of {given.steps:,} steps each; {given.rounds} rounds", flush=True)
    times: dict[str, list[float]] = {}
    kinds = [
        "1 worker",
        f"{given.workers} workers",
        *([f"Ray, {given.workers} cores"] if given.ray else []),
    ]
    for round_ in range(given.rounds):
        for kind in kinds if round_ % 2 == 0 else reversed(kinds):
            wall, driver, runs = measure(plan, _engine(kind, given.workers))
            times.setdefault(kind, []).append(wall)
            print(
                f"{kind:16} {wall:7.1f} s; the runs computed {runs:.1f} s, the driver used {driver / (driver + runs):.1%}",
                flush=True,
            )
    middle = {kind: statistics.median(seconds) for kind, seconds in times.items()}
    print(f"efficiency of {given.workers} workers: {middle[kinds[0]] / given.workers / middle[kinds[1]]:.2f}")
    if given.ray:
        print(f"Ray takes {middle[kinds[2]] / middle[kinds[1]]:.2f} times as long as the local engine")


def _engine(kind: str, workers: int) -> Executor:
    if kind.startswith("Ray"):
        from ..study.workers.ray_cluster import RayEngine

        return RayEngine(None, workers)
    return LocalEngine(1 if kind == "1 worker" else workers)


if __name__ == "__main__":
    sys.exit(main())
