"""Memory benchmarks: peak memory of processes that train or draw levels, and bytes per environment of the engine.

Read next: `child_process.py`, which starts the processes; `experiments/analyses/scaling.py`, how memory grows.
"""

from __future__ import annotations

import tracemalloc

from goalposts.registration import WORLDS

from ...envs.engine.engine import Engine
from ...envs.generation.generate import generate
from ...envs.levels.level import LevelSet
from ...envs.worlds.contract.world import World
from .child_process import Task, side_by_side
from .suite import Tell, engine_steps
from .timing import Figure

UPDATES, LEVELS, PART = 8, 100_000, 5_000


def memory(
    world: World,
    training: bool = True,
    updates: int = UPDATES,
    levels: int = LEVELS,
    tell: Tell = lambda what: None,
) -> list[Figure]:
    """Measure the peak memory of fresh processes (shipped worlds only), and bytes per environment among 1,024."""
    figures = []
    tasks = {
        f"the most that a training holds, {updates} updates of the default recipe": Task(
            "train", updates, world.name
        ),
        f"the most that a process holds that draws {levels:,} levels in parts": Task(
            "levels", levels, world.name, at_once=PART
        ),
    }
    for what, task in tasks.items():
        if world.name in WORLDS and (training or task.kind != "train"):
            tell(f"memory: {task.kind}")
            figures.append(Figure(what, side_by_side([task])[0].mb, "MB"))
    tell("memory: environments")
    for observation in ("view", "full"):
        what = f"an environment of the engine, {observation}, 1,024 envs"
        figures.append(Figure(what, bytes_per_env(world, 1024, observation), "bytes"))
    return figures


def bytes_per_env(world: World, n: int, observation: str) -> float:
    """Bytes per environment, from n and 2n environments whose caller holds the last observation; excludes the level pool."""
    pool = generate(world, world.default_condition("train"), 0, n)
    return (_held(world, 2 * n, pool, observation) - _held(world, n, pool, observation)) / n


def _held(world: World, n: int, pool: LevelSet, observation: str) -> int:
    """Bytes that an engine holds after some steps, by tracemalloc, which includes NumPy arrays."""
    engine_steps(Engine(world, 1, pool, observation), steps=1)()
    tracemalloc.start()
    try:
        work = engine_steps(Engine(world, n, pool, observation), steps=8)
        work()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
