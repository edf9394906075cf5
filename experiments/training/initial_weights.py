"""Start a training from the last weights of another run (`init_from`): checked against the hash in the config.

Only the weights are taken: the optimizer and the random states are those of a new training. Read next: `train.py`.
"""

from __future__ import annotations

from pathlib import Path

from goalposts.errors import UserError

from ...agents.policy.loading import load_agent
from ...agents.policy.policy_agent import PolicyAgent
from ...agents.ppo.training import Training
from ..config.initial_section import digest_of
from ..config.schema import ExperimentConfig


def initial_agent(config: ExperimentConfig) -> PolicyAgent | None:
    """The agent whose weights the training starts from. Raises UserError if it is missing, or not the one in the config."""
    start = config.init_from
    if start is None:
        return None
    try:
        digest = digest_of(Path(start.run))
    except ValueError as error:
        raise UserError(f"init_from: {error}") from error
    if digest != start.weights:
        raise UserError(
            f"init_from: {start.run} has other weights now (SHA-256 {digest[:12]}, the config says {str(start.weights)[:12]}). "
            "Restore that run, or leave init_from.weights out and train into another folder."
        )
    return load_agent(start.run)


def start_from(config: ExperimentConfig, training: Training) -> None:
    """Give a training that has just begun the weights that its config names. Raises UserError for those of another net."""
    agent = initial_agent(config)
    if agent is None:
        return
    own, other = training.card(), agent.card
    facts = ("world", "observation", "shape", "n_actions", "trunk", "pi", "vf", "algorithm", "options")
    differ = [
        f"{name} {getattr(other, name)!r} and {getattr(own, name)!r}"
        for name in facts
        if getattr(other, name) != getattr(own, name)
    ]
    if differ:
        raise UserError(
            f"init_from: the net of {config.init_from.run} does not fit this config ({'; '.join(differ)[:300]}: there, and here)"  # type: ignore[union-attr]
        )
    training.model.policy.load_state_dict(agent.policy.state_dict())
