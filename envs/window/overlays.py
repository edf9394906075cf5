"""What can be laid over the cells of a level: numbers by cell, and shortest ways. Computes, does not draw.

All of it comes from the exact planner, or from a function that is brought along (an agent's critic). Read next:
`envs/planner/planner.py`; `watch.py`, which shows the layers.
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
    """The level's plan; the last few are kept."""
    return solve(level)


def states_by_cell(plan: Plan, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(cells int32[m, 2], ids int64[m]): every cell in which the agent can be, and a state in which it is there.

    The state is the present one, int32[S], with the agent moved; where it could never come about, the first that does.
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
    """float64[H, W]: fewest steps to an event in `mask` from each cell; nan where there is no way."""
    cells, ids = states_by_cell(plan, now)
    steps = plan.steps_to_go(mask)[ids].astype(np.float64)
    return _spread(plan, cells, np.where(steps < 0, np.nan, steps))


def value_layer(plan: Plan, now: np.ndarray, value: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """float64[H, W]: what `value` says of states int32[m, S], for the agent in each cell; nan elsewhere."""
    cells, ids = states_by_cell(plan, now)
    return _spread(plan, cells, np.asarray(value(plan.states[ids]), np.float64))


def shortest_way(plan: Plan, now: np.ndarray, wanted: int, other: int) -> Cells:
    """The cells of a shortest way from the present state int32[S] to `wanted`, the present one first; empty: no way.

    Among shortest ways it takes one without an event in `other`, if there is any.
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
