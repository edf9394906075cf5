"""The config's algorithm on the config's training levels, like `goalposts train` without a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Plain:
    """The plain method: the baseline of every comparison."""

    label_class: ClassVar[str] = "L0"
    source: ClassVar[str] = "the algorithm's own"

    def train(self, task: Any, seed: int) -> Any:
        """Train one agent on the pool of training levels."""
        return task.run(task.learner()).agent()
