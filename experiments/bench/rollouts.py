"""Rollouts that are held, then let go as a whole, as a learner does that collects them in a list.

What numpy lets go at once may go back to the system, which takes longer to give it out again than a copy takes: that
depends on what else a process has asked for, so each side has processes of its own. Read next: `child_process.py`.
"""

from __future__ import annotations

from goalposts.registration import WORLDS

from ...envs.worlds.contract.world import World
from .child_process import Task, side_by_side
from .suite import Held
from .timing import Figure

TURNS = 2


def rollouts(world: World, seconds: float) -> list[Figure]:
    """The engine and numpy copying the same observations, in fresh processes that take turns; of worlds that ship."""
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
