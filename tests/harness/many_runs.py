"""Time the listing, planning, resumption, report and page of a study with very many runs.

    python tests/harness/many_runs.py --runs 10_000 --points 10          (prints times as JSON; exit code 1 on any fault)

Two runs of each point are really trained and evaluated. The others are copies with their own ids, configs,
seeds and names in every file, so the tables have the size of as many real trainings. Then the
user's commands are timed, each in a separate process. Finally, some really trained runs are removed and the
study is resumed: it must retrain them and produce byte-identical tables. Does not measure training.
Read next: `tests/trust/test_many_runs.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from goalposts.experiments.config.schema import ExperimentConfig
from goalposts.experiments.evaluation.trajectories import read_trajectories
from goalposts.experiments.measurement.episodes import SCHEMA_VERSION, VERSION_KEY, read_episodes
from goalposts.experiments.runs.provenance import Provenance
from goalposts.experiments.runs.run import Run
from goalposts.experiments.study.design.plan import StudyPlan, plan_study
from goalposts.experiments.study.folder.folder import StudyFolder

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.scenes import CONFIG

REAL = 2  # trained runs per point
STUDY = """\
name: many
base: tiny.yaml
grid: {{env.condition: [{conditions}]}}
seeds: {seeds}
conditions: [edge_held_out, off_path]
levels: {levels}
figure: {figure}
"""
TABLES = ("summary.csv", "episodes.parquet")


@dataclass(frozen=True)
class Took:
    """Cost of a command: wall-clock seconds, processor seconds (including children), and peak memory of one process."""

    seconds: float
    cpu: float
    memory_mb: float


class Fault(Exception):
    """A failed command, or differing tables."""


def command(home: Path, *words: str) -> Took:
    """Run goalposts in a separate process. Raises Fault if it fails."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "goalposts", *words], cwd=home, stdout=subprocess.DEVNULL, stderr=said
        )
        _, state, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(state)
        wall = time.monotonic() - began
        said.seek(0)
        if process.returncode:
            text = said.read().decode(errors="replace")
            raise Fault(f"{' '.join(words)} ended with {process.returncode}: {text}")
    took = Took(round(wall, 1), round(used.ru_utime + used.ru_stime, 1), round(used.ru_maxrss / 1e3))
    print(f"{' '.join(words)}: {took}", file=sys.stderr, flush=True)
    return took


def fill(home: Path, plan: StudyPlan, folder: StudyFolder, luck: random.Random) -> None:
    """Fill in all missing runs with copies of existing ones."""
    there = folder.finished()
    for point in plan.points:
        real = [one for _, one in point.runs if one in there]
        templates = [Template(folder.run(one)) for one in real]
        for _, one in point.runs:
            if one not in there:
                luck.choice(templates).copy(plan.runs[one], one, folder.run(one))
        assert Run.open(folder.run(point.runs[-1][1])).config == plan.runs[point.runs[-1][1]]


class Template:
    """A finished run, copied as other runs of the same point."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.episodes = read_episodes(path / "episodes.parquet")
        self.config = (path / "config.yaml").read_bytes()
        self.recorded = read_trajectories(path / "trajectories.parquet")
        self.provenance = Provenance.model_validate_json((path / "provenance.json").read_bytes())

    def copy(self, config: ExperimentConfig, one: str, to: Path) -> None:
        """Write the run `one` of a config: files that name the run or its seed are its own; the others are hard links."""
        resolved = re.sub(rb"(?m)^seed: .*$", b"seed: %d" % config.seed, self.config)
        facts = self.provenance.model_copy(
            update={
                "seed": config.seed,
                "config_hash": config.hash(),
                "config_sha256": hashlib.sha256(resolved).hexdigest(),
            }
        )
        recorded, episodes = io.BytesIO(), io.BytesIO()
        self.recorded.with_columns(run=pl.lit(one)).write_parquet(recorded)
        self.episodes.with_columns(run=pl.lit(one), train_seed=pl.lit(config.seed, pl.Int64)).write_parquet(
            episodes, compression="zstd", metadata={VERSION_KEY: str(SCHEMA_VERSION)}
        )
        own = {
            "config.yaml": resolved,
            "provenance.json": facts.model_dump_json(indent=2).encode(),
            "trajectories.parquet": recorded.getvalue(),
            "episodes.parquet": episodes.getvalue(),
        }
        shutil.copytree(self.path, to, copy_function=os.link, ignore=shutil.ignore_patterns(*own))
        for name, content in own.items():
            (to / name).write_bytes(content)


def measure(home: Path, runs: int, points: int, levels: int, figure: str, missing: int) -> dict[str, Took]:
    """Time the commands on such a study in an empty folder. Raises Fault."""
    alphas = [0.0, *(round(2.0**-k, 6) for k in range(points - 1))][:points]
    conditions = ", ".join(f"mixture({alpha})" for alpha in sorted(alphas))
    study = STUDY.format(conditions=conditions, seeds=runs // points, levels=levels, figure=figure)
    (home / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
    (home / "many.yaml").write_text(study, encoding="utf-8")
    plan, folder = plan_study(home / "many.yaml"), StudyFolder(home / "study")
    go_on = ["study", "many.yaml", "--out", "study", "--workers", "1", "-q"]
    command(home, *go_on, "--no-estimate", "--limit", str(REAL * points))
    trained = sorted(folder.finished())
    fill(home, plan, folder, random.Random(0))
    found = {
        "status": command(home, "study", "status", "study"),
        "dry run": command(home, *go_on, "--dry-run"),
        "resume, nothing missing": command(home, *go_on),
        "resume, nothing changed": command(home, *go_on),
        "report": command(home, "study", "report", "study"),
        "page": command(home, "study", "page", "study", "--out", "."),
    }
    before = [(folder.path / name).read_bytes() for name in TABLES]
    for one in trained[:missing]:
        shutil.rmtree(folder.run(one))
    found["dry run, some missing"] = command(home, *go_on, "--dry-run")
    found["resume, some missing"] = command(home, *go_on)
    if len(folder.finished()) != len(plan.runs):
        raise Fault(f"{len(folder.finished())} of {len(plan.runs)} runs after the last call")
    for name, content in zip(TABLES, before, strict=True):
        if (folder.path / name).read_bytes() != content:
            raise Fault(f"{name} differs after {missing} runs were done anew")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument(
        "--points", type=int, default=10, help="of the grid; the seeds are the runs over these"
    )
    parser.add_argument("--levels", type=int, default=10, help="of each of two conditions")
    parser.add_argument("--figure", default="alpha", help="which figures the study draws")
    parser.add_argument("--missing", type=int, default=3, help="runs that are taken away in the end")
    parser.add_argument("--keep", type=Path, help="an empty folder in which the study stays")
    given = parser.parse_args()
    began, faults, found = time.monotonic(), [], {}
    with tempfile.TemporaryDirectory(prefix="goalposts-many-") as place:
        try:
            found = measure(
                given.keep or Path(place), given.runs, given.points, given.levels, given.figure, given.missing
            )
        except Fault as fault:
            faults.append(str(fault))
    took = {name: asdict(one) for name, one in found.items()}
    total = round(time.monotonic() - began)
    print(json.dumps({"runs": given.runs, "took": took, "seconds": total, "faults": faults}, indent=1))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
