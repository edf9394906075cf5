"""Writing a file in one step: it is there whole or not at all, whenever the process dies.

A write goes to a hidden file next to its target, under a name that no other process can predict and that must not exist; it is flushed to
the disk and then takes the target's name. A target that is a link is replaced, never followed. Every part of Goalposts writes
through here; each puts what the system refuses into its own words. Read next: `experiments/system/atomic_files.py`.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from .safe_folder import open_below, opened_folder, remove_file, rename

Content = bytes | Callable[[BinaryIO], object]

UNFINISHED = re.compile(r"\.(?P<name>.+)\.part-(?P<pid>[1-9][0-9]*)-(?P<random>[0-9a-f]+)", re.DOTALL)
"""The only names that unfinished files and folders of ours have."""

NO_SYNC = {
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
}  # of a disk that cannot flush on request
_LONGEST = 100  # bytes of the target's name in that of its twin: file systems allow 143 to 255 for the whole


def write_whole(path: Path, content: Content) -> None:
    """Write a file in one step: bytes, or a function that writes to an open binary file. Raises OSError."""
    write_all({Path(path): content})


def write_all(
    contents: Mapping[Path, Content],
    about: Callable[[Path], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Write files that belong together: none takes its name before all are on the disk.

    about: what is entered while a file is written, to word what the system refuses. Raises OSError.
    """
    parts = {path: unfinished_name(path) for path in contents}
    try:
        for path, part in parts.items():
            with about(path):
                _fill(part, contents[path])
        for path, part in parts.items():
            with about(path):
                rename(part, path)
                sync_folder(path.parent)
    except BaseException:
        for part in parts.values():
            with suppress(OSError):
                remove_file(part)
        raise


def _fill(part: Path, content: Content) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(open_below(part, flags, 0o666), "wb") as file:
        if callable(content):
            content(file)
        else:
            file.write(content)
        file.flush()
        sync_file(file.fileno())


def unfinished_name(path: Path) -> Path:
    """A hidden sibling of `path` for work in progress; no two calls give the same."""
    return path.with_name(f".{short_name(path.name)}.part-{os.getpid()}-{secrets.token_hex(4)}")


def short_name(name: str) -> str:
    """The part of a name that its unfinished twin's name contains."""
    while len(os.fsencode(name)) > _LONGEST:
        name = name[:-1]
    return name


def sync_file(handle: int) -> None:
    """Flush an open file to the disk, where the disk knows how to."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Ask the disk to keep the names in a folder. Windows cannot open folders and does not need it."""
    if os.name != "posix":
        return
    with opened_folder(folder) as found:
        handle = (
            os.open(".", os.O_RDONLY, dir_fd=found) if found is not None else os.open(folder, os.O_RDONLY)
        )
        try:
            sync_file(handle)
        finally:
            os.close(handle)
