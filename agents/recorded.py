"""Recorded episodes played again: what the agent saw at every step as local binary features, and where it went.

Neither the agent nor torch is needed. The features are those that devices that see may read: the cells around the agent, its last
action, and the direction of the goal. Weighs nothing. Read next: `experiments/measurement/behaviour/seeing_devices.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..envs.engine.engine import Engine
from ..envs.levels.level import LevelSet
from ..envs.worlds.contract.world import World
from ..envs.worlds.registry import get_world

AROUND = ((0, 1), (0, -1), (-1, 0), (1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))  # rows down, columns right
BESIDE = AROUND[:4]
GOAL_FEATURES = ("goal visible", "goal right", "goal left", "goal above", "goal below")
BATCH = 1024
PADDING = 255  # of recorded actions, after the end of an episode
MOST_FEATURES = 25


class SeenSteps(NamedTuple):
    """Steps in the order of their episodes: bits uint8[n, F], actions int64[n], episode int64[n]; F names, and which show the goal."""

    bits: np.ndarray
    actions: np.ndarray
    episode: np.ndarray
    names: tuple[str, ...]
    of_goal: np.ndarray
    n_actions: int


def walk(
    levels: LevelSet,
    actions: np.ndarray,
    lengths: np.ndarray,
    max_steps: int | None = None,
    observation: str = "view",
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Play recorded episodes again, step by step, in batches.

    Yields (which int64[k]: episodes that continue, step int64[k], observations uint8[k, C, H, W], states int32[k, S]), before
    each step. The observations are overwritten by the next step.
    """
    world = get_world(levels.world)
    for begin in range(0, len(levels), BATCH):
        part = levels[begin : begin + BATCH]
        n, left = len(part), np.asarray(lengths[begin : begin + BATCH])
        engine = Engine(world, n, part, observation, max_steps, direct=True)
        for i in range(n):
            engine.load(i, i)
        for t in range(int(left.max(initial=0))):
            active = left > t
            rows = np.flatnonzero(active)
            yield begin + rows, np.full(len(rows), t), engine.observe(rows), engine.state[rows]
            chosen = np.where(active, actions[begin : begin + n, t], 0).astype(np.int64)
            engine.step_active(chosen, active)


