"""The up-to-date stamp of a study: whether tables, figures and page match its runs, so that they need not be written again.

`.made.json` holds digests of the inputs and of each output file, signed with a secret of this user on this machine. It counts
only if everything matches and the signature is valid; otherwise, as in a folder from elsewhere, the files are written again.
Read next: `experiments/study/driver.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from goalposts.process.budget import reading_budget
from goalposts.safe_folder import open_below

from ...runs.provenance import PACKAGES, code_digest, version_of
from ...system.atomic_files import RunError, read_limited, write_atomic
from ...system.machine_key import is_signed, sign
from ..design.plan import StudyPlan
from ..workers.job import MEASURES
from .folder import EPISODES, FIGURES, MADE, PAGE, SUMMARY, StudyFolder

READ_OF_RUNS = (MEASURES, EPISODES, "trajectories.parquet")
MAX_MADE = 1 << 20


def is_made(folder: StudyFolder, plan: StudyPlan) -> bool:
    """Whether all files recorded by `remember` exist unchanged and were made from these runs by this code."""
    try:
        known = json.loads(read_limited(folder.path / MADE, MAX_MADE))
        facts = _facts(folder, plan)
        return known == facts | {"by": known["by"]} and is_signed(_bytes(facts), known["by"])
    except (RunError, ValueError, OSError, RecursionError, KeyError, TypeError):
        return False


def remember(folder: StudyFolder, plan: StudyPlan) -> None:
    """Record that tables, figures and page were just made from the current runs. Raises RunError."""
    with suppress(OSError):  # a file was removed meanwhile
        facts = _facts(folder, plan)
        write_atomic(folder.path / MADE, _bytes(facts | {"by": sign(_bytes(facts))}))


def _bytes(facts: dict[str, object]) -> bytes:
    return json.dumps(facts, indent=0, sort_keys=True).encode() + b"\n"


def _facts(folder: StudyFolder, plan: StudyPlan) -> dict[str, object]:
    figures = sorted(path.name for path in (folder.path / FIGURES).iterdir())
    names = [PAGE, *(f"{FIGURES}/{name}" for name in figures), SUMMARY]
    names += [EPISODES] if (folder.path / EPISODES).exists() else []
    return {"from": _sources(folder, plan), "made": {name: _digest(folder.path / name) for name in names}}


def _sources(folder: StudyFolder, plan: StudyPlan) -> str:
    """Digest of the inputs: the study, the code with its templates and packages, and the runs' files by size and time."""
    digest = hashlib.sha256()
    for part in (plan.study.to_yaml(), code_digest(), platform.python_version(), *_templates(), *_versions()):
        digest.update(part.encode() + b"\0")
    finished_runs = folder.finished()
    for run in plan.runs:
        if run in finished_runs:
            place = folder.run(run)
            states = [os.lstat(place / name) for name in READ_OF_RUNS if (place / name).exists()]
            digest.update(f"{run} {[(state.st_size, state.st_mtime_ns) for state in states]}\n".encode())
    return digest.hexdigest()


def _templates() -> Iterable[str]:
    for path in sorted((Path(__file__).parents[2] / "report" / "page").iterdir()):
        if path.suffix in (".html", ".css", ".js"):
            yield f"{path.name} {_digest(path, follow=True)}"


def _versions() -> Iterable[str]:
    for name in PACKAGES:
        yield f"{name} {version_of(name)}"


def _digest(path: Path, follow: bool = False) -> str:
    """Digest of a file of any length, read in parts."""
    digest = hashlib.sha256()
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags) if follow else open_below(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is not an ordinary file")
        for part in reading_budget().each(iter(lambda: file.read(1 << 20), b""), path):
            digest.update(part)
    return digest.hexdigest()
