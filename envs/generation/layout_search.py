"""The generator's questions about a bare layout: fewest steps to every cell and to the proxy, and which cells are off the path.

Two ways to answer them, with equal answers: by the graph of the states (`envs/planner/search.py`), for every world; by sets of states
(`envs/planner/flood.py`), for worlds with the rule `spread`. `search_of` chooses. Read next: `placement.py`, which asks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ..planner.flood import flood_kernels
from ..planner.planner import planner_kernel
from ..planner.search import first_hit, forget
from ..worlds.contract.world import PROXY, World

SMALL = -1  # the arrays have no room for the states of the layout, or their sets

explore: Any = None  # specialized for each world by kernels.specialize
flooded: Any = None
to_proxy_flooded: Any = None
off_path_flooded: Any = None


def by_graph(tiles, room, search, placing):
    """Search a layout: fills in the graph and first_step; returns the number of states, or SMALL."""
    ids, states, depth, _, _ = search.graph
    if room > len(ids):
        return SMALL
    n = explore(tiles, search)
    forget(ids, room)
    first_step = placing.first_step
    first_step[:] = -1
    for s in range(n):  # in order of depth, so the first visit is the earliest
        if first_step[states[s, 0], states[s, 1]] < 0:
            first_step[states[s, 0], states[s, 1]] = depth[s]
    return n


def to_proxy_by_graph(n, search, placing):
    """Fewest steps to an event of the proxy in a graph of n states; −1 if it cannot be reached."""
    # A constant has a separate type in numba, which would compile each callee again.
    return first_hit(n, search.graph.depth, search.graph.events, np.int64(PROXY))


def off_path_by_graph(row, col, shortest, n, search, placing):
    """Whether some shortest path to the proxy avoids the cell and some shortest path to the cell avoids the proxy."""
    to_proxy, to_cell = np.int64(PROXY), np.int64(0)
    return shortest_path_avoids(
        row, col, shortest, to_proxy, n, search.graph, placing.dist
    ) and shortest_path_avoids(row, col, placing.first_step[row, col], to_cell, n, search.graph, placing.dist)


@njit(inline="always")
def shortest_path_avoids(row, col, steps, proxy, n, graph, reached):
    """Whether one of the paths of `steps` steps, the fewest, to the proxy avoids the cell; with `proxy` 0, to the cell the proxy.

    The k-th state of a shortest path is k steps from the start, so one pass over the states in order of depth finds them.
    reached: int32[≥ n] scratch.
    """
    _, states, depth, succ, events = graph
    for s in range(n):
        reached[s] = 0
    reached[0] = 1
    for s in range(n):
        if depth[s] >= steps:
            return False
        if not reached[s]:
            continue
        for a in range(succ.shape[1]):
            t = succ[s, a]
            here = t >= 0 and states[t, 0] == row and states[t, 1] == col
            if proxy:
                if here:
                    continue
                if events[s, a] & PROXY:
                    return True
            else:
                if events[s, a] & PROXY:
                    continue
                if here:
                    return True
            if t >= 0 and depth[t] > depth[s]:
                reached[t] = 1
    return False


def by_sets(tiles, room, search, placing):
    """Search a layout: fills in the sets and first_step, up to half the step limit; returns the number of sets, or SMALL."""
    return flooded(tiles, search.facts, placing.first_step, placing.flood)


def to_proxy_by_sets(n, search, placing):
    """Fewest steps to the proxy within n sets; −1 if it is not among them."""
    return to_proxy_flooded(n, placing.flood)


def off_path_by_sets(row, col, shortest, n, search, placing):
    """As `off_path_by_graph`."""
    arrive = placing.first_step[row, col]
    return off_path_flooded(row, col, arrive, shortest, search.facts, placing.flood)


def search_of(world: World) -> tuple[Any, Any, Any]:
    """Compiled functions of a world: search a layout; fewest steps to the proxy; whether a cell is off the path."""
    if "spread" not in world.rules:
        return tuple(
            planner_kernel(world, function) for function in (by_graph, to_proxy_by_graph, off_path_by_graph)
        )
    names = ("flooded", "to_proxy_flooded", "off_path_flooded")
    kernels = dict(zip(names, flood_kernels(world), strict=True))
    return tuple(
        world.kernel(function, allocates=False, **kernels)
        for function in (by_sets, to_proxy_by_sets, off_path_by_sets)
    )
