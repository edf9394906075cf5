"""Training benchmarks of the default recipe: PPO's rollouts, its updates, both; evaluation; and a complete run.

Read next: `experiments/training/train.py`, which is measured; `peers.py`, the comparison with other libraries.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from goalposts.registration import WORLDS

from ...agents.rollout import play
from ...envs.generation.generate import generate
from ...envs.worlds.contract.world import World
from ..config.schema import ExperimentConfig, load_config
from ..training.train import new_training, train
from .timing import Figure, best_rate

STEPS = 131_072  # of a complete run
ENDLESS = 10**9  # steps, for trainings that are stopped


class _Enough(Exception):
    pass


def recipe(world: World, **settings: Any) -> ExperimentConfig:
    """The config with which the demo of a shipped world trains its first twin, with changed `train` settings."""
    name = f"{world.name.lower()}/{(WORLDS[world.name].pair or ('',))[0]}"
    return load_config(name, [f"train.{key}={value}" for key, value in settings.items()])


def learning(world: World, seconds: float) -> list[Figure]:
    """Measure PPO and its two parts in both precisions, and the evaluation of the trained agent."""
    figures = []
    for precision in ("fp32", "bf16"):
        config = recipe(world, total_steps=ENDLESS, precision=precision)
        training = new_training(config)
        per_update = config.train.num_envs * config.train.n_steps
        updates = max(4, int(4 * seconds))
        collecting, updating = (_timed(training.model, name) for name in ("collect_rollouts", "train"))
        marks: list[float] = []

        def on_update(progress: object, marks: list[float] = marks, updates: int = updates) -> None:
            marks.append(time.perf_counter())
            if len(marks) > updates:
                raise _Enough

        with suppress(_Enough):
            training.run(on_update)
        for what, took in (
            ("PPO", np.diff(marks)),
            ("PPO, its rollouts alone", collecting),
            ("PPO, its updates alone", updating),
        ):
            rate = float(per_update / min(took))
            figures.append(Figure(f"{what}, default recipe, {precision}", rate, "env steps/s"))
        if precision == "fp32":
            levels, agent = generate(world, world.default_condition("control"), 1, 1000), training.agent()

            def evaluate(agent: Any = agent, levels: Any = levels) -> int:
                return int(play(agent, levels).outcome[:, 2].sum())

            figures.append(Figure("evaluation, sampled", best_rate(evaluate, seconds), "policy steps/s"))
    return figures


def whole_run(config: ExperimentConfig) -> Figure:
    """Measure `goalposts train`: from a config to a finished run folder, with probes, checkpoints and evaluation.

    Uses a temporary folder. The second of two runs counts, after the kernels are compiled.
    """
    steps = config.train.total_steps

    def work() -> int:
        with tempfile.TemporaryDirectory(prefix="goalposts-bench-") as folder:
            train(config, Path(folder) / "run")
        return steps

    what = f"a whole run of {steps:,} steps, with its probes, checkpoints and evaluation"
    return Figure(what, best_rate(work, 0), "env steps/s")


def _timed(owner: Any, name: str) -> list[float]:
    """Wrap a method so that the seconds of every call that returns are recorded; returns the list."""
    work, took = getattr(owner, name), list[float]()

    def inner(*given: Any, **options: Any) -> Any:
        began = time.perf_counter()
        result = work(*given, **options)
        took.append(time.perf_counter() - began)
        return result

    setattr(owner, name, inner)
    return took
