"""Atomic file writes: a file is written completely or not at all, even if the process dies.

A write goes to a hidden file next to its target, with an unpredictable name that must not exist yet; it is flushed to
disk and then renamed to the target. A target that is a link is replaced, never followed. Every part of Goalposts writes
through this module and words its own error messages. Read next: `experiments/system/atomic_files.py`.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from .safe_folder import open_below, opened_folder, remove_file, rename

Content = bytes | Callable[[BinaryIO], object]

UNFINISHED = re.compile(r"\.(?P<name>.+)\.part-(?P<pid>[1-9][0-9]*)-(?P<random>[0-9a-f]+)", re.DOTALL)
"""Pattern of the names of unfinished files and folders."""

NO_SYNC = {
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOTTY,
}  # raised by disks that do not support flushing
NO_SYNC_OF_FOLDERS = {errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR}
_LONGEST = (
    100  # bytes of the target's name used in the temporary name; file systems allow 143 to 255 in total
)


def write_whole(path: Path, content: Content) -> None:
    """Write a file atomically from bytes, or with a function that writes to an open binary file. Raises OSError."""
    write_all({Path(path): content})


def write_all(
    contents: Mapping[Path, Content],
    about: Callable[[Path], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Write files that belong together: all are on disk before any is renamed to its target.

    about: a context entered while a file is written, to word its errors. Raises OSError.
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
    """Return a unique hidden sibling of `path` for unfinished work."""
    return path.with_name(f".{short_name(path.name)}.part-{os.getpid()}-{secrets.token_hex(4)}")


def short_name(name: str) -> str:
    """The part of a name that is used in the temporary name."""
    while len(os.fsencode(name)) > _LONGEST:
        name = name[:-1]
    return name


def sync_file(handle: int) -> None:
    """Flush an open file to disk, if the disk supports it."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, if the system and the disk support it.

    Windows cannot open folders and does not need this. Network disks may refuse it, as do folders that may be written but not listed;
    the files themselves have been flushed.
    """
    if os.name != "posix":
        return
    with opened_folder(folder) as descriptor, _unless_refused():
        handle = (
            os.open(".", os.O_RDONLY, dir_fd=descriptor)
            if descriptor is not None
            else os.open(folder, os.O_RDONLY)
        )
        try:
            sync_file(handle)
        finally:
            os.close(handle)


@contextmanager
def _unless_refused() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SYNC_OF_FOLDERS:
            raise
