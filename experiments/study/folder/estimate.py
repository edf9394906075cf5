"""Time estimate of a study, from finished runs of this code on this machine, or from short runs measured first.

Runs with the same cost (same net, levels, rollouts, evaluation) form a kind. For each kind, the estimate uses the seconds
before the first step, per step, and for the evaluation. Read next: `experiments/study/driver.py`, which prints the estimate.
"""

from __future__ import annotations

import heapq
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from goalposts.errors import UserError

from ...config.schema import ExperimentConfig
from ...runs.provenance import Provenance, code_digest
from ...system.atomic_files import read_limited
from ..design.plan import StudyPlan
from ..workers.job import TIMES, Done, Failed, Job, Times
from ..workers.local import LocalEngine
from .folder import RECORDED, StudyFolder

ROLLOUTS = 16  # in a measured short training
WORKER = 8.0  # seconds for a new worker to load everything, once
ASKED = 100  # most finished runs per kind that are read
MAX_BYTES = 1 << 20  # of a run's provenance file
KINDS = (
    12  # most kinds that are measured; the others are assumed to cost as much as the most expensive of them
)


@dataclass(frozen=True)
class Cost:
    """Seconds of one kind of run: before the first step, for each step, for the evaluation."""

    starting: float
    step: float
    evaluating: float

    def of(self, config: ExperimentConfig) -> float:
        """Seconds for one run."""
        rollout = config.train.rollout
        return self.starting + self.step * -(-config.train.total_steps // rollout) * rollout + self.evaluating

    @classmethod
    def of_times(cls, times: Iterable[Times]) -> Cost | None:
        """Fit the cost to finished runs; None if none of them ran a complete training."""
        known = [run for run in times if run.steps > 0]
        if not known:
            return None
        return cls(
            statistics.median(run.starting for run in known),
            statistics.median(run.training / run.steps for run in known),
            statistics.median(run.evaluating for run in known),
        )


@dataclass(frozen=True)
class TimeEstimate:
    """Time estimate for the missing runs. measured: from short runs here; else from finished runs of the study."""

    seconds: float
    per_run: Mapping[str, float]  # by id, without the start of a worker
    measured: bool


def kind_of(config: ExperimentConfig) -> str:
    """Key of the settings that a run's cost depends on."""
    env, train = config.env.model_dump(mode="json"), config.train.model_dump(mode="json")
    del env["condition"], train["total_steps"]
    rates = (
        "learning_rate",
        "anneal",
        "gamma",
        "gae_lambda",
        "ent_coef",
        "clip_range",
        "vf_coef",
        "max_grad_norm",
    )
    rest = {name: value for name, value in train.items() if name not in rates}
    parts = [config.world, env, rest, config.evaluate.model_dump(mode="json")]
    if config.method is not None:
        parts.append(config.method.model_dump(mode="json"))
    return json.dumps(parts, sort_keys=True)


def estimate(
    plan: StudyPlan,
    folder: StudyFolder,
    todo: Iterable[str],
    workers: int,
    say: Callable[[str], None] = lambda words: None,
) -> TimeEstimate:
    """Estimate the time for the runs `todo`; measures kinds without finished runs (10 to 30 s per kind).

    Ignores runs made by other code or on another machine, which may have been much slower or faster.
    Raises UserError if a short run fails, because then all runs would.
    """
    todo = list(todo)
    wanted: dict[str, ExperimentConfig] = {}
    for run in todo:
        wanted.setdefault(kind_of(plan.runs[run]), plan.runs[run])
    known: dict[str, Cost] = {}
    if finished := folder.finished():
        times: dict[str, list[Times]] = {}
        for run in reversed(list(plan.runs)):
            if run not in finished:
                continue
            some = times.setdefault(kind_of(plan.runs[run]), [])
            if len(some) < ASKED and _made_here(folder.run(run)) and (run_times := folder.times(run)):
                some.append(run_times)
        known = {kind: cost for kind, some in times.items() if (cost := Cost.of_times(some))}
    missing = [kind for kind in wanted if kind not in known]
    if missing:
        known |= _measured([wanted[kind] for kind in missing[:KINDS]], workers, say)
    costliest = max((cost for cost in known.values()), key=lambda cost: cost.step, default=Cost(0, 0, 0))
    per_run = {
        todo_run: known.get(kind_of(plan.runs[todo_run]), costliest).of(plan.runs[todo_run])
        for todo_run in todo
    }
    return TimeEstimate(WORKER + time_of(list(per_run.values()), workers), per_run, bool(missing))


def _made_here(run: Path) -> bool:
    """Whether this code made a run, on this machine."""
    provenance = _provenance(run)
    return provenance is not None and provenance.code == code_digest() and provenance.host == platform.node()


def measured_by_other_code(run: Path) -> bool:
    """Whether a finished run came from recorded rows, or other code measured it."""
    provenance = _provenance(run)
    return (run / RECORDED).exists() if provenance is None else provenance.code != code_digest()


def _provenance(run: Path) -> Provenance | None:
    try:
        return Provenance.model_validate_json(read_limited(run / "provenance.json", MAX_BYTES))
    except (UserError, ValueError):
        return None


def time_of(costs: list[float], workers: int) -> float:
    """Seconds until all runs are done, each taken by the first free worker."""
    free = [0.0] * max(1, min(workers, len(costs)))
    for cost in costs:
        heapq.heapreplace(free, free[0] + cost)
    return max(free)


def _measured(configs: list[ExperimentConfig], workers: int, say: Callable[[str], None]) -> dict[str, Cost]:
    """Measure short runs of each kind, with the final number in parallel; the first run of each worker is a warm-up."""
    say(f"measuring {len(configs)} kind{'s' * (len(configs) > 1)} of run on this machine …")
    workers = min(workers, 8, os.cpu_count() or 1)  # for a cluster, this machine represents its nodes
    jobs = [Job(f"warm-{k}", _short(configs[0], 1)) for k in range(workers)]
    jobs += [
        Job(f"{k}-{n}", _short(config, ROLLOUTS)) for k, config in enumerate(configs) for n in range(workers)
    ]
    times: dict[int, list[Times]] = {}
    for result in LocalEngine(workers).run(jobs):
        if isinstance(result, Failed):
            raise UserError(
                f"a short run to measure how long this takes failed: {result.message}. All runs of the study would fail alike. "
                "Try one of them alone with goalposts train; --no-estimate runs the study without measuring, and keeps each "
                "failed run's log"
            )
        if isinstance(result, Done) and not result.id.startswith("warm"):
            number = int(result.id.partition("-")[0])
            times.setdefault(number, []).append(Times.from_json(result.files[TIMES]))
    costs = {kind_of(config): Cost.of_times(times[k]) for k, config in enumerate(configs)}
    return {kind: cost for kind, cost in costs.items() if cost}


def _short(config: ExperimentConfig, rollouts: int) -> ExperimentConfig:
    """A short training with the same rollouts. By plain training even if the config has a method, whose budget may not fit.

    So the estimate of a method is that of plain training until its first runs are finished.
    """
    steps = min(config.train.total_steps, rollouts * config.train.rollout)
    short = config.train.model_copy(update={"total_steps": steps})
    return config.model_copy(update={"train": short, "method": None})
