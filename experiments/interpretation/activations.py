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
    activations = [agent.activations(part)[layer] for part in parts]
    return np.concatenate([part.reshape(len(part), -1) for part in activations]).astype(np.float64)


class _Divided:
    """An agent with several changes that are played at once: each is applied to an equal number of the levels, in order."""

    def __init__(self, agent: Any, count: int) -> None:
        self.agent, self.count = agent, count
        self.each, self.which = 0, np.empty(0, np.int64)

    def begin(self, levels: LevelSet) -> None:
        """Divide the levels among the changes."""
        self.each = len(levels) // self.count

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Record the levels of the next observations; ignores the states."""
        self.which = which

    def predict(self, observation: np.ndarray, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """The likeliest actions int64[n]; `play` samples from `action_probabilities` instead."""
        return self.action_probabilities(observation).argmax(axis=1), None

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, A] with the changes."""
        raise NotImplementedError

    def of_each(self, n: int) -> list[tuple[int, np.ndarray]]:
        """The changes that apply to any of n observations, with a mask bool[n] of those."""
        group = self.which // self.each if self.count > 1 else np.zeros(n, np.int64)
        return [(int(k), group == k) for k in np.unique(group)]


class Intervened(_Divided):
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
        super().__init__(agent, len(changes))
        self.changes, self.extra = list(changes), extra
        self.module = dict(agent.policy.named_modules())[layer]

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, A] with the changed layer."""
        extra = np.empty((len(observation), 0)) if self.extra is None else self.extra(observation)
        groups = self.of_each(len(observation))

        def hook(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            x = output.detach().float().reshape(len(output), -1).numpy().astype(np.float64)
            for k, mine in groups:
                x[mine] = self.changes[k](x[mine], observation[mine], extra[mine])
            return torch.from_numpy(x.reshape(tuple(output.shape))).to(output.dtype)

        handle = self.module.register_forward_hook(hook)
        try:
            return self.agent.action_probabilities(observation)
        finally:
            handle.remove()


class EditedEach(_Divided):
    """An agent whose observations uint8[n, C, H, W] are edited, by one function for each of the groups of levels."""

    def __init__(self, agent: Any, edits: Sequence[Callable[[np.ndarray], np.ndarray]]) -> None:
        super().__init__(agent, len(edits))
        self.edits = list(edits)

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, A] for the edited observations."""
        seen = observation.copy()
        for k, mine in self.of_each(len(observation)):
            seen[mine] = self.edits[k](observation[mine])
        return self.agent.action_probabilities(seen)
