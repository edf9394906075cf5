"""Read an untrusted file: an ordinary file, of limited size, without waiting for anything.

A pipe would wait for ever and a device never ends, so neither is opened as if it were a file, nor reached through a link.
Every part of Goalposts reads through here; each puts what is refused into its own words. Parses nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class NotOrdinary(OSError):
    """A pipe, a device or a socket where a file should be."""


class IsALink(OSError):
    """A link where a file of the same folder should be."""


class TooLarge(OSError):
    """A file of more bytes than are read. `size` is how many it has."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(errno.EFBIG, f"too large: {size:,} bytes; at most {limit:,} are read")
        self.size = size


def read_ordinary(path: str | os.PathLike[str], limit: int, follow: bool = True) -> bytes:
    """The bytes of an ordinary file of at most `limit` bytes.

    follow: the path was given by the user, so it may be a link; one inside an untrusted folder must not be.
    Raises FileNotFoundError, IsADirectoryError, IsALink, NotOrdinary, TooLarge, or another OSError of the system.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow:
        if os.path.islink(path):
            raise IsALink(
                errno.ELOOP, "is a link, which would be read from elsewhere; put a copy in its place"
            )
        flags |= getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(Path(path), flags)
    with open(handle, "rb") as file:
        facts = os.fstat(handle)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if not stat.S_ISREG(facts.st_mode):
            raise NotOrdinary(errno.EINVAL, "not an ordinary file")
        if facts.st_size > limit:
            raise TooLarge(facts.st_size, limit)
        content = file.read(min(facts.st_size, limit) + 1)  # `read` takes as much memory as it is asked for
        while facts.st_size < len(content) <= limit and (more := file.read(1 << 20)):  # it grows meanwhile
            content += more
    if len(content) > limit:
        raise TooLarge(len(content), limit)
    return content
