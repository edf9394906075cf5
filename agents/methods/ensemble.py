"""Ensemble: several separately trained agents with different initial weights, which average their action probabilities.

Each member gets the same part of the budget, so an ensemble costs as many environment steps as one agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..policy.algorithm_names import ACTOR_CRITIC


@dataclass(frozen=True)
class Ensemble:
    """Options of an ensemble. members: number of agents, from 2 to 32."""

    label_class: ClassVar[str] = "L0"
    source: ClassVar[str] = "Hansen and Salamon 1990"
    algorithms: ClassVar[tuple[str, ...]] = ACTOR_CRITIC

    members: int = 4

    def train(self, task: Any, seed: int) -> Any:
        """Train the members one after another and combine them."""
        from ..policy.ensemble_agent import EnsembleAgent
        from .actor_critic import require_actor

        require_actor(task.settings, "an ensemble averages the action probabilities of agents, each with")
        agents = []
        for k in range(self.members):
            learner = task.learner(total_steps=task.share(self.members), seed=(seed * 1_000_003 + k) % 2**32)
            agents.append(task.run(learner).agent())
        return EnsembleAgent(agents)
