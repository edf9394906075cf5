"""Benchmark matrix: every world, interface and observation, for few and many environments; levels and images.

One short measurement each. Read next: `suite.py`, which defines the measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ...agents.sb3_vec_env import GoalpostsVecEnv
from ...envs.engine.observation_spec import OBSERVATIONS
from ...envs.generation.generate import generate
from ...envs.gymnasium_envs import GoalpostsEnv, GoalpostsVectorEnv
from ...envs.levels.level import LevelSet
from ...envs.worlds.contract.world import World
from .suite import Tell, images, levels, single_steps, vector_steps
from .timing import Figure, Grid, Work, best_rate

POOL = 4096  # levels, drawn once per world
ENVS = (1, 64, 1024)
MOST_DRAWN = 64  # environments with pixel observations, which are drawn at every step
FACES: dict[str, Callable[..., Any]] = {
    "Env": GoalpostsEnv,
    "VectorEnv": GoalpostsVectorEnv,
    "SB3 VecEnv": GoalpostsVecEnv,
}


def matrix(
    worlds: Iterable[World], seconds: float, envs: Sequence[int] = ENVS, tell: Tell = lambda what: None
) -> list[Grid]:
    """Measure two grids: world × interface × observation by number of environments; levels and images by world."""
    stepping: dict[tuple[tuple[str, ...], str], Figure] = {}
    drawing: dict[tuple[tuple[str, ...], str], Figure] = {}
    for world in worlds:
        tell(f"{world.name} in every interface")
        pool = generate(world, world.default_condition("train"), 0, POOL)
        for face in FACES:
            for observation in OBSERVATIONS:
                for n in [1] if face == "Env" else envs:
                    if observation == "rgb" and n > MOST_DRAWN:
                        continue
                    row, column = (world.name, face, observation), f"{n:,} env{'s' * (n != 1)}"
                    rate = best_rate(_steps(face, world, pool, observation, n), seconds)
                    stepping[row, column] = Figure(", ".join((*row, column)), rate, "env steps/s")
        for figure in (*levels(world, seconds), *images(world, seconds)):
            named = replace(figure, what=f"{world.name}, {figure.what}")
            drawing[(world.name,), f"{figure.what}, {figure.unit}"] = named
    return [
        Grid("Environment steps per second", ("world", "interface", "observation"), stepping),
        Grid("Levels and pictures", ("world",), drawing),
    ]


def _steps(face: str, world: World, pool: LevelSet, observation: str, n: int) -> Work:
    """Return work that takes steps in a world through an interface."""
    options = {"world": world, "levels": pool, "observation": observation}
    if face == "Env":
        env = FACES[face](**options)
        env.reset(seed=0)
        return single_steps(env)
    env = FACES[face](n, **options)
    env.reset(**({} if face == "SB3 VecEnv" else {"seed": 0}))
    least = 1 if observation == "rgb" else 64
    return vector_steps(env, len(world.actions), max(least, 1024 // n))
