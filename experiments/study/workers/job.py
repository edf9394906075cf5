"""The job of a worker: train, evaluate and measure one run of a study, and return the files of its folder.

A worker writes nothing into the study. It works in its own scratch folder, from which a killed run resumes, and returns
bytes, so it can be on another machine. A failed run returns its log. Read next: `local.py`, which starts workers;
`experiments/study/folder/folder.py`, which stores the results.
"""

from __future__ import annotations

import gc
import io
import json
import os
import shutil
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from goalposts.safe_folder import guard

from ....agents.named_code import code_sources, load_code_again
from ....envs.worlds.contract.sources import WorldSource, sources
from ...config.fields import Amount, Whole
from ...config.schema import ExperimentConfig
from ...runs.checkpoints import CHECKPOINT_FILES
from ...runs.run import Run
from ...system.atomic_files import RunError, read_limited
from ...system.links import refuse_link
from ...system.processes import most_memory

Tell = Callable[[int, int, str], None]  # (steps done, steps in total, activity)

FILES = (
    "config.yaml",
    "provenance.json",
    "status.json",
    "progress.csv",
    "leakage.json",
    "episodes.parquet",
    "trajectories.parquet",
)
SUPPORT = "support.safetensors"  # only if the config asks for it
MEASURES, TIMES = "measures.json", "times.json"
MAX_BYTES = 1 << 32  # of a file


@dataclass(frozen=True)
class Job:
    """One run to do. scratch: a folder to work in and to resume from; None: a temporary one.

    worlds, code: the custom worlds, methods and classes that the driver has imported; the worker imports them too.
    plan: the file of the study's preregistered plan and its SHA-256; predictors: whether to compute those of `goalposts foresee`.
    """

    id: str
    config: ExperimentConfig
    scratch: str | None = None
    worlds: tuple[WorldSource, ...] = field(default_factory=sources)
    code: tuple[WorldSource, ...] = field(default_factory=code_sources)
    plan: tuple[str, str] | None = None
    predictors: bool = False

    def do(self, tell: Tell) -> Done | Failed:
        """Do the whole run in the worker's process."""
        return perform(self, tell)


@dataclass(frozen=True)
class Done:
    """A finished run: its files, by path within its folder."""

    id: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class Failed:
    """A failed run: the reason in one line, and its log."""

    id: str
    message: str
    log: str
    error: Exception | None = None  # raised by the worker itself


@dataclass(frozen=True)
class Times:
    """Times of a run in seconds. steps: the number trained here, fewer if it resumed from a checkpoint."""

    starting: Amount
    training: Amount
    evaluating: Amount
    cpu: Amount
    steps: Whole
    memory_mb: Amount

    @classmethod
    def from_json(cls, content: bytes) -> Times:
        """Parse a run's times.json. Raises ValueError."""
        return _TIMES.validate_json(content, strict=True)


_TIMES = TypeAdapter(Times)


def perform(job: Job, tell: Tell | None = None) -> Done | Failed:
    """Do one run. Raises only when interrupted; any other error becomes the run's failure."""
    output = io.StringIO()
    folder = Path(job.scratch) if job.scratch else Path(tempfile.mkdtemp(prefix="goalposts-"))
    try:
        with redirect_stdout(output), redirect_stderr(output), warnings.catch_warnings():
            if job.scratch:
                guard(
                    folder.parents[1]
                )  # the study: nothing between it and the run is reached through a link
            refuse_link(folder)
            if job.worlds:
                from ....envs.worlds.registry import load_again

                load_again(job.worlds)
            load_code_again(job.code)
            times = _train_and_evaluate(job, folder, tell or (lambda step, total, words: None))
        return Done(job.id, _files(job, folder, times))
    except Exception as error:
        message = " ".join(str(error).split())[:500] or type(error).__name__
        log = f"{output.getvalue()}\n{traceback.format_exc()}\n{job.config.to_yaml()}"
        return Failed(job.id, f"{type(error).__name__}: {message}", log)
    finally:
        gc.collect()
        if not job.scratch:
            shutil.rmtree(folder, ignore_errors=True)


def _train_and_evaluate(job: Job, folder: Path, tell: Tell) -> Times:
    from ...evaluation.evaluate import evaluate_fully, subject_of
    from ...evaluation.trajectories import record
    from ...training.train import train

    began, cpu = time.perf_counter(), time.process_time()
    marks: list[tuple[int, float]] = []

    def on_progress(step: int, total: int, words: str) -> None:
        if not words.startswith("compiling"):
            marks.append((step, time.perf_counter()))
        tell(step, total, words)

    if not _is_trained(folder):
        train(job.config, folder, on_progress, evaluate=False, tensorboard=False)
    gc.collect()  # a training's arrays are in reference cycles, which would otherwise stay until the next run's
    trained = time.perf_counter()
    run = Run.open(folder)
    with run.lock(wait=10):
        if job.plan is not None:
            run.note_plan(*job.plan)
        # exactly the study's conditions: a run's usual ones would be completed by probes
        record(run, evaluate_fully(replace(subject_of(run), run=job.id), job.config.evaluate.conditions))
    ready = marks[0][1] if marks else trained
    return Times(
        starting=ready - began,
        training=trained - ready,
        evaluating=time.perf_counter() - trained,
        cpu=time.process_time() - cpu,
        steps=run.status().step - (marks[0][0] if marks else run.status().step),
        memory_mb=most_memory(),
    )


def _is_trained(folder: Path) -> bool:
    """Whether a killed worker had finished training the run; waits for a worker that is still ending."""
    if not os.path.exists(folder / "config.yaml"):
        return False
    run = Run.open(folder)
    with run.lock(wait=10):
        return run.status().state == "finished"


def _measured(run: Run, job: Job) -> list[dict[str, Any]]:
    from ..design.measures import FORESIGHT, PLAN, given_measures, measures_of_run

    rows = measures_of_run(run)
    if job.plan is not None:
        rows += given_measures([{"measure": PLAN, "words": job.plan[1]}])
    if job.predictors:
        from ...foresight.predictors import measures_of

        predictions = measures_of(run)
        rows += given_measures({**row, "measure": FORESIGHT + row["measure"]} for row in predictions)
    return rows


def _files(job: Job, folder: Path, times: Times) -> dict[str, bytes]:
    run = Run.open(folder)
    last = run.latest_checkpoint()
    if last is None:
        raise RunError(
            f"{folder} lost its checkpoint while the run was evaluated; run the same command again"
        )
    places = {name: folder / name for name in FILES}
    for checkpoint in run.checkpoints():
        if checkpoint.step in (0, last.step):  # step 0 is there only if the config asks for it
            kept = CHECKPOINT_FILES + ((SUPPORT,) if job.config.record.support else ())
            places |= {f"checkpoints/{checkpoint.step}/{name}": checkpoint.path / name for name in kept}
    files = {name: read_limited(path, MAX_BYTES) for name, path in places.items()}
    files[MEASURES] = (json.dumps(_measured(run, job), indent=0) + "\n").encode()
    files[TIMES] = (json.dumps(times.__dict__) + "\n").encode()
    return files
