"""Labelled cloning: imitate the planner's shortest paths to the goal on k shifted levels, from a trained agent or an untrained net.

Behaviour cloning (Pomerleau 1988) with one label per demonstrated level. The value function is not trained. Read next: `shared_options.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...policy.algorithm_names import ACTOR_CRITIC
from ..option_range import within
from .imitation import Fit, Pairs, imitate
from .shared_options import FromLabels


@dataclass(frozen=True)
class LabelledCloning(FromLabels):
    """Options besides the shared ones. updates: steps of Adam; batch_size, learning_rate: of them."""

    source: ClassVar[str] = "Pomerleau 1988"
    algorithms: ClassVar[tuple[str, ...]] = ACTOR_CRITIC

    updates: int = 500
    batch_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        within("updates", self.updates, 1)
        within("batch_size", self.batch_size, 1)

    def train(self, task: Any, seed: int) -> Any:
        """Start, record the planner's paths on the labelled levels, and fit the policy to them."""
        from ...scripted import GoToGoal
        from ..task import demonstrations

        learner = self.begin(task)
        labelled = Pairs(*demonstrations(task, GoToGoal(), self.labelled(task, seed)))
        fit = Fit(self.updates, self.batch_size, self.learning_rate, self.replay)
        loss = imitate(learner, labelled, self.replayed(task), fit, np.random.default_rng([seed, 5]))
        task.log(learner.agent(), policy_loss=loss)
        return learner.agent()
