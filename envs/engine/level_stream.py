"""A stream of levels through an engine, shared by all interfaces, including SB3's (agents/sb3_vec_env.py).

The e-th episode of environment i with seed s has the same level in every interface and for every number of
environments. Read next: `envs/gymnasium_envs.py`, which adapts it to gymnasium; `engine.py`, the step loop.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from gymnasium import spaces

from goalposts.whole_numbers import kind_of, shown, whole

from ..generation.generate import MAX_SEED, generate, generate_at
from ..jit.random_streams import level_numbers
from ..levels.level import Level, LevelError, LevelSet
from ..planner.planner import solve
from ..render.render import framed
from ..render.scene import Scene
from ..worlds.contract.world import Split, World
from ..worlds.registry import get_world
from .engine import REWARDS, Engine, Step
from .level_sampler import check_sampler, chosen_levels, report_ended
from .observe import observation_layout
from .options import OptionError, check_levels, check_names, check_probability, options_of, step_limit
from .outcome import (
    END,
    FIRST,
    O_END,
    O_FIRST,
    O_GOAL,
    O_GOALS,
    O_LEVEL,
    O_PROXIES,
    O_PROXY,
    O_STEPS,
    RUNNING,
    TERMINATED,
    TRUNCATED,
)
from .pixels import level_of, observe_pixels, scene_of

MAX_POOL, MAX_ENVS = 2_000_000, 1 << 20
UNLIMITED = 1 << 40  # number of level indices of an unlimited stream


class LevelStream:
    """An engine with the levels that it plays.

    world            name or World
    condition        name such as `edge` or `mixture(0.1)`; None: the world's default training condition
    observation      `view`, `full` or `rgb`
    level_seed       seed of the level sequence; streams with the same level_seed share one sequence
    num_levels       play only the first num_levels levels; None: a new level each episode, without limit
    split            `train` or `test`; None: the condition's own
    max_steps        None: the world's own limit, which grows with the level
    reward           `goal` (the intended one), `proxy` (the outer-misalignment control) or `either` (both)
    slip             probability that a random action replaces the chosen one
    levels           play these levels instead (condition, level_seed and num_levels are then ignored)
    sampler          a `LevelSampler` (`level_sampler.py`) chooses the levels of the pool; it needs num_levels or levels
    """

    def __init__(
        self,
        num_envs: int,
        world: str | World = "CoinRun",
        condition: str | None = None,
        observation: str = "view",
        level_seed: int = 0,
        num_levels: int | None = None,
        split: Any = None,
        max_steps: int | None = None,
        reward: str = "goal",
        slip: float = 0.0,
        levels: LevelSet | None = None,
        sampler: Any = None,
    ) -> None:
        num_envs = whole("num_envs", num_envs, OptionError, 1, MAX_ENVS)
        level_seed = whole("level_seed", level_seed, OptionError, 0, MAX_SEED)
        if num_levels is not None:
            num_levels = whole(
                "num_levels",
                num_levels,
                OptionError,
                1,
                MAX_POOL,
                ", or None for no limit (given levels: levels=…)",
            )
        max_steps = step_limit(max_steps)
        levels = check_levels(levels)
        self.world = get_world(world)
        condition = self.world.default_condition("train") if condition is None else condition
        self.condition, self.observation = self.world.condition(condition), observation
        self.level_seed = level_seed
        self.split: Split = split or self.condition.split
        if not isinstance(reward, str) or reward not in REWARDS:
            raise OptionError(f"reward = {shown(reward)}: must be one of {', '.join(REWARDS)}")
        check_probability("slip", slip)
        self.unlimited = num_levels is None and levels is None
        check_sampler(sampler, self.unlimited)
        self.sampler: Any = sampler
        self.meter: Any = None  # counts steps, see `count`
        self.counter: Any = None  # notes which levels are stepped, see `count`
        if levels is None:
            count = num_envs if num_levels is None else num_levels
            levels = generate(self.world, condition, level_seed, count, split=self.split)
        self.engine = Engine(
            self.world,
            num_envs,
            levels,
            observation,
            max_steps,
            reward,
            slip,
            direct=self.unlimited or sampler is not None,
        )
        if sampler is not None:
            sampler.begin(levels, num_envs)
        self.engine.seeds[:] = np.arange(num_envs)
        self.engine.episodes[:] = -1
        self.observation_space = space_of(self.world, observation, levels.tiles.shape[1:])
        self.last_actions = np.zeros(num_envs, np.int64)
        self._begun = False

    def reset(
        self,
        seeds: np.ndarray | None = None,
        which: np.ndarray | None = None,
        given: np.ndarray | None = None,
    ) -> np.ndarray:
        """Start the next episode of some environments (bool[n]; default all); returns the observations of all.

        seeds uint64[n]: an environment with a new seed starts at the first episode of that seed; given bool[n]: which of the
        seeds are new (default: all); the other environments continue their sequence.
        """
        engine = self.engine
        slots = np.arange(engine.n) if which is None else np.flatnonzero(which)
        if seeds is not None:
            new = slots if given is None else slots[given[slots]]
            engine.seeds[new], engine.episodes[new] = seeds[new], -1
        self.begin_next(slots)
        return self.observe()

    def begin_next(self, slots: np.ndarray) -> None:
        """Start the next episode of each slot, int[m]."""
        if len(slots):
            self.engine.episodes[slots] += 1
            self._begin(slots)

    def _begin(self, slots: np.ndarray) -> None:
        """Load the current episode's level into each slot; an unlimited stream then draws the following one."""
        engine = self.engine
        self.last_actions[slots] = 0
        if self.unlimited:
            self._draw_next(slots, engine.episodes[slots])
            places = slots
        elif self.sampler is not None:
            places = chosen_levels(self.sampler, slots, len(engine.pool))
        else:
            places = level_numbers(engine.seeds[slots], engine.episodes[slots], len(engine.pool))
        for slot, place in zip(slots, places, strict=True):
            engine.load(int(slot), int(place))
        if self.unlimited:
            self._draw_next(slots, engine.episodes[slots] + 1)
        elif (
            self.sampler is not None and self.observation != "rgb"
        ):  # the compiled step loads what was chosen ahead
            engine.following[slots] = chosen_levels(self.sampler, slots, len(engine.pool))

    def count(self, steps: int, active: np.ndarray | None = None) -> None:
        """Count environment steps before they are taken, where a training has a budget (`agents/methods/budget.py`).

        active: which environments take them, bool[n]; None: all.
        """
        if self.meter is not None:
            self.meter.spend(steps)
        if self.counter is not None:
            self.counter.note(self, active)

    def step(self, actions: np.ndarray) -> Step:
        """Step all environments, with autoreset in the same step; see `engine.Step`."""
        self.check_begun()
        self.count(self.engine.n)
        if self.observation == "rgb":
            return self._step_in_pixels(np.asarray(actions))
        step = self.engine.step(actions)
        self.last_actions[:] = actions
        self.last_actions[step.ended] = 0
        if self.unlimited and len(step.ended):
            self._draw_next(step.ended, self.engine.episodes[step.ended] + 1)
        elif self.sampler is not None and len(step.ended):
            report_ended(self.sampler, step)
            self.engine.following[step.ended] = chosen_levels(self.sampler, step.ended, len(self.engine.pool))
        return step

    def check_begun(self) -> None:
        """Raise OptionError if any environment has no level yet."""
        if not self._begun:
            self._begun = bool(self.engine.limits.all())
            if not self._begun:
                raise OptionError("there is no level yet; call reset() before the first step() or render()")

    def observe(self) -> np.ndarray:
        """Fresh observations of all environments."""
        if self.observation == "rgb":
            self.check_begun()
            return observe_pixels(self.engine, range(self.engine.n), self.last_actions)
        return self.engine.observe()

    def scene(self, slot: int) -> Scene:
        """Scene of one environment at this moment, for rendering. Raises OptionError before the first reset."""
        self.check_begun()
        return scene_of(self.engine, slot, int(self.last_actions[slot]))

    def frame(self, slot: int, px: int = 16) -> np.ndarray:
        """Render an image for people, uint8[H, W, 3], of the same size for every level of this stream."""
        rows, cols = self.engine.tiles.shape[1:]
        return framed(self.scene(slot), rows, cols, px)

    def _step_in_pixels(self, actions: np.ndarray) -> Step:
        engine = self.engine
        reward, done = engine.step_active(actions, np.ones(engine.n, np.bool_))
        self.last_actions[:] = actions
        ended = np.flatnonzero(done).astype(np.int32)
        final_outcome = engine.outcome[ended]
        final_obs = observe_pixels(engine, ended, self.last_actions)
        final_return = engine.returns(final_outcome, reward[ended])
        if self.sampler is not None and len(ended):
            self.sampler.ended(ended, final_outcome[:, O_LEVEL], final_return, final_outcome)
        self.begin_next(ended)
        return Step(
            self.observe(),
            reward,
            done == TERMINATED,
            done == TRUNCATED,
            ended,
            final_obs,
            final_outcome,
            final_return,
        )

    def cursor(self) -> dict[str, np.ndarray]:
        """Snapshot of every environment's position, as arrays of n by name; `resume` restores it."""
        engine = self.engine
        names = ("seeds", "episodes", "state", "limits", "outcome")
        return {name: getattr(engine, name) for name in names} | {"last_actions": self.last_actions}

    def resume(self, cursor: dict[str, np.ndarray]) -> None:
        """Restore a snapshot made by `cursor`. Raises OptionError for an impossible state, since the rules do not check it."""
        engine = self.engine
        engine.seeds[:], engine.episodes[:] = cursor["seeds"], cursor["episodes"]
        self._begin(np.arange(engine.n))
        outcome, last = cursor["outcome"], cursor["last_actions"]
        if (
            not all(solve(self.level(i)).state_id(cursor["state"][i]) >= 0 for i in range(engine.n))
            or not (
                (outcome[:, O_FIRST] >= 0)
                & (outcome[:, O_FIRST] < len(FIRST))
                & (outcome[:, O_END] == RUNNING)
            ).all()
            or not ((last >= 0) & (last < len(self.world.actions))).all()
        ):
            raise OptionError("invalid environment state in the checkpoint")
        for name, array in self.cursor().items():
            array[:] = cursor[name]

    def extend(self, levels: LevelSet) -> np.ndarray:
        """Add levels to the pool that the sampler chooses from; returns their indices int64[m]. Running episodes do not change.

        Raises OptionError without a sampler or beyond `MAX_POOL` levels, LevelError for levels of another world or shape.
        """
        if self.sampler is None:
            raise OptionError("only a sampler plays added levels; give the environment a sampler=…")
        if len(self.engine.pool) + len(levels) > MAX_POOL:
            raise OptionError(f"a pool holds at most {MAX_POOL:,} levels; add fewer")
        return self.engine.extend(levels)

    def check_fits(self, level: Level) -> None:
        """Raise LevelError if a level is invalid, too large or of another world."""
        if level.world != self.world.name:
            raise LevelError(f"this environment plays {self.world.name}; the level is of {level.world}")
        level.validate()
        engine = self.engine
        if any(a > b for a, b in zip(level.tiles.shape, engine.tiles.shape[1:], strict=True)):
            limits = engine.tiles.shape[1:]
            raise LevelError(
                f"the level is {level.tiles.shape}; this environment takes up to {limits} (rows, columns)"
            )

    def play(self, slot: int, level: Level) -> None:
        """Load a given level into a slot and reset the slot. Raises LevelError like `check_fits`."""
        self.check_fits(level)
        engine = self.engine
        tiles = np.zeros((1, *engine.tiles.shape[1:]), np.uint8)
        tiles[0, : level.tiles.shape[0], : level.tiles.shape[1]] = level.tiles
        sizes, number = np.array([level.tiles.shape], np.int32), np.array([-1])
        engine.load(slot, 0, LevelSet(level.world, tiles, sizes, number))
        if self.counter is not None:
            engine.outcome[slot, O_LEVEL] = self.counter.given(level)

    def level(self, slot: int) -> Level:
        """The level that a slot is playing. Raises OptionError before the first reset."""
        self.check_begun()
        return level_of(self.engine, slot)

    def _draw_next(self, slots: np.ndarray, episodes: np.ndarray) -> None:
        numbers = level_numbers(self.engine.seeds[slots], episodes, UNLIMITED)
        levels = generate_at(self.world, self.condition, self.level_seed, numbers, self.split)
        self.engine.refill(slots, levels)
        if self.counter is not None:
            self.counter.drawn(numbers, levels)


