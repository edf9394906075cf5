"""A level and the keys pressed, an environment by its id: helpers of the tests in this folder. Not a test."""

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from slow_coinrun import KEYS

from goalposts.envs import Engine, Level, LevelSet, get_world
from goalposts.envs.engine import END, FIRST, O_END, O_FIRST
from goalposts.envs.faces import GoalpostsEnv, GoalpostsVectorEnv
from goalposts.envs.marks import canvas_of
from goalposts.envs.world import DEATH, DONE, GOAL, PROXY

ID = "goalposts:goalposts/CoinRun-v0"
SMALL = Level.from_text("######v#\n#......#\n#.A...C#\n########")
COINRUN = get_world("CoinRun")


def level_of(picture: str) -> Level:
    return Level.from_text("\n".join(line.strip() for line in picture.strip().split("\n")))


def engine_on(level: Level, copies: int = 1, **options) -> Engine:
    engine = Engine(COINRUN, copies, LevelSet.of([level]), **options)
    for slot in range(copies):
        engine.load(slot, 0)
    return engine


def press(engine: Engine, keys: str) -> str:
    """Play keys until they or the episode end; the outcome so far as `first/end`."""
    for key in keys:
        engine.step_active(np.array([KEYS.index(key)]), np.array([True]))
        if engine.outcome[0, O_END]:
            break
    row = engine.outcome[0]
    return f"{FIRST[row[O_FIRST]]}/{END[row[O_END]]}"


start: Any = None  # bound for each world by World.kernel
step: Any = None
objects: Any = None


def moments(tiles, facts, state, actions, events, out):
    """A play by a world's rules alone: the events of each step; what moves at the end, as plane bits of the cells in `out`."""
    start(facts, state)
    for k in range(len(actions)):
        events[k] = step(tiles, facts, state, actions[k])
    rows, cols = facts[0], facts[1]
    objects(facts, state, canvas_of(out, 0, 0, 0, rows, cols, rows * cols))


class Play(NamedTuple):
    """events: a word a step, see `played`; things: (row, column, plane bits) of the cells where something that moves shows, at the end."""

    events: str
    state: tuple[int, ...]
    things: list[tuple[int, int, int]]


def played(world: str, rows: str, keys: str) -> Play:
    """Keys pressed on a picture, whose rows stand apart by spaces, by the rules alone, without the engine.

    Events are letters: g goal, p proxy, x death, e end, and of a further target the first capital that is free; `.` nothing.
    """
    of = get_world(world)
    tiles = np.array(Level.from_text(rows.replace(" ", "\n"), world).tiles)
    facts, _ = of.read(tiles)
    state, events = np.zeros(of.n_state, np.int32), np.zeros(len(keys), np.int64)
    out = np.zeros(tiles.size + 1, np.int32)
    actions = np.array([[a.key for a in of.actions].index(key) for key in keys], np.int64)
    of.kernel(moments)(tiles, facts, state, actions, events, out)
    letters = {"g": GOAL, "p": PROXY, "x": DEATH, "e": DONE}
    for target in of.targets:
        letters[next(c for c in target.name.upper() if c not in letters)] = target.mask
    words = ["".join(letter for letter, mask in letters.items() if event & mask) or "." for event in events]
    assert not out[-1], "a thing stands outside the level"
    shown = out[:-1].reshape(tiles.shape)
    things = [(int(row), int(col), int(shown[row, col])) for row, col in np.argwhere(shown)]
    return Play(" ".join(words), tuple(state.tolist()), things)


def by_cell(things: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """(row, column, plane bits) of things, put together where several are in one cell, in the order of the cells."""
    cells: dict[tuple[int, int], int] = {}
    for row, col, bits in things:
        cells[row, col] = cells.get((row, col), 0) | bits
    return [(*cell, bits) for cell, bits in sorted(cells.items())]


def make(**options) -> GoalpostsEnv:
    env = gym.make(ID, **options).unwrapped
    assert isinstance(env, GoalpostsEnv)
    return env


def make_vec(n: int, **options) -> GoalpostsVectorEnv:
    env = gym.make_vec(ID, num_envs=n, **options).unwrapped
    assert isinstance(env, GoalpostsVectorEnv)
    return env
