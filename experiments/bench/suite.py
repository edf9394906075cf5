"""The benchmark suite: environments, levels, planner, images, training, evaluation; absolute rates and ratios.

Each figure is the best of several repetitions in one process on one thread, so that other load disturbs it least.
Absolute figures are for orientation; compare ratios from the same run. Read next: `training.py`;
`matrix.py` (every world), `memory.py`, `rollouts.py`, `peers.py`, `experiments/analyses/scaling.py`; docs/performance.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from itertools import cycle
from typing import Any

import numpy as np

from ...envs.engine.engine import Engine
from ...envs.generation.generate import generate
from ...envs.gymnasium_envs import GoalpostsEnv, GoalpostsVectorEnv
from ...envs.planner.planner import survey_levels
from ...envs.render.render import rgb64
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from .timing import Figure, Work, best_rate, in_turns

POOL = 16_384  # levels; a new one at every reset
ROLLOUT = 64  # steps whose observations a learner keeps


class Held(Enum):
    """Which observations the caller keeps, as a phrase for a figure's name."""

    NONE = ""
    LAST = f", the last {ROLLOUT} kept"
    ROLLOUT = f", {ROLLOUT} kept, then all let go"


Tell = Callable[[str], None]


def bench(
    world: str = "CoinRun", seconds: float = 1.0, training: bool = True, tell: Tell = lambda what: None
) -> list[Figure]:
    """Measure the standard figures of a world, for about `seconds` each."""
    home = get_world(world)
    figures: list[Figure] = []
    for measure in (environments, parts, faces, levels, images):
        tell(measure.__name__)
        figures += measure(home, seconds)
    if training:
        from .training import learning  # only this part needs torch

        tell("training")
        figures += learning(home, seconds)
    return figures


def environments(world: World, seconds: float) -> list[Figure]:
    """Measure the engine, in turns with NumPy copies of the same observations."""
    pool = generate(world, world.default_condition("train"), 0, POOL)
    figures = []
    for observation in ("view", "full"):
        for n in (64, 256, 1024):
            for held in (Held.NONE, Held.LAST) if n == 1024 else (Held.NONE,):
                engine = Engine(world, n, pool, observation)
                ours = engine_steps(engine, held)
                theirs = copies(engine.observe(), held)
                rate, floor = map(max, in_turns((ours, theirs), 1.25 * seconds))
                beside = f"numpy copies of the same observations{held.value}"
                what = f"engine, {observation}, {n} envs{held.value}"
                figures.append(Figure(what, rate, "env steps/s", rate / floor, beside))
    return figures


def parts(world: World, seconds: float, n: int = 1024) -> list[Figure]:
    """Measure the parts of an engine step: the rules alone, and the observations alone."""
    pool = generate(world, world.default_condition("train"), 0, POOL)
    playing = {name: Engine(world, n, pool, name, max_steps=10**9) for name in ("view", "full")}
    for engine in playing.values():
        engine_steps(engine)()
    moving, everyone = playing["view"], np.ones(n, np.bool_)
    begun = moving.state.copy()
    actions = np.random.default_rng(0).integers(0, len(world.actions), (16, n))

    def move() -> int:
        moving.state[:] = begun  # restart, so that few have ended: there are no resets
        for row in actions:
            moving.step_active(row, everyone)
        return actions.size

    figures = [Figure(f"engine, rules alone, {n} envs", best_rate(move, seconds), "env steps/s")]
    for name, engine in playing.items():

        def look(engine: Engine = engine) -> int:
            for _ in range(64):
                engine.observe()
            return 64 * engine.n

        what = f"engine, {name}, observations alone, {n} envs"
        figures.append(Figure(what, best_rate(look, seconds), "observations/s"))
    return figures


