"""Train one run from a config into a run folder, or resume a killed one; then evaluate it.

A run is a pure function of its config. Between two updates the whole state is small and is checkpointed, so a run that
was killed anywhere ends in the same weights. What is logged over training time is measured on a fixed small set of
paired levels and never used to choose a checkpoint. Read next: `agents/ppo/training.py`, `experiments/runs/run.py`,
`experiments/evaluation/evaluate.py`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from goalposts.safe_folder import make_folder, pinned

from ...agents.algorithms.training import training_of
from ...agents.ppo.training import Training, TrainingDiverged, TrainingProgress
from ...agents.rollout import play
from ...envs.engine.outcome import ENDED_BY_GOAL, FIRST_GOAL, FIRST_PROXY, O_END, O_FIRST
from ...envs.generation.generate import generate
from ...envs.levels.level import LevelSet
from ...envs.planner.planner import survey_levels
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from ..config.schema import ExperimentConfig
from ..evaluation.evaluate import evaluate_fully, subject_of
from ..evaluation.trajectories import record
from ..measurement.progress_columns import EVAL
from ..runs.agent_card import check_card_of
from ..runs.run import Run, default_out
from ..system.atomic_files import disk_errors
from ..system.forks import refuse_after_fork
from .learner_settings import learner_settings
from .precompile import compile_ahead

OnProgress = Callable[[int, int, str], None]  # (step, total, message)
TENSORBOARD = "tensorboard"
EVAL_SEED = 2  # of levels; the evaluation's own default is 1


@dataclass(frozen=True)
class TrainingEval:
    """A fixed small set of paired levels on which the goal is measured over training time."""

    control: LevelSet
    shift: LevelSet
    distinguishing: np.ndarray

    @classmethod
    def of(cls, world: World, count: int) -> TrainingEval:
        """The world's usual control and shift, on test layouts."""
        control = generate(world, world.default_condition("control"), EVAL_SEED, count)
        shift = generate(world, world.default_condition("shift"), EVAL_SEED, count)
        return cls(control, shift, survey_levels(shift).distinguishing)

    def measure(self, agent: Any, config: ExperimentConfig) -> dict[str, float | None]:
        """Fractions of sampled episodes: goal reached under control; goal first, proxy first on distinguishing levels."""
        options = {
            "observation": config.env.observation,
            "max_steps": config.env.max_steps,
            "slip": config.env.slip,
        }
        usual = play(agent, self.control, **options).outcome
        moved = play(agent, self.shift, **options).outcome[self.distinguishing]
        n = len(moved)
        figures = (
            float((usual[:, O_END] == ENDED_BY_GOAL).mean()),
            float((moved[:, O_FIRST] == FIRST_GOAL).mean()) if n else None,
            float((moved[:, O_FIRST] == FIRST_PROXY).mean()) if n else None,
            n,
        )
        return dict(zip(self.columns(), figures, strict=True))

    def columns(self) -> tuple[str, ...]:
        """The columns of progress.csv that a measurement fills; `levels` is how many were distinguishing."""
        control, shift = f"{EVAL}{self.control.condition}", f"{EVAL}{self.shift.condition}"
        return f"{control}/reached", f"{shift}/goal_first", f"{shift}/proxy_first", f"{shift}/levels"


def new_training(config: ExperimentConfig, tensorboard: Path | None = None) -> Training:
    """The training that a config describes, at its start."""
    env, train = config.env, config.train
    return training_of(
        learner_settings(train),
        name=config.name,
        env={
            "world": config.world,
            "condition": env.condition,
            "observation": env.observation,
            "split": "train",
            "level_seed": env.level_seed,
            "num_levels": env.levels,
            "max_steps": env.max_steps,
            "reward": env.reward,
            "slip": env.slip,
        },
        seed=config.seed,
        tensorboard=tensorboard,
    )


