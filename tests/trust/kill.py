"""Kill commands by SIGKILL at random moments, give them again, and compare with commands that nobody disturbed.

    python tests/trust/kill.py --kills 200 --seed 0          (prints what came of it as JSON; exit code 1 at any fault)

One warm process imports and compiles; every command runs in a fork of it, with real files, and dies a real death: either
at a random time, killed from outside, or at a random touch of its folder. After each death every file that can be seen must be
whole (as it was, or as it would become), and the same command, given again, must end in the same bytes as an undisturbed one.
A part of the commands is killed a second time while it goes on. It tests no disk that refuses: see `test_cli_disk.py`.
Forking is safe because this process itself never begins polars' threads. Read next: `test_kill.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from scenes import Scene, digests, scenes, warm_up

EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
AGAIN = 0.25  # share of the commands that are killed once more


class Touches:
    """Counts how often a folder is touched; before touch number `last` the process kills itself."""

    def __init__(self, folder: Path, last: int | None) -> None:
        self.folder, self.last, self.count = str(folder), last, 0

    def __call__(self, event: str, arguments: tuple) -> None:
        if (
            event in EVENTS
            and isinstance(arguments[0], str | bytes | os.PathLike)
            and self.within(arguments[0])
        ):
            if self.count == self.last:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1

    def within(self, path: str | bytes | os.PathLike) -> bool:
        return os.path.abspath(os.fsdecode(path)).startswith(self.folder)


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (−9: killed), seconds, touches of the folder, and what it said on stderr."""

    code: int
    seconds: float
    touches: int
    said: str


def run(words: list[str], home: Path, seconds: float | None = None, touch: int | None = None) -> Ended:
    """A command in a forked process whose working folder is `home`; killed after `seconds`, or before a touch."""
    ready, tell = os.pipe()
    said = home.parent / "stderr"
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(ready)
            os.chdir(home)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            touches = Touches(home, touch)
            sys.addaudithook(touches)
            code = command(words)
            os.write(tell, str(touches.count).encode())
        finally:
            os._exit(code)
    os.close(tell)
    if seconds is not None:
        with contextlib.suppress(ProcessLookupError):
            wait_for(child, seconds)
            os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(ready) as told:
        touches_made = int(told.read() or 0)
    return Ended(code, time.monotonic() - began, touches_made, said.read_text(errors="replace"))


def wait_for(child: int, seconds: float) -> None:
    """Wait so long, or until the child has ended (it stays to be waited for)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(min(0.005, max(end - time.monotonic(), 0)))


def command(words: list[str]) -> int:
    """Run a command of goalposts in this process; its exit code."""
    from goalposts.experiments.cli import main

    try:
        main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@dataclass
class Tally:
    """What came of one scene."""

    kills: int = 0
    by_time: int = 0
    by_touch: int = 0
    twice: int = 0
    too_late: int = 0  # the command had ended before its moment came
    faults: list[str] = field(default_factory=list)


def try_scene(scene: Scene, kills: int, luck: random.Random, work: Path) -> Tally:
    """Kill one command so often, each time from the same start."""
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
        for again in range(2):
            by_time = luck.random() < 0.5
            moment = (
                {"seconds": luck.uniform(0, seconds)} if by_time else {"touch": luck.randrange(first.touches)}
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
            tally.faults += [f"killed at {moment}: {fault}" for fault in scene.seen(home, undisturbed)]
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
    parser.add_argument("--only", nargs="*", help="names of scenes")
    given = parser.parse_args()
    luck, began = random.Random(given.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="goalposts-kill-") as place:
        folder = Path(place)
        warm_up(folder, in_a_fork)
        chosen = [scene for scene in scenes(folder) if not given.only or scene.name in given.only]
        weights = sum(scene.weight for scene in chosen)
        found = {}
        for scene in chosen:
            count = max(1, round(given.kills * scene.weight / weights))
            found[scene.name] = try_scene(scene, count, luck, folder / scene.name)
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
    """Do something in a process of its own, so that this one stays free of threads."""
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