def faces(world: World, seconds: float) -> list[Figure]:
    """Measure Gymnasium's two interfaces."""
    single = GoalpostsEnv(world=world, condition=world.default_condition("train"), num_levels=POOL)
    many = GoalpostsVectorEnv(1024, world=world, condition=world.default_condition("train"), num_levels=POOL)
    fresh = GoalpostsVectorEnv(1024, world=world, condition=world.default_condition("train"))
    single.reset(seed=0)
    many.reset(seed=0)
    fresh.reset(seed=0)
    one, vector, unlimited = (
        single_steps(single),
        vector_steps(many, len(world.actions), 16),
        vector_steps(fresh, len(world.actions), 16),
    )
    replayed, drawn = map(max, in_turns((vector, unlimited), 1.25 * seconds))
    vector_name = "gymnasium VectorEnv, view, 1,024 envs"
    return [
        Figure("gymnasium.Env, view", best_rate(one, seconds), "env steps/s"),
        Figure(vector_name, replayed, "env steps/s"),
        Figure(
            f"{vector_name}, new levels at every reset",
            drawn,
            "env steps/s",
            drawn / replayed,
            "the same, a pool of levels replayed",
        ),
    ]


def levels(world: World, seconds: float) -> list[Figure]:
    """Measure drawing levels and solving them."""
    first = iter(range(10**9))

    def draw() -> int:
        generate(world, world.default_condition("shift"), 0, 2000, first=2000 * next(first))
        return 2000

    drawn = generate(world, world.default_condition("shift"), 1, 2000)

    def solve() -> int:
        survey_levels(drawn)
        return len(drawn)

    return [
        Figure("levels drawn and proven", best_rate(draw, seconds), "levels/s"),
        Figure("levels solved by the planner", best_rate(solve, seconds), "levels/s"),
    ]


def images(world: World, seconds: float) -> list[Figure]:
    """Measure drawing the pixel observations."""
    env = GoalpostsEnv(world=world, condition=world.default_condition("train"))
    env.reset(seed=0)
    scene = env.stream.scene(0)

    def draw() -> int:
        for _ in range(200):
            rgb64(scene)
        return 200

    return [Figure("64×64 pictures", best_rate(draw, seconds), "frames/s")]


def engine_steps(engine: Engine, held: Held = Held.NONE, steps: int = ROLLOUT) -> Work:
    """Return work that takes random steps in an engine; starts its environments."""
    engine.seeds[:] = np.arange(engine.n)
    for slot in range(engine.n):
        engine.load(slot, slot % len(engine.pool))
    actions = np.random.default_rng(0).integers(0, len(engine.world.actions), (steps, engine.n))
    rows = cycle(actions)
    return _holding(lambda: engine.step(next(rows)).obs, held, engine.n, steps)


def copies(obs: np.ndarray, held: Held) -> Work:
    """Return work that copies observations with NumPy, as many times as a rollout has steps."""
    return _holding(obs.copy, held, len(obs), ROLLOUT)


def _holding(observed: Callable[[], np.ndarray], held: Held, n: int, steps: int) -> Work:
    """Return work that gets `steps` observations of n environments each and keeps those that `held` names."""
    kept: deque[np.ndarray] = deque(maxlen=1 if held is Held.NONE else ROLLOUT)

    def work() -> int:
        for _ in range(steps):
            kept.append(observed())
        if held is Held.ROLLOUT:
            kept.clear()
        return n * steps

    return work


def single_steps(env: GoalpostsEnv, steps: int = 1024) -> Work:
    """Return work that takes random steps, with resets, in one environment that was reset."""
    actions = np.random.default_rng(0).integers(0, len(env.stream.world.actions), steps)

    def work() -> int:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return steps

    return work


def vector_steps(env: Any, n_actions: int, steps: int) -> Work:
    """Return work that takes random steps in a vector environment (Gymnasium's or SB3's) that was reset."""
    batches = np.random.default_rng(0).integers(0, n_actions, (steps, env.num_envs))

    def work() -> int:
        for actions in batches:
            env.step(actions)
        return batches.size

    return work
