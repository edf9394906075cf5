"""RecurrentPPO of sb3-contrib with minibatches of whole sequences: same samples and losses, less padding.

sb3-contrib cuts sequences at the starts of episodes and pads them all to the longest. Here they are cut only where another
environment follows; the LSTM resets its state within them (`agents/policy/sequence_lstm.py`). Imports sb3-contrib, an extra. Read
next: `training.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.type_aliases import RecurrentRolloutBufferSamples, RNNStates

from ..policy.sequence_lstm import sequence_policy_class


class SequenceBuffer(RecurrentRolloutBuffer):
    """sb3-contrib's buffer, with sequences that contain several episodes."""

    def _get_samples(self, batch_inds: np.ndarray, env_change: np.ndarray, env: Any = None) -> Any:
        changes = env_change[batch_inds].ravel() > 0
        changes[0] = True
        begins = np.flatnonzero(changes)
        lengths = np.diff(np.append(begins, len(batch_inds)))
        within = np.arange(lengths.max())
        valid = within < lengths[:, None]
        rows = batch_inds[begins[:, None] + np.minimum(within, lengths[:, None] - 1)].ravel()

        def take(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(array[rows])

        def state(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array[batch_inds[begins]].swapaxes(0, 1)))

        return RecurrentRolloutBufferSamples(
            observations=take(self.observations).reshape(len(rows), *self.obs_shape),
            actions=take(self.actions),
            old_values=take(self.values).flatten(),
            old_log_prob=take(self.log_probs).flatten(),
            advantages=take(self.advantages).flatten(),
            returns=take(self.returns).flatten(),
            lstm_states=RNNStates(
                (state(self.hidden_states_pi), state(self.cell_states_pi)),
                (state(self.hidden_states_vf), state(self.cell_states_vf)),
            ),
            episode_starts=take(self.episode_starts).flatten(),
            mask=torch.from_numpy(valid.ravel().astype(np.float32)),
        )


class SequencePPO(RecurrentPPO):
    """RecurrentPPO that trains on `SequenceBuffer`. A custom policy class keeps sb3-contrib's own."""

    def _setup_model(self) -> None:
        super()._setup_model()
        old = self.rollout_buffer
        if isinstance(old, RecurrentRolloutBuffer) and type(self.policy) is sequence_policy_class():
            self.rollout_buffer = SequenceBuffer(
                old.buffer_size,
                old.observation_space,
                old.action_space,
                old.hidden_state_shape,
                old.device,
                old.gae_lambda,
                old.gamma,
                old.n_envs,
            )
