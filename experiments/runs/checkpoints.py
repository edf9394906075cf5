"""`checkpoints/<step>/`: folders that are there whole or not at all.

A checkpoint is written under a hidden name, flushed to the disk and renamed; one that is dropped is renamed before it is
deleted. So every folder with a number for a name is complete. Its content is defined by the writer
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

from ..system.atomic_files import RunError, disk_errors, sync_folder, sync_tree
from ..system.leftovers import sweep, unfinished, unfinished_name
from ..system.links import refuse_link

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_PARTS = re.compile(rf"({_NUMBER.pattern})(\.old)?")


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint: the environment steps it was taken at, and its folder."""

    step: int
    path: Path


def list_checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    """The complete checkpoints in a folder, oldest first; none if there is no such folder."""
    found = []
    refuse_link(folder)
    with disk_errors(folder, "read"), suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if _NUMBER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
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
            made = set(os.listdir(part))
            if final.exists() and (foreign := sorted(set(os.listdir(final)) - made)):
                raise RunError(
                    f"{final / foreign[0]} is nothing that a training writes, so {final} is not replaced. Nothing was changed. "
                    "Move that file away."
                )
            others = [old for old in list_checkpoints(folder) if old.step != step]
            if (
                keep is not None
            ):  # before the new one has its name: killed in between, a run redoes what is missing
                _drop([old for old in others if set(os.listdir(old.path)) <= made][: 1 - keep])
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
    """Remove what dead processes, or this one, left unfinished; put back a checkpoint that was about to be replaced."""
    for aside in unfinished(folder):
        step, old, _ = aside.name[1:].partition(".old.part-")
        if old and _NUMBER.fullmatch(step) and not os.path.lexists(folder / step):
            with suppress(OSError):
                aside.rename(folder / step)
    sweep(folder, _PARTS, own=True)


def _drop(checkpoints: list[Checkpoint]) -> None:
    for checkpoint in checkpoints:
        gone = unfinished_name(checkpoint.path)
        checkpoint.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _set_aside(final: Path) -> Path:
    return unfinished_name(final.with_name(f"{final.name}.old"))