def observed(
    levels: LevelSet, actions: np.ndarray, observation: str = "view", max_steps: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What was observed before every step of recorded episodes, step by step: (uint8[n, C, H, W], the episode int64[n] of each)."""
    lengths = (actions != PADDING).sum(axis=1)
    steps = [
        (np.array(seen), which)
        for which, _, seen, _ in walk(levels, actions, lengths, max_steps, observation)
    ]
    return np.concatenate([seen for seen, _ in steps]), np.concatenate([which for _, which in steps])


def paths(
    levels: LevelSet, actions: np.ndarray, lengths: np.ndarray, max_steps: int | None = None
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Replay recorded episodes: (episode, the level's facts int32[F], states int32[T + 1, S] from the start to the end) each."""
    world = get_world(levels.world)
    for begin in range(0, len(levels), BATCH):
        part = levels[begin : begin + BATCH]
        n, left = len(part), lengths[begin : begin + BATCH]
        engine = Engine(world, n, part, "view", max_steps, direct=True)
        for i in range(n):
            engine.load(i, i)
        states = [engine.state.copy()]
        for t in range(int(left.max(initial=0))):
            active = left > t
            chosen = np.where(active, actions[begin : begin + n, t], 0).astype(np.int64)
            engine.step_active(chosen, active)
            states.append(engine.state.copy())
        path = np.stack(states, axis=1)
        for i in range(n):
            yield begin + i, engine.facts[i], path[i, : left[i] + 1]


def goal_cells(levels: LevelSet) -> np.ndarray:
    """int64[N, 2]: the row and column of each level's one goal; (-1, -1) where there is none or there are several."""
    objects = [code for code, tile in enumerate(get_world(levels.world).legend.tiles) if tile.goal_object]
    goals = np.full((len(levels), 2), -1, np.int64)
    for i, level in enumerate(levels):
        cells = np.argwhere(np.isin(level.tiles, objects))
        if len(cells) == 1:
            goals[i] = cells[0]
    return goals


def first_of_two(
    played: tuple[LevelSet, np.ndarray, np.ndarray],
    here: np.ndarray,
    there: np.ndarray,
    max_steps: int | None = None,
) -> np.ndarray:
    """bool[N]: whether recorded episodes come to the cell `here` int64[N, 2] before `there`, or to `there` never."""
    answers = np.zeros(len(played[0]), np.bool_)
    for i, _, states in paths(*played, max_steps):
        at = [np.flatnonzero((states[:, :2] == cell).all(axis=1)) for cell in (here[i], there[i])]
        first, other = (int(steps[0]) if len(steps) else len(states) for steps in at)
        answers[i] = first < other
    return answers


def seen_steps(
    levels: LevelSet, actions: np.ndarray, lengths: np.ndarray, max_steps: int | None = None
) -> SeenSteps:
    """The local features of every step of recorded episodes, in the order of the episodes."""
    world = get_world(levels.world)
    n_actions = len(world.actions)
    bits, taken, episodes = [], [], []
    for which, step, obs, _ in walk(levels, actions, lengths, max_steps):
        t = int(step[0])
        before = actions[which, t - 1] if t else np.full(len(which), n_actions)
        now = np.concatenate([_of_cells(world, obs), before[:, None] == np.arange(n_actions)], axis=1)
        bits.append(now[:, :MOST_FEATURES])
        taken.append(actions[which, t])
        episodes.append(which)
    names = feature_names(world)
    if not bits:
        none = np.zeros(0, np.int64)
        return SeenSteps(np.zeros((0, len(names)), np.uint8), none, none, names, _of_goal(names), n_actions)
    episode = np.concatenate(episodes)
    order = np.argsort(episode, kind="stable")
    return SeenSteps(
        np.concatenate(bits)[order].astype(np.uint8),
        np.concatenate(taken)[order].astype(np.int64),
        episode[order],
        names,
        _of_goal(names),
        n_actions,
    )


def feature_names(world: World) -> tuple[str, ...]:
    """The features in their declared order: goal, cells, last action. At most MOST_FEATURES."""
    cells = [f"wall at {down:+d},{aside:+d}" for down, aside in AROUND]
    things = [f"thing at {down:+d},{aside:+d}" for down, aside in BESIDE]
    rest = ["thing down here", "thing down ahead", "rising"]
    last = [f"last action {action.name}" for action in world.actions]
    names = (*GOAL_FEATURES, *cells, *things, *rest, *last)
    return names[:MOST_FEATURES]


def _of_goal(names: tuple[str, ...]) -> np.ndarray:
    return np.array([name in GOAL_FEATURES for name in names])


def planes_by_kind(world: World) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """int64 arrays of planes: walls, goals, other things; and the agent's own plane."""
    planes = list(world.planes)
    own = planes.index("self") if "self" in planes else 0
    walls = {planes.index(name) for name in world.outside}
    goals = {
        planes.index(name) for tile in world.legend.tiles if tile.goal_object for name in tile.planes
    } - walls
    others = set(range(len(planes))) - walls - goals - {own}
    return np.array(sorted(walls), int), np.array(sorted(goals), int), np.array(sorted(others), int), own


def _of_cells(world: World, obs: np.ndarray) -> np.ndarray:
    """bool[k, F − A]: the features of the observation, in the order of `feature_names`."""
    walls, goals, others, own = planes_by_kind(world)
    n, _, rows, cols = obs.shape
    r, c = rows // 2, cols // 2
    wall, thing, goal = (
        np.asarray(obs[:, planes].max(axis=1, initial=0) > 0) for planes in (walls, others, goals)
    )
    features = [*_direction(goal, r, c)]
    features += [wall[:, r + down, c + aside] for down, aside in AROUND]
    features += [thing[:, r + down, c + aside] for down, aside in BESIDE]
    for aside in (0, 1):
        blocked, below = np.zeros(n, bool), np.zeros(n, bool)
        for row in range(r, rows):
            below |= ~blocked & thing[:, row, c + aside]
            blocked |= wall[:, row, c + aside]
        features.append(below)
    features.append(obs[:, own, r - 1, c] > 0)
    return np.stack(features, axis=1)


def _direction(goal: np.ndarray, r: int, c: int) -> tuple[np.ndarray, ...]:
    """bool[k] each: a goal is visible; the nearest one is to the right, left, above, below."""
    n, rows, cols = goal.shape
    down, aside = np.indices((rows, cols)) - np.array([r, c])[:, None, None]
    far = np.where(goal, np.abs(down) + np.abs(aside), rows + cols + 1).reshape(n, -1)
    at = far.argmin(axis=1)
    visible = np.asarray(goal.reshape(n, -1).any(axis=1))
    down, aside = down.ravel()[at], aside.ravel()[at]
    return visible, visible & (aside > 0), visible & (aside < 0), visible & (down < 0), visible & (down > 0)
