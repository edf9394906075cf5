"""PPO training with stable-baselines3 on the native interface; a killed and resumed training gives the same weights.

`Training` owns a model and its environments; `run` trains to the end and calls back between rollouts,
when the state is small: weights, optimizer, random states, and the position of each environment. Knows no run folder
and no config file: experiments/training/train.py provides those. Read next: `agents/sb3_vec_env.py`, `agents/policy/checkpoint.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as save_tensors
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger, configure

from goalposts.errors import UserError

from ...envs.engine.outcome import (
    ENDED_BY_DEATH,
    ENDED_BY_GOAL,
    ENDED_BY_LIMIT,
    FIRST_GOAL,
    FIRST_PROXY,
    O_END,
    O_FIRST,
    O_STEPS,
)
from ..input_support import SUPPORT, InputSupport
from ..policy.architectures import policy_class, policy_kwargs, resolved_options
from ..policy.checkpoint import (
    AgentCard,
    CheckpointError,
    PolicyAgent,
    agent_of,
    read_json,
    read_tensors,
    save_policy,
)
from ..policy.library_defaults import with_defaults
from ..policy.optimizer_state import optimizer_tensors, restore_optimizer
from ..sb3_vec_env import GoalpostsVecEnv
from .planes_ppo import PlanesPPO


class TrainingDiverged(UserError):
    """The training diverged: losses or weights are no longer finite numbers."""


@dataclass(frozen=True)
class TrainingProgress:
    """Statistics of one update. Fractions refer to the episodes that ended in its rollout; None if none ended.

    Losses depend on the algorithm: DQN has only `value_loss`, and no entropy.
    """

    step: int
    total: int
    episodes: int
    ep_rew_mean: float | None
    ep_len_mean: float | None
    goal_first: float | None
    proxy_first: float | None
    died: float | None
    timed_out: float | None
    policy_loss: float | None
    value_loss: float | None
    entropy: float | None
    learning_rate: float | None

    def row(self) -> dict[str, float | int | None]:
        """Convert to a row of progress.csv."""
        return {name: value for name, value in self.__dict__.items() if name != "total"}


@dataclass(frozen=True)
class PPOSettings:
    """PPO settings, with SB3's names; trunk, pi, vf are widths of hidden layers.

    options: those of the policy, see `agents/policy/architectures.py`; optimizer: a config's section, or None for Adam.
    """

    total_steps: int
    num_envs: int
    n_steps: int
    batch_size: int
    n_epochs: int
    learning_rate: float
    anneal: bool
    gamma: float
    gae_lambda: float
    ent_coef: float
    clip_range: float
    vf_coef: float
    max_grad_norm: float
    trunk: tuple[int, ...]
    pi: tuple[int, ...]
    vf: tuple[int, ...]
    precision: str = "fp32"
    target_kl: float | None = None
    normalize_advantage: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] | None = None
    algorithm: str = "PPO"

    @property
    def rollout(self) -> int:
        """Number of environment steps between two calls of `on_update`."""
        return self.num_envs * self.n_steps


Progress = TrainingProgress  # the old name

# Settings that SB3's PPO takes under the same name.
SB3_OPTIONS = (
    *("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda"),
    *("ent_coef", "clip_range", "vf_coef", "max_grad_norm", "target_kl", "normalize_advantage"),
)


class Training:
    """A PPO training: a model with its environments. env: a `GoalpostsVecEnv`, or its options."""

    @with_defaults
    def __init__(
        self,
        settings: PPOSettings,
        *,
        name: str,
        env: dict[str, Any] | GoalpostsVecEnv,
        seed: int,
        tensorboard: Path | None = None,
    ) -> None:
        self.total_steps, self.seed, self.settings = settings.total_steps, seed, settings
        self.env = env if isinstance(env, GoalpostsVecEnv) else GoalpostsVecEnv(settings.num_envs, **env)
        self._options = resolved_options(settings.options, self.env.stream.world.view)
        rate = settings.learning_rate
        self.model: Any = self._new_model((lambda left: rate * left) if settings.anneal else rate)
        self._first_seed = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(2))
        self.env.seed(self._first_seed)
        logger = Logger(None, []) if tensorboard is None else _tensorboard_logger(tensorboard)
        self.model.set_logger(logger)
        shape = self.model.observation_space.shape
        assert shape is not None
        n_actions = len(self.env.stream.world.actions)
        self._card = AgentCard(
            self.env.stream.world.name,
            self.env.stream.observation,
            tuple(shape),
            n_actions,
            tuple(settings.trunk),
            tuple(settings.pi),
            tuple(settings.vf),
            0,
            name,
            seed,
            settings.precision,
            algorithm=settings.algorithm,
            options=self._options,
        )

    def _new_model(self, learning_rate: Any) -> Any:
        """Create SB3's model in its initial state."""
        kind, arguments = self._algorithm()
        return kind(
            policy_class(self.settings.algorithm, self._options),
            self.env,
            learning_rate=learning_rate,
            policy_kwargs=self._policy_kwargs(),
            seed=self.seed,
            device="cpu",
            **arguments,
        )

    def _algorithm(self) -> tuple[Any, dict[str, Any]]:
        """Class of SB3's model, and its specific arguments."""
        return PlanesPPO, {option: getattr(self.settings, option) for option in SB3_OPTIONS}

    def _policy_kwargs(self) -> dict[str, Any]:
        settings, rgb = self.settings, self.env.stream.observation == "rgb"
        widths = (settings.trunk, settings.pi, settings.vf)
        return policy_kwargs(
            settings.algorithm, widths, settings.precision, rgb, self._options, settings.optimizer
        )

    @property
    def step(self) -> int:
        """Number of environment steps so far."""
        return self.model.num_timesteps

    def record_support(self) -> None:
        """Count from now on how often each input bit is 1; `save` writes the counts. Raises UserError for pixels."""
        self.env.support = InputSupport.of(self.env)

    def _save_support(self, folder: Path) -> None:
        if self.env.support is not None:
            self.env.support.save(folder)

    resumable = True  # whether `restore` can continue from what `save` writes

    @property
    def planned_steps(self) -> int:
        """Number of environment steps requested from SB3, which rounds up to whole rollouts."""
        return self.total_steps

    def agent(self) -> PolicyAgent:
        """The current policy, which later training changes."""
        return agent_of(self.model.policy, self.card())

    def card(self) -> AgentCard:
        """Card of the current policy."""
        return AgentCard(**{**self._card.__dict__, "step": self.step})

    @with_defaults
    def run(
        self, on_update: Callable[[TrainingProgress | None], None], callbacks: Sequence[BaseCallback] = ()
    ) -> None:
        """Train to `total_steps`, rounded up to whole rollouts.

        Calls `on_update` between updates with the last update's statistics (None before the first): the time for
        checkpoints and periodic evaluations. callbacks: SB3's, called after ours. Raises TrainingDiverged.
        """
        remaining = self.planned_steps - self.step
        if remaining > 0:
            if self.model._last_obs is not None:
                self.model._last_obs = self._observe()
            callback = _Boundary(self, on_update)
            self.model.tells_infos = bool(callbacks)
            try:
                # SB3 adds the completed steps to the total if it does not reset the count.
                self.model.learn(
                    remaining, [callback, *callbacks], log_interval=None, reset_num_timesteps=False
                )  # type: ignore[arg-type]
            except (ValueError, RuntimeError) as error:  # torch cannot sample from nan
                if not self.is_finite():
                    raise _diverged(self.step) from error
                raise
            callback.report()

    def _observe(self) -> np.ndarray:
        """Current observations as the model expects them: SB3 moves the channels of pixels first."""
        obs = self.env.stream.observe()
        return obs.transpose(0, 3, 1, 2) if self.env.stream.observation == "rgb" else obs

    def is_finite(self) -> bool:
        """Whether all weights are finite numbers."""
        return all(bool(torch.isfinite(p).all()) for p in self.model.policy.parameters())

    @with_defaults
    def save(self, folder: Path) -> None:
        """Write policy, card and training state into an existing folder."""
        save_policy(folder, self.model.policy, self.card())
        tensors = {"torch_rng": torch.get_rng_state()}
        kind, keys, position, has_gauss, gauss = np.random.get_state()
        tensors["numpy_rng"] = torch.from_numpy(np.asarray(keys, np.uint32).astype(np.int64))
        tensors |= optimizer_tensors(self.model.policy.optimizer)
        for name, array in self.env.stream.cursor().items():
            tensors[f"env.{name}"] = torch.from_numpy(np.ascontiguousarray(array).view(np.uint8).copy())
        starts = np.asarray(self.model._last_episode_starts, np.uint8)
        tensors["env.starts"] = torch.from_numpy(starts.copy())
        tensors |= self._more_state()
        (folder / "state.safetensors").write_bytes(save_tensors(tensors))
        state = {
            "step": self.step,
            "updates": self.model._n_updates,
            "numpy_rng": [str(kind), int(position), int(has_gauss), float(gauss)],
        }
        self._save_support(folder)
        (folder / "state.json").write_text(json.dumps(state) + "\n", encoding="utf-8")

    @with_defaults
    def restore(self, folder: Path) -> None:
        """Resume from a folder written by `save` with the same settings. Raises CheckpointError."""
        tensors, weights = (
            read_tensors(folder / "state.safetensors"),
            read_tensors(folder / "model.safetensors"),
        )
        try:
            state = read_json(folder / "state.json")
            self.model.policy.load_state_dict(weights)
            restore_optimizer(
                self.model.policy.optimizer,
                {k: v for k, v in tensors.items() if k.startswith("adam.")},
                partial=self.settings.algorithm == "TRPO",
            )
            kind, position, has_gauss, gauss = state["numpy_rng"]
            self.env.reset()
            cursor = {
                name: tensors[f"env.{name}"].numpy().view(now.dtype).reshape(now.shape).copy()
                for name, now in self.env.stream.cursor().items()
            }
            self.env.stream.resume(cursor)
            self.model._last_obs = self._observe()
            self.model._last_episode_starts = tensors["env.starts"].numpy().astype(bool)
            self._restore_more(tensors)
            if self.env.support is not None:
                self.env.support.restore(read_tensors(folder / SUPPORT))
            self.model.num_timesteps, self.model._n_updates = int(state["step"]), int(state["updates"])
            torch.set_rng_state(tensors["torch_rng"])
            np.random.set_state(
                (kind, tensors["numpy_rng"].numpy().astype(np.uint32), position, has_gauss, gauss)
            )
        except (KeyError, IndexError, ValueError, RuntimeError, TypeError, OverflowError) as error:
            raise CheckpointError(
                f"{folder}: the training state is damaged or of other settings ({type(error).__name__}); "
                "delete this checkpoint to resume from the previous one"
            ) from error

    def _more_state(self) -> dict[str, torch.Tensor]:
        """Additional state that an algorithm needs to resume."""
        return {}

    def _restore_more(self, tensors: dict[str, torch.Tensor]) -> None:
        """Restore the result of `_more_state`. Raises KeyError or ValueError."""


