"""Kill commands with SIGKILL at random moments, rerun them, and compare the results with undisturbed commands.

    python tests/harness/kill.py --kills 200 --seed 0          (prints the results as JSON; exit code 1 on any fault)

A warm process imports and compiles; every command runs in a fork of it, with real files, and is killed either
at a random time from outside (alone, or with its child processes), or at a random operation on its folder by any
of its processes. Its child processes must die with it. After each kill, every visible file must be
complete (old or new), and rerunning the command must give the same bytes as an undisturbed command.
Some commands are killed a second time while resuming. Does not test failing disks: see `tests/experiments/cli/test_disk.py`.
Forking is safe because this process never starts polars' threads. Read next: `tests/trust/test_kill.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import mmap
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from fixtures.touching import touches
from harness.scenes import Scene, digests, scenes, warm_up
from harness.study_scenes import fork_workers

AGAIN = 0.25  # fraction of the commands that are killed a second time
ALONE = 0.5  # fraction of those killed from outside whose workers must notice it themselves
SOON = 20.0  # seconds within which they must notice


class Touches:
    """Count the operations on a folder; before operation number `last`, the process kills itself and its group.

    Forked processes share the count.
    """

    def __init__(self, folder: Path, last: int | None) -> None:
        self.folder, self.last = str(folder), last
        self.shared = memoryview(mmap.mmap(-1, 8)).cast("q")

    @property
    def count(self) -> int:
        return self.shared[0]

    def __call__(self, event: str, arguments: tuple) -> None:
        if touches(event, arguments, self.folder):
            if self.count == self.last:
                os.killpg(0, signal.SIGKILL)
            self.shared[0] += 1


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (−9: killed), seconds, number of folder operations, stderr.

    all_ended: whether its child processes ended soon after it.
    """

    code: int
    seconds: float
    touches: int
    said: str
    all_ended: bool


def run(
    words: list[str], home: Path, seconds: float | None = None, touch: int | None = None, alone: bool = True
) -> Ended:
    """Run a command in a forked process with working directory `home`; killed after `seconds` or before an operation.

    alone: if killed after a time, its child processes are left to end by themselves.
    """
    ready, tell = os.pipe()
    said = home.parent / "stderr"
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(ready)
            os.setpgid(0, 0)
            os.chdir(home)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            counted = Touches(home, touch)
            sys.addaudithook(counted)
            fork_workers()
            code = command(words)
            os.write(tell, str(counted.count).encode())
        finally:
            os._exit(code)
    os.close(tell)
    if seconds is not None:
        with contextlib.suppress(ProcessLookupError):
            wait_for(child, seconds)
            os.kill(child, signal.SIGKILL) if alone else os.killpg(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told, all_ended = hear(ready)
    if not all_ended:
        os.killpg(child, signal.SIGKILL)
    took = time.monotonic() - began
    return Ended(code, took, int(told or 0), said.read_text(errors="replace"), all_ended)


def hear(ready: int) -> tuple[bytes, bool]:
    """Output of a command, and whether all its forks have ended, which leaves the pipe without a writer."""
    told, end = b"", time.monotonic() + SOON
    with os.fdopen(ready, "rb", buffering=0):
        while select.select([ready], [], [], max(0.0, end - time.monotonic()))[0]:
            part = os.read(ready, 100)
            if not part:
                return told, True
            told += part
    return told, False


def wait_for(child: int, seconds: float) -> None:
    """Wait for a time, or until the child has ended, without reaping it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(min(0.005, max(end - time.monotonic(), 0)))


def command(words: list[str]) -> int:
    """Run a command of goalposts in this process; returns its exit code."""
    from goalposts.experiments.cli.main import main

    try:
        main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@dataclass
class Tally:
    """Results of one scene."""

    kills: int = 0
    by_time: int = 0
    by_touch: int = 0
    twice: int = 0
    too_late: int = 0  # the command ended before the moment of its kill
    faults: list[str] = field(default_factory=list)


def try_scene(scene: Scene, kills: int, luck: random.Random, work: Path, share_by_time: float) -> Tally:
    """Kill one command repeatedly, each time from the same initial state."""
    tally = Tally()
    undisturbed = work / "undisturbed" / "home"
    scene.prepare(undisturbed)
    first = run(scene.words, undisturbed)
    if first.code != 0:
        tally.faults.append(f"undisturbed, it ended with {first.code}: {first.said}")
        return tally
    expected = digests(undisturbed)
    seconds = first.seconds
    while tally.kills < kills and tally.too_late < 3 * kills:
        home = work / "killed" / "home"
        shutil.rmtree(home.parent, ignore_errors=True)
        scene.prepare(home)
        moment: dict[str, Any] = {}
        for again in range(2):
            by_time = luck.random() < share_by_time
            moment = (
                {"seconds": luck.uniform(0, seconds), "alone": luck.random() < ALONE}
                if by_time
                else {"touch": luck.randrange(first.touches)}
            )
            ended = run(scene.words, home, **moment)
            if ended.code != -signal.SIGKILL:
                tally.too_late += 1
                if ended.code != 0 and not scene.done(ended.said):
                    tally.faults.append(f"{moment}: it ended with {ended.code}: {ended.said}")
                break
            tally.kills += 1
            tally.by_time += by_time
            tally.by_touch += not by_time
            tally.twice += again
            faults = [] if ended.all_ended else [f"what it began outlived it by {SOON:.0f} s"]
            faults += scene.seen(home, undisturbed)
            tally.faults += [f"killed at {moment}: {fault}" for fault in faults]
            if luck.random() >= AGAIN:
                break
        ended = run(scene.words, home)
        if ended.code != 0 and not scene.done(ended.said):
            tally.faults.append(f"after {moment} the same command ended with {ended.code}: {ended.said}")
        elif digests(home) != expected:
            names = [n for n, d in digests(home).items() ^ expected.items()]
            tally.faults.append(
                f"after {moment} these differ from an undisturbed command: {sorted(set(names))}"
            )
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--by-time", type=float, default=0.5, help="share of the kills that a clock decides, not a touch"
    )
    parser.add_argument("--only", nargs="*", help="names of scenes")
    given = parser.parse_args()
    luck, began = random.Random(given.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="goalposts-kill-") as place:
        folder = Path(place)
        wanted = given.only or [scene.name for scene in scenes(folder)]
        warm_up(folder, in_a_fork, command, wanted)
        chosen = [scene for scene in scenes(folder) if scene.name in wanted]
        weights = sum(scene.weight for scene in chosen)
        found = {}
        for scene in chosen:
            count = math.ceil(given.kills * scene.weight / weights)
            found[scene.name] = try_scene(scene, count, luck, folder / scene.name, given.by_time)
            print(f"{scene.name}: {found[scene.name]}", file=sys.stderr, flush=True)
    total = {
        "kills": sum(t.kills for t in found.values()),
        "faults": sum(len(t.faults) for t in found.values()),
    }
    total["seconds"] = round(time.monotonic() - began)
    print(
        json.dumps({"total": total, "scenes": {name: vars(tally) for name, tally in found.items()}}, indent=1)
    )
    sys.exit(1 if total["faults"] else 0)


def in_a_fork(work: Callable[[], object]) -> None:
    """Call a function in a fork, so that this process stays free of threads."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, code


if __name__ == "__main__":
    main()
