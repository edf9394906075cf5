"""The stable-baselines3 face of the engine: a native `VecEnv`, without a wrapper or a process in between.

`infos` follow SB3: an ended environment's dict has `terminal_observation`, `TimeLimit.truncated`, `episode` (r, l, t) and
the outcome fields; the others are empty. Adds no rules and no statistics. Read next: `envs/gymnasium_envs.py`, the others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from ..envs.engine.engine import Step
from ..envs.engine.level_stream import outcome_fields, stream_of, wanted_level
from ..envs.engine.options import OptionError, seeds_of


class GoalpostsVecEnv(VecEnv):
    """n environments for SB3. Options as for `goalposts.envs.engine.level_stream.LevelStream`.

    Observations are fresh arrays uint8[n, C, H, W] that the caller may keep. `render()` tiles a picture of each environment,
    unless render_mode is None.
    """

    def __init__(self, num_envs: int, render_mode: str | None = "rgb_array", **options: Any) -> None:
        if render_mode not in ("rgb_array", None):
            raise OptionError(f"render_mode = {render_mode!r}: must be one of rgb_array, None")
        self.stream = stream_of(num_envs, options, ("render_mode",))
        self.render_mode = render_mode
        num_envs = self.stream.engine.n
        super().__init__(
            num_envs, self.stream.observation_space, spaces.Discrete(len(self.stream.world.actions))
        )
        self.metadata = {**self.metadata, "render_fps": 8}  # type: ignore[assignment]
        self._actions = np.zeros(num_envs, np.int64)
        self._began = time.monotonic()
        self.outcomes: list[np.ndarray] = []  # final_outcome rows since somebody last took them

    def __getstate__(self) -> dict[str, Any]:
        """A copy continues as the original would; its clock too, which another process would read differently."""
        return {**self.__dict__, "_began": time.monotonic() - self._began}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._began = time.monotonic() - state["_began"]

    def __copy__(self) -> Any:
        """As `copy.deepcopy`: a shallow copy would move the original's engine."""
        return deepcopy(self)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seeds s, s + 1, … for the next reset. Raises OptionError."""
        if seed is not None:
            seed = int(seeds_of([seed], 1)[0][0])
            seeds_of(seed, self.num_envs)
        return super().seed(seed)

    def reset(self) -> VecEnvObs:
        """Begin new episodes everywhere; what `seed` and `set_options` (as gymnasium's reset) gave takes effect here."""
        wanted = [wanted_level(self.stream, options) for options in self._options]
        seeds, given = seeds_of(self._seeds, self.num_envs)
        obs = self.stream.reset(seeds, None, given)
        if any(level is not None for level in wanted):
            for slot, level in enumerate(wanted):
                if level is not None:
                    self.stream.play(slot, level)
            obs = self.stream.observe()
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return obs

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions int[n]."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Step all; ended environments begin their next level at once."""
        step = self.advance(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if len(step.ended):
            elapsed = round(time.monotonic() - self._began, 6)
            fields = outcome_fields(step)
            for j, i in enumerate(step.ended):
                info = {name: values[j] for name, values in fields.items()}
                info["terminal_observation"] = step.final_obs[j]
                info["TimeLimit.truncated"] = bool(step.truncated[i])
                info["episode"] = {
                    "r": float(fields["return"][j]),
                    "l": int(fields["steps"][j]),
                    "t": elapsed,
                }
                infos[i] = info
        return step.obs, step.reward, step.terminated | step.truncated, infos

    def advance(self, actions: np.ndarray) -> Step:
        """One step of all without SB3's infos, for training loops that read arrays."""
        step = self.stream.step(actions)
        if len(step.ended):
            self.outcomes.append(step.final_outcome)
        return step

    def take_outcomes(self) -> np.ndarray:
        """int32[m, 8]: the outcomes of all episodes that ended since the last call (columns `outcome.O_…`)."""
        rows, self.outcomes = self.outcomes, []
        return np.concatenate(rows) if rows else np.empty((0, 8), np.int32)

    def close(self) -> None:
        """Nothing to free."""

    def get_images(self) -> Sequence[np.ndarray | None]:
        """A picture uint8[H, W, 3] of each environment, all of one size."""
        return [self.stream.frame(slot) for slot in range(self.num_envs)]

    def get_action_meanings(self) -> list[str]:
        """The names of the actions, in order."""
        return [action.name for action in self.stream.world.actions]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same value for every environment."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set it for all: the environments share one engine."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call once, answer for each."""
        return [getattr(self, method_name)(*args, **kwargs)] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Never wrapped."""
        return [False] * len(list(self._get_indices(indices)))
