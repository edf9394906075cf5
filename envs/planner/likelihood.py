"""How likely are the actions of recorded episodes under soft-optimal play of an objective?

Works from levels and actions alone: the rules are deterministic, so the states follow. The agent that is asked about
plays habit(a) · exp(β Q_t(s, a)), normalised: what serves its objective, and among what serves it equally what it is used
to. At each step it may lapse into the habit alone, and an objective that pays for its first event only (`once`, `reach`)
leaves it to its habit after that event. Nobody tells the habit: it is learnt from the actions before, less
what the objective already accounts for. In a model where the choice is proportional to habit(a) · w(a), the habit of a is
about how often a was taken over how often it was up for choice (Hunter 2004; Caron and Doucet 2012), so

    habit(a) ∝ (1 + n(a)) / (A + e(a)),    n(a) = Σ 1[a was taken],    e(a) = Σ w(a) / Σ_b habit(b) w(b),

summed over the steps before. If the objective asks for nothing, w is the same for all actions, and this is Laplace's rule.
Each step's probabilities add up to one whatever was learnt, so the product is a likelihood in which nothing was fitted.

Infers nothing from the numbers and knows no priors. Read next: `experiments/evaluation/attribution.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..jit.kernels import loop
from ..levels.level import LevelSet
from ..worlds.contract.world import DONE
from ..worlds.registry import get_world
from .planner import Room, planner_kernel
from .value_iteration import (
    ONCE,
    REACH,
    TOP,
    Objective,
    ValuesError,
    check_discount,
    coded,
    order_by_time,
    soft_step,
    step_weights,
    wire,
    wiring_room,
)

# What a habit looks at: nothing; the action; whether it is the last one again; the last one and the action.
HABITS = ("uniform", "frequencies", "repeat", "moves")
UNIFORM, FREQUENCIES, REPEAT, MOVES = range(len(HABITS))  # their codes in kernels

MOST = 1e12  # exposure is counted up to here: it grows without end where an action is always called for and never taken

NO_SUCH_ACTION, PAST_END, PAST_LIMIT = range(3)  # why no play of its level can give an episode

N_ACTIONS = 0  # bound for each world by kernel.bind
prepare: Any = None
limit: Any = None
count_states: Any = None
explore: Any = None


@dataclass(frozen=True, eq=False)
class Memory:
    """What habits have learnt from the episodes so far, and how likely these were altogether.

    seen float64[O, M, P], exposure float64[O, M, P, K] for P parameters of a habit; total float64[O, M, K, E]
    """

    seen: np.ndarray
    exposure: np.ndarray
    total: np.ndarray

    @classmethod
    def blank(cls, objectives: int, habits: Sequence[int], betas: int, lapses: int, n_actions: int) -> Memory:
        """Before the first episode: one of each has been taken, of as many that were up for choice."""
        seen = np.ones((objectives, len(habits), (n_actions + 1) * n_actions))
        exposure = np.empty((*seen.shape, betas))
        for m, habit in enumerate(habits):
            exposure[:, m] = 2 if habit == REPEAT else n_actions
        return cls(seen, exposure, np.zeros((objectives, len(habits), betas, lapses)))


@loop
def weigh_path(habit, pull, actions, length, lapses, seen, exposure, scratch, out):
    """Add the log likelihood of one episode to out float64[K, E], with a habit that learns as it goes.

    pull float64[T, A, K] are the weights exp(β Q), the largest 1; seen float64[P] and exposure float64[P, K] are the habit's memory.
    scratch: which int64[A], the parameter that an action goes by, −1: none; part float64[A], what share of its parameter it
    has; usual float64[A, K]; ahead float64[K], how much more likely the objective makes an action than the weights say;
    product float64[K, E].
    """
    n_actions, n_betas = pull.shape[1], pull.shape[2]
    which, part, usual, ahead, product = scratch
    for a in range(n_actions):
        part[a] = 1.0
    product[:] = 1.0
    before = n_actions
    for t in range(length):
        for a in range(n_actions):
            which[a] = -1
            if habit == FREQUENCIES:
                which[a] = a
            elif habit == REPEAT and before < n_actions:
                which[a] = 0 if a == before else 1
                part[a] = 1.0 if a == before else 1.0 / (n_actions - 1)
            elif habit == MOVES:
                which[a] = before * n_actions + a
        taken = np.int64(actions[t])
        for k in range(n_betas):
            total, steered = 0.0, 0.0
            for a in range(n_actions):
                p = which[a]
                usual[a, k] = part[a] * seen[p] / exposure[p, k] if p >= 0 else 1.0
                total += usual[a, k]
                steered += usual[a, k] * pull[t, a, k]
            ahead[k] = total / steered
            at_rest = usual[taken, k] / total
            share = usual[taken, k] * pull[t, taken, k] / steered
            for e in range(len(lapses)):
                if product[k, e] < 1e-100:
                    out[k, e] += np.log(product[k, e])
                    product[k, e] = 1.0
                product[k, e] *= (1.0 - lapses[e]) * share + lapses[e] * at_rest
        for a in range(n_actions):
            p = which[a]
            if p >= 0:
                for k in range(n_betas):
                    exposure[p, k] = min(exposure[p, k] + part[a] * pull[t, a, k] * ahead[k], MOST)
        if which[taken] >= 0:
            seen[which[taken]] += 1.0
        before = taken
    for k in range(n_betas):
        for e in range(len(lapses)):
            out[k, e] += np.log(product[k, e])


def weigh_episodes(
    tiles, sizes, max_steps, actions, lengths, habits, masks, pays, foresees, factor, betas, lapses, discount,
    seen, exposure, total, out, facts, radix, graph, wiring, later, now, path, pull, scratch, blank_seen,
    blank_exposure, own_seen, own_exposure,
):  # fmt: skip
    """The loop of `log_likelihoods`: adds to out float64[N, O, M, K, E], all 0 before, and goes on with a Memory.

    facts, radix, graph: see `planner.Room`; wiring: see `wiring_room`; later, now float64[≥ n + 2, K]; path int32[T]; pull,
    scratch: see `weigh_path`; blank_seen float64[M, P] and blank_exposure float64[M, P, K], what a habit begins with;
    own_seen float64[P] and own_exposure float64[P, K], for an episode by itself.
    Returns (−1, 0), or the first impossible episode and why: one of the codes above.
    """
    ids, states, depth, succ, events = graph
    place, row, gain, begin, end, at, reached = wiring
    for i in range(len(tiles)):
        facts[:] = 0
        facts[0], facts[1] = sizes[i]
        prepare(tiles[i], facts)
        room = count_states(facts, radix)
        n = explore(tiles[i], facts, radix, ids, states, depth, succ, events)
        for k in range(room):
            ids[k] = -1
        horizon = max_steps if max_steps > 0 else limit(facts)
        if lengths[i] > horizon:
            return i, PAST_LIMIT
        here = 0
        for t in range(lengths[i]):
            action = actions[i, t]
            if action >= N_ACTIONS:
                return i, NO_SUCH_ACTION
            path[t] = here
            here = succ[here, action]
            if t + 1 < lengths[i] and (here < 0 or events[path[t], action] & DONE):
                return i, PAST_END
        order_by_time(n, depth, succ, horizon, place, begin, end, at, reached)
        for o in range(len(masks)):
            wire(n, succ, events, place, masks[o], pays[o], foresees[o], row, gain)
            for s in range(n):
                for k in range(len(betas)):
                    later[s, k] = TOP
            for t in range(horizon - 1, -1, -1):
                soft_step(
                    begin[t], end[t], n, row, gain, factor, betas, discount, horizon - t - 1, later, now
                )
                if t < lengths[i]:
                    s = place[path[t]]
                    for k in range(len(betas)):
                        most = 0.0
                        for a in range(N_ACTIONS):
                            pull[t, a, k] = factor[gain[s, a], k] * later[row[s, a], k]
                            most = max(most, pull[t, a, k])
                        for a in range(N_ACTIONS):
                            pull[t, a, k] /= most
                later, now = now, later
            if (
                pays[o] == ONCE or pays[o] == REACH
            ):  # all that is asked for has been earned: from then on nothing is
                for t in range(lengths[i] - 1):
                    if events[path[t], actions[i, t]] & masks[o]:
                        for late in range(t + 1, lengths[i]):
                            pull[late] = 1.0
                        break
            for m in range(len(habits)):
                habit = habits[m]
                for p in range(len(own_seen)):
                    own_seen[p] = blank_seen[m, p]
                    for k in range(len(betas)):
                        own_exposure[p, k] = blank_exposure[m, p, k]
                weigh_path(
                    habit, pull, actions[i], lengths[i], lapses, own_seen, own_exposure, scratch, out[i, o, m]
                )
                weigh_path(
                    habit,
                    pull,
                    actions[i],
                    lengths[i],
                    lapses,
                    seen[o, m],
                    exposure[o, m],
                    scratch,
                    total[o, m],
                )
    return -1, 0


def log_likelihoods(
    levels: LevelSet,
    actions: np.ndarray,
    lengths: np.ndarray,
    objectives: Sequence[Objective],
    betas: Sequence[float],
    lapses: Sequence[float] = (0.0,),
    habits: Sequence[str] = HABITS[:1],
    discount: float = 1.0,
    max_steps: int | None = None,
    memory: Memory | None = None,
) -> tuple[np.ndarray, Memory]:
    """Log likelihood of N episodes for O objectives, M habits, K temperatures and E lapses.

    actions uint8[N, T], of which the first lengths[i] count, played without slip on levels[i].
    betas   inverse temperatures: nats for the pay of one step.
    lapses  probabilities that a step follows the habit alone.
    habits  some of HABITS.
    memory  of the episodes before, if there were any; it is changed.
    Returns (each float64[N, O, M, K, E]: every episode on its own, its habit learnt from nothing; the memory, whose
    `total` float64[O, M, K, E] is of all episodes together, the habit learnt from one to the next, in this order).
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
    n_actions, inverse, codes = len(world.actions), np.array(betas, float), [HABITS.index(h) for h in habits]
    if memory is None:
        memory = Memory.blank(len(objectives), codes, len(inverse), len(lapses), n_actions)
    out, tiles, sizes = np.zeros((n, *memory.total.shape)), np.array(levels.tiles), np.array(levels.sizes)
    room, blank = Room.of(world, tiles, sizes), Memory.blank(1, codes, len(inverse), len(lapses), n_actions)
    later, now = np.empty((room.states + 2, len(inverse))), np.empty((room.states + 2, len(inverse)))
    path, pull = np.empty(taken.shape[1], np.int32), np.empty((taken.shape[1], n_actions, len(inverse)))
    scratch = (
        np.empty(n_actions, np.int64), np.empty(n_actions), np.empty((n_actions, len(inverse))), np.empty(len(inverse)),
        np.empty(out.shape[3:]),
    )  # fmt: skip
    at, why = planner_kernel(world, weigh_episodes)(
        tiles, sizes, max_steps or 0, taken, long, np.array(codes), *coded(objectives),
        step_weights(inverse, n_actions), inverse, np.array(lapses, float), discount,
        memory.seen, memory.exposure, memory.total, out, *room.scratch, room.graph, wiring_room(room, max_steps or 0),
        later, now, path, pull, scratch, blank.seen[0], blank.exposure[0], np.empty(memory.seen.shape[2]),
        np.empty(memory.exposure.shape[2:]),
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
    return out, memory
