"""Processor time of a whole diagnosis of one agent: all probes, sampled and greedy, then the verdict with devices that see.

    python -m goalposts.experiments.bench.diagnosis docs/results/diagnosis-time.csv runs/edge-s0 runs/pixels-s0

copies each run without its evaluation, diagnoses the copy in a process of one thread, and writes a row per run. Kernels that are not yet
compiled are compiled meanwhile, so run it twice and keep the second table. Read next: `experiments/evaluation/missing_probes.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from goalposts.errors import UserError, tells_exit_code
from goalposts.process.command_line import table_program

from ...envs.engine.observation_spec import parse_observation
from ..evaluation.trajectories import FILE, LEAKAGE
from ..runs.run import Run
from ..system.atomic_files import check_parent, write_atomic
from ..system.processes import ONE_THREAD, python_module

EVALUATION = ("episodes.parquet", FILE, LEAKAGE)
AIMS = {"view": 60.0, "full": 60.0, "rgb": 600.0}  # processor seconds of a diagnosis at most, by observation


@dataclass(frozen=True)
class DiagnosisTime:
    """What the diagnosis of a run takes: seconds of processor time of one core, and elapsed."""

    agent: str
    observation: str
    levels: int
    processor_seconds: float
    elapsed_seconds: float


def time_diagnosis(run: Run) -> DiagnosisTime:
    """Diagnose a copy of a run from scratch. Raises UserError with the last line of a diagnosis that failed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / run.path.name
        shutil.copytree(run.path, copy, ignore=shutil.ignore_patterns(*EVALUATION))
        command = [
            *python_module("goalposts"),
            "diagnose",
            str(copy),
            "--evaluate-missing",
            "--json",
            "--quiet",
        ]
        began, before = time.perf_counter(), os.times()
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **ONE_THREAD}, check=False
        )
        elapsed, after = time.perf_counter() - began, os.times()
        if done.returncode:
            raise UserError(
                f"the diagnosis failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
            )
    used = after.children_user - before.children_user + after.children_system - before.children_system
    config = run.config
    return DiagnosisTime(config.name, config.env.observation, config.evaluate.levels, used, elapsed)


def beyond_aims(table: pl.DataFrame) -> list[str]:
    """A sentence for each diagnosis that takes longer than its aim."""
    return [
        f"{row['agent']}: {row['processor_seconds']:.0f} s of processor time; the aim for {row['observation']} is {aim:.0f} s"
        for row in table.iter_rows(named=True)
        if row["processor_seconds"] > (aim := AIMS[parse_observation(row["observation"]).kind])
    ]


@tells_exit_code
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.bench.diagnosis", __doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders; they are not changed")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    rows = [asdict(time_diagnosis(Run.open(path))) for path in given.runs]
    table = pl.DataFrame(rows)
    print(table)
    write_atomic(given.out, table.write_csv(float_precision=1).encode())
    print("\n".join(beyond_aims(table) or ["each within its aim"]))


if __name__ == "__main__":
    sys.exit(main())
