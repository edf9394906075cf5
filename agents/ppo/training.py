"""PPO by stable-baselines3 on the native face, checkpointed so that a killed training ends in the same weights.

`Training` owns a model and its environments; `run` trains to the end and calls back at the boundaries between rollouts,
where the whole state is small: weights, optimizer, random states, and where each environment stands. Knows no run folder
and no config file: experiments/training/train.py brings those. Read next: `agents/sb3_vec_env.py`, `agents/policy/checkpoint.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
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
from ..policy.checkpoint import (
    AgentCard,
    CheckpointError,
    PolicyAgent,
    policy_options,
    read_json,
    read_tensors,
    save_policy,
)
from ..policy.library_defaults import with_defaults
from ..sb3_vec_env import GoalpostsVecEnv
from .planes_ppo import PlanesPPO


class TrainingDiverged(UserError):
    """Losses or weights are no longer finite numbers."""


@dataclass(frozen=True)
class TrainingProgress:
    """One update. Shares are of the episodes that ended in its rollout; None when none ended."""

    step: int
    total: int
    episodes: int
    mean_return: float | None
    mean_steps: float | None
    goal_first: float | None
    proxy_first: float | None
    died: float | None
    timed_out: float | None
    policy_loss: float
    value_loss: float
    entropy: float
    learning_rate: float

    def row(self) -> dict[str, float | int | None]:
        """As a row of progress.csv."""
        return {name: value for name, value in self.__dict__.items() if name != "total"}


@dataclass(frozen=True)
class PPOSettings:
    """How to train, by SB3's names; trunk, pi, vf are hidden widths."""

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


Progress = TrainingProgress  # the old name

# Those that SB3's PPO takes under the same name.
SB3_OPTIONS = (
    *("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda"),
    *("ent_coef", "clip_range", "vf_coef", "max_grad_norm"),
)


class Training:
    """A PPO model on its levels. env: options of `GoalpostsVecEnv`."""

    @with_defaults
    def __init__(
        self,
        settings: PPOSettings,
        *,
        name: str,
        env: dict[str, Any],
        seed: int,
        tensorboard: Path | None = None,
    ) -> None:
        self.total_steps, self.seed = settings.total_steps, seed
        self.env = GoalpostsVecEnv(settings.num_envs, **env)
        trunk, pi, vf, precision = settings.trunk, settings.pi, settings.vf, settings.precision
        rgb, rate = env.get("observation") == "rgb", settings.learning_rate
        self.model = PlanesPPO(
            "MlpPolicy",
            self.env,
            learning_rate=(lambda left: rate * left) if settings.anneal else rate,
            policy_kwargs=policy_options(trunk, pi, vf, precision, rgb),
            seed=seed,
            device="cpu",
            **{option: getattr(settings, option) for option in SB3_OPTIONS},
        )
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
            tuple(trunk),
            tuple(pi),
            tuple(vf),
            0,
            name,
            seed,
            precision,
        )

    @property
    def step(self) -> int:
        """Environment steps done so far."""
        return self.model.num_timesteps

    def agent(self) -> PolicyAgent:
        """The policy as it is now; it changes as training goes on."""
        return PolicyAgent(self.model.policy, self.card())

    def card(self) -> AgentCard:
        """What the policy is, at this step."""
        return AgentCard(**{**self._card.__dict__, "step": self.step})

    @with_defaults
    def run(self, on_update: Callable[[TrainingProgress | None], None]) -> None:
        """Train to `total_steps`, rounded up to whole rollouts.

        `on_update` is called between updates, with the last update's figures (None before the first): the moment for
        checkpoints and probes. Raises TrainingDiverged.
        """
        remaining = self.total_steps - self.step
        if remaining > 0:
            if self.model._last_obs is not None:
                self.model._last_obs = self._observe()
            callback = _Boundary(self, on_update)
            try:
                # SB3 adds what is done already to the total when it does not reset the count.
                self.model.learn(remaining, callback, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]
            except (ValueError, RuntimeError) as error:  # torch refuses to sample from what is not a number
                if not self.is_finite():
                    raise _diverged(self.step) from error
                raise
            callback.report()

    def _observe(self) -> np.ndarray:
        """What the environments see now, as the model takes it: SB3 puts the channels of pixels first."""
        obs = self.env.stream.observe()
        return obs.transpose(0, 3, 1, 2) if self.env.stream.observation == "rgb" else obs

    def is_finite(self) -> bool:
        """Whether all weights are finite numbers."""
        return all(bool(torch.isfinite(p).all()) for p in self.model.policy.parameters())

    @with_defaults
    def save(self, folder: Path) -> None:
        """Write policy, card and training state into a folder that exists."""
        save_policy(folder, self.model.policy, self.card())
        tensors = {"torch_rng": torch.get_rng_state()}
        kind, keys, position, has_gauss, gauss = np.random.get_state()
        tensors["numpy_rng"] = torch.from_numpy(np.asarray(keys, np.uint32).astype(np.int64))
        for index, values in self.model.policy.optimizer.state_dict()["state"].items():
            for key, value in values.items():
                tensors[f"adam.{index}.{key}"] = torch.as_tensor(value).contiguous().clone()
        for name, array in self.env.stream.cursor().items():
            tensors[f"env.{name}"] = torch.from_numpy(np.ascontiguousarray(array).view(np.uint8).copy())
        starts = np.asarray(self.model._last_episode_starts, np.uint8)
        tensors["env.starts"] = torch.from_numpy(starts.copy())
        (folder / "state.safetensors").write_bytes(save_tensors(tensors))
        state = {
            "step": self.step,
            "updates": self.model._n_updates,
            "numpy_rng": [str(kind), int(position), int(has_gauss), float(gauss)],
        }
        (folder / "state.json").write_text(json.dumps(state) + "\n", encoding="utf-8")

    @with_defaults
    def restore(self, folder: Path) -> None:
        """Go on from a folder that `save` wrote, of the same settings. Raises CheckpointError."""
        tensors, weights = (
            read_tensors(folder / "state.safetensors"),
            read_tensors(folder / "model.safetensors"),
        )
        try:
            state = read_json(folder / "state.json")
            self.model.policy.load_state_dict(weights)
            self._restore_optimizer({k: v for k, v in tensors.items() if k.startswith("adam.")})
            kind, position, has_gauss, gauss = state["numpy_rng"]
            self.env.reset()
            cursor = {
                name: tensors[f"env.{name}"].numpy().view(now.dtype).reshape(now.shape).copy()
                for name, now in self.env.stream.cursor().items()
            }
            self.env.stream.resume(cursor)
            self.model._last_obs = self._observe()
            self.model._last_episode_starts = tensors["env.starts"].numpy().astype(bool)
            self.model.num_timesteps, self.model._n_updates = int(state["step"]), int(state["updates"])
            torch.set_rng_state(tensors["torch_rng"])
            np.random.set_state(
                (kind, tensors["numpy_rng"].numpy().astype(np.uint32), position, has_gauss, gauss)
            )
        except (KeyError, IndexError, ValueError, RuntimeError, TypeError, OverflowError) as error:
            raise CheckpointError(
                f"{folder}: the training state is damaged or of other settings ({type(error).__name__}); "
                "delete this checkpoint to go on from the one before"
            ) from error

    def _restore_optimizer(self, tensors: dict[str, torch.Tensor]) -> None:
        """Adam's state from `adam.<parameter>.<name>`; none at all is that before the first update."""
        optimizer = self.model.policy.optimizer
        whole = optimizer.state_dict()
        shapes = {f"adam.{i}.step": torch.Size() for i in range(len(whole["param_groups"][0]["params"]))}
        for i, weights in enumerate(optimizer.param_groups[0]["params"]):
            shapes |= {f"adam.{i}.{name}": weights.shape for name in ("exp_avg", "exp_avg_sq")}
        if tensors and {name: tensor.shape for name, tensor in tensors.items()} != shapes:
            raise ValueError("an optimizer of another net")
        parameters = optimizer.param_groups[0]["params"]
        whole["state"] = {
            i: {
                "step": tensors[
                    f"adam.{i}.step"
                ],  # the others in the memory layout of their weights, as Adam made them
                "exp_avg": torch.empty_like(weights).copy_(tensors[f"adam.{i}.exp_avg"]),
                "exp_avg_sq": torch.empty_like(weights).copy_(tensors[f"adam.{i}.exp_avg_sq"]),
            }
            for i, weights in enumerate(parameters if tensors else [])
        }
        optimizer.load_state_dict(whole)


