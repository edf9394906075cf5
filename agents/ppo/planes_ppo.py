"""A fast path of SB3's PPO for planes of 0 and 1, with the same samples, losses and gradients.

It skips copies of the observations, a dict of infos per step, checks of distributions, the zeros of the
planes (`run_length_layer.py`) and autograd (`manual_backprop.py`). It falls back to SB3's code for pixels, nets without a trunk
in which a head has no hidden layer, custom policies and extractors, activations other than ReLU, and the options target_kl,
clip_range_vf and use_sde. Read next: `training.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from ..policy.networks import Extractor
from ..sb3_vec_env import GoalpostsVecEnv
from .consistent_dropout import ConsistentDropout
from .loss import STATISTICS, LossCoefficients, Minibatch
from .manual_backprop import HandNet, loss_by_hand
from .run_length_layer import MAX_INPUTS, BinaryRows, by_input


class PlanesPPO(PPO):
    """PPO for `GoalpostsVecEnv`, with the arguments of SB3's PPO."""

    tells_infos = False  # whether callbacks find SB3's infos and dones among their locals

    _rows: BinaryRows | None = None
    _extra: BinaryRows
    _net: HandNet

    def _setup_model(self) -> None:
        super()._setup_model()
        body, nets = self.policy.features_extractor, self.policy.mlp_extractor
        if type(self.policy) is not ActorCriticPolicy or not isinstance(body, Extractor):
            return  # custom classes
        if body.activation != "ReLU" or self.policy.activation_fn is not nn.ReLU:
            return
        reads = len(body.layers) > 1 or (len(nets.policy_net) and len(nets.value_net))
        inputs = int(np.prod(self.observation_space.shape or ()))
        as_usual = self.clip_range_vf is None and self.target_kl is None and not self.use_sde
        if as_usual and body.binary and inputs < MAX_INPUTS and reads:
            self._net = HandNet(self.policy)
            for layer in self._net.reading:
                by_input(layer)
            self._rows = BinaryRows(self.n_steps * self.n_envs, inputs)
            self._extra = BinaryRows(self.n_envs, inputs)  # final and next observations

    def drop_units(self, rate: float, seed: int) -> ConsistentDropout | None:
        """Train with dropout of hidden units; call `redraw` of the result before each rollout. None: not on the fast path."""
        if self._rows is None:
            return None
        self._net.dropout = ConsistentDropout(rate, self._rows, self._net.widths, seed)
        return self._net.dropout

    def _values(self, observations: np.ndarray) -> torch.Tensor:
        self._extra.put(0, observations)
        return self._net.forward(self._extra, np.arange(len(observations)))[1]

    @torch.no_grad()
    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Collect rollouts like SB3; the callback's locals contain infos and dones only if `tells_infos`."""
        if self._rows is None:
            return super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        assert isinstance(env, GoalpostsVecEnv)
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        n, buffer = env.num_envs, rollout_buffer
        observations, starts = np.asarray(self._last_obs), np.asarray(self._last_episode_starts)
        self._net.refresh()
        for t in range(n_rollout_steps):
            self._rows.put(t * n, observations)
            logits, values = self._net.forward(self._rows, np.arange(t * n, (t + 1) * n))
            log_probs = torch.log_softmax(logits, 1)
            actions = torch.multinomial(log_probs.exp(), 1)
            step = env.advance(actions.flatten().numpy())
            if self.tells_infos:  # a callback of the user's may read them
                infos, dones = env.infos(step), step.terminated | step.truncated
            self.num_timesteps += n
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            rewards = step.reward.astype(np.float32)
            cut = step.truncated[step.ended]
            if cut.any():  # bootstrap with the value of the final observation
                rewards[step.ended[cut]] += self.gamma * self._values(step.final_obs[cut]).numpy()
            buffer.actions[t], buffer.values[t] = actions, values
            buffer.log_probs[t] = log_probs.gather(1, actions)[:, 0]
            buffer.rewards[t], buffer.episode_starts[t] = rewards, starts
            observations, starts = step.obs, step.terminated | step.truncated
        self._last_obs, self._last_episode_starts = observations, starts
        buffer.pos, buffer.full = n_rollout_steps, True
        buffer.compute_returns_and_advantage(self._values(observations), starts)
        callback.on_rollout_end()
        return True

    def train(self) -> None:
        """Train like SB3, on lists of ones."""
        if self._rows is None:
            return super().train()
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        buffer = self.rollout_buffer
        actions, old_log_probs, advantages, returns = (
            a.reshape(-1) for a in (buffer.actions, buffer.log_probs, buffer.advantages, buffer.returns)
        )
        actions = actions.astype(np.int64)
        coefficients = LossCoefficients(clip, self.ent_coef, self.vf_coef)
        parameters = list(self.policy.parameters())
        logs = []
        for _ in range(self.n_epochs):
            order = np.random.permutation(len(actions))
            # SB3 orders samples by environment; this rollout is stored by step.
            order = order % self.n_steps * self.n_envs + order // self.n_steps
            for start in range(0, len(order), self.batch_size):
                picks = order[start : start + self.batch_size]
                self._net.refresh()
                outputs = self._net.forward(self._rows, picks)
                scaled = advantages[picks]
                if self.normalize_advantage and len(picks) > 1:
                    scaled = (scaled - scaled.mean()) / (scaled.std(ddof=1) + np.float32(1e-8))
                batch = Minibatch(actions[picks], old_log_probs[picks], scaled, returns[picks])
                to_logits, to_values, log = loss_by_hand(outputs, batch, coefficients)
                logs.append(log)
                self._net.backward(to_logits, to_values)
                nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
                self.policy.optimizer.step()
            self._n_updates += 1
        self._log(np.mean(logs, 0).tolist(), clip)

    def _log(self, means: list[float], clip: float) -> None:
        buffer = self.rollout_buffer
        variance = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        figures: dict[str, Any] = dict(zip(STATISTICS, means, strict=True))
        figures |= {"explained_variance": variance, "clip_range": clip}
        for name, value in figures.items():
            self.logger.record(f"train/{name}", value)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
