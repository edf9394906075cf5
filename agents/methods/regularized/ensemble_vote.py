"""Ensemble vote: several separately trained agents, each of which votes for its most likely action.

The action probabilities are the fractions of votes, where `ensemble` averages the members' probabilities (Hansen and Salamon 1990:
plurality vote). The mean probabilities, with weight 10⁻⁶, break ties and keep every logit finite. Members get equal parts of the budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...policy.algorithm_names import ACTOR_CRITIC
from ..option_range import within


@dataclass(frozen=True)
class EnsembleVote:
    """Options of a voting ensemble. members: number of agents, from 2 to 32."""

    label_class: ClassVar[str] = "L0"
    source: ClassVar[str] = "Hansen and Salamon 1990"
    algorithms: ClassVar[tuple[str, ...]] = ACTOR_CRITIC

    members: int = 5

    def __post_init__(self) -> None:
        within("members", self.members, 2, 32)

    def train(self, task: Any, seed: int) -> Any:
        """Train the members one after another and combine them."""
        from ...policy.ensemble_agent import EnsembleAgent
        from ..ensemble import Ensemble

        return EnsembleAgent(Ensemble(self.members).train(task, seed).members, votes=True)
