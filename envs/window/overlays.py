"""Overlays on the cells of a level: numbers per cell and shortest paths. Computes, does not draw.

They come from the exact planner or from a given function (an agent's critic). Read next:
`envs/planner/planner.py`; `watch.py`, which shows the overlays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ..levels.level import Level
from ..planner.planner import Plan, solve
from ..planner.search import steps_to_go

Cells = list[tuple[int, int]]


@lru_cache(maxsize=8)
def plan_of(level: Level) -> Plan:
    """Plan of a level; the last few are cached."""
    return solve(level)


def states_by_cell(plan: Plan, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (cells int32[m, 2], ids int64[m]): every cell that the agent can occupy, with a state in which it does.

    The state is the current one, int32[S], with the agent moved; if that is unreachable, the first reachable state in the cell.
    """
    cells, first = np.unique(plan.states[:, :2], axis=0, return_index=True)
    moved = np.repeat(np.asarray(now, np.int64)[None], len(cells), axis=0)
    moved[:, :2] = cells
    fits = (moved >= 0).all(axis=1) & (moved < plan.sizes).all(axis=1)
    keys = np.zeros(len(cells), np.int64)
    for value, size in zip(moved.T, plan.sizes, strict=True):
        keys = keys * size + value
    ids = np.where(fits, plan.ids[np.where(fits, keys, 0)], -1)
    return cells, np.where(ids >= 0, ids, first)


def steps_layer(plan: Plan, now: np.ndarray, mask: int) -> np.ndarray:
    """float64[H, W]: fewest steps to an event in `mask` from each cell; nan if impossible."""
    cells, ids = states_by_cell(plan, now)
    steps = plan.steps_to_go(mask)[ids].astype(np.float64)
    return _spread(plan, cells, np.where(steps < 0, np.nan, steps))


def value_layer(plan: Plan, now: np.ndarray, value: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """float64[H, W]: result of `value` for states int32[m, S] with the agent in each cell; nan elsewhere."""
    cells, ids = states_by_cell(plan, now)
    return _spread(plan, cells, np.asarray(value(plan.states[ids]), np.float64))


def shortest_way(plan: Plan, now: np.ndarray, wanted: int, other: int) -> Cells:
    """Cells of a shortest path from the current state int32[S] to `wanted`, starting with the current cell; empty if impossible.

    Prefers a shortest path without an event in `other`.
    """
    start = plan.state_id(now)
    if start < 0:
        return []
    touches = (plan.events & other) != 0
    shy_succ = np.where(touches, -1, plan.succ).astype(np.int32)
    shy_events = np.where(touches, 0, plan.events).astype(np.int32)
    shy = steps_to_go(len(shy_succ), shy_succ, shy_events, wanted)
    bold = plan.steps_to_go(wanted)
    if bold[start] < 0:
        return []
    if shy[start] == bold[start]:
        return _walk(plan, start, shy, shy_succ, shy_events, wanted)
    return _walk(plan, start, bold, plan.succ, plan.events, wanted)


def _walk(
    plan: Plan, here: int, to_go: np.ndarray, succ: np.ndarray, events: np.ndarray, wanted: int
) -> Cells:
    cells = [_cell(plan, here)]
    for left in range(int(to_go[here]), 0, -1):
        if left == 1:
            action = int(np.flatnonzero(events[here] & wanted)[0])
            after = int(plan.succ[here, action])
            return cells if after < 0 else [*cells, _cell(plan, after)]
        action = int(np.flatnonzero((succ[here] >= 0) & (to_go[succ[here]] == left - 1))[0])
        here = int(succ[here, action])
        cells.append(_cell(plan, here))
    return cells


def _cell(plan: Plan, state: int) -> tuple[int, int]:
    return int(plan.states[state, 0]), int(plan.states[state, 1])


def _spread(plan: Plan, cells: np.ndarray, values: np.ndarray) -> np.ndarray:
    layer = np.full(plan.level.tiles.shape, np.nan)
    layer[cells[:, 0], cells[:, 1]] = values
    return layer
