"""Domain randomization: every episode plays a new level drawn from the training condition.

Tobin et al. 2017; the baseline of unsupervised environment design. With `env.condition: mixture(0.1)`, one level in ten has its goal
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class DomainRandomization:
    """Method that trains on unlimited new levels instead of a pool."""

    label_class: ClassVar[str] = "L1"
    source: ClassVar[str] = "Tobin et al. 2017"

    def train(self, task: Any, seed: int) -> Any:
        """Train one agent; each level is played once."""
        return task.run(task.learner(num_levels=None)).agent()
