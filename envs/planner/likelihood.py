"""Likelihood of recorded actions under soft-optimal play of an objective.

Works from levels and actions alone: the rules are deterministic, so the states follow. The modelled agent plays
habit(a) · exp(β Q_t(s, a)), normalised: it prefers actions that serve its objective and, among equally good ones, habitual
ones. At each step it may lapse into the habit alone, and after the first event of an objective that pays only once (`once`,
`reach`) it follows its habit. The habit is learned from the preceding actions, minus what the objective already
explains. If the choice is proportional to habit(a) · w(a), the habit of a is approximately the number of times that a was
taken divided by its exposure (Hunter 2004; Caron and Doucet 2012), so

    habit(a) ∝ (1 + n(a)) / (A + e(a)),    n(a) = Σ 1[a was taken],    e(a) = Σ w(a) / Σ_b habit(b) w(b),

summed over the preceding steps. If the objective is indifferent, w is equal for all actions and this is Laplace's rule.
Each step's probabilities sum to one regardless of what was learned, so the product is a likelihood without fitted parameters.

Draws no inferences and knows no priors. Read next: `experiments/evaluation/attribution.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ..jit.kernels import kernel
from ..levels.level import LevelSet
from ..worlds.contract.world import DONE
from ..worlds.registry import get_world
from .planner import SearchBuffers, planner_kernel
from .search import forget
from .value_arrays import CodedObjectives, SoftWeights
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
    soft_weights,
    value_arrays,
    wire,
)

# What a habit depends on: nothing; the action; whether it repeats the last one; the last action and this one.
HABITS = ("uniform", "frequencies", "repeat", "moves")
UNIFORM, FREQUENCIES, REPEAT, MOVES = range(len(HABITS))  # their codes in kernels

MOST = 1e12  # cap on exposure, which grows without bound if an action is always favoured and never taken

NO_SUCH_ACTION, PAST_END, PAST_LIMIT = range(3)  # reasons why an episode is impossible on its level

N_ACTIONS = 0  # specialized for each world by kernels.specialize
limit: Any = None
open_level: Any = None
explore: Any = None


@dataclass(frozen=True, eq=False)
class Memory:
    """Learned habits and the total log likelihood of the episodes so far.

    seen float64[O, M, P], exposure float64[O, M, P, K] for P parameters of a habit; total float64[O, M, K, E]
    """

    seen: np.ndarray
    exposure: np.ndarray
    total: np.ndarray

    @classmethod
    def blank(cls, objectives: int, habits: Sequence[int], betas: int, lapses: int, n_actions: int) -> Memory:
        """Memory before the first episode: each action counts as taken once, with one exposure per action."""
        seen = np.ones((objectives, len(habits), (n_actions + 1) * n_actions))
        exposure = np.empty((*seen.shape, betas))
        for m, habit in enumerate(habits):
            exposure[:, m] = 2 if habit == REPEAT else n_actions
        return cls(seen, exposure, np.zeros((objectives, len(habits), betas, lapses)))


@dataclass(frozen=True)
class ActionModel:
    """A model of how an objective produces actions.

    betas   inverse temperatures, in nats per step's pay.
    lapses  probabilities of following the habit alone at a step.
    habits  some of HABITS.
    """

    betas: Sequence[float]
    lapses: Sequence[float] = (0.0,)
    habits: Sequence[str] = HABITS[:1]
    discount: float = 1.0


class Episodes(NamedTuple):
    """Recorded episodes in the kernels' format.

    tiles uint8[N, H, W], sizes int32[N, 2]; actions uint8[N, T], lengths int64[N]; max_steps 0: the world's own limit.
    """

    tiles: np.ndarray
    sizes: np.ndarray
    actions: np.ndarray
    lengths: np.ndarray
    max_steps: int


class Models(NamedTuple):
    """Candidate explanations of the actions: objectives, habit codes int64[M], temperatures, lapses float64[E]."""

    objectives: CodedObjectives
    habits: np.ndarray
    weights: SoftWeights
    lapses: np.ndarray


class HabitMemory(NamedTuple):
    """Learned state of one habit: seen float64[P], exposure float64[P, K]; several habits have leading axes."""

    seen: np.ndarray
    exposure: np.ndarray


class PathScratch(NamedTuple):
    """Scratch of `weigh_path`.

    which int64[A]: the parameter of each action, −1 for none; part float64[A]: the action's fraction of that parameter;
    usual float64[A, K]; ahead float64[K]: by how much the objective raises an action's probability beyond its weight;
    product float64[K, E].
    """

    which: np.ndarray
    part: np.ndarray
    usual: np.ndarray
    ahead: np.ndarray
    product: np.ndarray


class LikelihoodArrays(NamedTuple):
    """Output and scratch arrays of `weigh_episodes`.

    path int32[T]: the states of an episode; pull float64[T, A, K]: see `weigh_path`; blank [M, P]: each habit's initial
    memory; own [P]: memory for a single episode.
    """

    path: np.ndarray
    pull: np.ndarray
    blank: HabitMemory
    own: HabitMemory
    scratch: PathScratch


@kernel
def weigh_path(habit, pull, actions, length, lapses, memory, scratch, out):
    """Add the log likelihood of one episode to out float64[K, E], updating the habit at each step.

    pull float64[T, A, K]: the weights exp(β Q), scaled to a maximum of 1.
    """
    n_actions, n_betas = pull.shape[1], pull.shape[2]
    seen, exposure = memory
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


@njit(inline="always")
def follow(actions, length, graph, path):
    """Fill in the states of an episode, path int32[T]. Returns −1, or the code of why the episode is impossible."""
    here = 0
    for t in range(length):
        action = actions[t]
        if action >= graph.succ.shape[1]:
            return NO_SUCH_ACTION
        path[t] = here
        here = graph.succ[here, action]
        if t + 1 < length and (here < 0 or graph.events[path[t], action] & DONE):
            return PAST_END
    return -1


@njit(inline="always")
def pull_along(n, horizon, path, weights, values, pull):
    """Fill in pull float64[T, A, K] along path int32[T] with soft value iteration for the wired objective."""
    wired, schedule, later, now = values
    _, row, gain = wired
    factor = weights.factor
    n_actions, n_betas = pull.shape[1], pull.shape[2]
    for s in range(n):
        for k in range(n_betas):
            later[s, k] = TOP
    for t in range(horizon - 1, -1, -1):
        soft_step(schedule.begin[t], schedule.end[t], n, wired, weights, horizon - t - 1, later, now)
        if t < len(path):
            s = wired.place[path[t]]
            for k in range(n_betas):
                most = 0.0
                for a in range(n_actions):
                    pull[t, a, k] = factor[gain[s, a], k] * later[row[s, a], k]
                    most = max(most, pull[t, a, k])
                for a in range(n_actions):
                    pull[t, a, k] /= most
        later, now = now, later


@njit(inline="always")
def end_at_first(mask, path, actions, events, pull):
    """Reset the weights to uniform after the first event that earns everything the objective pays."""
    for t in range(len(path) - 1):
        if events[path[t], actions[t]] & mask:
            for late in range(t + 1, len(path)):
                pull[late] = 1.0
            break


def weigh_episodes(episodes, models, memory, out, search, values, arrays):
    """Loop of `log_likelihoods`: adds to out float64[N, O, M, K, E], initially 0, and to the memory's seen, exposure and total.

    Returns (−1, 0), or the index of the first impossible episode and its reason code.
    """
    seen, exposure, total = memory
    objectives, habits, weights, lapses = models
    path, pull, blank, own, scratch = arrays
    ids, _, depth, succ, events = search.graph
    for i in range(len(episodes.tiles)):
        tiles, height, width = episodes.tiles[i], episodes.sizes[i, 0], episodes.sizes[i, 1]
        room = open_level(tiles, np.int64(height), np.int64(width), search.facts, search.radix)
        n = explore(tiles, search)
        forget(ids, room)
        horizon = episodes.max_steps if episodes.max_steps > 0 else limit(search.facts)
        actions, length = episodes.actions[i], episodes.lengths[i]
        if length > horizon:
            return i, PAST_LIMIT
        why = follow(actions, length, search.graph, path)
        if why >= 0:
            return i, why
        order_by_time(n, depth, succ, horizon, values.wired.place, values.schedule)
        for o in range(len(objectives.masks)):
            wire(n, succ, events, objectives, o, values.wired)
            pull_along(n, horizon, path[:length], weights, values, pull)
            if objectives.pays[o] == ONCE or objectives.pays[o] == REACH:
                end_at_first(objectives.masks[o], path[:length], actions, events, pull)
            for m in range(len(habits)):
                for p in range(len(own.seen)):
                    own.seen[p] = blank.seen[m, p]
                    for k in range(pull.shape[2]):
                        own.exposure[p, k] = blank.exposure[m, p, k]
                weigh_path(habits[m], pull, actions, length, lapses, own, scratch, out[i, o, m])
                lasting = HabitMemory(seen[o, m], exposure[o, m])
                weigh_path(habits[m], pull, actions, length, lapses, lasting, scratch, total[o, m])
    return -1, 0


def log_likelihoods(
    levels: LevelSet,
    actions: np.ndarray,
    lengths: np.ndarray,
    objectives: Sequence[Objective],
    model: ActionModel,
    max_steps: int | None = None,
    memory: Memory | None = None,
) -> tuple[np.ndarray, Memory]:
    """Log likelihood of N episodes for O objectives, M habits, K temperatures and E lapses.

    actions uint8[N, T]: the first lengths[i] entries of row i were played without slip on levels[i].
    memory  from preceding episodes, if any; modified in place.
    Returns (float64[N, O, M, K, E]: each episode by itself, with a habit learned from scratch; the memory, whose
    `total` float64[O, M, K, E] covers all episodes in order, with the habit carried from each to the next).
    Raises ValuesError if an episode is impossible on its level.
    """
    check_discount(model.discount)
    world = get_world(levels.world)
    episodes = _episodes(levels, actions, lengths, max_steps or 0)
    n_actions, betas, codes = (
        len(world.actions),
        np.array(model.betas, float),
        [*map(HABITS.index, model.habits)],
    )
    if memory is None:
        memory = Memory.blank(len(objectives), codes, len(betas), len(model.lapses), n_actions)
    out = np.zeros((len(levels), *memory.total.shape))
    models = Models(
        coded(objectives),
        np.array(codes),
        soft_weights(betas, n_actions, model.discount),
        np.array(model.lapses, float),
    )
    buffers = SearchBuffers.of(world, episodes.tiles, episodes.sizes)
    values = value_arrays(buffers, episodes.max_steps, len(betas))
    arrays = _likelihood_arrays(episodes.actions.shape[1], n_actions, codes, len(betas), len(model.lapses))
    at, why = planner_kernel(world, weigh_episodes)(
        episodes, models, (memory.seen, memory.exposure, memory.total), out, buffers.arrays, values, arrays
    )
    if at >= 0:
        reason = {
            NO_SUCH_ACTION: f"contains an action that {world.name} does not have; must be from 0 to {n_actions - 1}",
            PAST_END: "continues after the step that ended it",
            PAST_LIMIT: "is longer than the time limit; give the max_steps that it was played with",
        }[why]
        raise ValuesError(
            f"episode {at} {reason}. Levels and actions must belong together, row by row, and be played without slip"
        )
    return out, memory


def _episodes(levels: LevelSet, actions: np.ndarray, lengths: np.ndarray, max_steps: int) -> Episodes:
    """Convert episodes to the kernels' format. Raises ValuesError for mismatched shapes."""
    n = len(levels)
    actions, lengths = np.ascontiguousarray(actions, np.uint8), np.ascontiguousarray(lengths, np.int64)
    fits = actions.ndim == 2 and len(actions) == n and lengths.shape == (n,)
    if not fits or (lengths > actions.shape[1]).any() or (lengths < 0).any():
        raise ValuesError(
            f"{n} levels, actions of shape {actions.shape}, lengths of shape {lengths.shape}: give actions uint8[N, T] and "
            "lengths int[N] from 0 to T, one row per level"
        )
    return Episodes(np.array(levels.tiles), np.array(levels.sizes), actions, lengths, max_steps)


def _likelihood_arrays(
    steps: int, n_actions: int, codes: Sequence[int], betas: int, lapses: int
) -> LikelihoodArrays:
    blank = Memory.blank(1, codes, betas, lapses, n_actions)
    scratch = PathScratch(
        np.empty(n_actions, np.int64),
        np.empty(n_actions),
        np.empty((n_actions, betas)),
        np.empty(betas),
        np.empty((betas, lapses)),
    )
    own = HabitMemory(np.empty(blank.seen.shape[2]), np.empty(blank.exposure.shape[2:]))
    path, pull = np.empty(steps, np.int32), np.empty((steps, n_actions, betas))
    return LikelihoodArrays(path, pull, HabitMemory(blank.seen[0], blank.exposure[0]), own, scratch)
