"""Compile a run's kernels before it starts, in parallel processes, once per version of the code and machine.

The kernels are stored in numba's cache on disk; the processes end, which frees the memory that compiling takes. This only
saves time: a kernel that is not cached is compiled when it is first needed.

    python -m goalposts.experiments.training.precompile                            compile for `goalposts demo`; print the time
    python -m goalposts.experiments.training.precompile levels CoinRun view        one of the parts, in this process

Read next: `train.py`, which calls it.
"""

from __future__ import annotations

import gc
import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from goalposts.errors import UserError, tells_exit_code
from goalposts.process.cache_place import kernel_place
from goalposts.process.isolation import safe_environment
from goalposts.process.notices import progress
from goalposts.registration import WORLDS

from ..runs.provenance import code_digest
from ..system.processes import ONE_THREAD, python_module

# LLVM's third optimization level compiles a tenth slower than its second, and these loops run no faster.
SETTINGS = {"NUMBA_OPT": "2"}
PATIENCE = 300  # seconds to wait for another process that compiles the same


def compile_ahead(world: str, observation: str) -> bool:
    """Compile all kernels of a run in a shipped world, from levels to report, unless cached; return whether it compiled.

    Waits if another process compiles the same. Errors are ignored here and appear in the training itself.
    """
    mark = _mark(world, observation)
    try:
        if mark is None or mark.exists():
            return False
        progress(f"compiling kernels for {world} …")
        with FileLock(f"{mark}.lock", timeout=PATIENCE):
            if mark.exists() or not _side_by_side(world, observation):
                return False
            mark.touch()
    except (
        OSError,
        NotImplementedError,
        Timeout,
    ):  # disk full, no locks on the disk, or a process that hangs
        return False
    return True


def announce(world: str, observation: str) -> None:
    """Print that kernels will be compiled, on behalf of other processes that do so silently."""
    with suppress(OSError):
        mark = _mark(world, observation)
        if mark is not None and not mark.exists():
            progress(f"compiling kernels for {world} …")


def _mark(world: str, observation: str) -> Path | None:
    """The file that marks all kernels as compiled; None if nothing is compiled ahead."""
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"
    if world not in WORLDS or observation == "rgb" or disabled or not sys.executable:
        return None
    place = kernel_place().folder  # without one, kernels of other processes would be lost
    return None if place is None else place / f"goalposts-{_key(world, observation)}.compiled"