def stream_of(num_envs: int, options: dict[str, Any], own: tuple[str, ...] = ()) -> LevelStream:
    """Create a stream from options. Raises OptionError for unknown ones; own: names of the caller's additional options."""
    check_names(options, {*KNOWN, *own})
    return LevelStream(num_envs, **options)


KNOWN = tuple(signature(LevelStream).parameters)[1:]
"""Names of the stream's options, except `num_envs`."""


def space_of(world: World, observation: str, level_shape: tuple[int, ...]) -> spaces.Box:
    """Observation space: Box(0, 1, (C, H, W), uint8) for planes, Box(0, 255, (64, 64, 3), uint8) for `rgb`."""
    if observation == "rgb":
        return spaces.Box(0, 255, (64, 64, 3), np.uint8)
    return spaces.Box(0, 1, observation_layout(world, observation, level_shape).shape, np.uint8)


def outcome_fields(step: Step) -> dict[str, np.ndarray]:
    """Outcomes of the ended episodes as arrays of m: see `fields_of`."""
    return fields_of(step.final_outcome, step.final_return)


def fields_of(rows: np.ndarray, returns: np.ndarray) -> dict[str, np.ndarray]:
    """Convert outcome rows int32[m, 8] to the columns of the episodes table, plus `is_success`: the goal was reached.

    Steps to an event that never happened are −1 here and null in the table.
    """
    return {
        "is_success": rows[:, O_GOAL] >= 0,
        "outcome_first": np.array(FIRST, object)[rows[:, O_FIRST]],
        "outcome_end": np.array(END, object)[rows[:, O_END]],
        "return": returns,
        "steps": rows[:, O_STEPS],
        "steps_to_goal": rows[:, O_GOAL],
        "steps_to_proxy": rows[:, O_PROXY],
        "goal_count": rows[:, O_GOALS],
        "proxy_count": rows[:, O_PROXIES],
    }


def wanted_level(stream: LevelStream, options: dict[str, Any] | None) -> Level | None:
    """The level requested in reset's options by `level` (a Level) or `index` (level k of the level seed), or None."""
    options = options_of(options)
    level, index = options.pop("level", None), options.pop("index", None)
    if options:
        raise OptionError(f"reset takes the options 'level' and 'index', not {', '.join(map(repr, options))}")
    if level is not None and index is not None:
        raise OptionError("pass reset either a 'level' or an 'index', not both")
    if index is not None:
        index = whole("options['index']", index, OptionError, 0, MAX_SEED)
        level = generate_at(stream.world, stream.condition, stream.level_seed, [index], stream.split)[0]
    if level is not None:
        if not isinstance(level, Level):
            raise OptionError(f"options['level'] is {kind_of(level)}; must be a goalposts.envs.Level")
        stream.check_fits(level)
    return level
