"""SB3's PPO with the same samples, losses and gradients on planes of 0 and 1, by a shorter road.

What it leaves out: copies of the observations, a dict of infos a step, checks of distributions, and the zeros of the
planes (`binary.py`). Pixels take SB3's own road, and so do nets without a trunk of which one has no hidden
layer, and the options target_kl, clip_range_vf and use_sde. Read next: `ppo.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import MlpExtractor
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv
from torch import nn
from torch.nn.functional import linear, mse_loss

from .binary import MAX_INPUTS, BinaryRows, by_input
from .networks import PlanesExtractor
from .vecenv import GoalpostsVecEnv


class PlanesPPO(PPO):
    """PPO for `GoalpostsVecEnv`. Arguments as for SB3's."""

    _rows: BinaryRows | None = None
    _extra: BinaryRows

    def _setup_model(self) -> None:
        super()._setup_model()
        body, nets = self.policy.features_extractor, self.policy.mlp_extractor
        assert isinstance(body, PlanesExtractor)
        self._trunk = [layer for layer in body.layers if isinstance(layer, nn.Linear)]
        heads = [layer for net in (nets.policy_net, nets.value_net) for layer in list(net)[:1]]
        reading = [layer for layer in self._trunk[:1] or heads if isinstance(layer, nn.Linear)]
        inputs = int(np.prod(self.observation_space.shape or ()))
        as_usual = self.clip_range_vf is None and self.target_kl is None and not self.use_sde
        if as_usual and body.binary and inputs < MAX_INPUTS and (self._trunk or len(heads) == 2):
            for layer in reading:
                by_input(layer)
            self._rows = BinaryRows(self.n_steps * self.n_envs, inputs)
            self._extra = BinaryRows(self.n_envs, inputs)  # what is seen at an end, or after the rollout

    def _heads(self, rows: BinaryRows, picks: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities float32[n, A] and values float32[n]."""
        body, nets = self.policy.features_extractor, self.policy.mlp_extractor
        assert isinstance(body, PlanesExtractor)
        with torch.autocast(
            "cpu", torch.bfloat16, enabled=body.in_bfloat16
        ):  # the layers that read planes stay exact
            if self._trunk:
                features = rows.layer(self._trunk[0].weight, self._trunk[0].bias, picks)
                for layer in self._trunk[1:]:
                    features = torch.relu(layer(features))
                pi, vf = _two_heads(nets, features, linear)
            else:
                pi, vf = _two_heads(nets, picks, lambda picks, weight, bias: rows.layer(weight, bias, picks))
        logits = self.policy.action_net(pi.float())
        return torch.log_softmax(logits, 1), self.policy.value_net(vf.float()).flatten()

    def _values(self, observations: np.ndarray) -> torch.Tensor:
        self._extra.put(0, observations)
        return self._heads(self._extra, np.arange(len(observations)))[1]

    @torch.no_grad()
    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """As SB3's; `callback` finds no infos among its locals."""
        if self._rows is None:
            return super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        assert isinstance(env, GoalpostsVecEnv)
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        n, buffer = env.num_envs, rollout_buffer
        observations, starts = np.asarray(self._last_obs), np.asarray(self._last_episode_starts)
        for t in range(n_rollout_steps):
            self._rows.put(t * n, observations)
            log_probs, values = self._heads(self._rows, np.arange(t * n, (t + 1) * n))
            actions = torch.multinomial(log_probs.exp(), 1)
            step = env.advance(actions.flatten().numpy())
            self.num_timesteps += n
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            rewards = step.reward.astype(np.float32)
            cut = step.truncated[step.ended]
            if cut.any():  # the value of what would have come
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
        """As SB3's, on the lists of ones."""
        if self._rows is None:
            return super().train()
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        buffer = self.rollout_buffer
        actions, old_log_probs, advantages, returns = (
            torch.from_numpy(a.reshape(-1))
            for a in (buffer.actions, buffer.log_probs, buffer.advantages, buffer.returns)
        )
        actions = actions.long()
        parameters = list(self.policy.parameters())
        logs = []
        for _ in range(self.n_epochs):
            order = np.random.permutation(len(actions))
            # SB3 counts env by env; the rollout is kept step by step.
            order = order % self.n_steps * self.n_envs + order // self.n_steps
            for start in range(0, len(order), self.batch_size):
                picks = order[start : start + self.batch_size]
                at = torch.from_numpy(picks)
                log_probs, values = self._heads(self._rows, picks)
                chosen = log_probs.gather(1, actions[at, None])[:, 0]
                gain = advantages[at]
                if self.normalize_advantage and len(picks) > 1:
                    gain = (gain - gain.mean()) / (gain.std() + 1e-8)
                change = chosen - old_log_probs[at]
                ratio = change.exp()
                policy_loss = -torch.min(gain * ratio, gain * ratio.clamp(1 - clip, 1 + clip)).mean()
                value_loss = mse_loss(returns[at], values)
                entropy_loss = (log_probs.exp() * log_probs).sum(1).mean()
                loss = policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss
                self.policy.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
                self.policy.optimizer.step()
                with torch.no_grad():
                    kl = ((ratio - 1) - change).mean()
                    clipped = ((ratio - 1).abs() > clip).float().mean()
                    logs.append(torch.stack([policy_loss, value_loss, entropy_loss, loss, kl, clipped]))
            self._n_updates += 1
        self._log(torch.stack(logs).double().mean(0).tolist(), clip)

    def _log(self, means: list[float], clip: float) -> None:
        names = ("policy_gradient_loss", "value_loss", "entropy_loss", "loss", "approx_kl", "clip_fraction")
        buffer = self.rollout_buffer
        variance = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        figures: dict[str, Any] = dict(zip(names, means, strict=True))
        figures |= {"explained_variance": variance, "clip_range": clip}
        for name, value in figures.items():
            self.logger.record(f"train/{name}", value)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")


def _two_heads(
    nets: MlpExtractor, features: Any, product: Callable[..., torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the policy's and the value's hidden layers make of the features; their first layers in one product."""
    if not (len(nets.policy_net) and len(nets.value_net)):
        return nets(features)
    first = nets.policy_net[0], nets.value_net[0]
    weight, bias = (torch.cat([getattr(layer, name) for layer in first]) for name in ("weight", "bias"))
    pi, vf = product(features, weight, bias).split([layer.out_features for layer in first], 1)
    return nets.policy_net[1:](pi), nets.value_net[1:](vf)
