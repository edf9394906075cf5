"""The engine's gymnasium interfaces, `Env` and `VectorEnv`. Both only translate; neither adds rules.

Read next: `envs/engine/level_stream.py`, which they share with the SB3 interface; `envs/engine/engine.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from goalposts.whole_numbers import is_whole

from .engine.level_sampler import refuse_sampler
from .engine.level_stream import fields_of, outcome_fields, stream_of, wanted_level
from .engine.options import OptionError, options_of, seeds_of
from .engine.outcome import O_END, RUNNING, TERMINATED, TRUNCATED
from .levels.level import Level
from .render.render import ansi
from .worlds.contract.world import World
from .worlds.registry import load_world


class GoalpostsEnv(gym.Env[np.ndarray, np.int64]):
    """A single gymnasium environment. `info` holds the outcome fields at the end of an episode and is empty before.

    reset(options={"level": level}) plays a given level, {"index": k} level k of the level seed.
    """

    metadata = {"render_modes": ["rgb_array", "ansi", "human"], "render_fps": 8}  # noqa: RUF012, gymnasium's own form

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        _check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.stream = stream_of(1, options, ("render_mode",))
        refuse_sampler(self.stream.sampler, True)
        self.observation_space = self.stream.observation_space
        self.action_space = cast("spaces.Space[np.int64]", spaces.Discrete(len(self.stream.world.actions)))
        self._active = np.ones(1, np.bool_)
        self._seeded = False
        self._window: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the window: a copy continues like the original and opens a separate window."""
        return {**self.__dict__, "_window": None}

    def __copy__(self) -> Any:
        """Return a deep copy: a shallow copy would share, and step, the original's engine."""
        return deepcopy(self)

    def get_action_meanings(self) -> list[str]:
        """Names of the actions, in order."""
        return [action.name for action in self.stream.world.actions]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start the next episode; with a seed, the first episode of that seed."""
        level = wanted_level(self.stream, options)
        seeds, given = seeds_of(seed if seed is None else [seed], 1)
        super().reset(seed=int(seeds[0]) if given[0] else None)
        if not given[0] and not self._seeded:
            seeds, given = seeds_of(int(self.np_random.integers(1 << 62)), 1)
        self._seeded = True
        obs = self.stream.reset(seeds, None, given)
        if level is not None:
            self.stream.play(0, level)
            obs = self.stream.observe()
        self._show()
        return obs[0], {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Step the environment, without autoreset. Raises OptionError after the end of an episode; call `reset` first."""
        engine = self.stream.engine
        self.stream.check_begun()
        if engine.outcome[0, O_END]:
            raise OptionError("this episode has ended; call reset() before the next step()")
        actions = np.array([action])
        self.stream.count(1)
        reward, done = engine.step_active(actions, self._active)
        self.stream.last_actions[0] = action
        self._show()
        info: dict[str, Any] = {}
        if done[0]:
            fields = fields_of(engine.outcome, engine.returns(engine.outcome, reward))
            info = {name: values[0] for name, values in fields.items()}
        terminated, truncated = bool(done[0] == TERMINATED), bool(done[0] == TRUNCATED)
        return self.stream.observe()[0], float(reward[0]), terminated, truncated, info

    @property
    def level(self) -> Level:
        """The level being played."""
        return self.stream.level(0)

    def render(self) -> Any:
        """Render as an image uint8[H, W, 3] or as text, depending on `render_mode`; None in mode `human`, whose window shows every step."""
        if self.render_mode in (None, "human"):
            return None
        return self.stream.frame(0) if self.render_mode == "rgb_array" else ansi(self.stream.scene(0))

    def close(self) -> None:
        """Close the window of mode `human`, if it is open."""
        if self._window is not None:
            self._window.close()
            self._window = None
        super().close()

    def _show(self) -> None:
        if self.render_mode != "human":
            return
        if self._window is None:
            from .window.human_render import HumanWindow  # imports pygame only when needed

            self._window = HumanWindow(f"Goalposts: {self.stream.world.name}", self.metadata["render_fps"])
        self._window.show(self.stream.frame(0, 32 if self.stream.engine.tiles.shape[2] <= 40 else 16))


class GoalpostsVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """A vector environment: n environments in one engine. Returned arrays are fresh and belong to the caller.

    autoreset_mode: a gymnasium `AutoresetMode`, or its name or value. At the end of episodes, `infos` contains:
    SAME_STEP (default)  `final_obs` (object[n], None elsewhere), `final_info` (the outcome fields as arrays of n, defined
                         where `_final_info`) and the masks `_final_obs`, `_final_info` (bool[n])
    NEXT_STEP, DISABLED  the outcome fields as arrays of n, each with its mask `_NAME`; their next level starts at the next
                         step (which ignores their action) or at the caller's reset with a `reset_mask`, respectively
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 8, "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        **options: Any,
    ) -> None:
        _check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode, self.autoreset_mode = render_mode, _mode_of(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.stream = stream_of(num_envs, options, ("render_mode", "autoreset_mode"))
        refuse_sampler(self.stream.sampler, self.autoreset_mode is not AutoresetMode.SAME_STEP)
        self.num_envs = num_envs = self.stream.engine.n
        self._seeded = np.zeros(num_envs, np.bool_)
        self.single_observation_space = self.stream.observation_space
        self.single_action_space = spaces.Discrete(len(self.stream.world.actions))
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, num_envs)
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start new episodes. A seed s gives the environments s, s + 1, …; `options["reset_mask"]` selects environments.

        In a list of seeds, None lets an environment continue its sequence.
        """
        options = options_of(options)
        which = np.asarray(options.pop("reset_mask", np.ones(self.num_envs, np.bool_)))
        if which.shape != (self.num_envs,) or which.dtype != np.bool_:
            raise OptionError(
                f"options['reset_mask'] is {which.dtype}{which.shape}: must be bool[{self.num_envs}]"
            )
        level = wanted_level(self.stream, options)
        seeds, given = seeds_of(seed, self.num_envs)
        super().reset(seed=int(seeds[0]) if is_whole(seed) else None)
        unseeded = which & ~given & ~self._seeded
        if unseeded.any():
            drawn, _ = seeds_of(int(self.np_random.integers(1 << 62)), self.num_envs)
            seeds, given = np.where(unseeded, drawn, seeds), given | unseeded
        self._seeded |= which
        obs = self.stream.reset(seeds, which, given)
        if level is not None:
            for slot in np.flatnonzero(which):
                self.stream.play(int(slot), level)
            obs = self.stream.observe()
        return obs, {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all environments; ended ones start their next level according to `autoreset_mode`."""
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            return self._step_and_wait(actions)
        step = self.stream.step(actions)
        infos: dict[str, Any] = {}
        if len(step.ended):
            final_obs = np.full(self.num_envs, None, object)
            for j, i in enumerate(step.ended):
                final_obs[i] = step.final_obs[j]
            mask = self._mask(step.ended)
            infos = {
                "final_obs": final_obs,
                "_final_obs": mask,
                "final_info": self._columns(step.ended, outcome_fields(step)),
                "_final_info": mask.copy(),
            }
        return step.obs, step.reward.astype(np.float64), step.terminated, step.truncated, infos

    def _step_and_wait(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step the environments with a running episode; ended ones start their next level (NEXT_STEP) or raise (DISABLED)."""
        stream, engine = self.stream, self.stream.engine
        stream.check_begun()
        over = engine.outcome[:, O_END] != RUNNING
        if self.autoreset_mode is AutoresetMode.DISABLED and over.any():
            raise OptionError(
                f"the episodes of environments {np.flatnonzero(over).tolist()} have ended and autoreset is disabled; "
                "call reset(options={'reset_mask': terminated | truncated}) before the next step()"
            )
        stream.count(int((~over).sum()), ~over)
        reward, done = engine.step_active(actions, ~over)
        stream.last_actions[~over] = np.asarray(actions)[~over]
        stream.begin_next(np.flatnonzero(over))
        ended = np.flatnonzero(done)
        infos: dict[str, Any] = {}
        if len(ended):
            rows = engine.outcome[ended]
            infos = self._columns(ended, fields_of(rows, engine.returns(rows, reward[ended])))
        return stream.observe(), reward.astype(np.float64), done == TERMINATED, done == TRUNCATED, infos

    def _mask(self, ended: np.ndarray) -> np.ndarray:
        """Mask bool[n] of the environments `ended`, int[m]."""
        mask = np.zeros(self.num_envs, np.bool_)
        mask[ended] = True
        return mask

    def _columns(self, ended: np.ndarray, fields: dict[str, np.ndarray]) -> dict[str, Any]:
        """Expand fields of the m ended environments to arrays of n, each with its mask `_NAME`."""
        infos: dict[str, Any] = {}
        for name, values in fields.items():
            column = np.zeros(self.num_envs, values.dtype)
            column[ended] = values
            infos[name], infos[f"_{name}"] = column, self._mask(ended)
        return infos

    def render(self) -> tuple[np.ndarray, ...] | None:
        """Render an image uint8[H, W, 3] of each environment, all of the same size; None unless `render_mode` is `rgb_array`."""
        if self.render_mode is None:
            return None
        return tuple(self.stream.frame(slot) for slot in range(self.num_envs))

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Like gymnasium's `call`: a method's result or an attribute, repeated for each environment."""
        value = getattr(self, name)
        return (value(*args, **kwargs) if callable(value) else value,) * self.num_envs

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Return an attribute, repeated for each environment, since they share one engine."""
        return (getattr(self, name),) * self.num_envs

    def __copy__(self) -> Any:
        """Return a deep copy: a shallow copy would share, and step, the original's engine."""
        return deepcopy(self)

    def get_action_meanings(self) -> list[str]:
        """Names of the actions, in order."""
        return [action.name for action in self.stream.world.actions]


def _check_render_mode(mode: Any, modes: list[str]) -> None:
    if mode not in (None, *modes):
        hint = "; for a window use gymnasium.make with render_mode='human'" if mode == "human" else ""
        raise OptionError(f"render_mode = {mode!r}: must be one of {', '.join(modes)}, None{hint}")


def _mode_of(mode: Any) -> AutoresetMode:
    """Convert to a gymnasium `AutoresetMode`, given as itself or by name or value."""
    for known in AutoresetMode:
        if mode is known or mode in (known.name, known.value):
            return known
    raise OptionError(
        f"autoreset_mode = {mode!r}: must be one of {', '.join(known.name for known in AutoresetMode)}"
    )


class AnyWorldEnv(GoalpostsEnv):
    """The environment of a custom world, registered in gymnasium as `goalposts/World-v0`.

    world: `module:NAME`, which is imported, the name of a known or installed world, or a World.
    """

    def __init__(
        self, render_mode: str | None = None, world: str | World | None = None, **options: Any
    ) -> None:
        super().__init__(render_mode, world=_loaded(world), **options)


def make_vector_env(num_envs: int, **options: Any) -> GoalpostsVectorEnv:
    """Entry point for gymnasium's `make_vec`."""
    return GoalpostsVectorEnv(num_envs, **options)


def make_any_vector_env(
    num_envs: int, world: str | World | None = None, **options: Any
) -> GoalpostsVectorEnv:
    """Entry point for gymnasium's `make_vec` with custom worlds; see `AnyWorldEnv`."""
    return GoalpostsVectorEnv(num_envs, world=_loaded(world), **options)


def _loaded(world: str | World | None) -> World:
    if world is None:
        raise OptionError(
            "goalposts/World-v0 needs a world: pass world='my_module:MY_WORLD' or a goalposts.envs.World"
        )
    return load_world(world) if isinstance(world, str) else world
