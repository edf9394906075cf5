"""Rollouts: play an agent on a set of levels, one episode per level, and return outcomes and actions without averaging.

Every level is played exactly once to its end, so timeouts count like all other episodes. The noise that turns probabilities
into actions is keyed by (noise seed, level number, step): agents with action probabilities use common random
numbers on the same layout in every condition, which makes comparisons paired. Memory is carried as in SB3, with
`state` and `episode_start`, in rows that keep their order while an agent has a state. Knows no rates and no tables.
Read next: `experiments/evaluation/evaluate.py`, which makes the episodes table.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from goalposts.whole_numbers import kind_of, whole

from ..envs.engine.engine import ActionError, Engine
from ..envs.engine.options import OptionError, check_probability, step_limit
from ..envs.engine.outcome import (
    CONTINUES,
    ENDED_BY_LIMIT,
    FIRST_NEITHER,
    O_END,
    O_FIRST,
    O_STEPS,
    RUNNING,
)
from ..envs.engine.pixels import observe_pixels
from ..envs.generation.generate import MAX_SEED
from ..envs.jit.kernels import specialize
from ..envs.jit.random_streams import ACTION_NOISE, EVALUATION_SLIP, key_of, mix, unit
from ..envs.levels.level import LevelSet
from ..envs.worlds.registry import get_world

BATCH = 1024
LOOPS, LOOPS_NOT, UNDECIDED = 1, 0, -1


class Agent(Protocol):
    """An agent: anything with SB3's `predict`, observations uint8[n, C, H, W] → (actions int[n], state).

    `state` and `episode_start` (bool[n]: a level's first step) are passed where `predict` accepts them. A state that is not
    None is passed back at the next step, with the same levels in the same rows; ended levels keep their rows, and their actions are
    ignored. An agent with internal memory can return any state except None to keep its rows in place.
    """

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, Any]: ...


@runtime_checkable
class TellsProbabilities(Protocol):
    """An agent with action probabilities float[n, A], which allow common random numbers and a more precise verdict."""

    def action_probabilities(self, observation: Any) -> np.ndarray: ...


@runtime_checkable
class SeesState(Protocol):
    """A scripted agent that needs more than the observation; untrusted agents never receive this."""

    def begin(self, levels: LevelSet) -> None:
        """Receive the levels before they are played."""

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Receive the levels' indices int[n] and the states int32[n, S] before each `predict`."""


def choose(probabilities, numbers, steps, noise_seed, actions):
    """Sample actions by inverting the cumulative probabilities at the noise of level and step."""
    n_actions = probabilities.shape[1]
    for i in range(len(numbers)):
        u = unit(key_of(noise_seed, numbers[i], steps[i], ACTION_NOISE))
        total = 0.0
        for a in range(n_actions):
            total += probabilities[i, a]
        mark, a = u * total, 0
        below = np.float64(probabilities[i, 0])
        while below <= mark and a < n_actions - 1:
            a += 1
            below += probabilities[i, a]
        actions[i] = a


def slip_some(actions, numbers, steps, noise_seed, slip, n_actions):
    """Replace a fraction `slip` of the actions by random ones, with noise keyed like that of `choose`."""
    for i in range(len(numbers)):
        key = key_of(noise_seed, numbers[i], steps[i], EVALUATION_SLIP)
        if unit(key) < slip:
            actions[i] = np.int64(unit(mix(key)) * n_actions)


# Specialized, because numba's cache does not notice edits of the random streams.
choosing, slipping = specialize(choose, {}, "play"), specialize(slip_some, {}, "play")


@dataclass(frozen=True, eq=False)
class Played:
    """Result of `play`, one episode per level. outcome int32[N, 8] (columns `outcome.O_…`), returns float64[N], actions uint8[N, T].

    The actions are those executed, including slips: replaying them gives the same episode.
    Only the first `outcome[i, O_STEPS]` actions of a row count; the rest are 255.
    """

    outcome: np.ndarray
    returns: np.ndarray
    actions: np.ndarray
    looped: np.ndarray | None = None  # int8[N]: LOOPS, LOOPS_NOT or UNDECIDED; None: not greedy, or with slip


def play(
    agent: Any,
    levels: LevelSet,
    observation: str = "view",
    sampled: bool = True,
    noise_seed: int = 0,
    max_steps: int | None = None,
    slip: float = 0.0,
    batch: int = BATCH,
) -> Played:
    """Play every level once. `sampled` False means greedy. Uses the intended reward, regardless of the training reward.

    max_steps: None: the world's own limit. batch: levels that are played side by side. Raises OptionError.
    """
    max_steps, batch = step_limit(max_steps), whole("batch", batch, OptionError, 1)
    noise_seed = whole("noise_seed", noise_seed, OptionError, 0, MAX_SEED)
    check_probability("slip", slip)
    if (
        levels.index < 0
    ).any():  # levels without a seed are numbered here, so that results do not depend on batches
        levels = replace(levels, index=np.where(levels.index < 0, np.arange(len(levels)), levels.index))
    parts = [
        _play_batch(agent, levels[k : k + batch], observation, sampled, noise_seed, max_steps, slip)
        for k in range(0, len(levels), batch)
    ]
    longest = max(part.actions.shape[1] for part in parts)
    actions = np.full((len(levels), longest), 255, np.uint8)
    at = 0
    for part in parts:
        actions[at : at + len(part.actions), : part.actions.shape[1]] = part.actions
        at += len(part.actions)
    decided = [part.looped for part in parts if part.looped is not None]
    return Played(
        np.concatenate([p.outcome for p in parts]),
        np.concatenate([p.returns for p in parts]),
        actions,
        np.concatenate(decided) if decided else None,
    )


def first_observations(levels: LevelSet, observation: str = "view") -> np.ndarray:
    """The first observation of each level, uint8[N, C, H, W]; pixels: [N, 64, 64, 3]."""
    parts = []
    for k in range(0, len(levels), BATCH):
        some = levels[k : k + BATCH]
        engine = Engine(get_world(levels.world), len(some), some, observation, direct=True)
        for i in range(len(some)):
            engine.load(i, i)
        rows = np.arange(len(some))
        pixels = observation == "rgb"
        parts.append(np.array(observe_pixels(engine, rows, 0 * rows) if pixels else engine.observe(rows)))
    return np.concatenate(parts)


def _play_batch(
    agent: Any,
    levels: LevelSet,
    observation: str,
    sampled: bool,
    noise_seed: int,
    max_steps: int | None,
    slip: float,
) -> Played:
    n, world = len(levels), get_world(levels.world)
    numbers = levels.index
    engine = Engine(world, n, levels, observation, max_steps, direct=True)
    for i in range(n):
        engine.load(i, i)
    asked = _Asked(agent, sampled)
    sees = agent if isinstance(agent, SeesState) else None
    tells = agent if sampled and isinstance(agent, TellsProbabilities) else None
    if sees is not None:
        sees.begin(levels)
    active = np.ones(n, np.bool_)
    returns = np.zeros(n)
    actions = np.zeros(n, np.int64)
    taken: list[np.ndarray] = []
    watched: list[np.ndarray] | None = None if sampled or slip > 0 else []
    remembers = bool(getattr(agent, "remembers", False))
    steps = np.zeros(n, np.int64)
    pixels = observation == "rgb"
    while active.any():
        alive = np.flatnonzero(active)
        rows = asked.rows(alive)
        obs = observe_pixels(engine, rows, actions) if pixels else engine.observe(rows)
        if sees is not None:
            sees.see(rows, engine.state[rows])
        elif tells is not None and not taken and asked.has_memory(obs):
            tells = None  # its probabilities would ignore its memory
        if tells is not None:
            chosen = np.empty(len(alive), np.int64)
            probabilities = np.ascontiguousarray(tells.action_probabilities(obs), np.float64)
            _check_probabilities(probabilities, len(alive), len(world.actions))
            choosing(probabilities, numbers[alive], steps[alive], noise_seed, chosen)
        else:
            chosen = asked.actions(obs, rows)[active[rows]]
            remembers |= asked.state is not None
        if slip > 0:
            slipping(chosen, numbers[alive], steps[alive], noise_seed, slip, len(world.actions))
        if watched is not None:
            # A picture shows the direction of the last step, too.
            watched.append(np.column_stack((engine.state, actions)) if pixels else engine.state.copy())
        actions[alive] = chosen
        row = np.full(n, 255, np.uint8)
        row[alive] = chosen
        taken.append(row)
        reward, done = engine.step_active(actions, active)
        returns += reward
        steps += active
        active &= done == CONTINUES
    assert (engine.outcome[:, O_END] != RUNNING).all()
    played = np.stack(taken, axis=1)
    looped = None if watched is None else loops(engine.outcome, watched, played, remembers)
    return Played(engine.outcome.copy(), returns, played, looped)


def loops(
    outcome: np.ndarray, states: list[np.ndarray], actions: np.ndarray, remembers: bool = False
) -> np.ndarray:
    """int8[N]: whether an episode came back to a state, monsters' phase included, before it touched goal or proxy, or died.

    states: int[N, S] before each step, with the last action where observations show it. A memoryless agent that plays greedily then goes
    round for ever. One that acts differently in the same state has a memory (or draws): nothing follows from a state that recurs, and it
    is UNDECIDED.
    """
    codes = np.full(len(outcome), UNDECIDED if remembers else LOOPS_NOT, np.int8)
    if remembers:
        return codes
    stuck = (outcome[:, O_FIRST] == FIRST_NEITHER) & (outcome[:, O_END] == ENDED_BY_LIMIT)
    for i in np.flatnonzero(stuck).tolist():
        acted: dict[bytes, int] = {}
        for step in range(outcome[i, O_STEPS]):
            state, action = states[step][i].tobytes(), int(actions[i, step])
            if acted.setdefault(state, action) != action:
                codes[:] = UNDECIDED
                return codes
            if len(acted) <= step:
                codes[i] = LOOPS
    return codes


class _Asked:
    """Queries an agent for actions step by step and carries its returned state."""

    def __init__(self, agent: Any, sampled: bool) -> None:
        self.predict, self.sampled = agent.predict, sampled
        self.state: Any = None
        self._first = True
        self._rows: np.ndarray | None = None
        try:
            accepted = inspect.signature(agent.predict).parameters.values()
        except (TypeError, ValueError):  # compiled code may have no signature
            accepted = ()
        names = {p.name for p in accepted if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        anything = any(p.kind == p.VAR_KEYWORD for p in accepted)
        self.takes = {name for name in ("state", "episode_start") if anything or name in names}

    def rows(self, alive: np.ndarray) -> np.ndarray:
        """Levels to query, int[k]: the running ones or, while there is a state, the levels of that state."""
        return alive if self._rows is None else self._rows

    def has_memory(self, obs: np.ndarray) -> bool:
        """Whether the agent returns a state for a first observation, if its `predict` accepts one."""
        return "state" in self.takes and self._answer(obs[:1], True, deterministic=True)[1] is not None

    def actions(self, obs: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Actions int64[k], one per row."""
        first = self._first
        self._first = False
        chosen, self.state = self._answer(obs, first, deterministic=not self.sampled)
        self._rows = None if self.state is None else rows
        chosen = np.asarray(chosen)
        if chosen.dtype.kind not in "iub" and not (
            chosen.dtype.kind == "f" and (chosen == np.floor(chosen)).all()
        ):
            raise ActionError(
                f"the agent's predict returned actions of {chosen.dtype} that are not whole numbers; must be int, one for each level"
            )
        chosen = chosen.astype(np.int64).reshape(-1)
        if len(chosen) != len(rows):
            raise ActionError(
                f"the agent's predict returned actions of shape {chosen.shape}; must be one for each of the {len(rows)} levels"
            )
        return chosen

    def _answer(self, obs: np.ndarray, first: bool, deterministic: bool) -> tuple[Any, Any]:
        memory = {"state": self.state, "episode_start": np.full(len(obs), first)}
        answer = self.predict(obs, deterministic=deterministic, **{name: memory[name] for name in self.takes})
        if not isinstance(answer, tuple | list | np.ndarray) or not len(answer):
            raise ActionError(
                f"the agent's predict returned {kind_of(answer)}; must be (actions, state), as in SB3"
            )
        return answer[0], answer[1] if len(answer) > 1 else None


def _check_probabilities(probabilities: np.ndarray, n: int, n_actions: int) -> None:
    if probabilities.shape != (n, n_actions):
        raise ActionError(
            f"the agent returned action probabilities of shape {probabilities.shape}; must be {(n, n_actions)}: levels, actions"
        )
    if not (
        np.isfinite(probabilities).all() and (probabilities >= 0).all() and probabilities.any(axis=1).all()
    ):
        raise ActionError("the agent returned action probabilities that are negative, not finite, or all 0")
