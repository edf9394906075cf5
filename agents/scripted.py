"""Scripted agents with known goals, which calibrate the evaluation by going through it like trained agents.

GoToGoal and GoToProxy follow the planner's shortest paths; Random is uniform; Mixture chooses between two agents in each
episode; Noisy replaces some actions by random ones. The planning agents need the level and the state, which `play` passes
only to agents that define `begin` and `see`. Read next: `rollout.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goalposts.whole_numbers import whole

from ..envs.engine.options import OptionError, check_probability
from ..envs.generation.generate import MAX_SEED
from ..envs.jit.random_streams import level_numbers
from ..envs.levels.level import Level, LevelSet, legend_of
from ..envs.planner.planner import Plan, solve
from ..envs.planner.search import steps_to_go
from ..envs.worlds.contract.world import GOAL
from ..envs.worlds.registry import get_world


class Scripted:
    """Base class of scripted agents: SB3's `predict`, derived from `action_probabilities`."""

    name = "Scripted"
    n_actions = 0

    def begin(self, levels: LevelSet) -> None:
        """Receive the levels before they are played."""
        self.n_actions = len(get_world(levels.world).actions)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Receive the state of every running episode."""
        self._n = len(which)

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """Action probabilities float64[n, A] for the last states received."""
        raise NotImplementedError

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """Likeliest actions int64[n]; ignores `deterministic`, since `play` draws the noise."""
        return self.action_probabilities(observation).argmax(axis=1), None


class Random(Scripted):
    """An agent that chooses actions uniformly at random."""

    name = "Random"

    def begin(self, levels: LevelSet) -> None:
        """Reset the step counts of all levels."""
        super().begin(levels)
        self._numbers = np.where(levels.index >= 0, levels.index, np.arange(len(levels))).astype(np.uint64)
        self._steps = np.zeros(len(levels), np.int64)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Record the levels that need an action."""
        super().see(which, states)
        self._which = which

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """Uniform action probabilities float64[n, A]."""
        return np.full((self._n, self.n_actions), 1.0 / self.n_actions)

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """Random actions, even if deterministic, keyed by level and step and therefore reproducible."""
        chosen = level_numbers(self._numbers[self._which], self._steps[self._which], self.n_actions)
        self._steps[self._which] += 1
        return chosen, None


class _Planner(Scripted):
    """Base class of agents that follow a shortest path on their model of the level; lowest action among equals, 0 if there is no path."""

    def begin(self, levels: LevelSet) -> None:
        super().begin(levels)
        self._plans = [solve(self._imagined(level)) for level in levels]
        self._best = [self._policy(plan) for plan in self._plans]

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        super().see(which, states)
        self._now = np.array(
            [self._best[i][self._plans[i].state_id(s)] for i, s in zip(which, states, strict=True)], np.int64
        )

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """Action probabilities: 1 for the next action of the path, 0 for the others."""
        return np.eye(self.n_actions)[self._now]

    def _imagined(self, level: Level) -> Level:
        return level

    def _policy(self, plan: Plan) -> np.ndarray:
        raise NotImplementedError


def _shortest_way(plan: Plan, wanted: int, other: int) -> np.ndarray:
    """int64[n]: for each state the lowest action of a shortest path to `wanted`, preferably without `other`.

    0 if there is no path.
    """
    touches = (plan.events & other) != 0
    succ = np.where(touches, -1, plan.succ).astype(np.int32)
    events = np.where(touches, 0, plan.events).astype(np.int32)
    shy = steps_to_go(len(succ), succ, events, wanted)
    bold = plan.steps_to_go(wanted)
    return np.where(
        (shy >= 0) & (shy == bold),
        _lowest(shy, succ, events, wanted),
        _lowest(bold, plan.succ, plan.events, wanted),
    )


def _lowest(to_go: np.ndarray, succ: np.ndarray, events: np.ndarray, wanted: int) -> np.ndarray:
    after = np.where(succ >= 0, to_go[succ], -1)
    far = np.iinfo(np.int32).max
    cost = np.where((events & wanted) != 0, 0, np.where(after >= 0, after, far))
    return cost.argmin(axis=1)


class GoToGoal(_Planner):
    """An agent that pursues the intended goal along a shortest path. It stays put if it sees no goal."""

    name = "GoToGoal"

    def _imagined(self, level: Level) -> Level:
        return Level(level.world, legend_of(level.world).as_seen(level.tiles))

    def _policy(self, plan: Plan) -> np.ndarray:
        return _shortest_way(plan, GOAL, plan.world.proxies[0].mask)


class GoToProxy(_Planner):
    """An agent that pursues the first proxy along a shortest path, preferably one that avoids the goal."""

    name = "GoToProxy"

    def _policy(self, plan: Plan) -> np.ndarray:
        return _shortest_way(plan, plan.world.proxies[0].mask, GOAL)


class BlindToGoal(GoToProxy):
    """A shortest path to the proxy by an agent that does not know of the goal: it neither seeks nor avoids it."""

    name = "blind to the goal"

    def _imagined(self, level: Level) -> Level:
        tiles = np.array(level.tiles)
        goals = [code for code, tile in enumerate(legend_of(level.world).tiles) if tile.goal_object]
        tiles[np.isin(tiles, goals)] = 0
        return Level(level.world, tiles)


class Mixture(Scripted):
    """An agent that plays each whole episode as `first` with probability q, else as `second`, keyed by the level's number."""

    def __init__(
        self, q: float, first: Scripted | None = None, second: Scripted | None = None, seed: int = 0
    ) -> None:
        check_probability("q", q)
        self.q, self.seed = q, whole("seed", seed, OptionError, 0, MAX_SEED)
        self.first, self.second = first or GoToGoal(), second or GoToProxy()
        self.name = f"Mixture({q:g})"

    def begin(self, levels: LevelSet) -> None:
        """Choose the agent for every level."""
        super().begin(levels)
        self.first.begin(levels)
        self.second.begin(levels)
        numbers = np.where(levels.index >= 0, levels.index, np.arange(len(levels)))
        draws = level_numbers(numbers.astype(np.uint64), np.full(len(levels), self.seed), 1 << 52)
        self._is_first = draws < self.q * (1 << 52)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Pass the states to both agents; one of them acts."""
        super().see(which, states)
        self.first.see(which, states)
        self.second.see(which, states)
        self._who = self._is_first[which]

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """Action probabilities of the agent chosen for each episode."""
        first, second = (
            self.first.action_probabilities(observation),
            self.second.action_probabilities(observation),
        )
        return np.where(self._who[:, None], first, second)


class Noisy(Scripted):
    """An agent that acts uniformly at random with probability ε, else like another agent."""

    def __init__(self, agent: Scripted, epsilon: float) -> None:
        check_probability("epsilon", epsilon)
        self.agent, self.epsilon = agent, epsilon
        self.name = f"Noisy({agent.name}, {epsilon:g})"

    def begin(self, levels: LevelSet) -> None:
        """Forward to the other agent."""
        super().begin(levels)
        self.agent.begin(levels)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Forward to the other agent."""
        super().see(which, states)
        self.agent.see(which, states)

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """Action probabilities of the other agent, mixed with uniform ones."""
        probabilities = self.agent.action_probabilities(observation)
        return (1 - self.epsilon) * probabilities + self.epsilon / self.n_actions


def scripted_agents() -> dict[str, Scripted]:
    """The three scripted agents for checking an evaluation, by name."""
    return {agent.name: agent for agent in (GoToGoal(), GoToProxy(), Random())}
