"""Domain randomization: every episode is on a level that was never played before, drawn from the training condition.

Tobin et al. 2017; the baseline of unsupervised environment design. With `env.condition: mixture(0.1)`, one level in ten has its goal
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DomainRandomization:
    """Unlimited new levels instead of a pool."""

    def train(self, task: Any, seed: int) -> Any:
        """Train one agent; each level is played once."""
        return task.run(task.learner(num_levels=None)).agent()