def _key(world: str, observation: str) -> str:
    """Key of everything that numba's cache depends on, and of the kernels compiled."""
    parts = (
        world,
        observation,
        code_digest(("agents", "envs")),
        version("numba"),
        platform.python_version(),
        platform.machine(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _side_by_side(world: str, observation: str) -> bool:
    """Compile each part in a separate process; return whether all of them succeeded."""
    command = python_module("goalposts.experiments.training.precompile")
    running: list[subprocess.Popen[bytes]] = []
    try:
        for part in PARTS:
            running.append(
                subprocess.Popen(
                    [*command, part, world, observation],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={**SETTINGS, **os.environ, **safe_environment(), **ONE_THREAD},
                )
            )
        ended = [_ended_well(process) for process in running]
        return all(ended)
    finally:
        for child in running:
            if child.poll() is None:
                child.kill()
                child.wait()


def _ended_well(process: subprocess.Popen[bytes]) -> bool:
    while True:
        try:
            return (
                process.wait(0.2) == 0
            )  # short, because with polars' handler of Ctrl-C a long wait would continue
        except subprocess.TimeoutExpired:
            continue


def _levels(world: str, observation: str) -> None:
    """Compile level generation, and the likelihoods of the report's goal attribution, which share its search kernels."""
    import numpy as np

    from ...envs.generation.generate import generate
    from ...envs.levels.level import LevelSet
    from ...envs.planner.likelihood import ActionModel, log_likelihoods
    from ...envs.planner.value_iteration import Objective
    from ...envs.worlds.registry import get_world

    known = get_world(world)
    generate(world, known.default_condition("control"))
    none = LevelSet(
        world, np.zeros((0, *known.full), np.uint8), np.zeros((0, 2), np.int32), np.zeros(0, np.int64)
    )
    nothing, anyhow = [Objective("nothing")], ActionModel([1.0])
    log_likelihoods(none, np.zeros((0, 1), np.uint8), np.zeros(0, np.int64), nothing, anyhow)
    known.read(np.zeros(known.full, np.uint8))


def _playing(world: str, observation: str) -> None:
    """Compile everything else: the engine, action selection, the learner's loops (on empty arrays), and the planner.

    Kernels that `_levels` needs too are compiled at a time when the other process does not.
    """
    import numpy as np

    from ...agents.ppo.loss import STATISTICS, LossCoefficients, LossGradients, Minibatch, loss_of
    from ...agents.ppo.run_length_layer import BinaryRows, cumulated_rows
    from ...agents.rollout import choosing
    from ...envs.engine.engine import Engine
    from ...envs.jit.random_streams import level_numbers
    from ...envs.levels.level import LevelSet
    from ...envs.planner.planner import survey_levels
    from ...envs.planner.search import steps_to_go
    from ...envs.worlds.registry import get_world

    _paths()
    known = get_world(world)
    nobody = np.zeros(0, np.int64)
    pool = LevelSet(
        world, np.zeros((1, *known.full), np.uint8), np.zeros((1, 2), np.int32), np.zeros(1, np.int64)
    )
    engine = Engine(known, 0, pool, observation)
    engine.step(nobody)
    choosing(np.ones((0, 2)), nobody, nobody, 0, nobody)

    floats = np.zeros((2, 2), np.float32)
    rows = BinaryRows(2, 2)
    rows.put(0, np.zeros((2, 2), np.uint8))
    rows.forward(cumulated_rows(floats), floats[0], np.arange(2))
    rows.backward(np.arange(2), floats)
    some = np.ones(2, np.float32)
    batch, gradients = (
        Minibatch(np.arange(2), some, some, some),
        LossGradients(floats.copy(), some.copy(), np.empty(len(STATISTICS))),
    )
    loss_of(floats, some, batch, LossCoefficients(0.2, 0.01, 0.5), gradients, floats.copy())

    none = pool[:0]
    none.layout_hashes()
    survey_levels(none)
    nowhere = np.zeros((0, 1), np.int32)
    steps_to_go(0, nowhere, nowhere, 1)
    level_numbers(np.zeros(1, np.uint64), np.zeros(1, np.int64), 1)


def _paths() -> None:
    """Compile the world-independent loops of the likelihood, which `_levels` needs at its end."""
    import numpy as np

    from ...envs.planner.likelihood import HabitMemory, PathScratch, weigh_path
    from ...envs.planner.value_arrays import Schedule
    from ...envs.planner.value_iteration import order_by_time

    successors, few, number = np.zeros((1, 1), np.int32), np.zeros(3, np.int64), np.int64(0)
    place, gain = np.zeros(1, np.int32), np.zeros((1, 1), np.uint8)
    order_by_time(1, place, successors, 1, place.copy(), Schedule(few, few.copy(), few.copy(), few.copy()))
    scratch = PathScratch(np.zeros(1, np.int64), np.ones(1), np.ones((1, 1)), np.ones(1), np.ones((1, 1)))
    memory = HabitMemory(np.ones(1), np.ones((1, 1)))
    weigh_path(number, np.ones((1, 1, 1)), gain[0], number, np.ones(1), memory, scratch, np.zeros((1, 1)))


PARTS: dict[str, Callable[[str, str], None]] = {"levels": _levels, "playing": _playing}


@tells_exit_code
def main(arguments: list[str]) -> None:
    """Compile the named part in this process, or everything for the demo."""
    if arguments:
        if len(arguments) != 3 or arguments[0] not in PARTS:
            raise UserError(
                f"{' '.join(arguments)}: give nothing, or one of {', '.join(PARTS)} with a world and an observation, such as "
                "levels CoinRun view"
            )
        part, world, observation = arguments
        PARTS[part](world, observation)
        return
    began = time.perf_counter()
    done = compile_ahead("CoinRun", "view")
    print(f"compiled in {time.perf_counter() - began:.1f} s" if done else "nothing to compile")


if __name__ == "__main__":
    gc.disable()  # garbage collection takes a seventh of the compilation time
    sys.exit(main(sys.argv[1:]))
