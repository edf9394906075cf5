"""Benchmarks in child processes that run side by side: the time each takes once all are ready, and its peak memory.

    python -m goalposts.experiments.bench.child_process '{"kind": "levels", "count": 1000}'

is one such process: it reports that it is ready, waits for a line, does its work and prints the result as JSON. Only for
shipped worlds. Read next: `memory.py` and `experiments/analyses/scaling.py`, which start them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from goalposts.errors import UserError

from ..system.processes import ONE_THREAD, most_memory


@dataclass(frozen=True)
class Task:
    """Work for a child process, repeated `count` times according to `kind`.

    train    updates of the default recipe, on `threads` torch threads
    levels   levels drawn, `at_once` of them held in memory at a time (None: all)
    steps    rollouts of 1,024 environments, each held and then released
    copies   the same with NumPy copies
    """

    kind: str
    count: int
    world: str = "CoinRun"
    threads: int = 1
    at_once: int | None = None
    observation: str = "view"


@dataclass(frozen=True)
class Took:
    """Result of a process: the number of steps or levels, the seconds taken, and the peak memory in MB."""

    done: int
    seconds: float
    mb: float

    @property
    def rate(self) -> float:
        """Steps or levels per second."""
        return self.done / self.seconds


def side_by_side(tasks: Sequence[Task]) -> list[Took]:
    """Start a process for each task, let all begin work at the same moment, and wait for the last.

    Raises UserError with the last line of a process that failed.
    """
    command = [sys.executable, "-m", "goalposts.experiments.bench.child_process"]
    running: list[subprocess.Popen[str]] = []
    try:
        for task in tasks:
            threads = dict.fromkeys(ONE_THREAD, str(task.threads))
            running.append(
                subprocess.Popen(
                    [*command, json.dumps(asdict(task))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env={**os.environ, **threads},
                )
            )
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()  # it is ready, or has ended
        for process in running:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.write("go\n")
                process.stdin.flush()
        return [_took(process) for process in running]
    finally:
        for process in running:
            process.kill()
            with process:  # waits for it, and closes its pipes
                pass


def _took(process: subprocess.Popen[str]) -> Took:
    said, wrong = process.communicate()
    if process.returncode != 0:
        last = (wrong.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise UserError(f"a measured process failed: {last}")
    return Took(**json.loads(said.splitlines()[-1]))


def _ready() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _train(task: Task) -> tuple[int, float]:
    """Time updates after the first, which compiles and allocates everything."""
    import torch

    from ...envs.worlds.registry import get_world
    from ..training.precompile import compile_ahead
    from ..training.train import new_training
    from .training import recipe

    world = get_world(task.world)
    settings = recipe(world).train
    per_update = settings.num_envs * settings.n_steps
    config = recipe(world, total_steps=(1 + task.count) * per_update)
    compile_ahead(world.name, config.env.observation)
    training = new_training(config)
    torch.set_num_threads(task.threads)
    marks: list[float] = []

    def on_update(progress: object) -> None:
        if training.step == per_update:
            _ready()
        marks.append(time.perf_counter())

    training.run(on_update)
    return task.count * per_update, marks[-1] - marks[1]


def _levels(task: Task) -> tuple[int, float]:
    from ...envs.generation.generate import generate
    from ...envs.worlds.registry import get_world

    world = get_world(task.world)
    condition = world.default_condition("shift")
    generate(world, condition, 1, 10)
    _ready()
    began = time.perf_counter()
    for first in range(0, task.count, task.at_once or task.count):
        levels = generate(world, condition, 0, min(task.at_once or task.count, task.count - first), first)
        del levels
    return task.count, time.perf_counter() - began


def _rollouts(task: Task) -> tuple[int, float]:
    """Time rollouts after the first two, which compile and allocate everything."""
    from ...envs.engine.engine import Engine
    from ...envs.generation.generate import generate
    from ...envs.worlds.registry import get_world
    from .suite import POOL, Held, copies, engine_steps

    world = get_world(task.world)
    engine = Engine(world, 1024, generate(world, world.default_condition("train"), 0, POOL), task.observation)
    steps = engine_steps(engine, Held.ROLLOUT)
    work = steps if task.kind == "steps" else copies(engine.observe(), Held.ROLLOUT)
    for _ in range(2):
        work()
    _ready()
    began = time.perf_counter()
    done = sum(work() for _ in range(task.count))
    return done, time.perf_counter() - began


KINDS: dict[str, Callable[[Task], tuple[int, float]]] = {
    "train": _train,
    "levels": _levels,
    "steps": _rollouts,
    "copies": _rollouts,
}

if __name__ == "__main__":
    given = Task(**json.loads(sys.argv[1]))
    done, seconds = KINDS[given.kind](given)
    print(json.dumps(asdict(Took(done, seconds, most_memory()))))
