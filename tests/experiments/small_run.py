"""A training in small: what the tests of the run folder make, kill, go on with and compare."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from goalposts.experiments.config import ExperimentConfig
from goalposts.experiments.runs import Run, RunError
from goalposts.experiments.storage import write_atomic

CONFIG = ExperimentConfig.parse({"name": "small", "train": {"total_steps": 40}})
OTHER = CONFIG.override(["seed=7", "train.gamma=0.5"])
TABLE = b"PAR1 a table PAR1"


def fill(step: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(f"weights {step}".encode() * 10)
        (folder / "checkpoint.json").write_text(json.dumps({"step": step}))

    return write


def train(path: Path) -> Run:
    """A training in small: makes or continues a run and ends in bytes that depend on the config alone."""
    run = Run.create(path, CONFIG)
    with run.lock():
        last = run.latest_checkpoint()
        step = last.step if last else 0
        run.rewind_progress(step)
        run.set_status("running", step)
        while step < 40:
            step += 5
            run.append_progress(
                {"step": step, "loss": 1 / step, **({"probe": step} if step % 20 == 0 else {})}
            )
            if step % 10 == 0:
                run.save_checkpoint(step, fill(step), keep=2)
        write_atomic(run.episodes_path, TABLE)
        run.set_status("finished", step)
    return run


def results(path: Path) -> dict[str, bytes]:
    """The files that must not depend on when a run was killed."""
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in ("status.json", "provenance.json", ".lock")
    }


def in_a_child(work: Callable[[], object]) -> int:
    """Do something in a forked process; its exit code, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except RunError:
            code = 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
