"""Exact values and soft-optimal policies: value iteration over the reachable states of a level.

An `Objective` pays 1 for a step, or 0. Backward induction from the episode's time limit gives the most that can be
earned and the soft-optimal (maximum-entropy) policies, exactly: the limit, deaths and the goal's end are part of the
sum, and nothing is iterated until it hardly changes. Soft values are taken relative to uniform play,

    V_t(s) = 1/β · log mean_a exp(β Q_t(s, a)),   Q_t(s, a) = r(s, a) + γ V_{t+1}(s'),   π_t(a | s) ∝ exp(β Q_t(s, a)),

which is the soft Bellman equation (Ziebart et al. 2010; Haarnoja et al. 2017) with a mean in place of its sum. With the
sum, being alive would itself be worth log(A) / β a step, and a warm agent would shun the goal because it ends the
episode. For γ = 1 the equation is linear in exp(β V) (Todorov 2009), so that no exponential is taken.

Does not know who acts, or why. Read next: `likelihood.py`, which asks how likely recorded actions are under such play.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from goalposts.errors import UserError

from ..jit.kernels import cached, kernel, specialize
from ..levels.level import LevelSet
from ..worlds.contract.world import DEATH, DONE
from ..worlds.registry import get_world
from .planner import Plan, SearchBuffers, planner_kernel
from .search import forget
from .value_arrays import CodedObjectives, Schedule, SoftWeights, ValueArrays, WiredGraph

Pay = Literal["once", "reach", "hold", "survive", "each"]
PAYS: tuple[Pay, ...] = ("once", "reach", "hold", "survive", "each")
ONCE, REACH, HOLD, SURVIVE, EACH = range(len(PAYS))  # their codes in kernels

# exp(β V) is kept between FLOOR and TOP, so that a loss of more than 1300 / β steps' pay is not told from a greater one.
TOP, FLOOR = 1e280, 1e-290

limit: Any = None  # specialized for each world by kernels.specialize
open_level: Any = None
explore: Any = None


class ValuesError(UserError, ValueError):
    """A number outside its range, or recorded episodes that no play of their levels can give."""


@dataclass(frozen=True)
class Objective:
    """What is paid for. Every step pays 1 or nothing; `mask` names the events that count (see `world.Target`).

    once     the first step with such an event, and nothing after it (the usual reward)
    reach    every step from the first such event on, to the time limit: reaching it sooner pays more
    hold     every step with such an event; if that event ends the episode, the steps that were left as well
    survive  every step but a death; if the goal ends the episode, the steps that were left as well
    each     every step with such an event, and nothing for steps that were left (the reward where goals are counted)

    foresees_end False: the objective does not know that the goal ends the episode, and plans as if it went on.
    """

    name: str
    mask: int = 0
    pay: Pay = "once"
    foresees_end: bool = True

    def __post_init__(self) -> None:
        if self.pay not in PAYS:
            raise ValueError(f"{self.name}: pay is {self.pay!r}; allowed are {', '.join(PAYS)}")


@kernel
def order_by_time(n, depth, succ, horizon, place, schedule):
    """Number the states in `place` so that those that can be met at a step lie side by side, and fill in the schedule.

    All ways between two states have equal lengths modulo the period g of the graph (monsters give it one), so at step t
    only states with depth ≤ t and depth ≡ t (mod g) can be met.
    """
    begin, end, at, seen = schedule
    g = 0
    for s in range(n):
        for a in range(succ.shape[1]):
            if succ[s, a] >= 0:
                x, y = g, abs(depth[s] + 1 - depth[succ[s, a]])
                while y:
                    x, y = y, x % y
                g = x
    if g == 0:
        g = depth[n - 1] + 1  # each state is met at one time only
    for c in range(g + 1):
        at[c] = 0
    for t in range(horizon + 1):
        seen[t] = 0
    for s in range(n):
        at[depth[s] % g + 1] += 1
    for c in range(g):
        at[c + 1] += at[c]
    for s in range(n):  # in order of depth, and so within each class
        c = depth[s] % g
        place[s] = at[c]
        at[c] += 1
        if depth[s] <= horizon:
            seen[depth[s]] += 1
    for c in range(g - 1, 0, -1):  # after the loop at[c] is where class c ends, which is where c + 1 begins
        at[c] = at[c - 1]
    at[0] = 0
    for t in range(horizon):
        begin[t] = at[t % g]
        end[t] = (end[t - g] if t >= g else begin[t]) + seen[t]


def _wire(n, succ, events, objectives, o, wired):
    """Fill in row and gain of the graph for objective number o."""
    place, row, gain = wired
    mask, pay, foresees_end = objectives.masks[o], objectives.pays[o], objectives.foresees[o]
    nothing, everything = n, n + 1
    for s in range(n):
        for a in range(succ.shape[1]):
            event = events[s, a]
            hit = (event & mask) != 0
            dead = (event & DEATH) != 0
            end = (event & DONE) != 0
            paid = hit
            after = nothing if dead else place[succ[s, a]]
            if pay == ONCE and hit:
                after = nothing
            elif (pay == REACH and hit) or (pay == HOLD and hit and end and not dead):
                after = everything
            elif pay == SURVIVE:
                paid = not dead
                if end and paid and foresees_end:
                    after = everything
            elif end and foresees_end:
                after = nothing
            row[place[s], a] = after
            gain[place[s], a] = 1 if paid else 0


wire = specialize(
    _wire, {}, "values", allocates=False
)  # bound, because the bits of events are another file's


@kernel
def annuity(discount, left):
    """What a step's pay in each of the steps that are left is worth."""
    return float(left) if discount == 1.0 else (1.0 - discount**left) / (1.0 - discount)


