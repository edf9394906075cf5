"""A level and the keys pressed, an environment by its id: helpers of the tests in this folder. Not a test."""

import gymnasium as gym
import numpy as np
from slow_coinrun import KEYS

from goalposts.envs import Engine, Level, LevelSet, get_world
from goalposts.envs.engine import END, FIRST, O_END, O_FIRST
from goalposts.envs.faces import GoalpostsEnv, GoalpostsVectorEnv

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


def make(**options) -> GoalpostsEnv:
    env = gym.make(ID, **options).unwrapped
    assert isinstance(env, GoalpostsEnv)
    return env


def make_vec(n: int, **options) -> GoalpostsVectorEnv:
    env = gym.make_vec(ID, num_envs=n, **options).unwrapped
    assert isinstance(env, GoalpostsVectorEnv)
    return env
