"""Trained policies as agents: SB3's `predict`, action probabilities, and what is inside: logits, values, activations.

`PolicyAgent` acts by an actor-critic policy, `QAgent` by Q values, `RecurrentAgent` by an LSTM whose state it carries for each
level. Read next: `checkpoint.py`, which makes them from files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy

from ...envs.levels.level import LevelSet
from .library_defaults import with_defaults


class PolicyAgent:
    """A trained policy with SB3's `predict`, and its action probabilities. One torch thread is plenty for it."""

    def __init__(self, policy: Any, card: Any) -> None:
        self.policy, self.card = policy, card
        policy.set_training_mode(False)

    @property
    def name(self) -> str:
        """The name of the run it comes from."""
        return self.card.name

    @with_defaults
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Actions int64[n] for observations uint8[n, …]; sampled by torch's own generator unless deterministic."""
        if self._is_empty(observation):
            return np.zeros(0, np.int64), None
        return self.policy.predict(observation, deterministic=deterministic)

    @with_defaults
    @torch.no_grad()
    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """float64[n, A] for uint8[n, …]."""
        if self._is_empty(observation):
            return np.zeros((0, self.card.n_actions))
        return torch.softmax(self._logits(observation), dim=1).double().numpy()

    @with_defaults
    @torch.no_grad()
    def value(self, observation: np.ndarray) -> np.ndarray:
        """The critic's value float32[n]."""
        if self._is_empty(observation):
            return np.zeros(0, np.float32)
        policy = self.policy
        if type(policy) is not ActorCriticPolicy:
            return policy.predict_values(policy.obs_to_tensor(observation)[0]).squeeze(1).numpy()
        features = policy.extract_features(policy.obs_to_tensor(observation)[0], policy.vf_features_extractor)
        return policy.value_net(policy.mlp_extractor.forward_critic(features)).squeeze(1).numpy()  # type: ignore[arg-type]

    def _is_empty(self, observation: Any) -> bool:
        """Whether it is a batch of no observation, as is left when all episodes have ended; SB3 cannot take one."""
        return np.shape(observation) == (0, *self.card.shape)

    def _logits(self, observation: np.ndarray) -> torch.Tensor:
        policy = self.policy
        if type(policy) is not ActorCriticPolicy:  # one of the user's
            return policy.get_distribution(policy.obs_to_tensor(observation)[0]).distribution.logits
        features = policy.extract_features(policy.obs_to_tensor(observation)[0], policy.pi_features_extractor)
        return policy.action_net(policy.mlp_extractor.forward_actor(features))  # type: ignore[arg-type]


class QAgent(PolicyAgent):
    """Acts by Q values: greedy, or, where it samples, ε-greedy with the ε at the end of its training (as DQN's `predict`)."""

    @property
    def epsilon(self) -> float:
        """The probability of a random action where the agent samples."""
        return float(self.card.options.get("epsilon", 0.0))

    @with_defaults
    @torch.no_grad()
    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """float64[n, A]: 1 − ε for the best action, and ε spread over all."""
        if self._is_empty(observation):
            return np.zeros((0, self.card.n_actions))
        best = self._logits(observation).argmax(dim=1).numpy()
        n = self.card.n_actions
        return (1 - self.epsilon) * np.eye(n)[best] + self.epsilon / n

    @with_defaults
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Actions int64[n]; ε-greedy by torch's own generator unless deterministic."""
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
        """float32[n]: the largest Q value."""
        if self._is_empty(observation):
            return np.zeros(0, np.float32)
        return self._logits(observation).max(dim=1).values.numpy()

    def _logits(self, observation: np.ndarray) -> torch.Tensor:
        """The Q values float32[n, A]; of QR-DQN the mean of the quantiles."""
        policy, tensor = self.policy, self.policy.obs_to_tensor(observation)[0]
        if self.card.algorithm == "DQN":
            return policy.q_net(tensor)
        return policy.quantile_net(tensor).mean(dim=1)


class RecurrentAgent(PolicyAgent):
    """Acts by a policy with an LSTM. Where `play` announces levels, the state is carried per level and reset at its start.

    Elsewhere it is SB3's: give the state that the last `predict` returned, and `episode_start`.
    """

    _which: np.ndarray | None = None

    def begin(self, levels: LevelSet) -> None:
        """Forget the state: these levels are about to be played."""
        self._hidden = self._zeros(len(levels))

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Note which of the levels the next observations are of. What else `play` shows is not looked at."""
        self._which = which

    @with_defaults
    @torch.no_grad()
    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """float64[n, A] for uint8[n, …] of the levels that `see` named; without it, each as the first of an episode."""
        if self._is_empty(observation):
            return np.zeros((0, self.card.n_actions))
        return torch.softmax(self._logits(observation), dim=1).double().numpy()

    @with_defaults
    @torch.no_grad()
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Actions int64[n] and, unless `play` keeps it, the state for the next call; sampled by torch's own generator."""
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
        """The critic's value float32[n], each observation as the first of an episode."""
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
        found, after = self.policy.get_distribution(tensor, state, torch.zeros(n))
        if which is not None:
            self._hidden[0][:, which], self._hidden[1][:, which] = after
        return found.distribution.logits
