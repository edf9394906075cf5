"""An agent that keeps one random observation of each of its episodes: what it meets on levels, without their order, rewards or ends.

Read next: `methods/task.py`, whose unlabelled inputs may be such observations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..envs.levels.level import LevelSet


class Visitor:
    """Plays as another agent. `kept` has one observation per level, uniform over the steps of its episode."""

    def __init__(self, agent: Any, random: np.random.Generator) -> None:
        self.agent, self._random = agent, random
        self._batches: list[np.ndarray | None] = []
        if hasattr(agent, "action_probabilities"):
            self.action_probabilities = self._probabilities

    @property
    def kept(self) -> np.ndarray:
        """uint8[n, C, H, W], in the order of the levels."""
        return np.concatenate([batch for batch in self._batches if batch is not None])

    def begin(self, levels: LevelSet) -> None:
        """Start with no observation of these levels."""
        self._batches.append(None)
        self._steps = np.zeros(len(levels), np.int64)
        if hasattr(self.agent, "begin"):
            self.agent.begin(levels)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Record the levels of the next observations."""
        self._which = which
        if hasattr(self.agent, "see"):
            self.agent.see(which, states)

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, Any]:
        """Forward to the agent."""
        self._keep(observation)
        return self.agent.predict(observation, deterministic=deterministic)

    def _probabilities(self, observation: np.ndarray) -> np.ndarray:
        self._keep(observation)
        return self.agent.action_probabilities(observation)

    def _keep(self, observation: np.ndarray) -> None:
        """Replace a level's observation at its step t, from 1, with probability 1/t."""
        if self._batches[-1] is None:
            self._batches[-1] = np.array(observation)  # step 1 of all levels
        self._steps[self._which] += 1
        chosen = self._random.random(len(self._which)) * self._steps[self._which] < 1
        self._batches[-1][self._which[chosen]] = observation[chosen]
