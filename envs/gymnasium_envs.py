"""The faces of the engine towards gymnasium: `Env` and `VectorEnv`. Both translate; neither adds rules.

Read next: `envs/engine/level_stream.py`, which they share with the SB3 face; `envs/engine/engine.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from .engine.engine import O_END
from .engine.level_stream import LevelStream, OptionError, fields_of, outcome_fields, wanted_level
from .levels.level import Level
from .render.render import ansi, draw


def _seeds(seed: Any, n: int) -> np.ndarray:
    """uint64[n]: s, s + 1, … for one seed s, or the n that are given. Raises OptionError."""
    given = [seed + i for i in range(n)] if isinstance(seed, int | np.integer) else list(seed)
    if len(given) != n or not all(isinstance(s, int | np.integer) and 0 <= s < 1 << 64 for s in given):
        raise OptionError(
            f"seed = {seed!r}: give one whole number from 0 to 2**64 − {n}, or {n} of them, one an environment"
        )
    return np.array(given, np.uint64)


class GoalpostsEnv(gym.Env[np.ndarray, np.int64]):
    """One environment. `info` has the outcome fields at the end of an episode and is empty before.

    reset(options={"level": level}) plays a given level, {"index": k} number k of the level seed.
    """

    metadata = {"render_modes": ["rgb_array", "ansi", "human"], "render_fps": 8}  # noqa: RUF012, gymnasium's own form

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise OptionError(
                f"render_mode = {render_mode!r}: allowed are {', '.join(self.metadata['render_modes'])}, None"
            )
        self.render_mode = render_mode
        self.stream = LevelStream(1, **options)
        self.observation_space = self.stream.observation_space
        self.action_space = cast("spaces.Space[np.int64]", spaces.Discrete(len(self.stream.world.actions)))
        self._active = np.ones(1, np.bool_)
        self._window: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the next episode; with a seed, the first of that seed."""
        level = wanted_level(self.stream, options)
        fresh = self._np_random is None
        super().reset(seed=seed)
        if seed is None and fresh:
            seed = int(self.np_random.integers(1 << 62))
        obs = self.stream.reset(None if seed is None else _seeds(seed, 1))
        if level is not None:
            self.stream.play(0, level)
            obs = self.stream.observe()
        self._show()
        return obs[0], {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step; no autoreset. Past the end of an episode, call `reset`."""
        engine = self.stream.engine
        self.stream.check_begun()
        if engine.outcome[0, O_END]:
            raise OptionError("this episode has ended; call reset() before the next step()")
        actions = np.array([action])
        reward, done = engine.step_active(actions, self._active)
        self.stream.last_actions[0] = action
        self._show()
        info: dict[str, Any] = {}
        if done[0]:
            fields = fields_of(engine.outcome, engine.returns(engine.outcome, reward))
            info = {name: values[0] for name, values in fields.items()}
        return self.stream.observe()[0], float(reward[0]), bool(done[0] == 1), bool(done[0] == 2), info

    @property
    def level(self) -> Level:
        """The level being played."""
        return self.stream.level(0)

    def render(self) -> Any:
        """A picture uint8[H, W, 3] or a text, as `render_mode` says; in mode `human`, None: the window shows every step."""
        if self.render_mode in (None, "human"):
            return None
        return draw(self.stream.scene(0)) if self.render_mode == "rgb_array" else ansi(self.stream.scene(0))

    def close(self) -> None:
        """Close the window of mode `human`, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None
        super().close()

    def _show(self) -> None:
        if self.render_mode != "human":
            return
        if self._window is None:
            from .window.human_render import HumanWindow  # pygame is needed from here on only

            self._window = HumanWindow(f"Goalposts: {self.stream.world.name}", self.metadata["render_fps"])
        scene = self.stream.scene(0)
        self._window.show(draw(scene, 32 if len(scene.tiles[0]) <= 40 else 16))


class GoalpostsVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """n environments in one engine, `AutoresetMode.SAME_STEP`. Returned arrays are fresh and belong to the caller.

    Where episodes ended, `infos` has `final_obs` (object[n], None elsewhere), `final_info` (the outcome fields as arrays
    of n, defined where `_final_info`) and the masks `_final_obs`, `_final_info` (bool[n]).
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 8, "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int, render_mode: str | None = None, **options: Any) -> None:
        self.num_envs, self.render_mode = num_envs, render_mode
        self.stream = LevelStream(num_envs, **options)
        self.single_observation_space = self.stream.observation_space
        self.single_action_space = spaces.Discrete(len(self.stream.world.actions))
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, num_envs)
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin new episodes. A seed s means s, s + 1, … for the environments; `options["reset_mask"]` chooses some."""
        options = dict(options or {})
        which = np.asarray(options.pop("reset_mask", np.ones(self.num_envs, np.bool_)))
        if which.shape != (self.num_envs,) or which.dtype != np.bool_:
            raise OptionError(
                f"options['reset_mask'] is {which.dtype}{which.shape}: give bool[{self.num_envs}]"
            )
        level = wanted_level(self.stream, options)
        fresh = self._np_random is None
        super().reset(seed=int(seed) if isinstance(seed, int | np.integer) else None)
        if seed is None and fresh:
            seed = int(self.np_random.integers(1 << 62))
        obs = self.stream.reset(None if seed is None else _seeds(seed, self.num_envs), which)
        if level is not None:
            for slot in np.flatnonzero(which):
                self.stream.play(int(slot), level)
            obs = self.stream.observe()
        return obs, {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all; ended environments begin their next level at once."""
        step = self.stream.step(actions)
        infos: dict[str, Any] = {}
        if len(step.ended):
            mask = np.zeros(self.num_envs, np.bool_)
            mask[step.ended] = True
            final_obs = np.full(self.num_envs, None, object)
            for j, i in enumerate(step.ended):
                final_obs[i] = step.final_obs[j]
            final: dict[str, Any] = {}
            for name, values in outcome_fields(step).items():
                column = np.zeros(self.num_envs, values.dtype)
                column[step.ended] = values
                final[name], final[f"_{name}"] = column, mask.copy()
            infos = {
                "final_obs": final_obs,
                "_final_obs": mask,
                "final_info": final,
                "_final_info": mask.copy(),
            }
        return step.obs, step.reward.astype(np.float64), step.terminated, step.truncated, infos

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A picture of each environment, when `render_mode` is `rgb_array`."""
        if self.render_mode is None:
            return None
        return tuple(draw(self.stream.scene(slot)) for slot in range(self.num_envs))


def make_env(**options: Any) -> GoalpostsEnv:
    """gymnasium's entry point."""
    return GoalpostsEnv(**options)


def make_vector_env(num_envs: int, **options: Any) -> GoalpostsVectorEnv:
    """gymnasium's vector entry point."""
    return GoalpostsVectorEnv(num_envs, **options)
