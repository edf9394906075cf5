"""The planner as an expert that labels the states which an agent visits, on levels that the task has handed out.

Read next: `dagger.py`, which trains on the labels; `agents/scripted.py`, the planner's agent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....envs.levels.level import LevelSet
from ...scripted import GoToGoal
from .imitation import Pairs


def corrections(task: Any, agent: Any, levels: LevelSet) -> Pairs:
    """Play an agent with sampled actions; returns what it saw, with the actions that the planner would have chosen there.

    The agent's steps count, and levels that the task has not handed out cost labels. Raises BudgetExceeded.
    """
    watched = Corrected(agent)
    task.play(watched, levels, learned=True)
    return Pairs(np.concatenate(watched.seen), np.concatenate(watched.better))


class Corrected:
    """Plays as an agent, and records the planner's action in each of its states."""

    def __init__(self, agent: Any) -> None:
        self.agent, self.expert = agent, GoToGoal()
        self.seen: list[np.ndarray] = []
        self.better: list[np.ndarray] = []

    def begin(self, levels: LevelSet) -> None:
        """Give the levels to the planner, and to a scripted agent."""
        self.expert.begin(levels)
        if hasattr(self.agent, "begin"):
            self.agent.begin(levels)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Give the states to the planner, and to a scripted agent; trained agents receive observations only."""
        self.expert.see(which, states)
        if hasattr(self.agent, "see"):
            self.agent.see(which, states)

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Forward to the agent."""
        self.seen.append(np.array(observation))
        self.better.append(self.expert.predict(observation)[0].astype(np.int64))
        return self.agent.action_probabilities(observation)

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, Any]:
        """Forward to the agent; `play` asks for action probabilities instead, unless it is greedy."""
        self.seen.append(np.array(observation))
        self.better.append(self.expert.predict(observation)[0].astype(np.int64))
        return self.agent.predict(observation, deterministic=deterministic)
