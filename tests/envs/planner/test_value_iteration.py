"""Values and soft-optimal policies compared with breadth-first search, known limits and a slow reference.

The reference shares only the rules with the code under test: it finds the states with networkx, and evaluates the
soft Bellman equation literally, with scipy, in logarithms, one state and action at a time.
"""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from goalposts.agents import GoToProxy, Noisy, Random, play
from goalposts.envs import Level, LevelSet, generate, get_world, solve
from goalposts.envs.engine.outcome import O_END, O_STEPS
from goalposts.envs.planner.likelihood import HABITS, ActionModel, log_likelihoods
from goalposts.envs.planner.value_iteration import (
    Objective,
    ValuesError,
    optimal,
    optimal_values,
    regret,
    soft_optimal,
    soft_schedule,
)

GOAL, PROXY = 1, 2
ALL = (
    Objective("goal, once", GOAL, "once"),
    Objective("proxy, once, sees no end", PROXY, "once", foresees_end=False),
    Objective("proxy, reach", PROXY, "reach"),
    Objective("goal, hold", GOAL, "hold"),
    Objective("proxy, hold", PROXY, "hold"),
    Objective("proxy, hold, sees no end", PROXY, "hold", foresees_end=False),
    Objective("survive", 0, "survive"),
)

SMALL = """
######v#
#......#
#..C...#
#.A..o.#
####~###
########
"""
MONSTER = """
########v#
#........#
#.....C..#
#..A.mM..#
##########
##########
"""


def levels_of(count: int = 40) -> LevelSet:
    """Levels with goal and proxy apart."""
    return generate("CoinRun", "off_path", 5, count)


class Reference:
    """Literal dynamic programming from the rules alone: V[t][state] for t remaining steps."""

    def __init__(self, level: Level, objective: Objective) -> None:
        world = get_world(level.world)
        self.tiles = np.array(level.tiles)
        self.facts, _ = world.read(self.tiles)
        self.rules, self.n_actions, self.objective = world.rules, len(world.actions), objective
        start = np.empty(world.n_state, np.int32)
        self.rules["start"](self.facts, start)
        self.start = tuple(map(int, start))
        self.graph = nx.MultiDiGraph()
        self.graph.add_node(self.start)
        frontier = [self.start]
        while frontier:
            here = frontier.pop()
            for action in range(self.n_actions):
                there, event = self.step(here, action)
                if not event & 4:
                    if there not in self.graph:
                        frontier.append(there)
                    self.graph.add_edge(here, there, action=action)

    def step(self, state: tuple[int, ...], action: int) -> tuple[tuple[int, ...], int]:
        after = np.array(state, np.int32)
        event = self.rules["step"](self.tiles, self.facts, after, action)
        return tuple(map(int, after)), int(event)

    def pay(self, state, action, later, left, discount):
        """Pay of a step, and the value of everything after it."""
        o = self.objective
        there, event = self.step(state, action)
        every = sum(discount**k for k in range(left))
        hit, dead, end = bool(event & o.mask), bool(event & 4), bool(event & 8)
        if o.pay == "survive":
            return (0, 0.0) if dead else (1, every if end else later[there])
        if o.pay == "once" and hit:
            return 1, 0.0
        if o.pay == "reach" and hit:
            return 1, every
        if dead:
            return int(hit), 0.0
        if o.pay == "hold" and hit and end:
            return 1, every
        if end and o.foresees_end:
            return int(hit), 0.0
        return int(hit), later[there]

    def solve(self, steps: int, discount: float, fold):
        """V of every state and Q of each of its actions with `steps` left; fold: the values of actions → a value."""
        values = dict.fromkeys(self.graph, 0.0)
        table = {}
        for left in range(steps):
            table = {}
            for state in self.graph:
                pays = [self.pay(state, a, values, left, discount) for a in range(self.n_actions)]
                table[state] = np.array([now + discount * rest for now, rest in pays])
            values = {state: fold(q) for state, q in table.items()}
        return values, table


def states_of(plan):
    return [tuple(map(int, s)) for s in plan.states]


@pytest.mark.parametrize("objective", ALL, ids=lambda o: o.name)
@pytest.mark.parametrize("discount", [1.0, 0.9])
@pytest.mark.parametrize("text", [SMALL, MONSTER], ids=["small", "monster"])
def test_optimal_and_soft_values_are_those_of_the_slow_reference(text, discount, objective):
    level = Level.from_text(text)
    plan, reference = solve(level), Reference(level, objective)
    assert set(states_of(plan)) == set(reference.graph)
    steps, betas = 13, (0.3, 2.0)
    hard, _ = reference.solve(steps, discount, max)
    got = optimal_values(plan, objective, steps, discount)
    assert got == pytest.approx([hard[s] for s in states_of(plan)], abs=1e-12)
    soft = soft_optimal(plan, objective, betas, steps, discount)
    for k, beta in enumerate(betas):
        values, table = reference.solve(
            steps, discount, lambda q, b=beta: (logsumexp(b * q) - np.log(len(q))) / b
        )
        assert soft.values[k] == pytest.approx([values[s] for s in states_of(plan)], abs=1e-9)
        for s, state in enumerate(states_of(plan)):
            weights = np.exp(beta * (table[state] - table[state].max()))
            assert soft.policy[k, s] == pytest.approx(weights / weights.sum(), abs=1e-9)


