"""Damaged runs of a study: files of a finished run that are missing, cut short or edited.

Reads the ends of large files only, so that hundreds of runs take a second. What is within a whole file is checked where it is
read. Read next: `folder.py`; `experiments/study/session.py`, which counts such runs as damaged, not as done.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from goalposts.errors import UserError
from goalposts.safe_folder import entries_of, facts_of, pinned
from goalposts.safe_read import read_ends
from goalposts.whole_numbers import is_step

from ...runs.checkpoints import CHECKPOINT_FILES
from ...runs.run import Run
from ...system.atomic_files import RunError, disk_errors, read_limited
from ..workers.job import FILES, MEASURES
from .folder import EPISODES, RECORDED, StudyFolder

CONFIG, PROVENANCE, CHECKPOINTS = "config.yaml", "provenance.json", "checkpoints"
OF_ROWS = (CONFIG, MEASURES, EPISODES)  # of a run that came from recorded rows
MAX_JSON, MAX_HEADER = 1 << 26, 1 << 24
MAGIC = b"PAR1"  # at both ends of a Parquet file


def refuse_damaged(folder: StudyFolder, runs: Iterable[str]) -> None:
    """Raise RunError if the tables of a finished run are missing or cut short."""
    for run in runs:
        place = folder.run(run)
        try:
            for name in (MEASURES, EPISODES):
                _check(place / name)
        except RunError as error:
            words = str(error).removesuffix(".")
            raise RunError(
                f"{place} is damaged: {words}. Restore this folder from a copy, or remove it and run the study's command again"
            ) from None


def damage_of(folder: StudyFolder, run: str) -> str | None:
    """What is wrong with a finished run's files, in a few words; None if they are whole."""
    place = folder.run(run)
    try:
        with disk_errors(place, "read"), pinned(place) as here:
            recorded = facts_of(here / RECORDED) is not None
            for name in OF_ROWS if recorded else (*FILES, MEASURES):
                _check(here / name)
            if not recorded:
                _check_config(place, here)
                _check_agent(here / CHECKPOINTS)
    except UserError as error:
        return str(error).removesuffix(".")
    return None


def _check(path: Path) -> None:
    """Raise RunError if a file is missing or cut short."""
    facts = facts_of(path)
    if facts is None:
        raise RunError(f"{path.name} is missing")
    if not facts.st_size:
        raise RunError(f"{path.name} is empty")
    if path.suffix in (".json", ".parquet", ".safetensors"):
        with disk_errors(path, "read"):
            beginning, end, size = read_ends(path, 8, 8, follow=False)
        if path.suffix == ".json" and (beginning[:1] + end.rstrip()[-1:]) not in (b"{}", b"[]"):
            raise RunError(f"{path.name} is damaged: it is not a whole JSON file")
        if path.suffix == ".parquet" and not (
            beginning.startswith(MAGIC)
            and end.endswith(MAGIC)
            and int.from_bytes(end[:4], "little") + 12 <= size
        ):
            raise RunError(f"{path.name} is damaged: it is not a whole Parquet file")
        if path.suffix == ".safetensors" and size != _length(path, beginning):
            raise RunError(f"{path.name} is damaged: it is not a whole file of weights")


def _length(path: Path, beginning: bytes) -> int:
    """The length that a file of weights must have by its header; -1 if it has none."""
    header = int.from_bytes(beginning, "little")
    if len(beginning) < 8 or header > MAX_HEADER:
        return -1
    try:
        with disk_errors(path, "read"):
            tensors = json.loads(read_ends(path, 8 + header, 0, follow=False)[0][8:])
        ends = [facts["data_offsets"][1] for name, facts in tensors.items() if name != "__metadata__"]
        return 8 + header + max(ends, default=0)
    except (ValueError, RecursionError, AttributeError, KeyError, IndexError, TypeError):
        return -1


def _check_config(place: Path, here: Path) -> None:
    """Raise RunError if the config is not the one with which the run began, or that of another run. here: the opened folder."""
    digest = hashlib.sha256(read_limited(here / CONFIG, MAX_HEADER)).hexdigest()
    try:
        provenance = json.loads(read_limited(here / PROVENANCE, MAX_JSON))
    except (ValueError, RecursionError):
        provenance = None
    if (
        not isinstance(provenance, dict)
        or provenance.get("config_sha256") != digest
        or "config_hash" not in provenance
    ):
        # says what is wrong; other line ends, as git writes them, are not
        provenance = Run.open(place).provenance().model_dump()
    if not str(provenance["config_hash"]).startswith(place.name):
        raise RunError(f"this is the run of another config ({str(provenance['config_hash'])[:16]})")


def _check_agent(checkpoints: Path) -> None:
    """Raise RunError if there is no whole checkpoint."""
    if facts_of(checkpoints) is None:
        raise RunError(f"{CHECKPOINTS} is missing")
    steps = [entry.name for entry in entries_of(checkpoints) if is_step(entry.name)]
    if not steps:
        raise RunError(f"{CHECKPOINTS} is empty")
    for step in steps:
        for name in CHECKPOINT_FILES:
            try:
                _check(checkpoints / step / name)
            except RunError as error:
                raise RunError(f"{os.path.join(CHECKPOINTS, step)}: {error}") from None
