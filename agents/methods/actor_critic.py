"""Check that a learner has an actor without memory, which some methods need. Read next: `agents/policy/architectures.py`."""

from __future__ import annotations

from typing import Any

from goalposts.errors import UserError

from ..policy.algorithm_names import ACTOR_CRITIC


def require_actor(settings: Any, what: str = "imitation fits") -> None:
    """Raise UserError unless an algorithm's settings are of one with an actor that has no memory.

    what: subject and verb of the message, whose object is "an actor without memory".
    """
    if settings.algorithm not in ACTOR_CRITIC:
        raise UserError(
            f"{what} an actor without memory, and {settings.algorithm} has none; set train.algorithm to one of {', '.join(ACTOR_CRITIC)}."
        )


def actor_critic(learner: Any) -> Any:
    """The policy of a learner with an actor that has no memory. Raises UserError for other algorithms."""
    require_actor(learner.settings)
    return learner.model.policy
