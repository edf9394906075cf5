"""Exact values and soft-optimal policies: value iteration over the reachable states of a level.

An `Objective` pays 1 or 0 per step. Backward induction from the episode's time limit gives the maximum
return and the soft-optimal (maximum-entropy) policies exactly: it accounts for the limit, deaths and the end at the
goal, and needs no convergence threshold. Soft values are relative to uniform play,

    V_t(s) = 1/β · log mean_a exp(β Q_t(s, a)),   Q_t(s, a) = r(s, a) + γ V_{t+1}(s'),   π_t(a | s) ∝ exp(β Q_t(s, a)),

which is the soft Bellman equation (Ziebart et al. 2010; Haarnoja et al. 2017) with a mean in place of its sum. With the
sum, staying alive would be worth log(A) / β per step, and an agent with small β would avoid the goal because it ends the
episode. For γ = 1 the equation is linear in exp(β V) (Todorov 2009), so no exponential is needed.

Knows no agents. Read next: `likelihood.py`, which computes the likelihood of recorded actions under such play.
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

# exp(β V) is clipped to FLOOR … TOP, so losses above 1300 / β steps' pay are indistinguishable.
TOP, FLOOR = 1e280, 1e-290

limit: Any = None  # specialized for each world by kernels.specialize
open_level: Any = None
explore: Any = None


class ValuesError(UserError, ValueError):
    """A number out of range, or recorded episodes that are impossible on their levels."""


@dataclass(frozen=True)
class Objective:
    """A reward definition. Every step pays 1 or 0; `mask` holds the events that count (see `world.Target`).

    once     pays the first step with such an event, and nothing after it (the usual reward)
    reach    pays every step from the first such event to the time limit, so reaching it sooner pays more
    hold     pays every step with such an event and, if that event ends the episode, the remaining steps
    survive  pays every step except a death and, if the goal ends the episode, the remaining steps
    each     pays every step with such an event, but no remaining steps (the reward where goals are counted)

    foresees_end False: the objective ignores that the goal ends the episode, and plans as if the episode continued.
    """

    name: str
    mask: int = 0
    pay: Pay = "once"
    foresees_end: bool = True

    def __post_init__(self) -> None:
        if self.pay not in PAYS:
            raise ValueError(f"{self.name}: pay is {self.pay!r}; must be one of {', '.join(PAYS)}")


@kernel
def order_by_time(n, depth, succ, horizon, place, schedule):
    """Number the states in `place` so that those possible at the same step are contiguous, and fill in the schedule.

    All paths between two states have equal lengths modulo the period g of the graph (caused by monsters), so at step t
    only states with depth ≤ t and depth ≡ t (mod g) are possible.
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
        g = depth[n - 1] + 1  # each state is possible at one step only
    for c in range(g + 1):
        at[c] = 0
    for t in range(horizon + 1):
        seen[t] = 0
    for s in range(n):
        at[depth[s] % g + 1] += 1
    for c in range(g):
        at[c + 1] += at[c]
    for s in range(n):  # in order of depth, overall and within each class
        c = depth[s] % g
        place[s] = at[c]
        at[c] += 1
        if depth[s] <= horizon:
            seen[depth[s]] += 1
    for c in range(g - 1, 0, -1):  # after the loop, at[c] is the end of class c and the start of c + 1
        at[c] = at[c - 1]
    at[0] = 0
    for t in range(horizon):
        begin[t] = at[t % g]
        end[t] = (end[t - g] if t >= g else begin[t]) + seen[t]


def _wire(n, succ, events, objectives, o, wired):
    """Fill in the graph's row and gain for objective number o."""
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


wire = specialize(_wire, {}, "values", allocates=False)  # bound, because another file defines the event bits


@kernel
def annuity(discount, left):
    """Discounted value of a pay of 1 in each of the remaining steps."""
    return float(left) if discount == 1.0 else (1.0 - discount**left) / (1.0 - discount)


@kernel
def best_step(begin, end, n, wired, discount, left, later, now):
    """One step of value iteration for the states begin … end − 1: now float64[≥ n + 2] from later.

    left  number of steps after this one. A state's value is the maximum return from it.
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

    The entries are TOP · exp(β γ (V − pay of every remaining step)), as used by the preceding step.
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
    """Compute the maximum return of each level under each objective: out float64[N, O].

    tiles uint8[N, H, W], sizes int32[N, 2]; max_steps 0: the world's own limit. The values' later and now must be all 0.
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
    """Allocate value arrays, with later and now all 0 and an axis for any temperatures; max_steps 0: the levels' own limits."""
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
    """Maximum return of each level under each objective, from the start to the time limit: float64[N, O]."""
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
    """Regret on each level, the maximum return minus `earned` float64[N]: float64[N]."""
    return optimal(levels, [objective], discount, max_steps)[:, 0] - earned


def optimal_values(plan: Plan, objective: Objective, steps_left: int, discount: float = 1.0) -> np.ndarray:
    """Maximum return from each state of a plan with `steps_left` steps: float64[n]."""
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
    """Soft-optimal play of one level: values float64[K, n] and policy float64[K, n, A] for every state of its plan."""

    values: np.ndarray
    policy: np.ndarray


def soft_optimal(
    plan: Plan, objective: Objective, betas: Sequence[float], steps_left: int, discount: float = 1.0
) -> Soft:
    """Soft-optimal values and policies for each inverse temperature with `steps_left` ≥ 1 steps.

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
    """Soft-optimal policy at each step of an episode of `horizon` steps: float64[horizon, n, A]."""
    check_discount(discount)
    n, inverse = len(plan.states), _positive([beta])
    wired = _wired(plan, objective)
    out = np.empty((horizon, n, wired.row.shape[1]))
    fill_schedule(n, wired, soft_weights(inverse, wired.row.shape[1], discount), out)
    return out


@cached
def fill_schedule(n, wired, weights, out):
    """Loop of `soft_schedule` for one temperature."""
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
    """Weights of `soft_step` for inverse temperatures float64[K]."""
    factor = np.stack([np.exp(-betas), np.ones(len(betas))]) / n_actions
    return SoftWeights(factor, betas, float(discount))


def coded(objectives: Sequence[Objective]) -> CodedObjectives:
    """Convert objectives to the kernels' format."""
    columns = [(o.mask, PAYS.index(o.pay), o.foresees_end) for o in objectives]
    return CodedObjectives(*np.array(columns, np.int64).reshape(-1, 3).T.copy())


def check_discount(discount: float) -> None:
    """Raise ValuesError unless 0 < discount ≤ 1."""
    if not 0 < discount <= 1:
        raise ValuesError(f"discount = {discount}: must be above 0 and at most 1")


def _positive(betas: Sequence[float]) -> np.ndarray:
    inverse = np.array(betas, float)
    if not (inverse > 0).all():
        raise ValuesError(f"betas {list(betas)}: inverse temperatures must be above 0")
    return inverse


def _wired(plan: Plan, objective: Objective) -> WiredGraph:
    wired = _unwired(*plan.succ.shape)
    wire(len(plan.succ), plan.succ, plan.events, coded([objective]), 0, wired)
    return wired
