"""Callback of the replay methods between rollouts: reset to the chosen levels, let the sampler score them, skip the update if it says so.

Read next: `plr.py`, whose sampler it serves; `sfl.py` and `accel.py`, which use it too.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from goalposts.errors import UserError

from ....envs.engine.engine import Engine
from ....envs.engine.outcome import O_LEVEL


class ReplaySampler(Protocol):
    """A level sampler that decides between rollouts. replaying: learn from the next one; restarting: reset before it."""

    replaying: bool
    restarting: bool

    def rollout_ended(self, engine: Engine, levels: np.ndarray, buffer: Any) -> None:
        """Score a rollout on levels int64[T, n], with SB3's rollout buffer; then set both flags."""


class RolloutCallback(BaseCallback):
    """Connects an on-policy algorithm to a `ReplaySampler`."""

    def __init__(self, sampler: Any) -> None:
        super().__init__()
        self.sampler: ReplaySampler = sampler

    def _on_training_start(self) -> None:
        if not isinstance(self.model, OnPolicyAlgorithm):
            raise UserError(
                f"level replay scores rollouts, and {type(self.model).__name__} learns from single steps; set train.algorithm=PPO or A2C, "
                "or choose another method."
            )
        self._stream = self.training_env.get_attr("stream")[0]
        model: Any = self.model
        self._train = model.train
        self._levels = np.empty((model.n_steps, model.n_envs), np.int64)
        model.train = self._train_if_replayed

    def _train_if_replayed(self) -> None:
        if self._replayed:
            self._train()
        else:  # scored but not learned from
            self.model.logger.record(
                "train/learning_rate", self.model.lr_schedule(self.model._current_progress_remaining)
            )  # type: ignore[attr-defined]

    def _on_rollout_start(self) -> None:
        self._replayed = self.sampler.replaying
        self._t = 0
        if self.num_timesteps and self.sampler.restarting:  # the first rollout has just been reset
            model: Any = self.model
            model._last_obs = model.env.reset()
            model._last_episode_starts = np.ones(model.n_envs, np.bool_)
        self._levels[0] = self._stream.engine.outcome[:, O_LEVEL]

    def _on_step(self) -> bool:
        self._t += 1
        if self._t < len(self._levels):
            self._levels[self._t] = self._stream.engine.outcome[:, O_LEVEL]
        return True

    def _on_rollout_end(self) -> None:
        self.sampler.rollout_ended(self._stream.engine, self._levels, self.model.rollout_buffer)  # type: ignore[attr-defined]
