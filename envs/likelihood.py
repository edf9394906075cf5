"""How likely are the actions of recorded episodes under soft-optimal play of an objective?

Works from levels and actions alone: the rules are deterministic, so the states follow. The agent that is asked about
plays habit(a) · exp(β Q_t(s, a)), normalised: what serves its objective, and among what serves it equally what it is used
to. At each step it may lapse into the habit alone. Infers nothing from the numbers and knows no priors.
Read next: `../experiments/attribute.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from .level import LevelSet
from .values import (
    TOP,
    Objective,
    ValuesError,
    check_discount,
    coded,
    order_by_time,
    soft_step,
    step_weights,
    values_kernel,
    wire,
)
from .worlds.registry import get_world

N_STATE = N_FACTS = N_ACTIONS = 0  # bound for each world by kernel.bind
prepare: Any = None
limit: Any = None
count_states: Any = None
explore: Any = None
most_states: Any = None


def weigh_episodes(
    tiles,
    sizes,
    max_steps,
    actions,
    lengths,
    habits,
    masks,
    pays,
    foresees,
    factor,
    betas,
    lapses,
    discount,
    out,
):
    """The loop of `log_likelihoods`: fills out float64[N, O, M, K, E].

    Returns (−1, 0), or the first impossible episode and why: 0 no such action, 1 goes on past its end, 2 past the limit.
    """
    facts = np.zeros(N_FACTS, np.int32)
    room = most_states(tiles, sizes, facts)
    ids = np.full(room, -1, np.int32)
    states = np.empty((room, N_STATE), np.int32)
    depth = np.empty(room, np.int32)
    place = np.empty(room, np.int32)
    succ = np.empty((room, N_ACTIONS), np.int32)
    events = np.empty((room, N_ACTIONS), np.int32)
    row = np.empty((room, N_ACTIONS), np.int32)
    gain = np.empty((room, N_ACTIONS), np.uint8)
    later = np.empty((room + 2, len(betas)))
    now = np.empty((room + 2, len(betas)))
    path = np.empty(actions.shape[1], np.int32)
    product = np.empty((len(habits), len(betas), len(lapses)))
    for i in range(len(tiles)):
        facts[:] = 0
        facts[0], facts[1] = sizes[i]
        prepare(tiles[i], facts)
        n = explore(tiles[i], facts, ids, states, depth, succ, events)
        ids[: count_states(facts)] = -1
        horizon = max_steps if max_steps > 0 else limit(facts)
        if lengths[i] > horizon:
            return i, 2
        here = 0
        for t in range(lengths[i]):
            action = actions[i, t]
            if action >= N_ACTIONS:
                return i, 0
            path[t] = here
            here = succ[here, action]
            if t + 1 < lengths[i] and (here < 0 or events[path[t], action] & 8):
                return i, 1
        begin = np.empty(horizon, np.int64)
        end = np.empty(horizon, np.int64)
        order_by_time(n, depth, succ, horizon, place, begin, end)
        for o in range(len(masks)):
            wire(n, succ, events, place, masks[o], pays[o], foresees[o], row, gain)
            later[:n] = TOP
            product[:] = 1.0
            out[i, o] = 0.0
            for t in range(horizon - 1, -1, -1):
                soft_step(
                    begin[t], end[t], n, row, gain, factor, betas, discount, horizon - t - 1, later, now
                )
                if t < lengths[i]:
                    s = place[path[t]]
                    weigh(
                        row[s],
                        gain[s],
                        factor,
                        later,
                        habits[:, i, t],
                        actions[i, t],
                        lapses,
                        product,
                        out[i, o],
                    )
                later, now = now, later
            out[i, o] += np.log(product)
    return -1, 0


@njit(cache=True)
def weigh(rows, gains, factor, later, habits, action, lapses, product, out):
    """Multiply product float64[M, K, E] by the probability of one action; what gets too small moves to out, as a log."""
    for k in range(factor.shape[1]):
        pull = factor[gains[action], k] * later[rows[action], k]
        for m in range(len(habits)):
            total = 0.0
            for a in range(len(rows)):
                total += habits[m, a] * factor[gains[a], k] * later[rows[a], k]
            usual = habits[m, action]
            share = usual * pull / total
            for e in range(len(lapses)):
                if product[m, k, e] < 1e-100:
                    out[m, k, e] += np.log(product[m, k, e])
                    product[m, k, e] = 1.0
                product[m, k, e] *= (1.0 - lapses[e]) * share + lapses[e] * usual


def log_likelihoods(
    levels: LevelSet,
    actions: np.ndarray,
    lengths: np.ndarray,
    objectives: Sequence[Objective],
    betas: Sequence[float],
    lapses: Sequence[float] = (0.0,),
    habits: np.ndarray | None = None,
    discount: float = 1.0,
    max_steps: int | None = None,
) -> np.ndarray:
    """float64[N, O, M, K, E]: log likelihood of N episodes for O objectives, M habits, K temperatures, E lapses.

    actions uint8[N, T], of which the first lengths[i] count, played without slip on levels[i].
    betas   inverse temperatures: nats for the pay of one step.
    lapses  probabilities that a step follows the habit alone.
    habits  float64[M, N, T, A], positive: how likely each action would be at each step without an objective; None:
            uniform, M = 1. It may depend on the actions before, so that the likelihood is that of the whole sequence.
    Raises ValuesError if no play of a level can give its episode.
    """
    check_discount(discount)
    world, n = get_world(levels.world), len(levels)
    taken, long = np.ascontiguousarray(actions, np.uint8), np.ascontiguousarray(lengths, np.int64)
    if (
        taken.ndim != 2
        or len(taken) != n
        or long.shape != (n,)
        or (long > taken.shape[1]).any()
        or (long < 0).any()
    ):
        raise ValuesError(
            f"{n} levels, actions of shape {taken.shape}, lengths of shape {long.shape}: give actions uint8[N, T] and "
            "lengths int[N] from 0 to T, one row a level"
        )
    n_actions, inverse = len(world.actions), np.array(betas, float)
    if habits is None:
        habits = np.full((1, *taken.shape, n_actions), 1 / n_actions)
    out = np.empty((n, len(objectives), len(habits), len(inverse), len(lapses)))
    at, why = values_kernel(world, weigh_episodes)(
        np.array(levels.tiles), np.array(levels.sizes), max_steps or 0, taken, long,
        np.ascontiguousarray(habits, float), *coded(objectives), step_weights(inverse, n_actions), inverse,
        np.array(lapses, float), discount, out,
    )  # fmt: skip
    if at >= 0:
        reason = (
            f"holds an action that {world.name} does not have; allowed are 0 … {n_actions - 1}",
            "goes on after the step that ended it",
            "is longer than the time limit; give the max_steps that it was played with",
        )[why]
        raise ValuesError(
            f"episode {at} {reason}. Levels and actions must belong together, row by row, and be played without slip"
        )
    return out
