"""How fast is it here: environments, levels, planner, pictures, training, evaluation. Ratios beside absolute figures.

Each figure is the best of several repetitions in one process on one thread, so that a busy machine disturbs it least.
Absolute figures are for orientation; compare ratios that were taken in one run. Read next: docs/performance.md.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goalposts.errors import UserError

from ..envs.engine import Engine
from ..envs.faces import GoalpostsEnv, GoalpostsVectorEnv
from ..envs.generator import generate
from ..envs.level import LevelSet
from ..envs.planner import survey_levels
from ..envs.render import rgb64
from ..envs.world import World
from ..envs.worlds.registry import get_world
from .storage import read_limited

POOL = 16_384  # levels; a new one at every reset
ROLLOUT = 64  # steps whose observations a learner holds


@dataclass(frozen=True)
class Figure:
    """One measured figure: `rate` things a second; `ratio` to what `beside` says, taken in the same run."""

    what: str
    rate: float
    unit: str
    ratio: float | None = None
    beside: str = ""


def best_rate(work: Callable[[], int], seconds: float) -> float:
    """The best rate of `work` (which returns how many things it did), repeated for about so many seconds."""
    work()  # compile, warm the caches
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until or best == 0.0:
        began = time.perf_counter()
        done = work()
        best = max(best, done / (time.perf_counter() - began))
    return best


def bench(
    world: str = "CoinRun",
    seconds: float = 1.0,
    training: bool = True,
    tell: Callable[[str], None] = lambda what: None,
) -> list[Figure]:
    """All figures of a world; `seconds` for each."""
    home = get_world(world)
    figures: list[Figure] = []
    for measure in (_environments, _faces, _levels, _pictures):
        tell(measure.__name__.strip("_"))
        figures += measure(home, seconds)
    if training:
        tell("training")
        figures += _training(home, seconds)
    return figures


def read_figures(path: Path) -> list[Figure]:
    """The figures that `goalposts bench --json` wrote. Raises UserError for anything else."""
    try:
        rows = json.loads(read_limited(path, 1 << 20))
        found = [Figure(**row) for row in rows]
        if not found or not all(
            isinstance(f.what, str) and isinstance(f.ratio, float | int | None) for f in found
        ):
            raise TypeError
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} holds no figures of `goalposts bench --json`; make one with it") from error
    return found


def fallen(figures: list[Figure], baseline: list[Figure], factor: float = 2.0) -> list[str]:
    """What is slower, by its ratio to what was measured beside it, than `factor` times less than in the baseline.

    Only figures with a ratio that stand in both are compared: absolute rates say more about a machine than about code.
    """
    known = {(f.what, f.beside): f.ratio for f in baseline if f.ratio}
    return [
        f"{f.what}: {f.ratio:.3g} times {f.beside}; the baseline is {before:.3g}"
        for f in figures
        if f.ratio and (before := known.get((f.what, f.beside))) and f.ratio * factor < before
    ]


def _environments(world: World, seconds: float) -> list[Figure]:
    pool = generate(world, world.usual("train"), 0, POOL)
    figures = []
    for observation in ("view", "full"):
        for n in (64, 256, 1024):
            engine = Engine(world, n, pool, observation)
            engine.seeds[:] = np.arange(n)
            for slot in range(n):
                engine.load(slot, slot)
            actions = np.random.default_rng(0).integers(0, len(world.actions), (64, n))
            cursor = iter(range(10**9))
            obs = engine.observe()

            for keep in (1, ROLLOUT) if n == 1024 else (1,):
                kept: deque[np.ndarray] = deque(maxlen=keep)  # a learner holds its whole rollout

                def play(engine: Engine = engine, actions: np.ndarray = actions, at=cursor, kept=kept) -> int:
                    for _ in range(64):
                        kept.append(engine.step(actions[next(at) % 64]).obs)
                    return 64 * engine.n

                def copy(obs: np.ndarray = obs, kept=kept) -> int:
                    for _ in range(64):
                        kept.append(obs.copy())
                    return 64 * len(obs)

                rate, floor = best_rate(play, seconds), best_rate(copy, seconds / 4)
                held = f", the last {keep} kept" if keep > 1 else ""
                beside = f"numpy copies of the same observations{held}"
                what = f"engine, {observation}, {n} envs{held}"
                figures.append(Figure(what, rate, "env steps/s", rate / floor, beside))
    return figures


def _faces(world: World, seconds: float) -> list[Figure]:
    single = GoalpostsEnv(world=world, condition=world.usual("train"), num_levels=POOL)
    single.reset(seed=0)
    many = GoalpostsVectorEnv(1024, world=world, condition=world.usual("train"), num_levels=POOL)
    many.reset(seed=0)
    rng = np.random.default_rng(0)
    moves, batches = (
        rng.integers(0, len(world.actions), 1024),
        rng.integers(0, len(world.actions), (16, 1024)),
    )

    def one() -> int:
        for action in moves:
            _, _, terminated, truncated, _ = single.step(action)
            if terminated or truncated:
                single.reset()
        return len(moves)

    def vector() -> int:
        for actions in batches:
            many.step(actions)
        return batches.size

    return [
        Figure("gymnasium.Env, view", best_rate(one, seconds), "env steps/s"),
        Figure("gymnasium VectorEnv, view, 1,024 envs", best_rate(vector, seconds), "env steps/s"),
    ]


def _levels(world: World, seconds: float) -> list[Figure]:
    first = iter(range(10**9))

    def draw() -> int:
        generate(world, world.usual("shift"), 0, 2000, first=2000 * next(first))
        return 2000

    levels = generate(world, world.usual("shift"), 1, 2000)

    def solve() -> int:
        survey_levels(levels)
        return len(levels)

    return [
        Figure("levels drawn and proven", best_rate(draw, seconds), "levels/s"),
        Figure("levels solved by the planner", best_rate(solve, seconds), "levels/s"),
    ]


def _pictures(world: World, seconds: float) -> list[Figure]:
    env = GoalpostsEnv(world=world, condition=world.usual("train"))
    env.reset(seed=0)
    scene = env.stream.scene(0)

    def draw() -> int:
        for _ in range(200):
            rgb64(scene)
        return 200

    return [Figure("64×64 pictures", best_rate(draw, seconds), "frames/s")]


def _training(world: World, seconds: float) -> list[Figure]:
    from ..agents.checkpoint import PolicyAgent
    from ..agents.rollout import play
    from .config import ExperimentConfig
    from .training import new_training

    figures = []
    for precision in ("fp32", "bf16"):
        settings = {
            "name": "bench",
            "world": world.name,
            "train": {"total_steps": 10**9, "precision": precision},
        }
        config = ExperimentConfig.parse(settings)
        training = new_training(config)
        per_update = config.train.num_envs * config.train.n_steps
        updates = max(4, int(4 * seconds))
        marks: list[float] = []

        class Enough(Exception):
            pass

        def on_update(progress: object, marks: list[float] = marks, updates: int = updates) -> None:
            marks.append(time.perf_counter())
            if len(marks) > updates:
                raise Enough

        with suppress(Enough):
            training.run(on_update)
        rate = per_update / min(np.diff(marks))
        figures.append(Figure(f"PPO, default recipe, {precision}", float(rate), "env steps/s"))
        if precision == "fp32":
            levels, agent = generate(world, world.usual("control"), 1, 1000), training.agent()

            def evaluate(agent: PolicyAgent = agent, levels: LevelSet = levels) -> int:
                return int(play(agent, levels).outcome[:, 2].sum())

            figures.append(Figure("evaluation, sampled", best_rate(evaluate, seconds), "policy steps/s"))
    return figures
