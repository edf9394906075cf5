"""Which planes show a world's goal and its proxy, and whether the goal can be moved: found from its levels, for custom worlds too.

A plane shows a thing if it is 1 at every cell of it, at the start of levels of the control condition and of the usual shift alike (in
ColourShape the line, not its colour). Nothing is listed by hand. Read next: `experiments/interpretation/edits.py` and
`experiments/foresight/evidence.py`, which edit these planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..envs.generation.generate import generate
from ..envs.levels.level import Level
from ..envs.planner.planner import Plan, solve
from ..envs.worlds.contract.world import GOAL, PROXY, Role, World
from .recorded import walk

LEVELS, SEED = 32, 5  # per condition
SELDOM = 0.3  # fraction of all cells: a plane that is 1 more often is no mark of a thing
ROLES: tuple[Role, ...] = ("control", "shift")


@dataclass(frozen=True)
class ShownPlanes:
    """Names of planes, in the world's order.

    goal, proxy: 1 at each of its cells, and seldom elsewhere; () if none is. with_proxy: 1 at each cell of the proxy, frequent planes
    included. ground: describe a cell without occupying it, such as its light. movable: the goal is an object that is placed on
    a cell; single: in addition, there is one of it, which ends the episode.
    """

    goal: tuple[str, ...]
    proxy: tuple[str, ...]
    with_proxy: tuple[str, ...]
    ground: tuple[str, ...]
    movable: bool
    single: bool


@lru_cache(maxsize=16)
def shown_planes(world: World) -> ShownPlanes:
    """Find them from `LEVELS` levels per condition."""
    always = {GOAL: np.ones(len(world.planes), np.bool_), PROXY: np.ones(len(world.planes), np.bool_)}
    seen = {GOAL: 0, PROXY: 0}
    elsewhere, objects, counts = [], True, []
    codes = world.legend.goal_codes()
    for role in ROLES:
        levels = generate(world, world.default_condition(role), SEED, LEVELS)
        starts = np.zeros((LEVELS, 1), np.uint8), np.ones(LEVELS, np.int64)
        for which, _, observations, states in walk(levels, *starts):
            for i, shown, state in zip(which, observations, states, strict=True):
                level = levels[int(i)]
                plan = solve(level)
                corner = state[:2] - np.array(shown.shape[1:]) // 2
                elsewhere.append(shown.mean(axis=(1, 2)))
                for thing in (GOAL, PROXY):
                    inside = _inside(cells_of(plan, thing) - corner, shown.shape[1:])
                    seen[thing] += len(inside)
                    always[thing] &= shown[:, inside[:, 0], inside[:, 1]].all(axis=1)
                goals = cells_of(plan, GOAL)
                counts.append(len(goals))
                objects &= _are_objects(level, goals, codes)
    rare = np.mean(elsewhere, axis=0) < SELDOM
    goal = always[GOAL] & rare & (seen[GOAL] > 0)
    proxy = always[PROXY] & (seen[PROXY] > 0) & ~goal
    movable = bool(objects and goal.any())
    return ShownPlanes(
        _names(world, goal),
        _names(world, proxy & rare),
        _names(world, proxy),
        _ground(world),
        movable,
        movable and not world.counted and set(counts) == {1},
    )


def cells_of(plan: Plan, mask: int) -> np.ndarray:
    """int64[k, 2]: the cells in which an event of the mask happens."""
    taken = (plan.events & mask != 0) & (plan.succ >= 0)
    return np.unique(plan.states[plan.succ[taken]][:, :2], axis=0).astype(np.int64).reshape(-1, 2)


def _inside(cells: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cells[((cells >= 0) & (cells < shape)).all(axis=1)]


def _are_objects(level: Level, cells: np.ndarray, codes: np.ndarray) -> bool:
    return len(cells) > 0 and bool(codes[np.asarray(level.tiles)[tuple(cells.T)]].all())


def _names(world: World, mask: np.ndarray) -> tuple[str, ...]:
    return tuple(name for name, shown in zip(world.planes, mask, strict=True) if shown)


def _ground(world: World) -> tuple[str, ...]:
    """Planes of no tile in a world that paints its levels, the agent's own excepted."""
    if "paint" not in world.rules:
        return ()
    drawn = {name for tile in world.legend.tiles for name in tile.planes}
    return tuple(name for name in world.planes if name not in drawn and name != "self")
