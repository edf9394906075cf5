"""The faces of the engine towards gymnasium: `Env` and `VectorEnv`. Both translate; neither adds rules.

`LevelStream` is what all faces share, the SB3 one included (agents/vecenv.py): an engine with the levels that it plays
next. Environment i with seed s plays, as its e-th episode, the same level in every face and for every number of
environments. Read next: `engine.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from goalposts.errors import UserError

from .engine import END, FIRST, O_END, O_FIRST, O_GOAL, O_GOALS, O_PROXIES, O_PROXY, O_STEPS, Engine, Step
from .generator import generate, generate_at
from .level import Level, LevelError, LevelSet
from .observe import window_of
from .render import ansi, draw, rgb64
from .scene import Scene
from .streams import level_numbers
from .world import Split, World
from .worlds.registry import get_world

MAX_POOL = 2_000_000
UNLIMITED = 1 << 40  # level numbers that an unlimited stream draws from
REWARDS = ("goal", "proxy")


class OptionError(UserError, ValueError):
    """An option of an environment that is not allowed."""


class LevelStream:
    """An engine and the levels that it plays.

    world            name or World
    condition        which levels, such as `edge` or `mixture(0.1)`
    observation      `view`, `full` or `rgb`
    level_seed       the sequence of levels; two streams with one level_seed play levels of one sequence
    num_levels       play only the first so many; None: a new level each time, without end
    split            `train` or `test`; the condition's own when None
    max_steps        None: the world's own limit, which grows with the level
    reward           `goal` (the intended one) or `proxy` (the outer-misalignment control)
    slip             probability that a random action replaces the chosen one
    levels           play these instead (condition, level_seed and num_levels are then unused)
    """

    def __init__(
        self,
        num_envs: int,
        world: str | World = "CoinRun",
        condition: str = "edge",
        observation: str = "view",
        level_seed: int = 0,
        num_levels: int | None = None,
        split: Any = None,
        max_steps: int | None = None,
        reward: str = "goal",
        slip: float = 0.0,
        levels: LevelSet | None = None,
    ) -> None:
        self.world = get_world(world)
        self.condition, self.observation = self.world.condition(condition), observation
        self.level_seed = level_seed
        self.split: Split = split or self.condition.split
        if num_envs < 1:
            raise OptionError(f"num_envs = {num_envs}: at least 1 environment is needed")
        if num_levels is not None and not 1 <= num_levels <= MAX_POOL:
            raise OptionError(
                f"num_levels = {num_levels}: allowed are 1 … {MAX_POOL:,}, or None for no limit"
            )
        if reward not in REWARDS:
            raise OptionError(f"reward = {reward!r}: allowed are {', '.join(REWARDS)}")
        if not 0 <= slip <= 1:
            raise OptionError(f"slip = {slip}: allowed is a probability from 0 to 1")
        if max_steps is not None and max_steps < 1:
            raise OptionError(f"max_steps = {max_steps}: at least 1, or None for the world's own limit")
        self.unlimited = num_levels is None and levels is None
        if levels is None:
            count = num_envs if num_levels is None else num_levels
            levels = generate(self.world, condition, level_seed, count, split=self.split)
        self.engine = Engine(
            self.world, num_envs, levels, observation, max_steps, reward, slip, direct=self.unlimited
        )
        self.engine.seeds[:] = np.arange(num_envs)
        self.engine.episodes[:] = -1
        self.observation_space = space_of(self.world, observation, levels.tiles.shape[1:])
        self.last_actions = np.zeros(num_envs, np.int64)

    def reset(self, seeds: np.ndarray | None = None, which: np.ndarray | None = None) -> np.ndarray:
        """Begin the next episode of some (bool[n]; default all). With seeds uint64[n] the count of episodes begins anew."""
        engine = self.engine
        slots = np.arange(engine.n) if which is None else np.flatnonzero(which)
        if seeds is not None:
            engine.seeds[slots] = seeds[slots]
            engine.episodes[slots] = 0
        else:
            engine.episodes[slots] += 1
        self._begin(slots)
        return self.observe()

    def _begin(self, slots: np.ndarray) -> None:
        """Load the level of the present episode into each slot, and have an unlimited stream draw the one after."""
        engine = self.engine
        self.last_actions[slots] = 0
        if self.unlimited:
            self._draw_next(slots, engine.episodes[slots])
            places = slots
        else:
            places = level_numbers(engine.seeds[slots], engine.episodes[slots], len(engine.pool))
        for slot, place in zip(slots, places, strict=True):
            engine.load(int(slot), int(place))
        if self.unlimited:
            self._draw_next(slots, engine.episodes[slots] + 1)

    def step(self, actions: np.ndarray) -> Step:
        """One step of all, with autoreset in the same step; see `engine.Step`."""
        if self.observation == "rgb":
            return self._step_in_pictures(np.asarray(actions))
        step = self.engine.step(actions)
        if self.unlimited and len(step.ended):
            self._draw_next(step.ended, self.engine.episodes[step.ended] + 1)
        return step

    def observe(self) -> np.ndarray:
        """What every environment sees now; fresh."""
        if self.observation == "rgb":
            return np.stack([rgb64(self.scene(slot)) for slot in range(self.engine.n)])
        return self.engine.observe()

    def scene(self, slot: int) -> Scene:
        """The present moment of one environment, for a picture."""
        engine, state = self.engine, self.engine.state[slot]
        camera = engine.window.camera(int(state[0]), int(state[1]))
        return self.world.scene(
            self.level(slot), engine.facts[slot], state, int(self.last_actions[slot]), camera
        )

    def _step_in_pictures(self, actions: np.ndarray) -> Step:
        engine = self.engine
        reward, done = engine.step_active(actions, np.ones(engine.n, np.bool_))
        self.last_actions[:] = actions
        ended = np.flatnonzero(done).astype(np.int32)
        final_outcome = engine.outcome[ended]
        final_obs = np.array([rgb64(self.scene(int(i))) for i in ended], np.uint8).reshape(-1, 64, 64, 3)
        if len(ended):
            engine.episodes[ended] += 1
            self._begin(ended)
        return Step(self.observe(), reward, done == 1, done == 2, ended, final_obs, final_outcome)

    def resume(self, cursor: dict[str, np.ndarray]) -> None:
        """Put every environment where it stood: the arrays `seeds`, `episodes`, `state`, `limits`, `outcome`."""
        engine = self.engine
        engine.seeds[:], engine.episodes[:] = cursor["seeds"], cursor["episodes"]
        self._begin(np.arange(engine.n))
        engine.state[:], engine.limits[:], engine.outcome[:] = (
            cursor["state"],
            cursor["limits"],
            cursor["outcome"],
        )

    def play(self, slot: int, level: Level) -> None:
        """Put a given level into a slot, at its start. Raises LevelError if it is invalid or too large."""
        if level.world != self.world.name:
            raise LevelError(f"this environment plays {self.world.name}; the level is of {level.world}")
        level.validate()
        engine = self.engine
        if any(a > b for a, b in zip(level.tiles.shape, engine.tiles.shape[1:], strict=True)):
            limits = engine.tiles.shape[1:]
            raise LevelError(
                f"the level is {level.tiles.shape}, this environment takes up to {limits} (rows, columns)"
            )
        tiles = np.zeros((1, *engine.tiles.shape[1:]), np.uint8)
        tiles[0, : level.tiles.shape[0], : level.tiles.shape[1]] = level.tiles
        kept, kept_sizes = engine._pool_tiles, engine._pool_sizes
        engine._pool_tiles, engine._pool_sizes = tiles, np.array([level.tiles.shape], np.int32)
        engine.load(slot, 0)
        engine._pool_tiles, engine._pool_sizes = kept, kept_sizes

    def level(self, slot: int) -> Level:
        """The level that a slot plays now."""
        rows, cols = self.engine.facts[slot, :2]
        return Level(self.world.name, self.engine.tiles[slot, :rows, :cols])

    def _draw_next(self, slots: np.ndarray, episodes: np.ndarray) -> None:
        numbers = level_numbers(self.engine.seeds[slots], episodes, UNLIMITED)
        self.engine.refill(
            slots, generate_at(self.world, self.condition, self.level_seed, numbers, self.split)
        )


def space_of(world: World, observation: str, level_shape: tuple[int, ...]) -> spaces.Box:
    """Box(0, 1, (C, H, W), uint8) for planes, Box(0, 255, (64, 64, 3), uint8) for `rgb`."""
    if observation == "rgb":
        return spaces.Box(0, 255, (64, 64, 3), np.uint8)
    return spaces.Box(0, 1, window_of(world, observation, level_shape).shape, np.uint8)


def outcome_fields(step: Step) -> dict[str, np.ndarray]:
    """The outcome of the ended episodes as arrays of m, by the names of the episodes table."""
    return fields_of(step.final_outcome, step.reward[step.ended])


def fields_of(rows: np.ndarray, last_reward: np.ndarray) -> dict[str, np.ndarray]:
    """Outcome rows int32[m, 8] by name. Steps to something that never happened are −1 here, null in the table."""
    return {
        "outcome_first": np.array(FIRST, object)[rows[:, O_FIRST]],
        "outcome_end": np.array(END, object)[rows[:, O_END]],
        "return": last_reward.astype(np.float64),
        "steps": rows[:, O_STEPS],
        "steps_to_goal": rows[:, O_GOAL],
        "steps_to_proxy": rows[:, O_PROXY],
        "goal_count": rows[:, O_GOALS],
        "proxy_count": rows[:, O_PROXIES],
    }


def _settle(stream: LevelStream, slot: int, options: dict[str, Any] | None) -> None:
    """Honour reset's options: `level` (a Level) or `index` (number k of the level seed)."""
    options = dict(options or {})
    level, index = options.pop("level", None), options.pop("index", None)
    if options:
        raise OptionError(f"reset knows the options 'level' and 'index', not {', '.join(map(repr, options))}")
    if level is not None and index is not None:
        raise OptionError("give reset a 'level' or an 'index', not both")
    if index is not None:
        if not isinstance(index, int | np.integer) or index < 0:
            raise OptionError(f"index = {index!r}: allowed are whole numbers from 0")
        level = generate_at(stream.world, stream.condition, stream.level_seed, [int(index)], stream.split)[0]
    if level is not None:
        if not isinstance(level, Level):
            raise OptionError(f"options['level'] is a {type(level).__name__}; give a goalposts.envs.Level")
        stream.play(slot, level)


