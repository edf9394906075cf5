"""Behaviour cloning: imitate the planner's shortest paths to the goal on training levels, by cross-entropy.

Pomerleau 1988. The demonstrator wants the goal; the evaluation measures whether the imitator does. Demonstrated steps count
as environment steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..policy.algorithm_names import ACTOR_CRITIC


@dataclass(frozen=True)
class BehaviourCloning:
    """Options of behaviour cloning. levels: number of demonstrated levels; epochs: passes over them; batch_size, learning_rate: Adam's."""

    label_class: ClassVar[str] = "L0"
    source: ClassVar[str] = "Pomerleau 1988"
    algorithms: ClassVar[tuple[str, ...]] = ACTOR_CRITIC

    levels: int = 1000
    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 1e-3

    def train(self, task: Any, seed: int) -> Any:
        """Record demonstrations, then fit a policy with the config's net."""
        import torch

        from ..scripted import GoToGoal
        from .actor_critic import require_actor
        from .task import demonstrations

        require_actor(task.settings)
        observations, actions = demonstrations(task, GoToGoal(), task.levels(self.levels))
        learner = task.learner()
        policy, random = learner.model.policy, np.random.default_rng(seed)
        policy.set_training_mode(True)
        optimizer = torch.optim.Adam(policy.parameters(), lr=self.learning_rate)
        for epoch in range(self.epochs):
            losses, order = [], random.permutation(len(actions))
            for start in range(0, len(order), self.batch_size):
                picks = order[start : start + self.batch_size]
                seen, _ = policy.obs_to_tensor(observations[picks])
                log_probs = policy.get_distribution(seen).log_prob(torch.from_numpy(actions[picks]))
                loss = -log_probs.mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            if epoch == self.epochs - 1:
                task.log(learner.agent(), policy_loss=float(np.mean(losses)))
        return learner.agent()
