"""DAgger: the agent plays k shifted levels, the planner labels the states that it visits, and the agent imitates all labels so far.

Ross, Gordon and Bagnell 2011, "A reduction of imitation learning and structured prediction to no-regret online learning", algorithm 3.1,
with β = 1 in the first round (the planner plays) and 0 afterwards (the agent plays). A label is a level, whose states may then all be
labelled; all rounds play the same levels. Each round continues with the weights of the one before. Read next: `expert.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...policy.algorithm_names import ACTOR_CRITIC
from ..option_range import within
from .imitation import Fit, Pairs, imitate, joined
from .shared_options import FromLabels


@dataclass(frozen=True)
class DAgger(FromLabels):
    """Options besides the shared ones. rounds: of playing and fitting; updates: steps of Adam per round; batch_size, learning_rate."""

    source: ClassVar[str] = "Ross et al. 2011"
    algorithms: ClassVar[tuple[str, ...]] = ACTOR_CRITIC

    rounds: int = 5
    updates: int = 200
    batch_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        within("rounds", self.rounds, 1)
        within("updates", self.updates, 1)
        within("batch_size", self.batch_size, 1)

    def train(self, task: Any, seed: int) -> Any:
        """Start, then alternate between playing the labelled levels and fitting to all pairs so far."""
        from ...scripted import GoToGoal
        from ..task import demonstrations
        from .expert import corrections

        learner, random = self.begin(task), np.random.default_rng([seed, 6])
        levels, replayed = self.labelled(task, seed), self.replayed(task)
        fit = Fit(self.updates, self.batch_size, self.learning_rate, self.replay)
        pairs = [Pairs(*demonstrations(task, GoToGoal(), levels))]
        for number in range(self.rounds):
            if number:
                pairs.append(corrections(task, learner.agent(), levels))
            loss = imitate(learner, joined(pairs), replayed, fit, random)
            task.log(learner.agent(), policy_loss=loss)
        return learner.agent()
