"""`checkpoints/<step>/`: checkpoint folders, written atomically.

A checkpoint is written under a hidden name, flushed to the disk and renamed; one that is dropped is renamed before it is
deleted. So every folder with a number for a name is complete. Its content is defined by the writer
(`agents/policy/checkpoint.py`). Read next: `run.py`, which holds the lock meanwhile.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from goalposts.safe_folder import entries_of, facts_of, make_folder, names_in, pinned, remove_tree, rename
from goalposts.whole_numbers import is_step

from ..system.atomic_files import RunError, disk_errors, sync_folder, sync_tree
from ..system.leftovers import sweep, unfinished, unfinished_name
from ..system.links import refuse_link

# What every agent's checkpoint holds; `agents/policy/checkpoint.py` writes them.
CHECKPOINT_FILES = ("checkpoint.json", "model.safetensors")
_PARTS = re.compile(r"(0|[1-9][0-9]{0,17})(\.old)?")


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint: the environment steps it was taken at, and its folder."""

    step: int
    path: Path


def list_checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    """The complete checkpoints in a folder, oldest first; none if there is no such folder."""
    checkpoints = []
    refuse_link(folder)
    with disk_errors(folder, "read"), suppress(FileNotFoundError):
        for entry in entries_of(folder):
            if is_step(entry.name) and entry.is_dir(follow_symlinks=False):
                checkpoints.append(Checkpoint(int(entry.name), folder / entry.name))
    return tuple(sorted(checkpoints, key=lambda checkpoint: checkpoint.step))


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
            make_folder(folder, exist_ok=True)
            make_folder(part)
            with pinned(part) as place:
                writer(place)
                sync_tree(place)
                names = set(os.listdir(place))
            if facts_of(final) is not None and (foreign := sorted(names_in(final) - names)):
                raise RunError(
                    f"{final / foreign[0]} is nothing that a training writes, so {final} is not replaced. Nothing was changed. "
                    "Move that file away."
                )
            others = [old for old in list_checkpoints(folder) if old.step not in (step, 0)]  # step 0 stays
            if (
                keep is not None
            ):  # before the new one has its name: killed in between, a run redoes what is missing
                _drop([old for old in others if names_in(old.path) <= names][: 1 - keep])
            if facts_of(final) is not None:
                rename(final, _set_aside(final))
            rename(part, final)
            sync_folder(folder)
        except BaseException:
            remove_tree(part)
            sweep_checkpoints(folder)
            raise
        sweep_checkpoints(folder)
    return Checkpoint(step, final)


def sweep_checkpoints(folder: Path) -> None:
    """Remove what dead processes, or this one, left unfinished; put back a checkpoint that was about to be replaced."""
    for aside in unfinished(folder):
        step, old, _ = aside.name[1:].partition(".old.part-")
        if old and is_step(step) and facts_of(folder / step) is None:
            with suppress(OSError):
                rename(aside, folder / step)
    sweep(folder, _PARTS, own=True)


def _drop(checkpoints: list[Checkpoint]) -> None:
    for checkpoint in checkpoints:
        gone = unfinished_name(checkpoint.path)
        rename(checkpoint.path, gone)
        remove_tree(gone)


def _set_aside(final: Path) -> Path:
    return unfinished_name(final.with_name(f"{final.name}.old"))
