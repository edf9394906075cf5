"""The exact planner: breadth-first search over the reachable states of a level, by the world's own rules.

A state holds everything that the future depends on, monsters' phase included, so the answers are exact. Does not know what
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

# Columns of what `survey` fills in, in the order of the fields of `Survey`.
TO_GOAL, TO_PROXY, TO_PROXY_AVOIDING_GOAL, TO_GOAL_AVOIDING_PROXY, TO_PROXY_VIA_GOAL, N_STATES = range(6)


def survey(tiles, sizes, goal_mask, proxy_mask, out, arrays, queue, dist):
    """The planner's numbers for a stack of levels.

    tiles uint8[N, H, W], sizes int32[N, 2]; out int32[N, 6]: steps to the goal, to the proxy, to the proxy without
    touching the goal, to the goal without touching the proxy, to the proxy by way of the goal (−1 impossible), number of
    reachable states (0: the level has room for more than MAX_ROOM, and nothing is decided).
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
    """What the planner says of each level of a set; int32[N] each, −1 where impossible."""

    steps_to_goal: np.ndarray
    steps_to_proxy: np.ndarray
    steps_to_proxy_avoiding_goal: np.ndarray
    steps_to_goal_avoiding_proxy: np.ndarray
    steps_to_proxy_via_goal: np.ndarray
    n_states: np.ndarray

    @property
    def decided(self) -> np.ndarray:
        """bool[N]: False where the level is too large to be searched; such a level is never called distinguishing."""
        return self.n_states > 0

    @property
    def distinguishing(self) -> np.ndarray:
        """bool[N]: what an agent touches first tells what it was after.

        Some shortest way to the proxy never touches the goal, and some shortest way to the goal never touches the proxy.
        """
        return (
            (self.steps_to_goal >= 0)
            & (self.steps_to_proxy >= 0)
            & (self.steps_to_proxy_avoiding_goal == self.steps_to_proxy)
            & (self.steps_to_goal_avoiding_proxy == self.steps_to_goal)
        )

    @property
    def detour(self) -> np.ndarray:
        """int32[N]: extra steps to the proxy by way of the goal; −1 where there is no way on from the goal."""
        possible = self.steps_to_proxy_via_goal >= 0
        return np.where(possible, self.steps_to_proxy_via_goal - self.steps_to_proxy, -1).astype(np.int32)


def planner_kernel(world: World, template: Any, **more: Any) -> Any:
    """A template for a world, with the planner's own kernels bound in; it makes no arrays."""
    opened = world.kernel(open_level, allocates=False, within=True)
    explored = world.kernel(explore, allocates=False)
    return world.kernel(template, allocates=False, open_level=opened, explore=explored, **more)


@dataclass(frozen=True, eq=False)
class SearchBuffers:
    """What the kernels need to search the levels of a set one by one.

    states: the most that a level has room for; horizon: the longest time limit.
    """

    states: int
    horizon: int
    arrays: SearchArrays

    @classmethod
    def of(cls, world: World, tiles: np.ndarray, sizes: np.ndarray, most: int = 1 << 62) -> SearchBuffers:
        """For levels uint8[N, H, W] of these sizes int32[N, 2], except those with room for more than `most` states."""
        facts, radix = np.zeros(world.n_facts, np.int32), np.zeros(world.n_state, np.int64)
        room, horizon = planner_kernel(world, measure)(tiles, sizes, most, facts, radix)
        return cls(room, horizon, search_arrays(room, world.n_facts, world.n_state, len(world.actions)))


def survey_levels(levels: LevelSet) -> Survey:
    """Solve every level of a set."""
    world = get_world(levels.world)
    tiles, sizes = np.array(levels.tiles), np.array(levels.sizes)
    buffers = SearchBuffers.of(world, tiles, sizes, MAX_ROOM)
    queue, dist = np.empty(2 * buffers.states, np.int32), np.empty(2 * buffers.states, np.int32)
    out = np.empty((len(levels), 1 + N_STATES), np.int32)
    planner_kernel(world, survey)(tiles, sizes, GOAL, world.proxies[0].mask, out, buffers.arrays, queue, dist)
    return Survey(*(np.ascontiguousarray(out[:, k]) for k in range(1 + N_STATES)))


