"""State-space search of a level: loops shared by planner, generator and placement, compiled for each world.

`explore` lists the reachable states and the effect of each action; each other function answers one question on that
graph. `open_level`, `measure` and `explore` are templates that call a world's rules by name: see `envs/jit/kernels.py`. The
caller provides the arrays (`SearchArrays`), since numba compiles allocating functions more slowly. Knows no coins, only events.
Read next: `planner.py`, which asks the questions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ..jit.kernels import cached, kernel
from ..worlds.contract.world import DEATH

MAX_ROOM = 30_000_000  # states: about a gigabyte

N_STATE = N_FACTS = N_ACTIONS = 0  # specialized for each world by kernels.specialize
prepare: Any = None
start: Any = None
step: Any = None
radices: Any = None
limit: Any = None


class SearchGraph(NamedTuple):
    """The state graph of a level with n reachable states, as `explore` fills it in.

    ids     int32[≥ room]          all −1 before a search; then the id of each packed state, −1 if unreachable
    states  int32[> n, N_STATE]    in order of discovery, start first; the row after the last is scratch
    depth   int32[≥ n]             steps from the start
    succ    int32[≥ n, N_ACTIONS]  id of the next state, −1 after a death
    events  int32[≥ n, N_ACTIONS]  event bits of the step
    """

    ids: np.ndarray
    states: np.ndarray
    depth: np.ndarray
    succ: np.ndarray
    events: np.ndarray


class SearchArrays(NamedTuple):
    """Reusable arrays for searching one level after another.

    facts int32[N_FACTS] of the level; radix int64[N_STATE]: the number of values of each state entry.
    """

    facts: np.ndarray
    radix: np.ndarray
    graph: SearchGraph


def search_arrays(room: int, n_facts: int, n_state: int, n_actions: int) -> SearchArrays:
    """Allocate arrays for levels with room for up to `room` states."""
    graph = SearchGraph(
        np.full(room, -1, np.int32),
        np.empty((room + 1, n_state), np.int32),
        np.empty(room, np.int32),
        np.empty((room, n_actions), np.int32),
        np.empty((room, n_actions), np.int32),
    )
    return SearchArrays(np.zeros(n_facts, np.int32), np.zeros(n_state, np.int64), graph)


def open_level(tiles, rows, cols, facts, radix):
    """Fill in facts and radix; returns the level's room, an upper bound on the number of reachable states."""
    facts[:] = 0
    facts[0], facts[1] = rows, cols
    prepare(tiles, facts)
    radices(facts, radix)
    room = 1
    for k in range(N_STATE):
        room *= radix[k]
    return room


def measure(tiles, sizes, most, facts, radix):
    """Return (largest room, longest time limit) over the levels of a stack with room for at most `most` states.

    tiles uint8[N, H, W], sizes int32[N, 2]; facts, radix: see `SearchArrays`.
    """
    room, horizon = 0, 0
    for i in range(len(tiles)):
        own = open_level(tiles[i], np.int64(sizes[i, 0]), np.int64(sizes[i, 1]), facts, radix)
        horizon = max(horizon, limit(facts))
        if own <= most:
            room = max(room, own)
    return room, horizon


@njit(inline="always")
def forget(ids, room):
    """Reset the ids of a level with this room to their values before the search."""
    for k in range(room):
        ids[k] = -1


def explore(tiles, arrays):
    """Search all living states of a level breadth-first; returns their number n. Facts and radix must be the level's.

    Continues past steps that end the episode at the goal: the search covers everything that would be possible.
    """
    facts, radix, graph = arrays
    ids, states, depth, succ, events = graph
    start(facts, states[0])
    key = 0
    for k in range(N_STATE):
        key = key * radix[k] + states[0, k]
    ids[key] = 0
    depth[0] = 0
    n = 1
    head = 0
    while head < n:
        for action in range(N_ACTIONS):
            state = states[n]
            for k in range(N_STATE):
                state[k] = states[head, k]
            event = step(tiles, facts, state, action)
            events[head, action] = event
            if event & DEATH:
                succ[head, action] = -1
                continue
            key = 0
            for k in range(N_STATE):
                key = key * radix[k] + state[k]
            after = ids[key]
            if after < 0:
                after = n
                ids[key] = n
                depth[n] = depth[head] + 1
                n += 1
            succ[head, action] = after
        head += 1
    return n


@kernel
def first_hit(n, depth, events, mask):
    """Fewest steps from the start to an event in `mask`; −1 if impossible."""
    for s in range(n):  # in order of depth
        for a in range(events.shape[1]):
            if events[s, a] & mask:
                return depth[s] + 1
    return -1


@kernel
def first_hit_avoiding(n, succ, events, mask, avoid, queue, dist):
    """Fewest steps from the start to `mask` on a path without an event in `avoid` up to and including that step; or −1.

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


@kernel
def first_hit_after(n, succ, events, mask, via, queue, dist):
    """Fewest steps from the start to `mask` on a path with an event in `via` before or at that step; or −1.

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


@cached
def steps_to_go(n, succ, events, mask):
    """int32[n]: fewest steps from every state to an event in `mask`; −1 if impossible."""
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
