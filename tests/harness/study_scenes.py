"""The studies that `kill.py` kills: a grid of four trainings, one that is gone on with, its report and its page.

A study begins workers. In the harness they are forked from the warm driver rather than begun anew, which takes seconds; what
else they do is the engine's own. A driver that is killed by itself must take its worker with it; where a touch of the folder is
the moment, driver and worker die together, whichever of the two touched. Spawned workers that are killed one by one are in
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
MORE_THREADS = 97  # exit code of a driver that would fork with threads


def fork_workers() -> None:
    """In a process that will end: workers are forked from now on, and only while this process has one thread."""
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
    """The study file; its base, tiny.yaml, is there already."""
    (home / "study.yaml").write_text(STUDY, encoding="utf-8")


def make_studies(
    folder: Path, in_a_fork: Callable[[Callable[[], object]], None], command: Command, scenes: Collection[str]
) -> None:
    """Every file that a worker may show; where these scenes begin with one, a finished study, and one with half its seeds."""
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
    """Each run of the study in a folder of its own, of which every checkpoint is kept."""
    from goalposts.experiments import Run
    from goalposts.experiments.study.design.plan import plan_study
    from goalposts.experiments.study.workers.job import Done, Job, perform

    save = Run.save_checkpoint
    Run.save_checkpoint = lambda self, step, writer, keep=None: save(self, step, writer, None)  # type: ignore[method-assign]
    for one, config in plan_study(folder / "study.yaml").runs.items():
        done = perform(Job(one, config, str(folder / "work" / one)))
        assert isinstance(done, Done), done


def seen_in_work(digests: dict[str, str]) -> dict[str, set[str]]:
    """What a study's workers may show in their scratch, from the digests of what `_every_file` kept."""
    return {f"study/.work/{name}": {digest} for name, digest in digests.items()}


def from_base(base: Path, name: str) -> Callable[[Path], None]:
    """Begins with the study file and a copy of a folder that `make_studies` made."""

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
