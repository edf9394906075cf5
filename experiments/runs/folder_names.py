"""Names of the files in a run folder; folders that hold other files are refused.

Read next: `run.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from goalposts.closest import near

from ...envs.worlds.contract.sources import shown_command
from ..system.atomic_files import RunError, disk_errors
from ..system.leftovers import made_here, unfinished
from ..system.locks import HELD
from .provenance import Provenance
from .status import Status, read_json

CONFIG, PROVENANCE, STATUS, LOCK = "config.yaml", "provenance.json", "status.json", ".lock"
PROGRESS, EPISODES, CHECKPOINTS = "progress.csv", "episodes.parquet", "checkpoints"
EXPLANATION = "explanation.json"
READ = (
    *(CONFIG, PROVENANCE, STATUS, LOCK, PROGRESS, EPISODES, CHECKPOINTS, "tensorboard"),
    *(
        "trajectories.parquet",
        "leakage.json",
        "goal_sweep.parquet",
        "explored.parquet",
        "finetune.csv",
        "finetune",
    ),
    *("unfinished.json", "measures.json", "times.json", EXPLANATION),
)
"""What is read or added to here, now or later: none of it may be a link."""
WRITTEN = re.compile("|".join(map(re.escape, (*READ, "report.html", "rollout.gif"))))
"""What else is written here is replaced as a whole."""
_OF_RUN = re.compile(
    rf"(?:{WRITTEN.pattern})|{CHECKPOINTS}/[0-9]+/(?:checkpoint|state)\.json|{CHECKPOINTS}/[0-9]+/(?:model|state|support)\.safetensors"
)


def is_of_run(path: str) -> bool:
    """Whether a file is one that a training or evaluation writes, by its path from the run folder."""
    return _OF_RUN.fullmatch(path) is not None


def refuse_foreign(path: Path) -> None:
    """Raise RunError if a folder exists and is neither empty nor a run folder."""
    if not os.path.lexists(path):
        return
    if not os.path.isdir(path):
        raise RunError(f"{path} is not a folder. Nothing was changed. Choose another with --out.")
    with disk_errors(path, "read"):
        names = sorted(os.listdir(path))
    ours = {part.name for part in unfinished(path) if made_here(part, WRITTEN)}
    ours |= {LOCK + HELD} | {
        name for name, is_ours in _FIRST.items() if CONFIG not in names and is_ours(path / name)
    }
    foreign = [name for name in names if name not in ours]
    if foreign and CONFIG not in names:
        raise RunError(
            f"{path} is not empty and not a run folder (it holds {', '.join(foreign[:3])}). Nothing was changed. "
            "Choose a new folder with --out."
        )


def _is_json(model: type[BaseModel], path: Path) -> bool:
    try:
        read_json(model, path, "")
    except RunError:
        return False
    return not path.is_symlink()


_FIRST: dict[str, Callable[[Path], bool]] = {
    PROVENANCE: lambda path: _is_json(Provenance, path),
    STATUS: lambda path: _is_json(Status, path),
    LOCK: lambda path: path.is_file() and not path.is_symlink() and path.stat().st_size == 0,
}
"""What a killed process may have left of a run that has no config.yaml yet, and whether a file of that name is one."""


def not_a_run(path: Path) -> str:
    if os.path.isfile(path.parent / CONFIG):
        return f"{path} is a part of a run; give the run folder: {path.parent}"
    what = (
        f"{path} is a file, not a run folder." if os.path.isfile(path) else f"there is no run folder {path}."
    )
    if path.suffix == ".zip" or ":" in path.name:
        return f"{what} An agent that was trained elsewhere becomes one with: {shown_command('adopt', path, '--out', 'FOLDER')}"
    here = path if os.path.isdir(path) else path.parent
    if not path.is_absolute() and os.path.isfile(Path("runs") / path / CONFIG):
        return f"{what} Did you mean {Path('runs') / path}?"
    with suppress(OSError):
        runs = sorted(entry.name for entry in os.scandir(here) if os.path.isfile(Path(entry.path) / CONFIG))
        close = near(path.name, runs, 3) or runs[:5]
        if close:
            hint = f" Runs that are there: {', '.join(str(here / name) for name in close)}."
        else:
            hint = " Train one first: goalposts train coinrun/edge"
        if os.path.isdir(path):
            return f"{path} is not a run folder: it has no {CONFIG}.{hint}"
        return f"{what}{hint}"
    return f"{what} Train one first: goalposts train coinrun/edge"
