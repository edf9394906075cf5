"""Callback of PLR⊥ between rollouts: reset to the chosen levels, score them, and skip the update after new ones.

Read next: `plr.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from ....envs.engine.outcome import O_LEVEL
from .plr_scores import ABSOLUTE, POSITIVE, scores_of


class PLRCallback(BaseCallback):
    """Scores the rollouts of an on-policy algorithm for a `PLRSampler`."""

    def __init__(self, sampler: Any) -> None:
        super().__init__()
        self.sampler = sampler
        self._kind = POSITIVE if sampler.method.score == "positive" else ABSOLUTE

    def _on_training_start(self) -> None:
        self._stream = self.training_env.get_attr("stream")[0]
        model: Any = self.model
        self._train = model.train
        self._levels = np.empty((model.n_steps, model.n_envs), np.int64)
        model.train = self._train_if_replayed

    def _train_if_replayed(self) -> None:
        if self._replayed:
            self._train()
        else:  # new levels are scored but not learned from
            self.model.logger.record(
                "train/learning_rate", self.model.lr_schedule(self.model._current_progress_remaining)
            )  # type: ignore[attr-defined]

    def _on_rollout_start(self) -> None:
        self._replayed = self.sampler.replaying
        self._t = 0
        if self.num_timesteps:  # the first rollout has just been reset
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
        buffer = self.model.rollout_buffer  # type: ignore[attr-defined]
        self.sampler.update(*scores_of(self._levels, buffer.advantages, buffer.episode_starts, self._kind))
