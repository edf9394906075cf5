"""The exact planner: breadth-first search over the reachable states of a level, using the world's rules.

A state contains everything that the future depends on, including the monsters' phase, so the answers are exact. Does not know what
a coin is: goals are event bits. Read next: `search.py`, the loops; `value_iteration.py` for optimal and soft-optimal policies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..levels.level import Level, LevelError, LevelSet
from ..worlds.contract.world import GOAL, World
from ..worlds.registry import get_world
from .search import (
    MAX_ROOM,
    SearchArrays,
    explore,
    first_hit,
    first_hit_after,
    first_hit_avoiding,
    forget,
    measure,
    open_level,
    search_arrays,
    steps_to_go,
)

# Columns of the output of `survey`, in the order of the fields of `Survey`.
TO_GOAL, TO_PROXY, TO_PROXY_AVOIDING_GOAL, TO_GOAL_AVOIDING_PROXY, TO_PROXY_VIA_GOAL, N_STATES = range(6)


def survey(tiles, sizes, goal_mask, proxy_mask, out, arrays, queue, dist):
    """Compute the planner's numbers for a stack of levels.

    tiles uint8[N, H, W], sizes int32[N, 2]; out int32[N, 6]: steps to the goal, to the proxy, to the proxy without
    touching the goal, to the goal without touching the proxy, to the proxy via the goal (−1: impossible), number of
    reachable states (0: undecided, because the level has room for more than MAX_ROOM states).
    queue and dist int32[2 · room] are scratch.
    """
    ids, _, depth, succ, events = arrays.graph
    for i in range(len(tiles)):
        room = open_level(tiles[i], np.int64(sizes[i, 0]), np.int64(sizes[i, 1]), arrays.facts, arrays.radix)
        if room > MAX_ROOM:
            for k in range(N_STATES):
                out[i, k] = -1
            out[i, N_STATES] = 0
            continue
        n = explore(tiles[i], arrays)
        out[i, TO_GOAL] = first_hit(n, depth, events, goal_mask)
        out[i, TO_PROXY] = first_hit(n, depth, events, proxy_mask)
        out[i, TO_PROXY_AVOIDING_GOAL] = first_hit_avoiding(
            n, succ, events, proxy_mask, goal_mask, queue, dist
        )
        out[i, TO_GOAL_AVOIDING_PROXY] = first_hit_avoiding(
            n, succ, events, goal_mask, proxy_mask, queue, dist
        )
        out[i, TO_PROXY_VIA_GOAL] = first_hit_after(n, succ, events, proxy_mask, goal_mask, queue, dist)
        out[i, N_STATES] = n
        forget(ids, room)


@dataclass(frozen=True)
class Survey:
    """The planner's results for each level of a set: int32[N] each, −1 if impossible."""

    steps_to_goal: np.ndarray
    steps_to_proxy: np.ndarray
    steps_to_proxy_avoiding_goal: np.ndarray
    steps_to_goal_avoiding_proxy: np.ndarray
    steps_to_proxy_via_goal: np.ndarray
    n_states: np.ndarray

    @property
    def decided(self) -> np.ndarray:
        """bool[N]: False if the level is too large to be searched; such a level never counts as distinguishing."""
        return self.n_states > 0

    @property
    def distinguishing(self) -> np.ndarray:
        """bool[N]: whether an agent's first touch reveals its goal.

        True if some shortest path to the proxy never touches the goal and some shortest path to the goal never touches the proxy.
        """
        return (
            (self.steps_to_goal >= 0)
            & (self.steps_to_proxy >= 0)
            & (self.steps_to_proxy_avoiding_goal == self.steps_to_proxy)
            & (self.steps_to_goal_avoiding_proxy == self.steps_to_goal)
        )

    @property
    def detour(self) -> np.ndarray:
        """int32[N]: extra steps to the proxy via the goal; −1 if the proxy is unreachable from the goal."""
        possible = self.steps_to_proxy_via_goal >= 0
        return np.where(possible, self.steps_to_proxy_via_goal - self.steps_to_proxy, -1).astype(np.int32)


def planner_kernel(world: World, template: Any, **more: Any) -> Any:
    """Compile a template for a world with the planner's kernels bound in; the template must not allocate arrays."""
    opened = world.kernel(open_level, allocates=False, within=True)
    explored = world.kernel(explore, allocates=False)
    return world.kernel(template, allocates=False, open_level=opened, explore=explored, **more)


@dataclass(frozen=True, eq=False)
class SearchBuffers:
    """Reusable arrays for searching the levels of a set one by one.

    states: maximum room of any level; horizon: longest time limit.
    """

    states: int
    horizon: int
    arrays: SearchArrays

    @classmethod
    def of(cls, world: World, tiles: np.ndarray, sizes: np.ndarray, most: int = 1 << 62) -> SearchBuffers:
        """Allocate for levels uint8[N, H, W] of sizes int32[N, 2], ignoring levels with room for more than `most` states."""
        facts, radix = np.zeros(world.n_facts, np.int32), np.zeros(world.n_state, np.int64)
        room, horizon = planner_kernel(world, measure)(tiles, sizes, most, facts, radix)
        return cls(room, horizon, search_arrays(room, world.n_facts, world.n_state, len(world.actions)))