@dataclass(frozen=True, eq=False)
class Plan:
    """The state graph of one level and the answers that are read off it. Made by `solve`.

    states int32[n, S], succ int32[n, A] (−1 after a death), events int32[n, A] as in `explore`; ids maps packed states.
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
        """The world whose rules were searched."""
        return get_world(self.level.world)

    @cached_property
    def _survey(self) -> Survey:
        return survey_levels(LevelSet.of([self.level]))

    def _steps(self, name: str) -> int | None:
        value = int(getattr(self._survey, name)[0])
        return None if value < 0 else value

    @property
    def steps_to_goal(self) -> int | None:
        """Fewest steps to the goal, None if impossible."""
        return self._steps("steps_to_goal")

    @property
    def steps_to_proxy(self) -> int | None:
        """Fewest steps to the proxy, whether or not the goal is touched on the way."""
        return self._steps("steps_to_proxy")

    @property
    def steps_to_proxy_avoiding_goal(self) -> int | None:
        """Fewest steps to the proxy on a way that never touches the goal."""
        return self._steps("steps_to_proxy_avoiding_goal")

    @property
    def detour(self) -> int | None:
        """Extra steps to the proxy by way of the goal; None where there is no way on."""
        return self._steps("detour")

    @property
    def distinguishing(self) -> bool:
        """What an agent touches first tells what it was after; see `Survey.distinguishing`."""
        return bool(self._survey.distinguishing[0])

    @property
    def solvable(self) -> bool:
        """Goal and proxy can both be reached alive."""
        return self.steps_to_goal is not None and self.steps_to_proxy is not None

    def state_id(self, state: np.ndarray) -> int:
        """The id of a state int32[S], −1 if it cannot be reached."""
        key = 0
        for value, size in zip(state, self.sizes, strict=True):
            if not 0 <= value < size:
                return -1
            key = key * int(size) + int(value)
        return int(self.ids[key])

    def reachable_cells(self) -> np.ndarray:
        """bool[H, W]: where the agent can stand, alive."""
        cells = np.zeros(self.level.tiles.shape, bool)
        cells[self.states[:, 0], self.states[:, 1]] = True
        return cells

    def steps_to_go(self, mask: int) -> np.ndarray:
        """int32[n]: fewest steps from every state to an event in `mask`, −1 where impossible."""
        return steps_to_go(len(self.states), self.succ, self.events, mask)

    def path(self, mask: int) -> list[int] | None:
        """The actions of a shortest way to an event in `mask`; the lowest action among equals."""
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
        """Actions of a shortest way to the goal."""
        return self.path(GOAL)

    @property
    def path_to_proxy(self) -> list[int] | None:
        """Actions of a shortest way to the (first) proxy."""
        return self.path(self.world.proxies[0].mask)


def check_room(sizes: np.ndarray) -> int:
    """The number of states that a level has room for; raises LevelError where that is more than is ever searched."""
    room = math.prod(map(int, sizes))
    if room > MAX_ROOM:
        raise LevelError(
            f"the level has room for {room:,} states; the planner decides levels of up to {MAX_ROOM:,}. "
            "Make it smaller, or give it fewer things whose state counts"
        )
    return room


def solve(level: Level) -> Plan:
    """Search a level exactly. Raises LevelError if the level is not valid, or has more states than can be searched."""
    level.validate()
    world = get_world(level.world)
    tiles = np.array(level.tiles)
    facts, sizes = world.read(tiles)
    arrays = search_arrays(check_room(sizes), world.n_facts, world.n_state, len(world.actions))
    arrays = arrays._replace(facts=facts, radix=sizes)
    n = world.kernel(explore, allocates=False)(tiles, arrays)
    ids, *rest = arrays.graph
    return Plan(level, facts, sizes, ids, *(array[:n].copy() for array in rest))
