"""Clean up after killed processes: only files that Goalposts wrote are ever removed.

Unfinished work has a hidden name `.NAME.part-PID-HEX` (`goalposts/safe_write.py`). It is removed if NAME is a name that
Goalposts writes in that folder and process PID is dead. A finished scratch folder is removed only if it holds nothing else.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from goalposts.safe_folder import IsALink, entries_of, facts_of, remove_file, remove_tree, rename
from goalposts.safe_write import UNFINISHED, short_name, unfinished_name

DEEPEST = 8  # levels of folders below one that Goalposts writes
__all__ = ["discard", "foreign_in", "in_progress", "made_here", "sweep", "unfinished", "unfinished_name"]


def unfinished(folder: Path) -> list[Path]:
    """List the unfinished files of a folder, of living and dead processes."""
    try:
        return [folder / entry.name for entry in entries_of(folder) if UNFINISHED.fullmatch(entry.name)]
    except (FileNotFoundError, NotADirectoryError, IsALink):
        return []


def made_here(part: Path, names: re.Pattern[str]) -> bool:
    """Whether a path is unfinished work on one of these names."""
    match = UNFINISHED.fullmatch(part.name)
    return match is not None and names.fullmatch(match["name"]) is not None


def in_progress(part: Path) -> bool:
    """Whether the process that writes an unfinished file is alive on this machine."""
    match = UNFINISHED.fullmatch(part.name)
    if os.name != "posix" or match is None:
        return False
    try:
        os.kill(int(match["pid"]), 0)
    except PermissionError:
        return True
    except (OSError, OverflowError, ValueError):
        return False
    return True


def sweep(folder: Path, names: re.Pattern[str], own: bool = False, folders_only: bool = False) -> None:
    """Remove unfinished work of dead processes on these names. Leaves links alone, because unfinished work is never a link.

    own: also remove work of this process; only for the holder of the folder's lock.
    """
    for part in unfinished(folder):
        match = UNFINISHED.fullmatch(part.name)
        if match is None or not names.fullmatch(match["name"]):
            continue
        mine = own and match["pid"] == str(os.getpid())
        if not mine and in_progress(part):
            continue
        with suppress(OSError):
            facts = facts_of(part)
            if facts is not None and stat.S_ISDIR(facts.st_mode):
                remove_tree(part)
            elif facts is not None and stat.S_ISREG(facts.st_mode) and not folders_only:
                remove_file(part)


def foreign_in(folder: Path, ours: Callable[[str], bool]) -> list[str]:
    """List foreign files anywhere below a folder, as relative paths; links always count as foreign.

    ours: predicate for Goalposts' own files, by relative path (`a/b.json`); its unfinished work always counts as own. A folder deeper than
    any of Goalposts counts as foreign and is not entered, since Python's functions for whole trees fail at a thousand levels.
    """
    paths: list[str] = []
    for root, folders, files in os.walk(folder):
        if len(Path(root).relative_to(folder).parts) >= DEEPEST and folders:
            paths += [Path(root, name).relative_to(folder).as_posix() for name in folders]
            folders.clear()
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        for name in (*links, *files):
            path = Path(root, name)
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (
                ours(relative) or any(map(UNFINISHED.fullmatch, relative.split("/")))
            ):
                paths.append(relative)
    return sorted(paths)


def discard(place: Path, ours: Callable[[str], bool]) -> list[str]:
    """Remove a folder of Goalposts and return []; if it holds foreign files, leave it unchanged and return those.

    The folder is renamed first, so that a half-removed folder is never mistaken for a complete one.
    """
    if place.is_symlink():
        return [place.name]
    if not place.is_dir():
        return []
    if foreign := foreign_in(place, ours):
        return foreign
    part = unfinished_name(place)
    try:
        rename(place, part)
    except (
        OSError
    ):  # missing, or open on a system that refuses to remove open files: remove as much as possible
        part = place
    remove_tree(part)
    return []


def of_name(name: str) -> re.Pattern[str]:
    """The pattern of unfinished work on one name."""
    return re.compile(re.escape(short_name(name)))
