"""A study of six trainings of a second each, and how to run it as a user does: in a process that can be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tiny import YAML

STUDY = """
name: small
base: tiny.yaml
grid: {env.condition: [edge, anywhere]}
seeds: 3
conditions: [edge_held_out, off_path]
levels: 40
"""
RUNS = 6
TABLES = ("summary.csv", "episodes.parquet")


def write_study(folder: Path) -> Path:
    """The study file, with its base beside it."""
    (folder / "tiny.yaml").write_text(YAML)
    path = folder / "small.yaml"
    path.write_text(STUDY)
    return path


def start(study: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """`goalposts study` in a process of its own, Ctrl-C as in a terminal."""
    command = [
        sys.executable,
        "-m",
        "goalposts",
        "study",
        str(study),
        "--out",
        str(out),
        "--no-estimate",
        *more,
    ]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def done(process: subprocess.Popen[str]) -> tuple[int, str]:
    """(exit code, what it said)."""
    said, _ = process.communicate(timeout=3600)
    return process.returncode, said


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Process ids of a driver's children that work."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == process.pid and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue
    return found


def tables(out: Path) -> list[bytes]:
    """The bytes of the two tables."""
    return [(out / name).read_bytes() for name in TABLES]
