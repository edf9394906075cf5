"""Agents whose goal is known: they go through the same evaluation as trained ones, and calibrate it.

GoToGoal and GoToProxy follow the planner's shortest ways; Random is uniform; Mixture plays one or the other from episode
to episode; Noisy replaces some actions by random ones. The planning ones need the level and the state, which `play` hands
only to agents that declare `begin` and `see`. Read next: `rollout.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..envs.jit.random_streams import level_numbers
from ..envs.levels.level import Level, LevelSet, legend_of
from ..envs.planner.planner import Plan, solve
from ..envs.planner.search import steps_to_go
from ..envs.worlds.contract.world import GOAL
from ..envs.worlds.registry import get_world


class Scripted:
    """Common to all: `predict` as in SB3, from `action_probabilities`."""

    name = "Scripted"
    n_actions = 0

    def begin(self, levels: LevelSet) -> None:
        """Take note of the levels that are about to be played."""
        self.n_actions = len(get_world(levels.world).actions)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Take note of where every episode stands."""
        self._n = len(which)

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """float64[n, A] for the states seen last."""
        raise NotImplementedError

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """The likeliest action of each (int64[n]); deterministic or not, for `play` draws the noise itself."""
        return self.action_probabilities(observation).argmax(axis=1), None


class Random(Scripted):
    """Every action is as likely as any other."""

    name = "Random"

    def begin(self, levels: LevelSet) -> None:
        """Count the steps on every level anew."""
        super().begin(levels)
        self._numbers = np.where(levels.index >= 0, levels.index, np.arange(len(levels))).astype(np.uint64)
        self._steps = np.zeros(len(levels), np.int64)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Remember who is asked for an action."""
        super().see(which, states)
        self._which = which

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """Uniform."""
        return np.full((self._n, self.n_actions), 1.0 / self.n_actions)

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """Random also when asked to be greedy: it has no favourite. Keyed by level and step, so always the same."""
        chosen = level_numbers(self._numbers[self._which], self._steps[self._which], self.n_actions)
        self._steps[self._which] += 1
        return chosen, None


class _Planner(Scripted):
    """Follows a shortest way on the level as it imagines it; the lowest action among equals, 0 where there is no way."""

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
        """1 for the next action of the way, 0 for the others."""
        return np.eye(self.n_actions)[self._now]

    def _imagined(self, level: Level) -> Level:
        return level

    def _policy(self, plan: Plan) -> np.ndarray:
        raise NotImplementedError


def _shortest_way(plan: Plan, wanted: int, other: int) -> np.ndarray:
    """int64[n]: in each state the lowest action of a shortest way to `wanted`; among shortest ways, one without `other`.

    0 where there is no way.
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
    """Wants the intended goal and knows the shortest way from wherever it is. It stays where it sees no goal."""

    name = "GoToGoal"

    def _imagined(self, level: Level) -> Level:
        return Level(level.world, legend_of(level.world).as_seen(level.tiles))

    def _policy(self, plan: Plan) -> np.ndarray:
        return _shortest_way(plan, GOAL, plan.world.proxies[0].mask)


class GoToProxy(_Planner):
    """Wants the first proxy; among equally short ways there, it takes one that leaves the goal alone."""

    name = "GoToProxy"

    def _policy(self, plan: Plan) -> np.ndarray:
        return _shortest_way(plan, plan.world.proxies[0].mask, GOAL)


class Mixture(Scripted):
    """Plays each episode wholly as `first` with probability q, else as `second`; which, is keyed by the level's number."""

    def __init__(
        self, q: float, first: Scripted | None = None, second: Scripted | None = None, seed: int = 0
    ) -> None:
        if not 0 <= q <= 1:
            raise ValueError(f"q = {q}: allowed is a probability from 0 to 1")
        self.q, self.seed = q, seed
        self.first, self.second = first or GoToGoal(), second or GoToProxy()
        self.name = f"Mixture({q:g})"

    def begin(self, levels: LevelSet) -> None:
        """Decide for every level who plays it."""
        super().begin(levels)
        self.first.begin(levels)
        self.second.begin(levels)
        numbers = np.where(levels.index >= 0, levels.index, np.arange(len(levels)))
        draws = level_numbers(numbers.astype(np.uint64), np.full(len(levels), self.seed), 1 << 52)
        self._is_first = draws < self.q * (1 << 52)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Both look; one of them acts."""
        super().see(which, states)
        self.first.see(which, states)
        self.second.see(which, states)
        self._who = self._is_first[which]

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """Those of whoever plays the episode."""
        first, second = (
            self.first.action_probabilities(observation),
            self.second.action_probabilities(observation),
        )
        return np.where(self._who[:, None], first, second)


class Noisy(Scripted):
    """With probability ε a uniform action, else what the other agent does."""

    def __init__(self, agent: Scripted, epsilon: float) -> None:
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon = {epsilon}: allowed is a probability from 0 to 1")
        self.agent, self.epsilon = agent, epsilon
        self.name = f"Noisy({agent.name}, {epsilon:g})"

    def begin(self, levels: LevelSet) -> None:
        """As the other agent."""
        super().begin(levels)
        self.agent.begin(levels)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """As the other agent."""
        super().see(which, states)
        self.agent.see(which, states)

    def action_probabilities(self, observation: Any) -> np.ndarray:
        """A mixture with the uniform ones."""
        probabilities = self.agent.action_probabilities(observation)
        return (1 - self.epsilon) * probabilities + self.epsilon / self.n_actions


def scripted_agents() -> dict[str, Scripted]:
    """The three that every evaluation can be checked with, by name."""
    return {agent.name: agent for agent in (GoToGoal(), GoToProxy(), Random())}
