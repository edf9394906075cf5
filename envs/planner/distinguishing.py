"""Which levels are distinguishing, without the planner's other answers: one search per level that ends as soon as the answer is known.

The definition is that of `planner.Survey.distinguishing`. A shortest path meets its k-th state at depth k, so one pass in order of
depth also finds whether such a path avoids the other target. Read next: `planner.py`, which answers more and takes longer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..levels.level import LevelSet
from ..worlds.contract.world import DEATH, GOAL, World
from ..worlds.registry import get_world
from .planner import planner_kernel
from .search import MAX_ROOM, search_arrays

N_STATE = N_ACTIONS = 0  # specialized for each world by kernels.specialize
start: Any = None
step: Any = None
open_level: Any = None
separates: Any = None

USUAL_ROOM = 1 << 12  # states that most levels have room for
AVOIDS_GOAL, AVOIDS_PROXY = 1, 2  # bits: some path of fewest steps to a state touches no goal, no proxy


def search_apart(tiles, goal_mask, proxy_mask, arrays, avoids, keys):
    """Whether an opened level is distinguishing. avoids, keys: int32[≥ room] scratch. Leaves the graph's ids all −1."""
    facts, radix, graph = arrays
    ids, states, depth = graph.ids, graph.states, graph.depth
    start(facts, states[0])
    key = 0
    for k in range(N_STATE):
        key = key * radix[k] + states[0, k]
    ids[key], keys[0] = 0, key
    depth[0], avoids[0] = 0, AVOIDS_GOAL | AVOIDS_PROXY
    n, head = 1, 0
    to_goal, to_proxy = -1, -1  # fewest steps
    goal_apart, proxy_apart = False, False  # whether some shortest path to one avoids the other
    while head < n and not (goal_apart and proxy_apart):
        now = depth[head] + 1
        if (0 <= to_goal < now and not goal_apart) or (0 <= to_proxy < now and not proxy_apart):
            break
        for action in range(N_ACTIONS):
            state = states[n]
            for k in range(N_STATE):
                state[k] = states[head, k]
            event = step(tiles, facts, state, action)
            at_goal, at_proxy = event & goal_mask != 0, event & proxy_mask != 0
            if at_goal and to_goal < 0:
                to_goal = now
            if at_proxy and to_proxy < 0:
                to_proxy = now
            if at_goal and now == to_goal and not at_proxy and avoids[head] & AVOIDS_PROXY:
                goal_apart = True
            if at_proxy and now == to_proxy and not at_goal and avoids[head] & AVOIDS_GOAL:
                proxy_apart = True
            if event & DEATH:
                continue
            key = 0
            for k in range(N_STATE):
                key = key * radix[k] + state[k]
            after = ids[key]
            if after < 0:
                after = n
                ids[key], keys[n] = n, key
                depth[n], avoids[n] = now, 0
                n += 1
            if depth[after] == now:
                kept = (AVOIDS_GOAL * (not at_goal)) | (AVOIDS_PROXY * (not at_proxy))
                avoids[after] |= avoids[head] & kept
        head += 1
    for k in range(n):
        ids[keys[k]] = -1
    return goal_apart and proxy_apart


def mark_levels(begin, tiles, sizes, goal_mask, proxy_mask, out, arrays, scratch):
    """Fill in out bool[N] from level `begin` on; returns (N, 0), or the level that needs larger arrays, and its room.

    tiles uint8[N, H, W], sizes int32[N, 2]; scratch int32[2, ≥ room].
    """
    for i in range(begin, len(tiles)):
        room = open_level(tiles[i], np.int64(sizes[i, 0]), np.int64(sizes[i, 1]), arrays.facts, arrays.radix)
        if room > MAX_ROOM:
            out[i] = False
            continue
        if room > len(arrays.graph.ids):
            return i, room
        out[i] = separates(tiles[i], goal_mask, proxy_mask, arrays, scratch[0], scratch[1])
    return len(tiles), 0


class DistinguishingTest:
    """Tests levels of one world, with arrays that are kept between calls."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._mark = planner_kernel(
            world, mark_levels, separates=world.kernel(search_apart, allocates=False, within=True)
        )
        self._allocate(USUAL_ROOM)

    def _allocate(self, room: int) -> None:
        world = self.world
        self._arrays = search_arrays(room, world.n_facts, world.n_state, 1)
        self._scratch = np.empty((2, room), np.int32)

    def __call__(self, levels: LevelSet) -> np.ndarray:
        """Whether each level is distinguishing: bool[N]. Undecided levels, which are too large to be searched, are not."""
        tiles, sizes, out = np.array(levels.tiles), np.array(levels.sizes), np.zeros(len(levels), np.bool_)
        done, mask = 0, self.world.proxies[0].mask
        while done < len(tiles):
            done, room = self._mark(done, tiles, sizes, GOAL, mask, out, self._arrays, self._scratch)
            if room:
                self._allocate(room)
        return out


def distinguishing_levels(levels: LevelSet) -> np.ndarray:
    """Whether each level is distinguishing, bool[N]: equal to `survey_levels(levels).distinguishing`."""
    return DistinguishingTest(get_world(levels.world))(levels)
