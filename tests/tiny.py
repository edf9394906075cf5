"""A real training of a few thousand steps with a tiny net: what the tests of training, evaluation and pages look at."""

import hashlib
import shutil
from pathlib import Path

YAML = """\
name: tiny
env: {levels: 200}
train:
  total_steps: 8192
  num_envs: 32
  n_steps: 32
  batch_size: 256
  n_epochs: 2
  learning_rate: 7e-4
  net: {trunk: [32], pi: [16], vf: [16]}
  checkpoint_every: 2048
  probe_every: 4096
  probe_levels: 20
evaluate: {conditions: [edge_held_out, off_path, edge], levels: 40}
"""

NOT_RESULTS = ("status.json", "provenance.json", ".lock", "report.html", "rollout.gif")


def config_file(folder: Path) -> Path:
    """The YAML above as a file."""
    path = folder / "tiny.yaml"
    path.write_text(YAML, encoding="utf-8")
    return path


def results(path: Path) -> dict[str, str]:
    """Digests of the files of a run that must be a function of its config."""
    return {
        file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in NOT_RESULTS and file.parent.name != "tensorboard"
    }


def everything(folder: Path) -> dict[str, str]:
    """Digests of all files below a folder."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def untouched(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What any write below a folder changes, without reading a byte: of each file its number, size and time."""
    files = ((file, file.stat()) for file in folder.rglob("*"))
    return {str(file): (facts.st_ino, facts.st_size, facts.st_mtime_ns) for file, facts in files}


def copy_of(run: Path, to: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(run, to))
