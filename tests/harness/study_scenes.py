"""Study scenes of `kill.py`: a grid of four trainings, a resumed one, its report and its page.

A study starts workers. The harness forks them from the warm driver instead of spawning them, which takes seconds; otherwise
they use the engine's code. If only the driver is killed, its worker must end too; if the moment is an operation on the
folder, driver and worker die together. Spawned workers that are killed one by one are tested in
`tests/experiments/study/test_kills.py`. Read next: `scenes.py`.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Collection
from pathlib import Path

STUDY = """\
name: small
base: tiny.yaml
grid: {env.condition: [edge, anywhere]}
seeds: 2
conditions: [edge_held_out, off_path]
levels: 20
"""
RUN = ["study", "study.yaml", "--out", "study", "--workers", "1", "--no-estimate", "-q"]
Command = Callable[[list[str]], int]
MORE_THREADS = 97  # exit code of a driver that would fork while it has threads


def fork_workers() -> None:
    """Fork workers from now on, in a short-lived process and only while it has one thread."""
    get_context = multiprocessing.get_context
    multiprocessing.get_context = lambda method=None: get_context("fork")  # type: ignore[assignment]
    driver = os.getpid()

    def look() -> None:
        threads = len(os.listdir("/proc/self/task"))
        if threads > 1 and os.getpid() == driver:
            print(f"would fork with {threads} threads", file=sys.stderr, flush=True)
            os._exit(MORE_THREADS)

    if os.path.isdir("/proc/self/task"):
        os.register_at_fork(before=look)


def write_study(home: Path) -> None:
    """Write the study file; its base, tiny.yaml, already exists."""
    (home / "study.yaml").write_text(STUDY, encoding="utf-8")


def make_studies(
    folder: Path, in_a_fork: Callable[[Callable[[], object]], None], command: Command, scenes: Collection[str]
) -> None:
    """Create every file that a worker may show, and the initial studies: a finished one, and one with half its seeds."""
    write_study(folder)
    in_a_fork(lambda: _every_file(folder))
    if not {"study report", "study docs"}.isdisjoint(scenes):
        in_a_fork(lambda: _study(folder, command, RUN))
    if "study, more seeds" in scenes:
        in_a_fork(lambda: _study(folder, command, [*RUN[:3], "half", *RUN[4:], "seeds=1"]))


def _study(folder: Path, command: Command, words: list[str]) -> None:
    fork_workers()
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    assert command(words) == 0


def _every_file(folder: Path) -> None:
    """Create each run of the study in a separate folder with all checkpoints kept."""
    from goalposts.experiments import Run
    from goalposts.experiments.study.design.plan import plan_study
    from goalposts.experiments.study.workers.job import Done, Job, perform

    save = Run.save_checkpoint
    Run.save_checkpoint = lambda self, step, writer, keep=None: save(self, step, writer, None)  # type: ignore[method-assign]
    for one, config in plan_study(folder / "study.yaml").runs.items():
        done = perform(Job(one, config, str(folder / "work" / one)))
        assert isinstance(done, Done), done


def seen_in_work(digests: dict[str, str]) -> dict[str, set[str]]:
    """Files allowed in the workers' scratch folders, from the digests of `_every_file`."""
    return {f"study/.work/{name}": {digest} for name, digest in digests.items()}


def from_base(base: Path, name: str) -> Callable[[Path], None]:
    """Initial state with the study file and a copy of a folder from `make_studies`."""

    def fill(home: Path) -> None:
        write_study(home)
        shutil.copytree(base / name, home / "study")

    return fill


def with_older_report(base: Path) -> Callable[[Path], None]:
    """A finished study whose page and figures are older than its runs."""
    fill = from_base(base, "study")

    def older(home: Path) -> None:
        fill(home)
        for path in (home / "study/report.html", *(home / "study/figures").iterdir()):
            path.write_text(f"an older {path.name}")

    return older
