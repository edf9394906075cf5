"""Golden digests of a study's recipes: of a short training and its evaluation, with arithmetic common to all x86-64 processors.

If they change, the code trains or evaluates differently, and rows recorded before must not be mixed with new runs.

    python -m goalposts.experiments.study.results.golden CONFIG.yaml     (the digests of one config, as JSON)

Read next: `recorded_rows.py`, which compares them.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from ...config.schema import ExperimentConfig, load_config
from ...measurement.episodes import SINCE_2
from ...system.atomic_files import RunError
from ..design.plan import StudyPlan

# Takes a few seconds: the same code as a real training, with a small net and few levels.
SHORT = (
    *("seed=0", "train.total_steps=4096", "train.num_envs=32", "train.n_steps=32", "train.batch_size=256"),
    *(
        "train.checkpoint_every=4096",
        "train.probe_every=4096",
        "train.probe_levels=10",
        "train.precision=fp32",
    ),
    *("env.levels=200", "evaluate.levels=20"),
)
# Keep torch and MKL from using instructions that only some processors have.
PLAIN = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"}


def digest(*arrays: np.ndarray) -> str:
    """Digest of arrays (shapes, types and bytes): 16 hex digits."""
    hasher = hashlib.sha256()
    for array in arrays:
        hasher.update(f"{array.dtype.str} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()[:16]


def digest_of_table(table: pl.DataFrame) -> str:
    """Digest of the values of an episodes table's version 1 columns, without the run's name."""
    columns = []
    for name in (name for name in table.columns if name not in ("run", SINCE_2)):
        if table[name].dtype == pl.String:
            text = "\0".join("\1" if value is None else value for value in table[name])
            columns.append(np.frombuffer(text.encode(), np.uint8))
        else:
            columns.append(table[name].cast(pl.Float64).fill_null(np.nan).to_numpy())
    return digest(*columns)


def golden_digests(plan: StudyPlan) -> dict[str, str]:
    """Compute the golden digests of each world of a study's runs, by world and content. Raises RunError if a training fails.

    They do not depend on the study. Each world takes 5 to 15 seconds in a separate process, because torch reads environment
    variables when it starts.
    """
    digests: dict[str, str] = {}
    for world in sorted({config.world for config in plan.runs.values()}):
        config = ExperimentConfig.parse({"version": 1, "name": "golden", "world": world})
        with tempfile.TemporaryDirectory(prefix="goalposts-") as folder:
            file = Path(folder) / "config.yaml"
            file.write_text(config.to_yaml(), encoding="utf-8")
            done = subprocess.run(
                [sys.executable, "-m", "goalposts.experiments.study.results.golden", str(file)],
                env={**os.environ, **PLAIN},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RunError(f"the golden training of {world} failed: {last[:300]}")
        digests |= {f"{world} {name}": value for name, value in json.loads(done.stdout).items()}
    return digests


def _digests(config: ExperimentConfig) -> dict[str, str]:
    from safetensors.numpy import load_file

    from ...measurement.episodes import read_episodes
    from ...training.train import train

    with tempfile.TemporaryDirectory(prefix="goalposts-") as folder:
        run = train(config, Path(folder) / "run", tensorboard=False)
        last = run.latest_checkpoint()
        if last is None:
            raise RunError("the golden training left no checkpoint")
        tensors = load_file(last.path / "model.safetensors")
        weights = digest(*(tensors[name] for name in sorted(tensors)))
        return {"training": weights, "evaluation": digest_of_table(read_episodes(run.episodes_path))}


if __name__ == "__main__":
    print(json.dumps(_digests(load_config(sys.argv[1]).override(SHORT))))
