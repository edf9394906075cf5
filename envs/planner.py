"""The exact planner: breadth-first search over the reachable states of a level, by the world's own rules.

A state holds everything that the future depends on, monsters' phase included, so the answers are exact. `explore` lists
the states and what each action does in each; every other question is a search over that small graph.
Does not know what a coin is: goals are event bits. Read next: `values.py` for optimal and soft-optimal policies,
`generator.py`, which proves every level with these kernels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit

from .level import Level, LevelError, LevelSet
from .world import DEATH, GOAL, World
from .worlds.registry import get_world

MAX_ROOM = 30_000_000  # states: about a gigabyte

N_STATE = N_FACTS = N_ACTIONS = 0  # bound for each world by kernel.bind
start: Any = None
step: Any = None
radices: Any = None
prepare: Any = None


def count_states(facts):
    """How many states the level has room for (an upper bound of the reachable ones)."""
    sizes = np.empty(N_STATE, np.int64)
    radices(facts, sizes)
    total = 1
    for k in range(N_STATE):
        total *= sizes[k]
    return total


def explore(tiles, facts, ids, states, depth, succ, events):
    """Breadth-first over all living states; returns their number n.

    ids     int32[≥ count_states]  on entry all −1; on return the id of each packed state, −1 where unreachable
    states  int32[≥ n, N_STATE]    in order of discovery, the start first
    depth   int32[≥ n]             steps from the start
    succ    int32[≥ n, N_ACTIONS]  id of the next state, −1 after a death
    events  int32[≥ n, N_ACTIONS]  event bits of the step
    Steps that end an episode by the goal are followed all the same: the search asks what would be possible.
    """
    sizes = np.empty(N_STATE, np.int64)
    radices(facts, sizes)
    state = np.empty(N_STATE, np.int32)
    start(facts, state)
    key = 0
    for k in range(N_STATE):
        key = key * sizes[k] + state[k]
        states[0, k] = state[k]
    ids[key] = 0
    depth[0] = 0
    n = 1
    head = 0
    while head < n:
        for action in range(N_ACTIONS):
            for k in range(N_STATE):
                state[k] = states[head, k]
            event = step(tiles, facts, state, action)
            events[head, action] = event
            if event & 4:
                succ[head, action] = -1
                continue
            key = 0
            for k in range(N_STATE):
                key = key * sizes[k] + state[k]
            found = ids[key]
            if found < 0:
                found = n
                ids[key] = n
                depth[n] = depth[head] + 1
                for k in range(N_STATE):
                    states[n, k] = state[k]
                n += 1
            succ[head, action] = found
        head += 1
    return n


@njit(cache=True)
def first_hit(n, depth, events, mask):
    """Fewest steps from the start to an event in `mask`, −1 if impossible."""
    for s in range(n):  # in order of depth
        for a in range(events.shape[1]):
            if events[s, a] & mask:
                return depth[s] + 1
    return -1


@njit(cache=True)
def first_hit_avoiding(n, succ, events, mask, avoid, queue, dist):
    """Fewest steps from the start to `mask` on a way that has no event in `avoid` before or at that step; or −1.

    queue, dist  int32[≥ n] scratch.
    """
    for s in range(n):
        dist[s] = -1
    dist[0] = 0
    queue[0] = 0
    head, tail = 0, 1
    while head < tail:
        s = queue[head]
        head += 1
        for a in range(succ.shape[1]):
            event = events[s, a]
            if event & avoid:
                continue
            if event & mask:
                return dist[s] + 1
            t = succ[s, a]
            if t >= 0 and dist[t] < 0:
                dist[t] = dist[s] + 1
                queue[tail] = t
                tail += 1
    return -1


@njit(cache=True)
def first_hit_after(n, succ, events, mask, via, queue, dist):
    """Fewest steps from the start to `mask` on a way that has an event in `via` before or at that step; or −1.

    queue, dist  int32[≥ 2n] scratch.
    """
    for s in range(2 * n):
        dist[s] = -1
    dist[0] = 0
    queue[0] = 0
    head, tail = 0, 1
    while head < tail:
        node = queue[head]
        head += 1
        s = node % n
        seen = node >= n
        for a in range(succ.shape[1]):
            event = events[s, a]
            after = seen or (event & via) != 0
            if after and event & mask:
                return dist[node] + 1
            t = succ[s, a]
            if t < 0:
                continue
            target = t + n if after else t
            if dist[target] < 0:
                dist[target] = dist[node] + 1
                queue[tail] = target
                tail += 1
    return -1


@njit(cache=True)
def steps_to_go(n, succ, events, mask):
    """int32[n]: fewest steps from every state to an event in `mask`; −1 where impossible."""
    n_actions = succ.shape[1]
    head_of = np.full(n, -1, np.int32)  # reverse edges as linked lists
    link = np.empty(n * n_actions, np.int32)
    dist = np.full(n, -1, np.int32)
    queue = np.empty(n, np.int32)
    tail = 0
    for s in range(n):
        hit = False
        for a in range(n_actions):
            if events[s, a] & mask:
                hit = True
            t = succ[s, a]
            if t >= 0:
                link[s * n_actions + a] = head_of[t]
                head_of[t] = s * n_actions + a
        if hit:
            dist[s] = 1
            queue[tail] = s
            tail += 1
    head = 0
    while head < tail:
        t = queue[head]
        head += 1
        edge = head_of[t]
        while edge >= 0:
            s = edge // n_actions
            if dist[s] < 0:
                dist[s] = dist[t] + 1
                queue[tail] = s
                tail += 1
            edge = link[edge]
    return dist


def survey(tiles, sizes, goal_mask, proxy_mask, out):
    """The planner's numbers for a stack of levels.

    tiles uint8[N, H, W], sizes int32[N, 2]; out int32[N, 6]: steps to the goal, to the proxy, to the proxy without
    touching the goal, to the goal without touching the proxy, to the proxy by way of the goal (−1 impossible), number of
    reachable states (0: the level has room for more than MAX_ROOM, and nothing is decided).
    """
    facts = np.zeros(N_FACTS, np.int32)
    capacity = 0
    for i in range(len(tiles)):
        facts[:] = 0
        facts[0], facts[1] = sizes[i]
        prepare(tiles[i], facts)
        if count_states(facts) <= MAX_ROOM:
            capacity = max(capacity, count_states(facts))
    ids = np.full(capacity, -1, np.int32)
    states = np.empty((capacity, N_STATE), np.int32)
    depth = np.empty(capacity, np.int32)
    succ = np.empty((capacity, N_ACTIONS), np.int32)
    events = np.empty((capacity, N_ACTIONS), np.int32)
    queue = np.empty(2 * capacity, np.int32)
    dist = np.empty(2 * capacity, np.int32)
    for i in range(len(tiles)):
        facts[:] = 0
        facts[0], facts[1] = sizes[i]
        prepare(tiles[i], facts)
        if count_states(facts) > MAX_ROOM:
            out[i, :5] = -1
            out[i, 5] = 0
            continue
        n = explore(tiles[i], facts, ids, states, depth, succ, events)
        out[i, 0] = first_hit(n, depth, events, goal_mask)
        out[i, 1] = first_hit(n, depth, events, proxy_mask)
        out[i, 2] = first_hit_avoiding(n, succ[:n], events[:n], proxy_mask, goal_mask, queue, dist)
        out[i, 3] = first_hit_avoiding(n, succ[:n], events[:n], goal_mask, proxy_mask, queue, dist)
        out[i, 4] = first_hit_after(n, succ[:n], events[:n], proxy_mask, goal_mask, queue, dist)
        out[i, 5] = n
        ids[: count_states(facts)] = -1


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


def planner_kernel(world: World, template: Any) -> Any:
    """A planner template for a world, with the planner's own kernels bound in."""
    count = world.kernel(count_states)
    return world.kernel(template, count_states=count, explore=world.kernel(explore))


def survey_levels(levels: LevelSet) -> Survey:
    """Solve every level of a set."""
    world = get_world(levels.world)
    out = np.empty((len(levels), 6), np.int32)
    proxy_mask = world.proxies[0].mask
    planner_kernel(world, survey)(np.array(levels.tiles), np.array(levels.sizes), GOAL, proxy_mask, out)
    return Survey(*(np.ascontiguousarray(out[:, k]) for k in range(6)))


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
    room = check_room(sizes)
    ids = np.full(room, -1, np.int32)
    states = np.empty((room, world.n_state), np.int32)
    depth = np.empty(room, np.int32)
    succ = np.empty((room, len(world.actions)), np.int32)
    events = np.empty_like(succ)
    n = planner_kernel(world, explore)(tiles, facts, ids, states, depth, succ, events)
    return Plan(
        level, facts, sizes, ids, states[:n].copy(), depth[:n].copy(), succ[:n].copy(), events[:n].copy()
    )


assert DEATH == 4  # `explore` writes the bit out: numba would freeze a global anyway
