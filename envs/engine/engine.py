"""The batch loop: `Engine` steps n environments in one compiled call.

`Engine` holds n environments of one world as arrays. One call applies the rules, records outcomes, loads the next
levels and writes the observations. The interfaces (`envs/gymnasium_envs.py`, and agents/sb3_vec_env.py for stable-baselines3) only
translate its results. A reset copies a level into its slot, so every episode can have a new level.
Does not draw levels (see `envs/generation/generate.py`) and computes no statistics. Read next: `observe.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from goalposts.errors import UserError

from ..jit.random_streams import EPISODE_LEVEL, TRAINING_SLIP, key_of, mix, unit
from ..levels.level import LevelError, LevelSet
from ..worlds.contract.world import DEATH, DONE, GOAL, PROXY, World
from .arrays import EngineArrays, EngineOptions, StepArrays
from .buffer_pool import BufferPool
from .level_cache import LevelCache, await_level, load_level, make_ready
from .observe import SPARE, ObservationLayout, observation_layout, observe_all
from .outcome import (
    CONTINUES,
    ENDED_BY_DEATH,
    ENDED_BY_GOAL,
    ENDED_BY_LIMIT,
    FIRST_GOAL,
    FIRST_NEITHER,
    FIRST_PROXY,
    NEVER,
    O_END,
    O_FIRST,
    O_GOAL,
    O_GOALS,
    O_PROXIES,
    O_PROXY,
    O_STEPS,
    TERMINATED,
    TRUNCATED,
)

N_STATE = N_FACTS = N_ACTIONS = 0  # specialized for each world by kernels.specialize
step: Any = None

SMALL = 1 << 16  # below this size in bytes, allocating is as fast as the buffer pool

# Events that pay 1, at most once per step. `either`: the first of the two, since the reward does not distinguish them.
REWARDS = {"goal": GOAL, "proxy": PROXY, "either": GOAL | PROXY}

BOUND = ("_load", "_advance", "_observe", "_step", "_fresh")  # set by `Engine._bind`


def advance(actions, active, arrays, options, reward, done):
    """Step every active environment and update `outcome`. reward, done: see `StepArrays`.

    Returns False, without changing anything, if an action is not one of the world's.
    """
    if not allowed(actions, active, N_ACTIONS):
        return False
    arrays, options = EngineArrays(*arrays), EngineOptions(*options)
    tiles, facts, state, outcome = arrays.tiles, arrays.facts, arrays.state, arrays.outcome
    goal_mask, done_mask = options.goal_mask, options.done_mask
    notable = GOAL | PROXY | DEATH | goal_mask | done_mask
    for i in range(len(actions)):
        reward[i] = 0.0
        done[i] = CONTINUES
        if not active[i]:
            continue
        action = actions[i]
        if options.slip > 0.0:
            key = key_of(arrays.seeds[i], arrays.episodes[i], outcome[i, O_STEPS], TRAINING_SLIP)
            if unit(key) < options.slip:
                action = np.int64(unit(mix(key)) * N_ACTIONS)
        event = step(tiles[i], facts[i], state[i], action) & (GOAL | PROXY | DEATH | DONE)
        outcome[i, O_STEPS] += 1
        now, limit = outcome[i, O_STEPS], arrays.limits[i]
        if not event & notable and now < limit:
            continue
        note(event, now, outcome[i])
        if event & goal_mask:
            reward[i] = 1.0
        if event & DEATH:
            outcome[i, O_END] = ENDED_BY_DEATH
            done[i] = TERMINATED
        elif event & done_mask:
            outcome[i, O_END] = ENDED_BY_GOAL
            done[i] = TERMINATED
        elif now >= limit:
            outcome[i, O_END] = ENDED_BY_LIMIT
            done[i] = TRUNCATED
    return True


@njit(inline="always")
def allowed(actions, active, n_actions):
    """Whether the actions int64[n] of all active environments are valid."""
    others = 0
    for i in range(len(actions)):
        others += active[i] & (np.uint64(actions[i]) >= np.uint64(n_actions))
    return others == 0


@njit(inline="always")
def note(event, now, outcome):
    """Record a step's events in an episode's outcome int32[8]."""
    if event & GOAL:
        outcome[O_GOALS] += 1
        if outcome[O_GOAL] == NEVER:
            outcome[O_GOAL] = now
    if event & PROXY:
        outcome[O_PROXIES] += 1
        if outcome[O_PROXY] == NEVER:
            outcome[O_PROXY] = now
    if outcome[O_FIRST] == FIRST_NEITHER and event & (GOAL | PROXY):
        outcome[O_FIRST] = FIRST_GOAL if event & GOAL else FIRST_PROXY


def step_all(actions, active, arrays, options, levels, window, scratch, out):
    """Advance all, save the final observation and outcome of ended episodes, load their next levels, and observe.

    levels: CachedLevels; window: WindowSpec; out: StepArrays. Returns the number of ended episodes, or −1, without changing anything, if an
    action is not one of the world's.
    """
    out, slots = StepArrays(*out), EngineArrays(*arrays)
    direct, n_pool, n = EngineOptions(*options).direct, len(levels[0]), 0
    if not advance(actions, active, arrays, options, out.reward, out.done):
        return -1
    done, ended, outcome, episodes = out.done, out.ended, slots.outcome, slots.episodes
    for i in range(len(actions)):
        out.terminated[i], out.truncated[i] = done[i] == TERMINATED, done[i] == TRUNCATED
        if done[i]:
            ended[n] = i
            n += 1
            episodes[i] += 1
            await_level(next_level(i, direct, slots, n_pool), levels)
    observe_all(ended[:n], arrays, window, out.final_obs, scratch)
    for k in range(n):
        i = np.int64(ended[k])  # the type that `load` passes: another type would trigger a recompilation
        for o in range(outcome.shape[1]):
            out.final_outcome[k, o] = outcome[i, o]
        level = next_level(i, direct, slots, n_pool)
        load_level(i, level, levels, arrays, options)
    observe_all(slots.everyone, arrays, window, out.obs, scratch)
    return n


@njit(inline="always")
def next_level(i, direct, slots, n_pool):
    """Index into the pool of the level that environment i plays in its current episode."""
    if direct:
        return slots.following[i]
    return np.int64(key_of(slots.seeds[i], slots.episodes[i], 0, EPISODE_LEVEL) % np.uint64(n_pool))


class Step(NamedTuple):
    """Result of one step of the batch. Every array is fresh and belongs to the caller.

    obs uint8[n, C, H, W]; reward float32[n]; terminated, truncated bool[n];
    ended int32[m]: environments whose episode ended; final_obs uint8[m, C, H, W], final_outcome int32[m, 8] and final_return
    float64[m]: theirs, from before their next level was loaded (columns O_…; O_LEVEL is the level's index in the pool).
    """

    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    ended: np.ndarray
    final_obs: np.ndarray
    final_outcome: np.ndarray
    final_return: np.ndarray


class ActionError(UserError, ValueError):
    """Invalid actions, or not exactly one per environment."""


class Engine:
    """n environments of one world on levels of a pool.

    Args: world; n; pool (LevelSet); observation `view` or `full`; max_steps (None: the world's own limit);
    reward `goal`, `proxy` or `either`; slip: probability that a random action replaces the chosen one;
    direct: environment i plays the pool's level `following[i]` next, at first level i, whatever its seed.
    """

    def __init__(
        self,
        world: World,
        n: int,
        pool: LevelSet,
        observation: str = "view",
        max_steps: int | None = None,
        reward: str = "goal",
        slip: float = 0.0,
        direct: bool = False,
    ) -> None:
        self.world, self.n, self.reward = world, n, reward
        self.goal_mask = REWARDS[reward]
        rows, cols = pool.tiles.shape[1:]
        self.window: ObservationLayout = observation_layout(world, observation, (rows, cols))
        bits = world.plane_bits
        outside = bits.dtype.type(world.bits(*world.outside))
        self.tiles = np.zeros((n, rows, cols), np.uint8)
        self.facts = np.zeros((n, world.n_facts), np.int32)
        self.state = np.zeros((n, world.n_state), np.int32)
        self.grid = self.window.grids(n, rows, cols, outside)
        self.limits = np.zeros(n, np.int32)
        self.outcome = np.zeros((n, 8), np.int32)
        self.seeds = np.zeros(n, np.uint64)
        self.episodes = np.zeros(n, np.int64)
        self.following = np.arange(n)  # which level of the pool each plays next, if `direct`
        self._named = EngineArrays(
            self.tiles,
            self.facts,
            self.state,
            self.grid,
            self.limits,
            self.outcome,
            self.seeds,
            self.episodes,
            np.arange(n, dtype=np.int32),
            self.following,
        )
        named_options = EngineOptions(
            float(slip),
            self.goal_mask,
            self.done_mask,
            max_steps or 0,
            direct,
            bits,
            outside,
            self.window.pad,
        )
        # Plain tuples: numba takes 10 µs longer for each call from Python that gives it a NamedTuple.
        self._arrays, self._options = tuple(self._named), tuple(named_options)
        self._all = np.ones(n, np.bool_)
        self._scratch, self._spec = tuple(self.window.scratch()), tuple(self.window.spec)
        self.set_pool(pool)
        self._each = int(np.prod(self.window.shape))
        self._size = n * self._each
        self._final_obs = np.empty(self._size + SPARE, np.uint8)
        self._bind()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle everything except what belongs to this process: compiled kernels and arrays that callers still hold."""
        return {name: value for name, value in self.__dict__.items() if name not in BOUND}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy that continues exactly like the original."""
        self.__dict__.update(state)
        self._bind()

    def _bind(self) -> None:
        """Bind the world's kernels (`BOUND`), compiled for this observation."""
        world, (planes, height, breadth) = self.world, self.window.shape
        larger = bool(self.window.reach.any())
        shown = f"-{planes}x{height}x{breadth}" + "-larger" * larger
        self._fresh = BufferPool(self._size + SPARE) if self._size > SMALL else None
        ready = world.kernel(make_ready, allocates=False, within=True)
        self._load = world.kernel(load_level, allocates=False, make_ready=ready)
        self._advance = world.kernel(advance, allocates=False)
        self._observe = world.kernel(
            observe_all,
            variant=shown,
            allocates=False,
            LARGER=larger,
            FOLLOWS=self.window.follow,
            PLANES=planes,
            ROWS=height,
            COLS=breadth,
        )
        self._step = world.kernel(
            step_all,
            variant=shown,
            allocates=False,
            advance=self._advance,
            load_level=self._load,
            observe_all=self._observe,
        )

    @property
    def done_mask(self) -> int:
        """Events that end an episode: the world's own, or the rewarded events if these are not the goal.

        If the goal is counted, a rewarded proxy is counted too and does not end the episode.
        """
        if self.reward == "goal" or (self.reward == "proxy" and self.world.counted):
            return DONE
        return self.goal_mask

    def returns(self, outcome: np.ndarray, last_reward: np.ndarray) -> np.ndarray:
        """Returns of complete episodes, float64[m], from outcome int32[m, 8] and last reward float32[m]."""
        if self.world.counted and self.reward != "either":
            return outcome[:, O_GOALS if self.reward == "goal" else O_PROXIES].astype(np.float64)
        return last_reward.astype(np.float64)

    def set_pool(self, pool: LevelSet) -> None:
        """Switch to another pool of levels from the next reset on. Raises LevelError if it does not fit the engine's arrays."""
        if pool.world != self.world.name or pool.tiles.shape[1:] != self.tiles.shape[1:]:
            raise LevelError(
                f"levels of {pool.world}, {pool.tiles.shape[1:]}, do not fit an engine for {self.world.name}, "
                f"{self.tiles.shape[1:]}"
            )
        self.pool, self._prepared = pool, LevelCache(self.world, self.window, pool)

    def extend(self, levels: LevelSet) -> np.ndarray:
        """Add levels to the pool of a `direct` engine, without changing what runs; returns their indices. Raises LevelError."""
        numbers = np.arange(len(self.pool), len(self.pool) + len(levels))
        self.pool = self.pool.joined(levels)
        if len(self.pool) > len(
            self._prepared.arrays.tiles
        ):  # twice as large, so that few of many calls copy
            self._prepared = LevelCache(self.world, self.window, self.pool, room=len(self.pool))
        else:
            self._prepared.refill(numbers, levels)
        return numbers

    def refill(self, slots: np.ndarray, levels: LevelSet) -> None:
        """Replace levels of the pool at indices int[m] with others of the same shape."""
        self._prepared.refill(slots, levels)

    def load(self, slot: int, k: int, pool: LevelSet | None = None) -> None:
        """Load level k of the pool, or of another pool of the same shape, into a slot and reset the slot."""
        prepared = self._prepared if pool is None else LevelCache(self.world, self.window, pool)
        self._load(slot, k, tuple(prepared.arrays), self._arrays, self._options)

    def observe(self, which: np.ndarray | None = None) -> np.ndarray:
        """Fresh observations uint8[m, C, H, W] of some environments, int[m ≤ n], or of all. Raises IndexError if out of range."""
        some = self._named.everyone if which is None else self._some(which)
        obs = self._room()
        self._observe(some, self._arrays, self._spec, obs, self._scratch)
        return self._shaped(obs, len(some))

    def _some(self, which: np.ndarray) -> np.ndarray:
        """Validate and convert environment indices for the kernels, which do not check them."""
        which = np.asarray(which)
        numbers = which.ndim == 1 and len(which) <= self.n and which.dtype.kind in "iu"
        if not numbers or (len(which) and (which.min() < 0 or which.max() >= self.n)):
            raise IndexError(
                f"environments {which}: must be up to {self.n} whole numbers from 0 to {self.n - 1}"
            )
        return np.ascontiguousarray(which, np.int32)

    def _room(self) -> np.ndarray:
        """Fresh buffer for the observations, uint8[n · C · H · W + SPARE]."""
        return np.empty(self._size + SPARE, np.uint8) if self._fresh is None else self._fresh.take()

    def _shaped(self, flat: np.ndarray, m: int) -> np.ndarray:
        """View of the first m observations, uint8[m, C, H, W], in a buffer with spare bytes."""
        return flat[: m * self._each].reshape(m, *self.window.shape)

    def step(self, actions: np.ndarray) -> Step:
        """Step all environments; ended ones start their next level in the same step (`AutoresetMode.SAME_STEP`)."""
        n = self.n
        obs = self._room()
        reward, done = np.empty(n, np.float32), np.empty(n, np.uint8)
        terminated, truncated = np.empty(n, np.bool_), np.empty(n, np.bool_)
        final_outcome, ended = np.empty((n, 8), np.int32), np.empty(n, np.int32)
        out = (reward, done, terminated, truncated, obs, self._final_obs, final_outcome, ended)
        m = self._step(
            self._int64(actions),
            self._all,
            self._arrays,
            self._options,
            tuple(self._prepared.arrays),
            self._spec,
            self._scratch,
            out,
        )
        if m < 0:
            raise self._not_an_action(actions)
        over, last = ended[:m], final_outcome[:m]
        final_obs, final_return = self._shaped(self._final_obs, m).copy(), self.returns(last, reward[over])
        return Step(self._shaped(obs, n), reward, terminated, truncated, over, final_obs, last, final_return)

    def step_active(self, actions: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Step the active environments without reset, for evaluation: (reward float32[n], done uint8[n])."""
        reward, done = np.empty(self.n, np.float32), np.empty(self.n, np.uint8)
        m = self._advance(self._int64(actions), active, self._arrays, self._options, reward, done)
        if not m:
            raise self._not_an_action(actions)
        return reward, done

    def _int64(self, actions: np.ndarray) -> np.ndarray:
        """Validate and convert actions for the kernels, which check neither shape nor bounds."""
        actions = np.asarray(actions)
        if actions.shape != (self.n,) or actions.dtype.kind not in "iu":
            raise ActionError(
                f"actions of shape {actions.shape}, {actions.dtype}: must be whole numbers, one for each of the "
                f"{self.n} environments"
            )
        return actions.astype(np.int64, copy=False)

    def _not_an_action(self, actions: np.ndarray) -> ActionError:
        return ActionError(
            f"actions {np.unique(actions)[:9].tolist()}: must be from 0 to {len(self.world.actions) - 1} "
            f"({', '.join(action.name for action in self.world.actions)})"
        )
