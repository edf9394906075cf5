"""Training with A2C, DQN, QR-DQN, RecurrentPPO and TRPO of stable-baselines3 and sb3-contrib, checkpointed like PPO.

On-policy algorithms resume to the same bytes: weights, optimizer, random states, LSTM states and environments are saved. DQN and
QR-DQN do not resume, because every checkpoint would have to contain their replay buffer: a killed training starts over and
ends in the same weights. Read next: `agents/ppo/training.py`, the basis of this module; `agents/policy/architectures.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import A2C, DQN, PPO

from ..policy.algorithm_names import Q_LEARNING
from ..policy.architectures import contrib_module
from ..policy.checkpoint import CheckpointError, save_policy
from ..policy.library_defaults import with_defaults
from ..ppo.training import PPOSettings, Training


@dataclass(frozen=True)
class LearnerSettings:
    """Settings of an algorithm other than PPO; `arguments` are SB3's, by its names; trunk, pi, vf are widths of hidden layers.

    rollout: environment steps between two calls of `on_update`, whole updates. options, optimizer: as in `PPOSettings`.
    """

    algorithm: str
    total_steps: int
    num_envs: int
    learning_rate: float
    anneal: bool
    rollout: int
    arguments: dict[str, Any]
    trunk: tuple[int, ...]
    pi: tuple[int, ...] = ()
    vf: tuple[int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] | None = None
    precision: str = "fp32"


class AlgorithmTraining(Training):
    """A training of a model of SB3 or sb3-contrib. Takes the arguments of `Training`."""

    settings: LearnerSettings

    @property
    def resumable(self) -> bool:
        """Whether `restore` can continue from what `save` writes."""
        return self.settings.algorithm not in Q_LEARNING

    @property
    def planned_steps(self) -> int:
        """Number of environment steps, in whole rollouts, so that the last row of progress.csv is complete."""
        rollout = self.settings.rollout
        return -(-self.total_steps // rollout) * rollout

    @with_defaults
    def save(self, folder: Path) -> None:
        """Write policy, card and, if the algorithm can resume, its training state into an existing folder."""
        if self.resumable:
            super().save(folder)
        else:
            save_policy(folder, self.model.policy, self.card())
            self._save_support(folder)

    @with_defaults
    def restore(self, folder: Path) -> None:
        """Resume from a folder written by `save`. Raises CheckpointError, also if the algorithm cannot resume."""
        if not self.resumable:
            raise CheckpointError(
                f"{folder}: {self.settings.algorithm} cannot resume, because its replay buffer is not saved; train from the start"
            )
        super().restore(folder)

    def _algorithm(self) -> tuple[Any, dict[str, Any]]:
        return algorithm_class(self.settings.algorithm), dict(self.settings.arguments)

    def _more_state(self) -> dict[str, torch.Tensor]:
        states = getattr(self.model, "_last_lstm_states", None)
        if states is None:
            return {}
        named = {"pi": states.pi, "vf": states.vf}
        return {f"lstm.{who}.{k}": pair[k].clone() for who, pair in named.items() for k in (0, 1)}

    def _restore_more(self, tensors: dict[str, torch.Tensor]) -> None:
        now = self._more_state()
        if any(tensors[name].shape != tensor.shape for name, tensor in now.items()):
            raise ValueError("the LSTM states belong to another net")
        if now:
            pairs = [(tensors[f"lstm.{who}.0"], tensors[f"lstm.{who}.1"]) for who in ("pi", "vf")]
            self.model._last_lstm_states = type(self.model._last_lstm_states)(*pairs)


def algorithm_class(name: str) -> Any:
    """Class of an algorithm in SB3 or sb3-contrib. Raises UserError if sb3-contrib is required and not installed."""
    if name in ("PPO", "A2C", "DQN"):
        return {"PPO": PPO, "A2C": A2C, "DQN": DQN}[name]
    if name == "RecurrentPPO":
        contrib_module()
        from .recurrent_ppo import SequencePPO

        return SequencePPO
    return getattr(contrib_module(), {"QR-DQN": "QRDQN"}.get(name, name))


def training_of(settings: PPOSettings | LearnerSettings, **options: Any) -> Training:
    """Create the training for these settings. options: those of `Training`."""
    if isinstance(settings, LearnerSettings):
        return AlgorithmTraining(settings, **options)  # type: ignore[arg-type]
    return Training(settings, **options)