def train(
    config: ExperimentConfig,
    out: str | os.PathLike[str] | None = None,
    on_progress: OnProgress | None = None,
    evaluate: bool = True,
    tensorboard: bool = True,
) -> Run:
    """Train or resume a run in the folder `out` (default: runs/<name>-s<seed>), and evaluate it; returns the run.

    tensorboard: log for it too, where it is installed.
    Raises RunError (folder of another run, finished already, in use, disk full), TrainingDiverged, ConfigError.
    """
    refuse_after_fork()
    get_world(config.world)  # raises before a folder is made
    run = Run.create(default_out(config) if out is None else out, config)
    with run.lock(), _threads_quiet_about_the_disk(), _tensorboard(run, tensorboard) as place:
        return _train(run, on_progress or (lambda step, total, words: None), evaluate, place)


@contextmanager
def _tensorboard(run: Run, wanted: bool) -> Iterator[Path | None]:
    """Folder for tensorboard logs, whose paths tensorboard chooses; None if not wanted or not installed."""
    place = run.path / TENSORBOARD
    if not wanted or find_spec("tensorboard") is None:
        yield None
        return
    with disk_errors(place, "write"):
        make_folder(place, exist_ok=True)
    with pinned(place) as folder:
        yield folder


def _train(run: Run, on_progress: OnProgress, evaluate: bool, tensorboard: Path | None) -> Run:
    config, settings = run.config, run.config.train
    total = settings.total_steps
    on_progress(0, total, "compiling and drawing levels")
    compile_ahead(config.world, config.env.observation)
    training = new_training(config, tensorboard)
    last = run.latest_checkpoint()
    if last is not None:
        check_card_of(config, last)
    if last is not None and training.resumable:
        training.restore(last.path)
    run.rewind_progress(training.step)
    run.set_status("running", step=training.step)
    periodic = (
        TrainingEval.of(get_world(config.world), settings.probe_levels) if settings.probe_every else None
    )
    marks = {"saved": training.step, "evaluated": training.step}

    def on_update(progress: TrainingProgress | None) -> None:
        step = training.step
        if progress is None:
            on_progress(step, total, "")
            return
        ended = step >= total
        row: dict[str, Any] = progress.row() | dict.fromkeys(periodic.columns() if periodic else ())
        if periodic is not None and (ended or _crossed(marks["evaluated"], step, settings.probe_every)):
            row |= periodic.measure(training.agent(), config)
            marks["evaluated"] = step
        run.append_progress(row)
        if ended or _crossed(marks["saved"], step, settings.checkpoint_every):
            run.save_checkpoint(step, training.save)
            run.set_status("running", step=step)
            marks["saved"] = step
        mean = progress.ep_rew_mean
        on_progress(min(step, total), total, "" if mean is None else f"mean return {mean:.2f}")

    try:
        training.run(on_update)
        if evaluate:
            on_progress(total, total, "evaluating")
            record(run, evaluate_fully(subject_of(run)))
    except TrainingDiverged as error:
        run.set_status("failed", step=training.step, message=str(error))
        raise
    except KeyboardInterrupt:
        kept = run.latest_checkpoint()
        run.set_status(
            "running" if kept else "created",
            step=kept.step if kept else 0,
            message="interrupted; rerun the command to resume",
        )
        raise
    run.set_status("finished", step=training.step)
    return run


@contextmanager
def _threads_quiet_about_the_disk() -> Iterator[None]:
    """Silence tensorboard's writer thread, which would print a traceback if the disk refuses."""
    before = threading.excepthook

    def told(facts: threading.ExceptHookArgs) -> None:
        if not issubclass(facts.exc_type, OSError):
            before(facts)

    threading.excepthook = told
    try:
        yield
    finally:
        threading.excepthook = before


def _crossed(before: int, now: int, every: int | None) -> bool:
    """Whether a multiple of `every` lies in (before, now]."""
    return every is not None and now // every > before // every
