"""States to ask agents about: observations of shortest-path episodes on held-out levels, the same for every agent.

Half of the levels are played by GoToGoal, half by GoToProxy, so that states on the path to either are there. Each state knows its
level (the cluster of all standard errors), the agent's cell, the window, and the cells where the world could put the goal.
Read next: `edits.py`, which changes observations; `influence.py`, which asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from goalposts.errors import UserError

from ...agents.recorded import PADDING, walk
from ...agents.rollout import play
from ...agents.scripted import GoToGoal, GoToProxy
from ...agents.shown_planes import cells_of, shown_planes
from ...envs.engine.observe import observation_layout
from ...envs.generation.generate import generate
from ...envs.levels.level import LevelSet
from ...envs.planner.planner import Plan, solve
from ...envs.worlds.contract.world import GOAL, PROXY, Role
from ...envs.worlds.registry import get_world

LEVELS, PER_LEVEL = 100, 4
CONTROL: Role = "control"
SHIFT: Role = "shift"


@dataclass(frozen=True, eq=False)
class LevelFacts:
    """A level's cells: `legal` bool[H, W], where the goal could be; `goals` and `proxies` int64[k, 2], where they are.

    size: rows and columns of the level.
    """

    legal: np.ndarray
    goals: np.ndarray
    proxies: np.ndarray
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class States:
    """Observations uint8[n, C, H, W] of one condition. level int64[n]: index in `facts`; at, corner int64[n, 2]: the agent's cell,
    and the level's cell in the window's top left corner. left int64[n]: steps that the episode still took."""

    world: str
    condition: str
    observation: str
    observations: np.ndarray
    level: np.ndarray
    at: np.ndarray
    corner: np.ndarray
    left: np.ndarray
    facts: tuple[LevelFacts, ...]

    def __len__(self) -> int:
        return len(self.observations)

    @property
    def levels(self) -> int:
        """Number of levels with at least one state."""
        return len(np.unique(self.level))

    def __getitem__(self, which: np.ndarray) -> States:
        """The states chosen by a mask bool[n] or indices."""
        parts = ("observations", "level", "at", "corner", "left")
        return replace(self, **{name: getattr(self, name)[which] for name in parts})

    def offsets(self) -> tuple[np.ndarray, np.ndarray]:
        """Every pair of a state and a cell of its window where the goal could be, except the agent's cell.

        Returns (state int64[m], cell int64[m, 2]: row and column of the level).
        """
        rows, cols = self.observations.shape[2:]
        which, cells = [], []
        for i, (corner, at) in enumerate(zip(self.corner, self.at, strict=True)):
            legal = self.facts[self.level[i]].legal
            spots = np.argwhere(legal)
            inside = ((spots >= corner) & (spots < corner + np.array([rows, cols]))).all(axis=1)
            inside &= (spots != at).any(axis=1)
            cells.append(spots[inside])
            which.append(np.full(inside.sum(), i))
        return np.concatenate(which), np.concatenate(cells)


def held_out_states(
    world: str,
    condition: str,
    observation: str = "view",
    levels: int = LEVELS,
    seed: int = 1,
    per_level: int = PER_LEVEL,
) -> States:
    """Draw states of a condition's held-out levels. Raises UserError for pixels and where the goal is no object on a cell."""
    if observation == "rgb":
        raise UserError(
            "pixels have no bits that show the goal; explain an agent that observes planes (view or full)"
        )
    drawn = generate(get_world(world), condition, seed, levels)
    plans = [solve(level) for level in drawn]
    facts = tuple(_facts(plan, np.asarray(level.tiles)) for plan, level in zip(plans, drawn, strict=True))
    _check_goal(drawn, facts)
    half = np.arange(levels) % 2
    parts = [
        _played(agent, drawn[half == k], np.flatnonzero(half == k), observation, per_level, seed)
        for k, agent in enumerate((GoToGoal(), GoToProxy()))
    ]
    seen, level, at, corner, left = (np.concatenate(column) for column in zip(*parts, strict=True))
    return States(drawn.world, condition, observation, seen, level, at, corner, left, facts)


def _facts(plan: Plan, tiles: np.ndarray) -> LevelFacts:
    legal = plan.reachable_cells() & (tiles == 0)
    goals, proxies = cells_of(plan, GOAL), cells_of(plan, PROXY)
    legal[tuple(goals.T)] = True
    return LevelFacts(legal, goals, proxies, tiles.shape)


def _check_goal(levels: LevelSet, facts: tuple[LevelFacts, ...]) -> None:
    world = get_world(levels.world)
    if not shown_planes(world).movable or not all(len(level.goals) for level in facts):
        raise UserError(
            f"explain moves the goal, and {world.name} has no movable goal under {levels.condition}: its goal is no object on a cell. "
            "All other shipped worlds than Overseer have one"
        )


def _played(
    agent: Any, levels: LevelSet, numbers: np.ndarray, observation: str, per_level: int, seed: int
) -> tuple[np.ndarray, ...]:
    """Play, then replay and look at a few random moments of each episode."""
    actions = play(agent, levels, observation, sampled=False).actions
    lengths = (actions != PADDING).sum(axis=1)
    rng = np.random.default_rng(seed)
    moments = [rng.permutation(length)[:per_level] for length in lengths]
    layout = observation_layout(get_world(levels.world), observation, levels.tiles.shape[1:])
    seen: list[list[np.ndarray]] = [[] for _ in range(5)]
    for which, step, observations, states in walk(levels, actions, lengths, None, observation):
        now = np.array([step[0] in moments[i] for i in which])
        if now.any():
            at, mine = states[now, :2].astype(np.int64), which[now]
            corner = np.array([layout.camera(int(r), int(c))[:2] for r, c in at])
            columns = (observations[now], numbers[mine], at, corner, lengths[mine] - step[0])
            for values, column in zip(seen, columns, strict=True):
                values.append(column)
    return tuple(np.concatenate(values) for values in seen)
