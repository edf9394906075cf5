"""Search over the states of a level: the loops that planner, generator and placement share, compiled for each world.

`explore` lists the reachable states and what each action does in each; the others answer one question each on that small
graph. `count_states`, `measure` and `explore` are templates, which call a world's rules by name: see `envs/jit/kernels.py`. Whoever
calls brings the arrays (`graph_room`): numba takes longer to compile what makes its own. Nothing here knows what a coin is.
Read next: `planner.py`, which asks the questions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit.kernels import cached, loop
from ..worlds.contract.world import DEATH

MAX_ROOM = 30_000_000  # states: about a gigabyte

N_STATE = N_FACTS = N_ACTIONS = 0  # bound for each world by kernel.bind
prepare: Any = None
start: Any = None
step: Any = None
radices: Any = None
limit: Any = None


def count_states(facts, sizes):
    """How many states the level has room for (an upper bound of the reachable ones).

    sizes int64[N_STATE]: on return, how many values each entry of a state can take.
    """
    radices(facts, sizes)
    total = 1
    for k in range(N_STATE):
        total *= sizes[k]
    return total


def measure(tiles, sizes, most, facts, radix):
    """(room for the states of the largest level of a stack that has room for at most so many, the longest time limit).

    tiles uint8[N, H, W], sizes int32[N, 2]; facts int32[N_FACTS] and radix int64[N_STATE] are scratch.
    """
    room, horizon = 0, 0
    for i in range(len(tiles)):
        facts[:] = 0
        facts[0], facts[1] = sizes[i]
        prepare(tiles[i], facts)
        horizon = max(horizon, limit(facts))
        own = count_states(facts, radix)
        if own <= most:
            room = max(room, own)
    return room, horizon


def graph_room(room: int, n_state: int, n_actions: int) -> tuple[np.ndarray, ...]:
    """ids, states, depth, succ, events, as `explore` fills them, for levels with room for so many states."""
    states, depth = np.empty((room + 1, n_state), np.int32), np.empty(room, np.int32)
    succ, events = np.empty((room, n_actions), np.int32), np.empty((room, n_actions), np.int32)
    return np.full(room, -1, np.int32), states, depth, succ, events


def explore(tiles, facts, sizes, ids, states, depth, succ, events):
    """Breadth-first over all living states; returns their number n.

    sizes   int64[N_STATE]         as `count_states` leaves them
    ids     int32[≥ count_states]  on entry all −1; on return the id of each packed state, −1 where unreachable
    states  int32[> n, N_STATE]    in order of discovery, the start first; the row behind the last is scratch
    depth   int32[≥ n]             steps from the start
    succ    int32[≥ n, N_ACTIONS]  id of the next state, −1 after a death
    events  int32[≥ n, N_ACTIONS]  event bits of the step
    Steps that end an episode by the goal are followed all the same: the search asks what would be possible.
    """
    start(facts, states[0])
    key = 0
    for k in range(N_STATE):
        key = key * sizes[k] + states[0, k]
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
                key = key * sizes[k] + state[k]
            found = ids[key]
            if found < 0:
                found = n
                ids[key] = n
                depth[n] = depth[head] + 1
                n += 1
            succ[head, action] = found
        head += 1
    return n


@loop
def first_hit(n, depth, events, mask):
    """Fewest steps from the start to an event in `mask`, −1 if impossible."""
    for s in range(n):  # in order of depth
        for a in range(events.shape[1]):
            if events[s, a] & mask:
                return depth[s] + 1
    return -1


@loop
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


@loop
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


@cached
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
