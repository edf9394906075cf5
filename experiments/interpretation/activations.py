"""Interventions on a hidden layer: the last activation that the policy reads, changed while the agent acts.

`Intervened` is an agent like any other: it can be played and asked. Read next: `use.py`, which scores what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from goalposts.errors import UserError

from ...agents.policy.ensemble_agent import EnsembleAgent
from ...agents.policy.networks import ACTIVATIONS
from ...agents.policy.policy_agent import PolicyAgent, RecurrentAgent
from ...envs.levels.level import LevelSet

Change = Callable[
    [np.ndarray, np.ndarray, np.ndarray], np.ndarray
]  # (activations float[n, D], observations, `extra` of them) → activations


def hidden_layer(agent: Any) -> str:
    """The name of the last hidden layer (its activation function) on the policy's path. Raises UserError where there is none."""
    if not isinstance(agent, PolicyAgent) or isinstance(agent, EnsembleAgent | RecurrentAgent):
        raise UserError(
            "probes and interventions read one hidden layer, and this agent has no net, several, or one with a memory"
        )
    names = hidden_layers(agent)
    own = [name for name in names if "policy_net" in name] or [
        name for name in names if "value_net" not in name
    ]
    if not own:
        raise UserError("probes and interventions read a hidden layer, and this net has none")
    return own[-1]


def hidden_layers(agent: PolicyAgent) -> list[str]:
    """The names of all activation functions, in the order in which they are computed."""
    kinds = tuple(ACTIVATIONS.values())
    return [name for name, module in agent.policy.named_modules() if isinstance(module, kinds)]


def read_layer(agent: PolicyAgent, layer: str, observations: np.ndarray, at_once: int = 4096) -> np.ndarray:
    """The activations float64[n, D] of a layer."""
    parts = [observations[k : k + at_once] for k in range(0, len(observations), at_once)]
    found = [agent.activations(part)[layer] for part in parts]
    return np.concatenate([part.reshape(len(part), -1) for part in found]).astype(np.float64)


class Intervened:
    """An agent whose layer is changed by functions of the activations and the observations, at every step.

    changes: one, or several that are played at once: of `n` levels that `play` gets, each is applied to an equal number, in order.
    extra: a function of the observations whose result the changes get too, such as the activations for other observations.
    """

    def __init__(
        self,
        agent: PolicyAgent,
        layer: str,
        changes: Sequence[Change],
        extra: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.agent, self.changes, self.extra = agent, list(changes), extra
        self.module = dict(agent.policy.named_modules())[layer]
        self.each, self.which = 0, np.empty(0, np.int64)

    def begin(self, levels: LevelSet) -> None:
        """Divide the levels among the changes."""
        self.each = len(levels) // len(self.changes)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Record the levels of the next observations; ignores the states."""
        self.which = which

    def predict(self, observation: np.ndarray, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """The likeliest actions int64[n]; `play` samples from `action_probabilities` instead."""
        return self.action_probabilities(observation).argmax(axis=1), None

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, A] with the changed layer."""
        extra = np.empty((len(observation), 0)) if self.extra is None else self.extra(observation)
        several = len(self.changes) > 1
        group = self.which // self.each if several else np.zeros(len(observation), np.int64)

        def hook(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            x = output.detach().float().reshape(len(output), -1).numpy().astype(np.float64)
            for k in np.unique(group):
                mine = group == k
                x[mine] = self.changes[k](x[mine], observation[mine], extra[mine])
            return torch.from_numpy(x.reshape(tuple(output.shape))).to(output.dtype)

        handle = self.module.register_forward_hook(hook)
        try:
            return self.agent.action_probabilities(observation)
        finally:
            handle.remove()
