"""How fast is it here: environments, levels, planner, pictures, training, evaluation. Ratios beside absolute figures.

Each figure is the best of several repetitions in one process on one thread, so that a busy machine disturbs it least.
Absolute figures are for orientation; compare ratios that were taken in one run. Read next: `training.py`;
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
ROLLOUT = 64  # steps whose observations a learner holds


class Held(Enum):
    """Which observations their holder keeps, in words."""

    NONE = ""
    LAST = f", the last {ROLLOUT} kept"
    ROLLOUT = f", {ROLLOUT} kept, then all let go"


Tell = Callable[[str], None]


def bench(
    world: str = "CoinRun", seconds: float = 1.0, training: bool = True, tell: Tell = lambda what: None
) -> list[Figure]:
    """The usual figures of a world; about `seconds` for each."""
    home = get_world(world)
    figures: list[Figure] = []
    for measure in (environments, parts, faces, levels, pictures):
        tell(measure.__name__)
        figures += measure(home, seconds)
    if training:
        from .training import learning  # torch is needed from here on only

        tell("training")
        figures += learning(home, seconds)
    return figures


def environments(world: World, seconds: float) -> list[Figure]:
    """The engine, in turns with numpy copying the same observations."""
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
    """What a step of the engine is made of: the rules alone, and what is seen alone."""
    pool = generate(world, world.default_condition("train"), 0, POOL)
    playing = {name: Engine(world, n, pool, name, max_steps=10**9) for name in ("view", "full")}
    for engine in playing.values():
        engine_steps(engine)()
    moving, everyone = playing["view"], np.ones(n, np.bool_)
    begun = moving.state.copy()
    actions = np.random.default_rng(0).integers(0, len(world.actions), (16, n))

    def move() -> int:
        moving.state[:] = begun  # so that few have come to an end, as there are no resets
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
    """gymnasium's two faces."""
    single = GoalpostsEnv(world=world, condition=world.default_condition("train"), num_levels=POOL)
    many = GoalpostsVectorEnv(1024, world=world, condition=world.default_condition("train"), num_levels=POOL)
    single.reset(seed=0)
    many.reset(seed=0)
    one, vector = single_steps(single), vector_steps(many, len(world.actions), 16)
    return [
        Figure("gymnasium.Env, view", best_rate(one, seconds), "env steps/s"),
        Figure("gymnasium VectorEnv, view, 1,024 envs", best_rate(vector, seconds), "env steps/s"),
    ]


def levels(world: World, seconds: float) -> list[Figure]:
    """Drawing levels, and solving them."""
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


def pictures(world: World, seconds: float) -> list[Figure]:
    """What agents that learn from pixels see."""
    env = GoalpostsEnv(world=world, condition=world.default_condition("train"))
    env.reset(seed=0)
    scene = env.stream.scene(0)

    def draw() -> int:
        for _ in range(200):
            rgb64(scene)
        return 200

    return [Figure("64×64 pictures", best_rate(draw, seconds), "frames/s")]


def engine_steps(engine: Engine, held: Held = Held.NONE, steps: int = ROLLOUT) -> Work:
    """So many random steps of an engine, whose environments begin here."""
    engine.seeds[:] = np.arange(engine.n)
    for slot in range(engine.n):
        engine.load(slot, slot % len(engine.pool))
    actions = np.random.default_rng(0).integers(0, len(engine.world.actions), (steps, engine.n))
    rows = cycle(actions)
    return _holding(lambda: engine.step(next(rows)).obs, held, engine.n, steps)


def copies(obs: np.ndarray, held: Held) -> Work:
    """A rollout's worth of numpy's copies of some observations."""
    return _holding(obs.copy, held, len(obs), ROLLOUT)


def _holding(observed: Callable[[], np.ndarray], held: Held, n: int, steps: int) -> Work:
    """So many observations of n environments each, of which some are held."""
    kept: deque[np.ndarray] = deque(maxlen=1 if held is Held.NONE else ROLLOUT)

    def work() -> int:
        for _ in range(steps):
            kept.append(observed())
        if held is Held.ROLLOUT:
            kept.clear()
        return n * steps

    return work


def single_steps(env: GoalpostsEnv, steps: int = 1024) -> Work:
    """So many random steps of one environment that has begun, with its resets."""
    actions = np.random.default_rng(0).integers(0, len(env.stream.world.actions), steps)

    def work() -> int:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return steps

    return work


def vector_steps(env: Any, n_actions: int, steps: int) -> Work:
    """So many random steps of an environment with `num_envs` and `step`, gymnasium's or SB3's, that has begun."""
    batches = np.random.default_rng(0).integers(0, n_actions, (steps, env.num_envs))

    def work() -> int:
        for actions in batches:
            env.step(actions)
        return batches.size

    return work
