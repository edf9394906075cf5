"""The config's algorithm on the config's training levels: what `goalposts train` does without a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plain:
    """No method at all: the baseline of every comparison."""

    def train(self, task: Any, seed: int) -> Any:
        """Train one agent on the pool of training levels."""
        return task.run(task.learner()).agent()