def survey_levels(levels: LevelSet) -> Survey:
    """Solve every level of a set; see `Survey`."""
    world = get_world(levels.world)
    tiles, sizes = np.array(levels.tiles), np.array(levels.sizes)
    buffers = SearchBuffers.of(world, tiles, sizes, MAX_ROOM)
    queue, dist = np.empty(2 * buffers.states, np.int32), np.empty(2 * buffers.states, np.int32)
    out = np.empty((len(levels), 1 + N_STATES), np.int32)
    planner_kernel(world, survey)(tiles, sizes, GOAL, world.proxies[0].mask, out, buffers.arrays, queue, dist)
    return Survey(*(np.ascontiguousarray(out[:, k]) for k in range(1 + N_STATES)))


@dataclass(frozen=True, eq=False)
class Plan:
    """The state graph of one level and the answers derived from it. Created by `solve`.

    states int32[n, S], succ int32[n, A] (−1 after a death), events int32[n, A], as in `explore`; ids maps packed states.
    """

    level: Level
    facts: np.ndarray
    sizes: np.ndarray
    ids: np.ndarray
    states: np.ndarray
    depth: np.ndarray
    succ: np.ndarray
    events: np.ndarray

    @property
    def world(self) -> World:
        """The level's world."""
        return get_world(self.level.world)

    @cached_property
    def _survey(self) -> Survey:
        return survey_levels(LevelSet.of([self.level]))

    def _steps(self, name: str) -> int | None:
        value = int(getattr(self._survey, name)[0])
        return None if value < 0 else value

    @property
    def steps_to_goal(self) -> int | None:
        """Fewest steps to the goal; None if impossible."""
        return self._steps("steps_to_goal")

    @property
    def steps_to_proxy(self) -> int | None:
        """Fewest steps to the proxy, whether or not the goal is touched on the way."""
        return self._steps("steps_to_proxy")

    @property
    def steps_to_proxy_avoiding_goal(self) -> int | None:
        """Fewest steps to the proxy on a path that never touches the goal."""
        return self._steps("steps_to_proxy_avoiding_goal")

    @property
    def detour(self) -> int | None:
        """Extra steps to the proxy via the goal; None if the proxy is unreachable from the goal."""
        return self._steps("detour")

    @property
    def distinguishing(self) -> bool:
        """Whether an agent's first touch reveals its goal; see `Survey.distinguishing`."""
        return bool(self._survey.distinguishing[0])

    @property
    def solvable(self) -> bool:
        """Whether goal and proxy can both be reached alive."""
        return self.steps_to_goal is not None and self.steps_to_proxy is not None

    def state_id(self, state: np.ndarray) -> int:
        """Id of a state int32[S]; −1 if unreachable."""
        key = 0
        for value, size in zip(state, self.sizes, strict=True):
            if not 0 <= value < size:
                return -1
            key = key * int(size) + int(value)
        return int(self.ids[key])

    def reachable_cells(self) -> np.ndarray:
        """bool[H, W]: cells that the agent can occupy alive."""
        cells = np.zeros(self.level.tiles.shape, bool)
        cells[self.states[:, 0], self.states[:, 1]] = True
        return cells

    def steps_to_go(self, mask: int) -> np.ndarray:
        """int32[n]: fewest steps from every state to an event in `mask`; −1 if impossible."""
        return steps_to_go(len(self.states), self.succ, self.events, mask)

    def path(self, mask: int) -> list[int] | None:
        """Actions of a shortest path to an event in `mask`, the lowest action among equals; None if impossible."""
        to_go = self.steps_to_go(mask)
        if to_go[0] < 0:
            return None
        here, actions = 0, []
        while True:
            hits = np.flatnonzero(self.events[here] & mask)
            if len(hits):
                return [*actions, int(hits[0])]
            after = np.where(self.succ[here] >= 0, to_go[self.succ[here]], -1)
            action = int(np.flatnonzero(after == to_go[here] - 1)[0])
            actions.append(action)
            here = int(self.succ[here, action])

    @property
    def path_to_goal(self) -> list[int] | None:
        """Actions of a shortest path to the goal; None if impossible."""
        return self.path(GOAL)

    @property
    def path_to_proxy(self) -> list[int] | None:
        """Actions of a shortest path to the (first) proxy; None if impossible."""
        return self.path(self.world.proxies[0].mask)


def check_room(sizes: np.ndarray) -> int:
    """Number of states that a level has room for. Raises LevelError if it exceeds `MAX_ROOM`."""
    room = math.prod(map(int, sizes))
    if room > MAX_ROOM:
        raise LevelError(
            f"the level has room for {room:,} states (limit {MAX_ROOM:,}). "
            "Make it smaller or remove things that have a state"
        )
    return room


def solve(level: Level) -> Plan:
    """Solve a level exactly. Raises LevelError if the level is invalid or has room for more than `MAX_ROOM` states."""
    level.validate()
    world = get_world(level.world)
    tiles = np.array(level.tiles)
    facts, sizes = world.read(tiles)
    arrays = search_arrays(check_room(sizes), world.n_facts, world.n_state, len(world.actions))
    arrays = arrays._replace(facts=facts, radix=sizes)
    n = world.kernel(explore, allocates=False)(tiles, arrays)
    ids, *rest = arrays.graph
    return Plan(level, facts, sizes, ids, *(array[:n].copy() for array in rest))