class _Boundary(BaseCallback):
    """Calls `on_update` at the start of each rollout, when the last update is complete."""

    def __init__(self, training: Training, on_update: Callable[[TrainingProgress | None], None]) -> None:
        super().__init__()
        self.owner, self.on_update, self.first = training, on_update, True
        self.outcomes = np.empty((0, 8), np.int32)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self.report()

    def _on_rollout_end(self) -> None:
        self.outcomes = self.owner.env.take_outcomes()

    def report(self) -> None:
        """Hand over the figures of the last update, if there was one in this call of `run`."""
        if self.first:
            self.first = False
            self.on_update(None)
            return
        progress = self._progress()
        model = self.owner.model
        losses = (progress.policy_loss, progress.value_loss)
        if not all(map(math.isfinite, losses)) or not self.owner.is_finite():
            raise _diverged(progress.step)
        for name, value in progress.row().items():
            if value is not None:
                model.logger.record(f"goalposts/{name}", value)
        try:
            model.logger.dump(progress.step)
        except OSError:  # a training does not end for tensorboard's sake; what it needs itself will say that the disk is full
            model.logger.output_formats = []
        self.on_update(progress)

    def _progress(self) -> TrainingProgress:
        rows, logged = self.outcomes, self.owner.model.logger.name_to_value
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
            float(logged["train/policy_gradient_loss"]),
            float(logged["train/value_loss"]),
            -float(logged["train/entropy_loss"]),
            float(logged["train/learning_rate"]),
        )


def _diverged(step: int) -> TrainingDiverged:
    return TrainingDiverged(
        f"the training diverged at step {step:,}: losses or weights are not finite numbers. "
        "Lower train.learning_rate or train.max_grad_norm; the last checkpoint is intact"
    )


def _tensorboard_logger(folder: Path) -> Logger:
    try:
        return configure(str(folder), ["tensorboard"])
    except (ImportError, AssertionError, OSError):
        return Logger(None, [])  # not installed, or not writable; progress.csv has the same figures