@kernel
def best_step(begin, end, n, wired, discount, left, later, now):
    """One step of value iteration for the states begin … end − 1: now float64[≥ n + 2] from later.

    left  steps to go after this one. A state's value is what can be earned from it.
    """
    row, gain = wired.row, wired.gain
    later[n] = 0.0
    later[n + 1] = annuity(discount, left)
    for s in range(begin, end):
        best = -np.inf
        for a in range(row.shape[1]):
            best = max(best, gain[s, a] + discount * later[row[s, a]])
        now[s] = best


@kernel
def soft_step(begin, end, n, wired, weights, left, later, now):
    """One step of soft value iteration: now from later, float64[≥ n + 2, K], for K inverse temperatures.

    They hold TOP · exp(β γ (V − what every step that is left would pay)), as the step before sees it.
    """
    row, gain = wired.row, wired.gain
    factor, betas, discount = weights
    for k in range(len(betas)):
        later[n, k] = max(TOP * np.exp(-betas[k] * discount * annuity(discount, left)), FLOOR)
        later[n + 1, k] = TOP
    for s in range(begin, end):
        for k in range(factor.shape[1]):
            now[s, k] = FLOOR
        for a in range(row.shape[1]):
            r = row[s, a]
            g = gain[s, a]
            for k in range(factor.shape[1]):
                now[s, k] += factor[g, k] * later[r, k]
    if discount != 1.0:
        for s in range(begin, end):
            for k in range(len(betas)):
                now[s, k] = now[s, k] ** discount * TOP ** (1.0 - discount)


def optimum(tiles, sizes, max_steps, objectives, discount, arrays, values, out):
    """What the best play of each level earns by each objective: out float64[N, O].

    tiles uint8[N, H, W], sizes int32[N, 2]; max_steps 0: the world's own limit. later and now of the values are all 0.
    """
    ids, _, depth, succ, events = arrays.graph
    wired, schedule, later, now = values
    for i in range(len(tiles)):
        room = open_level(tiles[i], np.int64(sizes[i, 0]), np.int64(sizes[i, 1]), arrays.facts, arrays.radix)
        n = explore(tiles[i], arrays)
        forget(ids, room)
        horizon = max_steps if max_steps > 0 else limit(arrays.facts)
        order_by_time(n, depth, succ, horizon, wired.place, schedule)
        for o in range(len(objectives.masks)):
            wire(n, succ, events, objectives, o, wired)
            for s in range(n):
                later[s] = 0.0
            for t in range(horizon - 1, -1, -1):
                begin, end = schedule.begin[t], schedule.end[t]
                best_step(begin, end, n, wired, discount, horizon - t - 1, later, now)
                later, now = now, later
            out[i, o] = later[wired.place[0]]


def value_arrays(buffers: SearchBuffers, max_steps: int, *temperatures: int) -> ValueArrays:
    """Arrays of the right size, later and now all 0, with an axis for temperatures if any; max_steps 0: the levels' own limits."""
    horizon, (n, n_actions) = max_steps or buffers.horizon, buffers.arrays.graph.succ.shape
    begin, end, seen = (np.empty(horizon + 1, np.int64) for _ in range(3))
    later, now = (np.zeros((n + 2, *temperatures)) for _ in range(2))
    return ValueArrays(
        _unwired(n, n_actions), Schedule(begin, end, np.empty(n + 2, np.int64), seen), later, now
    )


def _unwired(n: int, n_actions: int) -> WiredGraph:
    shape = n, n_actions
    return WiredGraph(np.arange(n, dtype=np.int32), np.empty(shape, np.int32), np.empty(shape, np.uint8))


def optimal(
    levels: LevelSet, objectives: Sequence[Objective], discount: float = 1.0, max_steps: int | None = None
) -> np.ndarray:
    """float64[N, O]: what the best play of each level earns by each objective, from the start to the time limit."""
    check_discount(discount)
    world, tiles, sizes = get_world(levels.world), np.array(levels.tiles), np.array(levels.sizes)
    buffers, out = SearchBuffers.of(world, tiles, sizes), np.empty((len(levels), len(objectives)))
    most, values = max_steps or 0, value_arrays(buffers, max_steps or 0)
    optimum_of = planner_kernel(world, optimum)
    optimum_of(tiles, sizes, most, coded(objectives), discount, buffers.arrays, values, out)
    return out


