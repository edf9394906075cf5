"""Trained policies as agents: SB3's `predict`, action probabilities, logits, values and activations.

`PolicyAgent` wraps an actor-critic policy, `QAgent` a Q network, `RecurrentAgent` an LSTM whose state it carries per
level. Read next: `checkpoint.py`, which loads them from files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy

from ...envs.levels.level import LevelSet
from .library_defaults import with_defaults
from .networks import ACTIVATIONS


class PolicyAgent:
    """A trained policy with SB3's `predict` and with action probabilities. Runs on one torch thread."""

    def __init__(self, policy: Any, card: Any) -> None:
        self.policy, self.card = policy, card
        policy.set_training_mode(False)

    @property
    def name(self) -> str:
        """Name of the run that trained the agent."""
        return self.card.name

    @with_defaults
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Choose actions int64[n] for observations uint8[n, …], sampled with torch's generator unless deterministic."""
        if self._is_empty(observation):
            return np.zeros(0, np.int64), None
        return self.policy.predict(observation, deterministic=deterministic)

    @with_defaults
    @torch.no_grad()
    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, A] for observations uint8[n, …]."""
        if self._is_empty(observation):
            return np.zeros((0, self.card.n_actions))
        return torch.softmax(self._logits(observation), dim=1).double().numpy()

    @with_defaults
    @torch.no_grad()
    def value(self, observation: np.ndarray) -> np.ndarray:
        """The critic's values float32[n] for observations uint8[n, …]."""
        if self._is_empty(observation):
            return np.zeros(0, np.float32)
        policy = self.policy
        if type(policy) is not ActorCriticPolicy:
            return policy.predict_values(policy.obs_to_tensor(observation)[0]).squeeze(1).numpy()
        features = policy.extract_features(policy.obs_to_tensor(observation)[0], policy.vf_features_extractor)
        return policy.value_net(policy.mlp_extractor.forward_critic(features)).squeeze(1).numpy()  # type: ignore[arg-type]

    @with_defaults
    @torch.no_grad()
    def logits(self, observation: np.ndarray) -> np.ndarray:
        """float32[n, A]: what the action probabilities are made of; of DQN and QR-DQN, the Q values."""
        if self._is_empty(observation):
            return np.zeros((0, self.card.n_actions), np.float32)
        return self._logits(observation).numpy()

    def activations(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        """The output float32[n, …] of each layer and activation function, by its name in the policy, for uint8[n, …].

        Names are those of `policy.named_modules()`, in the order in which they are computed.
        """
        outputs: dict[str, np.ndarray] = {}

        def keep(name: str) -> Any:
            def hook(module: Any, inputs: Any, output: Any) -> None:
                first = output[0] if isinstance(output, tuple) else output
                outputs[name] = first.detach().reshape(len(observation), -1, *first.shape[2:]).numpy().copy()

            return hook

        kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.LSTM, *ACTIVATIONS.values())
        named = [(name, layer) for name, layer in self.policy.named_modules() if isinstance(layer, kinds)]
        handles = [layer.register_forward_hook(keep(name)) for name, layer in named]
        try:
            self.logits(observation)
            self.value(observation)
        finally:
            for handle in handles:
                handle.remove()
        return outputs

    def _is_empty(self, observation: Any) -> bool:
        """Whether the batch is empty, as when all episodes have ended; SB3 does not accept an empty batch."""
        return np.shape(observation) == (0, *self.card.shape)

    def _logits(self, observation: np.ndarray) -> torch.Tensor:
        policy = self.policy
        if type(policy) is not ActorCriticPolicy:  # a custom policy
            return policy.get_distribution(policy.obs_to_tensor(observation)[0]).distribution.logits
        features = policy.extract_features(policy.obs_to_tensor(observation)[0], policy.pi_features_extractor)
        return policy.action_net(policy.mlp_extractor.forward_actor(features))  # type: ignore[arg-type]