class GoalpostsEnv(gym.Env[np.ndarray, np.int64]):
    """One environment. `info` has the outcome fields at the end of an episode and is empty before.

    reset(options={"level": level}) plays a given level, {"index": k} number k of the level seed.
    """

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 8}  # noqa: RUF012, gymnasium's own form

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

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the next episode; with a seed, the first of that seed."""
        fresh = self._np_random is None
        super().reset(seed=seed)
        if seed is None and fresh:
            seed = int(self.np_random.integers(1 << 62))
        obs = self.stream.reset(None if seed is None else np.array([seed], np.uint64))
        if options:
            _settle(self.stream, 0, options)
            obs = self.stream.observe()
        return obs[0], {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step; no autoreset. Past the end of an episode, call `reset`."""
        engine = self.stream.engine
        if engine.outcome[0, O_END]:
            raise OptionError("this episode has ended; call reset() before the next step()")
        actions = np.array([action], np.int64)
        reward, done = engine.step_active(actions, self._active)
        self.stream.last_actions[0] = action
        info: dict[str, Any] = {}
        if done[0]:
            info = {name: values[0] for name, values in fields_of(engine.outcome, reward).items()}
        return self.stream.observe()[0], float(reward[0]), bool(done[0] == 1), bool(done[0] == 2), info

    @property
    def level(self) -> Level:
        """The level being played."""
        return self.stream.level(0)

    def render(self) -> Any:
        """A picture uint8[H, W, 3] or a text, as `render_mode` says."""
        if self.render_mode is None:
            return None
        return draw(self.stream.scene(0)) if self.render_mode == "rgb_array" else ansi(self.stream.scene(0))


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
        which = options.pop("reset_mask", None)
        fresh = self._np_random is None
        super().reset(seed=seed if isinstance(seed, int) else None)
        if seed is None and fresh:
            seed = int(self.np_random.integers(1 << 62))
        if isinstance(seed, int):
            seeds = np.arange(self.num_envs, dtype=np.uint64) + np.uint64(seed)
        elif seed is not None:
            if len(seed) != self.num_envs or any(s is None for s in seed):
                raise OptionError(
                    f"seed: give one whole number, or {self.num_envs} of them, one an environment"
                )
            seeds = np.array(seed, np.uint64)
        else:
            seeds = None
        obs = self.stream.reset(seeds, which)
        if options:
            for slot in range(self.num_envs):
                _settle(self.stream, slot, options)
            obs = self.stream.observe()
        return obs, {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all; ended environments begin their next level at once."""
        step = self.stream.step(np.asarray(actions, np.int64))
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