def regret(
    levels: LevelSet,
    earned: np.ndarray,
    objective: Objective,
    discount: float = 1.0,
    max_steps: int | None = None,
) -> np.ndarray:
    """float64[N]: how much more the best play of each level earns than was earned there (float64[N])."""
    return optimal(levels, [objective], discount, max_steps)[:, 0] - earned


def optimal_values(plan: Plan, objective: Objective, steps_left: int, discount: float = 1.0) -> np.ndarray:
    """float64[n]: the most that can be earned from each state of a plan with so many steps left."""
    check_discount(discount)
    n = len(plan.states)
    wired = _wired(plan, objective)
    later, now = np.zeros(n + 2), np.zeros(n + 2)
    for left in range(steps_left):
        best_step(0, n, n, wired, discount, left, later, now)
        later, now = now, later
    return later[:n].copy()


@dataclass(frozen=True, eq=False)
class Soft:
    """Soft-optimal play of one level: values float64[K, n] and policy float64[K, n, A] of every state of its plan."""

    values: np.ndarray
    policy: np.ndarray


def soft_optimal(
    plan: Plan, objective: Objective, betas: Sequence[float], steps_left: int, discount: float = 1.0
) -> Soft:
    """Soft-optimal values and policies for each inverse temperature, with so many steps left (at least 1).

    Raises ValuesError for a β that is not positive.
    """
    check_discount(discount)
    n, inverse = len(plan.states), _positive(betas)
    wired = _wired(plan, objective)
    soft = soft_weights(inverse, wired.row.shape[1], discount)
    before, later, now = np.empty(0), np.full((n + 2, len(inverse)), TOP), np.empty((n + 2, len(inverse)))
    for left in range(steps_left):
        soft_step(0, n, n, wired, soft, left, later, now)
        before, later, now = later, now, later
    weights = soft.factor[wired.gain] * before[wired.row]  # float64[n, A, K]
    policy = (weights / weights.sum(axis=1, keepdims=True)).transpose(2, 0, 1)
    values = annuity(discount, steps_left) + (np.log(later[:n]) - np.log(TOP)) / (inverse * discount)
    return Soft(np.ascontiguousarray(values.T), np.ascontiguousarray(policy))


def soft_schedule(
    plan: Plan, objective: Objective, beta: float, horizon: int, discount: float = 1.0
) -> np.ndarray:
    """float64[horizon, n, A]: the soft-optimal policy at each step of an episode of that many steps."""
    check_discount(discount)
    n, inverse = len(plan.states), _positive([beta])
    wired = _wired(plan, objective)
    out = np.empty((horizon, n, wired.row.shape[1]))
    fill_schedule(n, wired, soft_weights(inverse, wired.row.shape[1], discount), out)
    return out


@cached
def fill_schedule(n, wired, weights, out):
    """The loop of `soft_schedule`, for one temperature."""
    _, row, gain = wired
    factor = weights.factor
    later = np.full((n + 2, 1), TOP)
    now = np.empty((n + 2, 1))
    for left in range(len(out)):
        soft_step(0, n, n, wired, weights, left, later, now)
        policy = out[len(out) - 1 - left]
        for s in range(n):
            total = 0.0
            for a in range(row.shape[1]):
                policy[s, a] = factor[gain[s, a], 0] * later[row[s, a], 0]
                total += policy[s, a]
            for a in range(row.shape[1]):
                policy[s, a] /= total
        later, now = now, later


def soft_weights(betas: np.ndarray, n_actions: int, discount: float) -> SoftWeights:
    """The weights of `soft_step` for these inverse temperatures float64[K]."""
    factor = np.stack([np.exp(-betas), np.ones(len(betas))]) / n_actions
    return SoftWeights(factor, betas, float(discount))


def coded(objectives: Sequence[Objective]) -> CodedObjectives:
    """Objectives as the kernels read them."""
    columns = [(o.mask, PAYS.index(o.pay), o.foresees_end) for o in objectives]
    return CodedObjectives(*np.array(columns, np.int64).reshape(-1, 3).T.copy())


def check_discount(discount: float) -> None:
    """Raise ValuesError unless 0 < discount ≤ 1."""
    if not 0 < discount <= 1:
        raise ValuesError(f"discount = {discount}: allowed is more than 0, at most 1")


def _positive(betas: Sequence[float]) -> np.ndarray:
    inverse = np.array(betas, float)
    if not (inverse > 0).all():
        raise ValuesError(f"betas {list(betas)}: allowed are inverse temperatures above 0")
    return inverse


def _wired(plan: Plan, objective: Objective) -> WiredGraph:
    wired = _unwired(*plan.succ.shape)
    wire(len(plan.succ), plan.succ, plan.events, coded([objective]), 0, wired)
    return wired
