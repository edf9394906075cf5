"""The engine's stable-baselines3 interface: a native `VecEnv`, without wrappers or subprocesses.

`infos` follow SB3: an ended environment's dict has `terminal_observation`, `TimeLimit.truncated`, `episode` (r, l, t) and
the outcome fields; the others are empty. Adds no rules or statistics. Read next: `envs/gymnasium_envs.py`, the other interfaces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from ..envs.engine.engine import Step
from ..envs.engine.level_stream import outcome_fields, stream_of, wanted_level
from ..envs.engine.options import OptionError, seeds_of
from .input_support import InputSupport


class GoalpostsVecEnv(VecEnv):
    """A vector environment for SB3. Takes the options of `goalposts.envs.engine.level_stream.LevelStream`.

    Observations are fresh arrays uint8[n, C, H, W] that the caller may keep. `render()` tiles images of all environments
    unless render_mode is None. augment: a function uint8[m, C, H, W] → the same shape that changes all observations as they leave
    the environment, also the last ones of episodes; None: none.
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
        self.augment: Callable[[np.ndarray], np.ndarray] | None = None
        self.support: InputSupport | None = None  # counts what is observed, where a training asks for it
        self.outcomes: list[np.ndarray] = []  # final_outcome rows since the last `take_outcomes`

    def __getstate__(self) -> dict[str, Any]:
        """Pickle so that a copy continues like the original, including its clock, which differs between processes."""
        return {**self.__dict__, "_began": time.monotonic() - self._began}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._began = time.monotonic() - state["_began"]

    def __copy__(self) -> Any:
        """Return a deep copy: a shallow copy would share, and step, the original's engine."""
        return deepcopy(self)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Set seeds s, s + 1, … for the next reset. Raises OptionError."""
        if seed is not None:
            seed = int(seeds_of([seed], 1)[0][0])
            seeds_of(seed, self.num_envs)
        return super().seed(seed)

    def reset(self) -> np.ndarray:
        """Start new episodes in all environments, applying the values from `seed` and `set_options` (as in gymnasium's reset)."""
        wanted = [wanted_level(self.stream, options) for options in self._options]
        seeds, given = seeds_of(self._seeds, self.num_envs)
        obs = self.stream.reset(seeds, None, given)
        if any(level is not None for level in wanted):
            for slot, level in enumerate(wanted):
                if level is not None:
                    self.stream.play(slot, level)
            obs = self.stream.observe()
        if self.augment is not None:
            obs = self.augment(obs)
        if self.support is not None:
            self.support.add(obs)
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return obs

    def step_async(self, actions: np.ndarray) -> None:
        """Store the actions int[n] for `step_wait`."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Step all environments; ended ones start their next level in the same step."""
        step = self.advance(self._actions)
        return step.obs, step.reward, step.terminated | step.truncated, self.infos(step)

    def infos(self, step: Step) -> list[dict[str, Any]]:
        """SB3's dict for each environment: empty where no episode ended."""
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
        return infos

    def advance(self, actions: np.ndarray) -> Step:
        """Step all environments without building SB3's infos, for training loops that read arrays."""
        step = self.stream.step(actions)
        if self.augment is not None:
            step = step._replace(obs=self.augment(step.obs), final_obs=self.augment(step.final_obs))
        if self.support is not None:
            self.support.add(step.obs)
        if len(step.ended):
            self.outcomes.append(step.final_outcome)
        return step

    def take_outcomes(self) -> np.ndarray:
        """Return and clear the outcomes of all episodes ended since the last call, int32[m, 8] (columns `outcome.O_…`)."""
        rows, self.outcomes = self.outcomes, []
        return np.concatenate(rows) if rows else np.empty((0, 8), np.int32)

    def close(self) -> None:
        """Do nothing: there are no resources to free."""

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Render an image uint8[H, W, 3] of each environment, all of the same size."""
        return [self.stream.frame(slot) for slot in range(self.num_envs)]

    def get_action_meanings(self) -> list[str]:
        """Names of the actions, in order."""
        return [action.name for action in self.stream.world.actions]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute, repeated for each environment."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute for all environments, since they share one engine."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method once and return its result for each environment."""
        return [getattr(self, method_name)(*args, **kwargs)] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return False for each environment: they are never wrapped."""
        return [False] * len(list(self._get_indices(indices)))