def test_batched_optimum_is_the_value_of_the_start_at_the_worlds_own_limit():
    levels = levels_of(25)
    for discount in (1.0, 0.97):
        batched = optimal(levels, ALL, discount)
        for i, level in enumerate(levels):
            plan = solve(level)
            limit = 4 * level.tiles.shape[1]
            own = [optimal_values(plan, o, limit, discount)[0] for o in ALL]
            assert batched[i] == pytest.approx(own, abs=1e-12)


@pytest.mark.parametrize("mask", [GOAL, PROXY, 16, 64])
def test_values_agree_with_breadth_first_search(mask):
    """Reward 1 once: obtainable without discount iff the search finds it; with discount worth γ^(steps − 1)."""
    for level in levels_of(15):
        plan = solve(level)
        to_go, limit, discount = plan.steps_to_go(mask), 30, 0.95
        once = Objective("x", mask, "once", foresees_end=False)
        possible = (to_go > 0) & (to_go <= limit)
        assert np.array_equal(optimal_values(plan, once, limit) > 0.5, possible)
        expected = np.where(possible, discount ** (to_go - 1.0), 0.0)
        assert optimal_values(plan, once, limit, discount) == pytest.approx(expected, abs=1e-12)
        reach = Objective("x", mask, "reach", foresees_end=False)
        assert optimal_values(plan, reach, limit) == pytest.approx(np.where(possible, limit - to_go + 1, 0))


def test_cold_play_is_optimal_and_hot_play_is_uniform():
    level = Level.from_text(MONSTER)
    plan = solve(level)
    for objective in ALL:
        best = optimal_values(plan, objective, 20)
        soft = soft_optimal(plan, objective, (1e-6, 60.0), 20)
        assert soft.values[1] == pytest.approx(best, abs=20 * np.log(4) / 60 + 1e-6)
        assert (soft.values[1] <= best + 1e-9).all()
        uniform, _ = Reference(level, objective).solve(20, 1.0, np.mean)
        assert soft.values[0] == pytest.approx([uniform[s] for s in states_of(plan)], abs=1e-3)
        assert soft.policy[0] == pytest.approx(0.25, abs=1e-4)


def test_regret_is_0_for_the_planner_and_1_for_a_missed_goal():
    levels = levels_of(30)
    played = play(GoToProxy(), levels)
    lost = regret(levels, played.returns, Objective("goal", GOAL))
    assert np.array_equal(lost, 1 - played.returns)
    assert lost.sum() > 0


class Habit:
    """An agent's habit, learned as described in `envs/planner/likelihood.py`, with dictionaries and for one temperature."""

    def __init__(self, kind: str) -> None:
        self.kind, self.seen, self.exposure = kind, {}, {}

    def parameter(self, before: int | None, action: int):
        """(name, fraction, number of its actions), or None for actions without a learned parameter."""
        if self.kind == "uniform" or (self.kind == "repeat" and before is None):
            return None
        if self.kind == "repeat":
            return ("same", 1.0, 2) if action == before else ("other", 1 / 3, 2)
        return (action if self.kind == "frequencies" else (before, action)), 1.0, 4

    def usual(self, before: int | None) -> np.ndarray:
        """Unnormalised probability of each action."""
        odds = []
        for action in range(4):
            found = self.parameter(before, action)
            if found is None:
                odds.append(1.0)
                continue
            name, share, of = found
            odds.append(share * (1 + self.seen.get(name, 0)) / (of + self.exposure.get(name, 0.0)))
        return np.array(odds)

    def learn(self, before: int | None, taken: int, pull: np.ndarray) -> None:
        """Update the habit with an action chosen by usual · pull."""
        usual = self.usual(before)
        usual /= usual.sum()
        for action in range(4):
            found = self.parameter(before, action)
            if found:
                up = found[1] * pull[action] / (usual @ pull)
                self.exposure[found[0]] = self.exposure.get(found[0], 0.0) + up
        found = self.parameter(before, taken)
        if found:
            self.seen[found[0]] = self.seen.get(found[0], 0) + 1


def literally(habit: Habit, policies: list[np.ndarray], actions: list[int], lapse: float) -> float:
    """Log likelihood of one episode, step by step."""
    before, total = None, 0.0
    for pull, taken in zip(policies, actions, strict=True):
        usual = habit.usual(before)
        usual /= usual.sum()
        steered = usual * pull / (usual @ pull)
        total += np.log((1 - lapse) * steered[taken] + lapse * usual[taken])
        habit.learn(before, taken, pull)
        before = taken
    return total