class _Boundary(BaseCallback):
    """Callback that calls `on_update` at the start of each rollout, after the last update is complete."""

    def __init__(self, training: Training, on_update: Callable[[TrainingProgress | None], None]) -> None:
        super().__init__()
        self.owner, self.on_update, self.first = training, on_update, True

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.first or self.owner.step % self.owner.settings.rollout == 0:
            self.report()

    def report(self) -> None:
        """Report the statistics of the last update, if there was one in this call of `run`."""
        if self.first:
            self.first = False
            self.on_update(None)
            return
        progress = self._progress()
        model = self.owner.model
        losses = (progress.policy_loss or 0.0, progress.value_loss or 0.0)
        if not all(map(math.isfinite, losses)) or not self.owner.is_finite():
            raise _diverged(progress.step)
        for name, value in progress.row().items():
            if value is not None:
                model.logger.record(f"goalposts/{name}", value)
        try:
            model.logger.dump(progress.step)
        except OSError:  # tensorboard errors do not stop a training; its own files will report a full disk
            model.logger.output_formats = []
        self.on_update(progress)

    def _progress(self) -> TrainingProgress:
        rows, logged = self.owner.env.take_outcomes(), self.owner.model.logger.name_to_value
        n = len(rows)
        earned = self.owner.env.stream.engine.returns(rows, rows[:, O_END] == ENDED_BY_GOAL)

        def share(column: int, value: int) -> float | None:
            return float((rows[:, column] == value).mean()) if n else None

        return TrainingProgress(
            self.owner.step,
            self.owner.total_steps,
            n,
            float(earned.mean()) if n else None,
            float(rows[:, O_STEPS].mean()) if n else None,
            share(O_FIRST, FIRST_GOAL),
            share(O_FIRST, FIRST_PROXY),
            share(O_END, ENDED_BY_DEATH),
            share(O_END, ENDED_BY_LIMIT),
            _first_of(logged, "train/policy_gradient_loss", "train/policy_loss", "train/policy_objective"),
            _first_of(logged, "train/value_loss", "train/loss"),
            None if (entropy := _first_of(logged, "train/entropy_loss")) is None else -entropy,
            _first_of(logged, "train/learning_rate"),
        )


def _first_of(logged: Mapping[str, Any], *names: str) -> float | None:
    """First of these statistics that the algorithm logged, or None."""
    return next((float(logged[name]) for name in names if name in logged), None)


def _diverged(step: int) -> TrainingDiverged:
    return TrainingDiverged(
        f"the training diverged at step {step:,}: losses or weights are not finite numbers. "
        "Lower train.learning_rate or train.max_grad_norm; the last checkpoint is intact"
    )


def _tensorboard_logger(folder: Path) -> Logger:
    try:
        return configure(str(folder), ["tensorboard"])
    except (ImportError, AssertionError, OSError):
        return Logger(None, [])  # not installed or not writable; progress.csv has the same figures
