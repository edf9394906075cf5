"""Rollout benchmarks: observations are held and then released together, as by a learner that collects them in a list.

Memory that NumPy frees at once may return to the operating system, and getting it back takes longer than a copy. That
depends on the process's other allocations, so each side runs in separate processes. Read next: `child_process.py`.
"""

from __future__ import annotations

from goalposts.registration import WORLDS

from ...envs.worlds.contract.world import World
from .child_process import Task, side_by_side
from .suite import Held
from .timing import Figure

TURNS = 2


def rollouts(world: World, seconds: float) -> list[Figure]:
    """Compare the engine with NumPy copies of the same observations, in fresh, alternating processes; shipped worlds only."""
    figures = []
    for observation in ("view", "full") if world.name in WORLDS else ():
        count = max(2, int(50 * seconds))
        ours, theirs = (
            Task(kind, count, world.name, observation=observation) for kind in ("steps", "copies")
        )
        turns = [[side_by_side([task])[0].rate for task in (ours, theirs)] for _ in range(TURNS)]
        rate, floor = map(max, zip(*turns, strict=True))
        words = f"{Held.ROLLOUT.value}, in a fresh process"
        beside = f"numpy copies of the same observations{words}"
        what = f"engine, {observation}, 1024 envs{words}"
        figures.append(Figure(what, rate, "env steps/s", rate / floor, beside))
    return figures