@pytest.mark.parametrize("objective", ALL, ids=lambda o: o.name)
def test_likelihood_of_an_episode_is_the_product_of_its_action_probabilities(objective):
    """Covers deaths, goals, timeouts, monsters, habits and lapses; the batch prunes states by time, the reference does not."""
    levels = levels_of(20)
    played = play(Noisy(GoToProxy(), 0.6), levels, noise_seed=3)
    lengths = played.outcome[:, O_STEPS]
    assert set(played.outcome[:, O_END]) >= {1, 2}
    betas, lapses = (0.4, 3.0), (0.0, 0.2)
    for discount in (1.0, 0.95):
        each, memory = log_likelihoods(
            levels, played.actions, lengths, [objective], ActionModel(betas, lapses, HABITS, discount)
        )
        paths = [
            path_of(level, objective, betas, discount, row[:n].tolist())
            for level, row, n in zip(levels, played.actions, lengths, strict=True)
        ]
        for m, kind in enumerate(HABITS):
            for k in range(2):
                for e, lapse in enumerate(lapses):
                    lasting, total = Habit(kind), 0.0
                    for i, (policies, actions) in enumerate(paths):
                        own = literally(Habit(kind), policies[k], actions, lapse)
                        assert each[i, 0, m, k, e] == pytest.approx(own, rel=1e-9, abs=1e-9)
                        total += literally(lasting, policies[k], actions, lapse)
                    assert memory.total[0, m, k, e] == pytest.approx(total, rel=1e-9)


def path_of(level, objective, betas, discount, actions):
    """Policies at the states along the actions, for each temperature."""
    plan, here, states = solve(level), 0, []
    earned = len(actions)  # the step after which nothing more is paid
    for t, action in enumerate(actions):
        states.append(here)
        if objective.pay in ("once", "reach") and plan.events[here, action] & objective.mask:
            earned = min(earned, t + 1)
        here = int(plan.succ[here, action])
    limit = 4 * level.tiles.shape[1]
    schedules = [soft_schedule(plan, objective, beta, limit, discount) for beta in betas]
    flat = np.full(4, 0.25)
    return [
        [schedule[t, s] if t < earned else flat for t, s in enumerate(states)] for schedule in schedules
    ], actions


def test_likelihood_does_not_depend_on_the_batch():
    levels = levels_of(12)
    played = play(Random(), levels)
    lengths = played.outcome[:, O_STEPS]
    arguments = (ALL, ActionModel((1.0,), (0.1,), HABITS))
    whole, memory = log_likelihoods(levels, played.actions, lengths, *arguments)
    order = np.random.default_rng(1).permutation(12)
    mixed, _ = log_likelihoods(levels[order], played.actions[order], lengths[order], *arguments)
    assert np.array_equal(mixed, whole[order])
    later = None
    for part in (slice(0, 5), slice(5, 12)):
        _, later = log_likelihoods(
            levels[part], played.actions[part], lengths[part], *arguments, memory=later
        )
    assert later is not None
    assert np.array_equal(later.total, memory.total)
    assert np.array_equal(later.exposure, memory.exposure)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_likelihoods_of_all_continuations_sum_to_one(start):
    """After any prefix, the probabilities of the next action sum to one, so this is a likelihood of actions."""
    level = Level.from_text(SMALL)
    plan, here = solve(level), 0
    for action in start[:-1]:
        if plan.succ[here, action] < 0 or plan.events[here, action] & 8:
            return
        here = int(plan.succ[here, action])
    rows = np.array([[*start[:-1], a] for a in range(4)], np.uint8)
    levels, lengths = LevelSet.of([level] * 4), np.full(4, len(start))
    model = ActionModel((1.3,), (0.1,), HABITS)
    whole, _ = log_likelihoods(levels, rows, lengths, ALL, model)
    before, _ = log_likelihoods(levels[:1], rows[:1, :-1], lengths[:1] - 1, ALL, model)
    assert np.exp(whole - before).sum(axis=0) == pytest.approx(1.0)


def test_extreme_temperatures_on_long_levels_stay_finite():
    levels = generate("CoinRun", "longer", 2, 5)
    played = play(Random(), levels)
    got, memory = log_likelihoods(
        levels, played.actions, played.outcome[:, O_STEPS], ALL, ActionModel((50.0,), (1e-3,), HABITS)
    )
    assert np.isfinite(got).all()
    assert np.isfinite(memory.total).all()


def test_impossible_episodes_are_refused():
    levels = LevelSet.of([Level.from_text(SMALL)])
    right = np.full((1, 40), 2, np.uint8)
    for actions, length, words in (
        (right, 40, "longer than the time limit"),
        (right, 20, "continues after the step that ended it"),
        (np.full((1, 3), 9, np.uint8), 3, "action that CoinRun does not have; must be from 0 to 3"),
    ):
        with pytest.raises(ValuesError, match=words):
            log_likelihoods(levels, actions, np.array([length]), ALL, ActionModel((1.0,)))
    with pytest.raises(ValuesError, match="give actions"):
        log_likelihoods(levels, right, np.array([99]), ALL, ActionModel((1.0,)))
    with pytest.raises(ValuesError, match="discount = 0"):
        optimal(levels, ALL, 0.0)
    with pytest.raises(ValuesError, match="temperatures must be above 0"):
        soft_optimal(solve(levels[0]), ALL[0], (0.0,), 5)
    with pytest.raises(ValueError, match="must be one of once, reach, hold, survive"):
        Objective("x", 1, "twice")  # type: ignore[arg-type]
