"""`checkpoints/<step>/`: folders that are there whole or not at all.

A checkpoint is written under a hidden name, flushed to the disk and renamed; one that is dropped is renamed before it is
deleted. So every folder with a number for a name is complete. What stands in it is the writer's affair
(`agents/policy/checkpoint.py`). Read next: `run.py`, which holds the lock meanwhile.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..system.atomic_files import disk_errors, sync_folder, sync_tree, unfinished, unfinished_name


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint: the environment steps it was taken at, and its folder."""

    step: int
    path: Path


def list_checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    """The complete checkpoints in a folder, oldest first; none if there is no such folder."""
    found = []
    with disk_errors(folder, "read"), suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if re.fullmatch(r"0|[1-9][0-9]{0,17}", entry.name) and entry.is_dir(follow_symlinks=False):
                found.append(Checkpoint(int(entry.name), Path(entry.path)))
    return tuple(sorted(found, key=lambda checkpoint: checkpoint.step))


def write_checkpoint(
    folder: Path, step: int, writer: Callable[[Path], object], keep: int | None
) -> Checkpoint:
    """Let `writer` fill `folder/<step>/`, then drop all but the last `keep`. Raises RunError; see `Run.save_checkpoint`."""
    if step < 0 or (keep is not None and keep < 2):
        raise ValueError("step must be at least 0 and keep at least 2")
    final = folder / str(step)
    part = unfinished_name(final)
    with disk_errors(final, "write"):
        try:
            folder.mkdir(exist_ok=True)
            part.mkdir()
            writer(part)
            sync_tree(part)
            if (
                keep is not None
            ):  # before the new one has its name: killed in between, a run redoes what is missing
                _drop([old for old in list_checkpoints(folder) if old.step != step][: 1 - keep])
            if final.exists():
                final.rename(_set_aside(final))
            part.rename(final)
            sync_folder(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            sweep_checkpoints(folder)
            raise
        sweep_checkpoints(folder)
    return Checkpoint(step, final)


def sweep_checkpoints(folder: Path) -> None:
    """Remove what dead processes left unfinished; put back a checkpoint that was about to be replaced."""
    for aside in folder.glob(".*.old"):
        final = folder / aside.name[1 : -len(".old")]
        with suppress(OSError):
            shutil.rmtree(aside) if final.exists() else aside.rename(final)
    for part in unfinished(folder):
        shutil.rmtree(part, ignore_errors=True)


def _drop(checkpoints: list[Checkpoint]) -> None:
    for checkpoint in checkpoints:
        gone = unfinished_name(checkpoint.path)
        checkpoint.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _set_aside(final: Path) -> Path:
    return final.with_name(f".{final.name}.old")
