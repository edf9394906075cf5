"""Scores of levels from the returns of episodes: exact regret, the max-return estimate of regret, learnability.

    regret        maximum return of the level − mean return: the maximum is the planner's, so the regret is exact except for sampling.
                  Undiscounted and in units of the intended reward, as the measurement defines it (`experiments/measurement/rates.py`).
                  Its use as a score: Dennis et al. 2020 (arXiv 2012.02096); with goals: Abdel Sadek et al. 2025 (arXiv 2507.03068)
    max_return    highest return ever seen on the level − mean return (MaxMC, Jiang et al. 2021): 0 on a level that was never solved
    learnability  p (1 − p), p the fraction of episodes with a return above 0 (Rutherford et al. 2024): also 0 where all fail
    shuffled      regrets, exchanged among the levels at random: a negative control, since it says nothing of a level

An episode that a rollout cuts off counts with what it earned so far once it has used half of its step limit: by then every generated
level can be solved. Without them, levels on which the agent gets stuck would never be scored. Read next: `plr.py`, which ranks the scores.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ....envs.engine.engine import Engine
from ....envs.engine.outcome import O_LEVEL, O_STEPS
from ....envs.levels.level import LevelSet
from ....envs.planner.value_iteration import Objective, optimal
from ....envs.worlds.contract.world import GOAL
from ....envs.worlds.registry import get_world

REGRET, MAX_RETURN, LEARNABILITY, SHUFFLED = "regret", "max_return", "learnability", "shuffled"
RETURN_SCORES = (REGRET, MAX_RETURN, LEARNABILITY, SHUFFLED)


class LevelReturns(NamedTuple):
    """Episodes by level: ids int64[m], and of each the number of episodes, their mean return, the highest, the fraction above 0."""

    ids: np.ndarray
    episodes: np.ndarray
    mean: np.ndarray
    best: np.ndarray
    solved: np.ndarray


class EpisodeReturns:
    """Collects the returns of episodes, and adds them up by level."""

    def __init__(self) -> None:
        self._levels: list[np.ndarray] = []
        self._returns: list[np.ndarray] = []

    def add(self, levels: np.ndarray, returns: np.ndarray) -> None:
        """Add ended episodes: levels int[k], returns float64[k]."""
        self._levels.append(np.array(levels, np.int64))
        self._returns.append(np.array(returns, np.float64))

    def add_cut(self, engine: Engine) -> None:
        """Add the running episodes that have used half of their step limit."""
        rows = engine.outcome[2 * engine.outcome[:, O_STEPS] >= engine.limits]
        self.add(rows[:, O_LEVEL], engine.returns(rows, np.zeros(len(rows))))

    def take(self) -> LevelReturns:
        """The sums since the last call."""
        levels, returns = np.concatenate([*self._levels, []]), np.concatenate([*self._returns, []])
        self._levels, self._returns = [], []
        ids, place, episodes = np.unique(levels.astype(np.int64), return_inverse=True, return_counts=True)
        best = np.full(len(ids), -np.inf)
        np.maximum.at(best, place, returns)
        mean = np.bincount(place, returns, len(ids)) / episodes
        return LevelReturns(ids, episodes, mean, best, np.bincount(place, returns > 0, len(ids)) / episodes)


class ReturnScores:
    """Scores of the levels of a pool. proven: the levels are solvable within their limits, as all generated ones are."""

    def __init__(self, kind: str, pool: LevelSet, max_steps: int | None, proven: bool, seed: int) -> None:
        self.kind, self.max_steps = kind, max_steps
        self.proven = proven and max_steps is None and not get_world(pool.world).counted
        self._random = np.random.default_rng([seed, 2])
        self._best = np.zeros(0)
        self._optimum = np.zeros(0)
        self.extend(len(pool))

    def extend(self, count: int) -> None:
        """Make room for more levels at the end of the pool."""
        self._best = np.concatenate([self._best, np.full(count, -np.inf)])
        self._optimum = np.concatenate([self._optimum, np.full(count, 1.0 if self.proven else np.nan)])

    def scores(self, pool: LevelSet, returns: LevelReturns) -> np.ndarray:
        """Score of each level that was played: float64[m]."""
        ids = returns.ids
        self._best[ids] = np.maximum(self._best[ids], returns.best)
        if self.kind == LEARNABILITY:
            return returns.solved * (1 - returns.solved)
        if self.kind == MAX_RETURN:
            return self._best[ids] - returns.mean
        unknown = ids[np.isnan(self._optimum[ids])]
        if len(unknown):
            self._optimum[unknown] = maximum_returns(pool[unknown], self.max_steps)
        regrets = self._optimum[ids] - returns.mean
        return self._random.permutation(regrets) if self.kind == SHUFFLED else regrets


def maximum_returns(levels: LevelSet, max_steps: int | None = None) -> np.ndarray:
    """The planner's highest undiscounted return on each level within its step limit, under the intended reward: float64[N]."""
    return optimal(levels, [Objective("goal", GOAL, "each")], max_steps=max_steps)[:, 0]


def scores_for(kind: str, task: Any, pool: LevelSet, seed: int) -> ReturnScores:
    """Scores for the levels of a task. Raises TaskError if the task does not reward the goal."""
    if task.rewards != "goal" and kind != LEARNABILITY:
        from ..task import TaskError

        raise TaskError(
            f"score={kind} is defined for the intended reward, env.reward=goal; this task rewards {task.rewards!r}. "
            "Take score=positive or absolute."
        )
    return ReturnScores(kind, pool, task.max_steps, True, seed)
