"""What a config says of an agent that was trained elsewhere: so its run never shares a hash with a training here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goalposts.errors import UserError


@dataclass(frozen=True)
class Adopted:
    """No training at all; `agent` is the class of the agent that was adopted."""

    agent: str = ""

    def train(self, task: Any, seed: int) -> Any:
        """Refuse: there is nothing to repeat. Raises UserError."""
        raise UserError(
            "an adopted agent was trained elsewhere, so it cannot be trained here; adopt it again instead"
        )
