"""Train one run from a config into a run folder, or resume a killed one; then evaluate it.

A run is a pure function of its config. Between two updates the whole state is small and is checkpointed, so a run that
was killed anywhere ends in the same weights. What is logged over training time is measured on a fixed small set of
paired levels and never used to choose a checkpoint. Read next: `agents/ppo/training.py`, `experiments/runs/run.py`,
`experiments/evaluation/evaluate.py`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from goalposts.errors import UserError
from goalposts.safe_folder import make_folder, pinned

from ...agents.algorithms.training import training_of
from ...agents.methods.event_log import EventLog
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
from .by_method import check_code, train_by_method
from .initial_weights import initial_agent, start_from
from .learner_settings import env_options, learner_settings
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
    return training_of(
        learner_settings(config.train),
        name=config.name,
        env=env_options(config),
        seed=config.seed,
        tensorboard=tensorboard,
    )


def train(
    config: ExperimentConfig,
    out: str | os.PathLike[str] | None = None,
    on_progress: OnProgress | None = None,
    evaluate: bool = True,
    tensorboard: bool = True,
    callbacks: Sequence[BaseCallback] = (),
) -> Run:
    """Train or resume a run in the folder `out` (default: runs/<name>-s<seed>), and evaluate it; returns the run.

    tensorboard: log for it too, where it is installed. callbacks: stable-baselines3's; they are recorded in provenance.json, but they
    are no part of the config, so a run is reproducible from its folder only if they change nothing.
    Raises RunError (folder of another run, finished already, in use, disk full), TrainingDiverged, ConfigError.
    """
    refuse_after_fork()
    get_world(config.world)  # raises before a folder is made
    check_code(config)
    initial_agent(config)  # raises before a folder is made
    if callbacks and config.method is not None:
        raise UserError(
            "a method runs its own learners; give callbacks to task.run(learner, callbacks), or leave them out"
        )
    run = Run.create(default_out(config) if out is None else out, config)
    with run.lock(), _threads_quiet_about_the_disk(), _tensorboard(run, tensorboard) as place:
        work = _Work(run, on_progress or (lambda step, total, words: None))
        return work.train(evaluate, place, callbacks)


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


class _Work:
    """One call of `train`: what is written as the training proceeds."""

    def __init__(self, run: Run, on_progress: OnProgress) -> None:
        self.run, self.config, self.on_progress = run, run.config, on_progress
        self.total, self.step = run.config.train.total_steps, 0
        self.evaluated, self.saved = 0, 0
        self.periodic: TrainingEval | None = None
        self.steps_done: Callable[[], int] = lambda: self.step

    def train(self, evaluate: bool, tensorboard: Path | None, callbacks: Sequence[BaseCallback]) -> Run:
        """Train and evaluate; the run's status says how it went."""
        run, config, settings = self.run, self.config, self.config.train
        self.on_progress(0, self.total, "compiling and drawing levels")
        compile_ahead(config.world, config.env.observation)
        if config.method is None:
            learn = self._prepared(tensorboard, callbacks)
        else:
            self.total = config.step_budget
            learn = partial(self._by_method, EventLog(tensorboard))
        run.rewind_progress(self.step)
        run.set_status("running", step=self.step)
        run.note_callbacks(callbacks)
        if settings.probe_every:
            self.periodic = TrainingEval.of(get_world(config.world), settings.probe_levels)
        self.evaluated = self.saved = self.step
        try:
            learn()
            if evaluate:
                self.on_progress(self.total, self.total, "evaluating")
                record(run, evaluate_fully(subject_of(run)))
        except TrainingDiverged as error:
            self._failed(error)
            raise
        except KeyboardInterrupt:
            kept = run.latest_checkpoint()
            run.set_status(
                "running" if kept else "created",
                step=kept.step if kept else 0,
                message="interrupted; rerun the command to resume",
            )
            raise
        run.set_status("finished", step=self.step, message=run.status().message if config.method else "")
        return run

    def _prepared(self, tensorboard: Path | None, callbacks: Sequence[BaseCallback]) -> Callable[[], None]:
        """The training of a config without a method, resumed where its checkpoint is."""
        run, settings = self.run, self.config.train
        training = new_training(self.config, tensorboard)
        last = run.latest_checkpoint()
        if last is not None:
            check_card_of(self.config, last)
        if self.config.record.support:
            training.record_support()
        if last is not None and training.resumable:
            training.restore(last.path)
        else:
            start_from(self.config, training)
        self.step, self.steps_done = training.step, lambda: training.step

        def on_update(progress: TrainingProgress | None) -> None:
            step = self.step = training.step
            if progress is None:
                if step == 0 and self.config.record.initial:
                    run.save_checkpoint(0, training.save)
                self.on_progress(step, self.total, "")
                return
            self._append(progress.row(), training.agent)
            if step >= self.total or _crossed(self.saved, step, settings.checkpoint_every):
                run.save_checkpoint(step, training.save)
                run.set_status("running", step=step)
                self.saved = step
            mean = progress.ep_rew_mean
            self.on_progress(
                min(step, self.total), self.total, "" if mean is None else f"mean return {mean:.2f}"
            )

        return lambda: training.run(on_update, callbacks)

    def _append(self, row: dict[str, Any], agent: Callable[[], Any]) -> None:
        """A row of progress.csv; the goal is measured where that is due."""
        periodic, step = self.periodic, self.step
        row = row | dict.fromkeys(periodic.columns() if periodic else ())
        every = self.config.train.probe_every
        if periodic is not None and (step >= self.total or _crossed(self.evaluated, step, every)):
            row |= periodic.measure(agent(), self.config)
            self.evaluated = step
        self.run.append_progress(row)

    def _by_method(self, events: EventLog) -> None:
        def log(row: dict[str, Any], agent: Any) -> None:
            if row["step"] <= self.step:
                return
            self.step = row["step"]
            periodic, self.periodic = self.periodic, self.periodic if agent is not None else None
            self._append(row, lambda: agent)
            self.periodic = periodic
            events.row(row)
            self.on_progress(min(self.step, self.total), self.total, "")

        self.on_progress(0, self.total, "")
        with closing(events):
            try:
                self.step = train_by_method(self.run, log, events)
            except (OSError, MemoryError):  # of the machine, not of the method
                raise
            except Exception as error:
                self._failed(error)
                raise

    def _failed(self, error: Exception) -> None:
        message = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self.run.set_status("failed", step=self.steps_done(), message=message)


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