class QAgent(PolicyAgent):
    """An agent with Q values: greedy or, if sampled, ε-greedy with the ε at the end of training (like DQN's `predict`)."""

    @property
    def epsilon(self) -> float:
        """Probability of a random action when the agent samples."""
        return float(self.card.options.get("epsilon", 0.0))

    @with_defaults
    @torch.no_grad()
    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, A]: 1 − ε for the best action, plus ε spread over all."""
        if self._is_empty(observation):
            return np.zeros((0, self.card.n_actions))
        best = self._logits(observation).argmax(dim=1).numpy()
        n = self.card.n_actions
        return (1 - self.epsilon) * np.eye(n)[best] + self.epsilon / n

    @with_defaults
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Choose actions int64[n], ε-greedy with torch's generator unless deterministic."""
        if self._is_empty(observation):
            return np.zeros(0, np.int64), None
        actions, _ = self.policy.predict(observation, deterministic=True)
        if deterministic or self.epsilon == 0:
            return actions, None
        actions = np.asarray(actions)
        explores = torch.rand(actions.shape).numpy() < self.epsilon
        others = torch.randint(self.card.n_actions, actions.shape).numpy()
        return np.where(explores, others, actions), None

    @with_defaults
    @torch.no_grad()
    def value(self, observation: np.ndarray) -> np.ndarray:
        """Largest Q value, float32[n]."""
        if self._is_empty(observation):
            return np.zeros(0, np.float32)
        return self._logits(observation).max(dim=1).values.numpy()

    def _logits(self, observation: np.ndarray) -> torch.Tensor:
        """Q values float32[n, A]; for QR-DQN the mean of the quantiles."""
        policy, tensor = self.policy, self.policy.obs_to_tensor(observation)[0]
        if self.card.algorithm == "DQN":
            return policy.q_net(tensor)
        return policy.quantile_net(tensor).mean(dim=1)


class RecurrentAgent(PolicyAgent):
    """An agent with an LSTM. In `play`, its state is carried per level and reset at the level's start.

    Elsewhere it follows SB3: pass the state that the last `predict` returned, and `episode_start`.
    """

    remembers = True  # `play` sees no state of it, because it carries the state itself
    _which: np.ndarray | None = None

    def begin(self, levels: LevelSet) -> None:
        """Reset the state before these levels are played."""
        self._hidden = self._zeros(len(levels))

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Record the levels of the next observations; ignores the states."""
        self._which = which

    @with_defaults
    @torch.no_grad()
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Choose actions int64[n], sampled with torch's generator; also returns the next state, unless `play` carries it."""
        if self._is_empty(observation):
            return np.zeros(0, np.int64), None
        if self._which is None:
            return self.policy.predict(observation, state, episode_start, deterministic)
        logits = self._logits(observation)
        if deterministic:
            return logits.argmax(dim=1).numpy(), None
        return torch.multinomial(torch.softmax(logits, dim=1), 1)[:, 0].numpy(), None

    @with_defaults
    @torch.no_grad()
    def value(self, observation: np.ndarray) -> np.ndarray:
        """The critic's values float32[n], treating each observation as the first of an episode."""
        if self._is_empty(observation):
            return np.zeros(0, np.float32)
        tensor = self.policy.obs_to_tensor(observation)[0]
        starts = torch.ones(len(tensor))
        return self.policy.predict_values(tensor, self._zeros(len(tensor)), starts)[:, 0].numpy()

    def _zeros(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        layers, _, width = self.policy.lstm_hidden_state_shape
        return torch.zeros(layers, n, width), torch.zeros(layers, n, width)

    def _logits(self, observation: np.ndarray) -> torch.Tensor:
        tensor, which = self.policy.obs_to_tensor(observation)[0], self._which
        n, self._which = len(tensor), None
        state = self._zeros(n) if which is None else (self._hidden[0][:, which], self._hidden[1][:, which])
        action_distribution, after = self.policy.get_distribution(tensor, state, torch.zeros(n))
        if which is not None:
            self._hidden[0][:, which], self._hidden[1][:, which] = after
        return action_distribution.distribution.logits
