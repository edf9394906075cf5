"""Read an untrusted file: an ordinary file, of limited size, without waiting for anything.

A pipe would wait for ever and a device never ends, so neither is opened as if it were a file, nor reached through a link.
Every part of Goalposts reads through here; each puts what is refused into its own words. Parses nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from .process.budget import reading_budget
from .safe_folder import IsALink, open_below

__all__ = ["IsALink", "NotOrdinary", "TooLarge", "decode_text", "read_beginning", "read_ordinary"]


class NotOrdinary(OSError):
    """A pipe, a device or a socket where a file should be."""


class TooLarge(OSError):
    """A file of more bytes than are read. `size` is how many it has."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(errno.EFBIG, f"too large: {size:,} bytes; at most {limit:,} are read")
        self.size = size


def decode_text(content: bytes) -> str:
    """UTF-8 as any editor saves it: with or without a byte order mark, a final Ctrl-Z left out. Raises UnicodeDecodeError."""
    return content.decode("utf-8-sig").removesuffix("\x1a")


def read_ordinary(path: str | os.PathLike[str], limit: int, follow: bool = True) -> bytes:
    """The bytes of an ordinary file of at most `limit` bytes.

        follow: the path was given by the user, so it may be a link; one inside an untrusted folder must not be.
    Raises FileNotFoundError, IsADirectoryError, IsALink, NotOrdinary, TooLarge, or another OSError of the system; OverBudget
    if the file, which may be sparse, is larger than what this command may spend on files (`goalposts/process/budget.py`).
    """
    handle = _opened(path, follow)
    with open(handle, "rb") as file:
        facts = os.fstat(handle)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if not stat.S_ISREG(facts.st_mode):
            raise NotOrdinary(errno.EINVAL, "not an ordinary file")
        if facts.st_size > limit:
            raise TooLarge(facts.st_size, limit)
        reading_budget().claim(facts.st_size, path)
        content = file.read(min(facts.st_size, limit) + 1)  # `read` takes as much memory as it is asked for
        while facts.st_size < len(content) <= limit and (more := file.read(1 << 20)):  # it grows meanwhile
            content += more
    if len(content) > limit:
        raise TooLarge(len(content), limit)
    reading_budget().read(len(content))
    return content


def read_beginning(path: str | os.PathLike[str], size: int, follow: bool = True) -> bytes:
    """The first `size` bytes of an ordinary file of any length. Raises as `read_ordinary`."""
    handle = _opened(path, follow)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotOrdinary(errno.EINVAL, "not an ordinary file")
        return file.read(size)


def _opened(path: str | os.PathLike[str], follow: bool) -> int:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if follow:
        return os.open(Path(path), flags)
    if os.name != "posix" and os.path.islink(path):
        raise IsALink
    return open_below(path, flags)
