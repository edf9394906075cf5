"""Refuse symbolic links in untrusted folders: nothing is read or written through a link.

Checks the names that Goalposts reads and writes in a folder, as given by the caller, and everything below those that are
folders. Read next: `experiments/runs/run.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .atomic_files import RunError, disk_errors
from .leftovers import DEEPEST

MOST = 200_000  # most entries that are checked


def refuse_link(path: Path) -> None:
    """Raise RunError if a path is a link."""
    if path.is_symlink():
        raise RunError(
            f"{path} is a link to {os.readlink(path)}, so nothing is read or written there: it would reach what lies elsewhere. "
            "Copy what it links to into its place, or remove it."
        )


def refuse_links(folder: Path, names: Iterable[str], deep: bool = True) -> None:
    """Raise RunError if one of these names in a folder is a link or contains one (`deep`: at any depth, else directly).

    Through a link, data would be written to or read from another place.
    """
    left = [MOST]
    for name in names:
        path = folder / name
        refuse_link(path)
        if path.is_dir():
            with (
                disk_errors(path, "read"),
                suppress(PermissionError),
            ):  # then nothing is read from there either
                _look(path, DEEPEST if deep else 1, deep, left)


def _look(folder: Path, depth: int, deep: bool, left: list[int]) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            left[0] -= 1
            if entry.is_symlink():
                refuse_link(Path(entry.path))
            if not deep or not entry.is_dir(follow_symlinks=False):
                continue
            if depth == 1 or left[0] < 0:
                raise RunError(
                    f"{entry.path} lies deeper, or among more files, than anything that goalposts writes. Move it away."
                )
            _look(Path(entry.path), depth - 1, deep, left)
