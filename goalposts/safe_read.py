"""Read an untrusted file safely: only regular files of limited size, without blocking.

Reading a pipe could block forever and a device never ends, so both are refused, also when reached through a link.
Every part of Goalposts reads through this module and words its own error messages. Parses nothing.
"""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path

from .process.budget import reading_budget
from .safe_folder import IsALink, open_below

__all__ = [
    "IsALink",
    "NotOrdinary",
    "TooLarge",
    "decode_first_line",
    "decode_text",
    "read_beginning",
    "read_ends",
    "read_ordinary",
]

WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NotOrdinary(OSError):
    """A pipe, device or socket instead of a regular file."""


class TooLarge(OSError):
    """A file that exceeds the size limit. `size` is its size in bytes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(errno.EFBIG, f"too large: {size:,} bytes (limit {limit:,})")
        self.size = size


def decode_text(content: bytes) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark, ignoring marks and a final Ctrl-Z. Raises UnicodeDecodeError.

    Windows PowerShell writes UTF-16: `goalposts config show … > my.yaml`. Text with CR LF that Windows wrote as text once more has
    CR CR LF, which is one end of line.
    """
    wide = content[:2] in WIDE
    text = content.decode("utf-16" if wide else "utf-8-sig")
    if wide and 2 * len(text.encode("ascii", "ignore")) < len(text):  # any bytes of even length can be UTF-16
        raise UnicodeDecodeError(
            "utf-16", content[:2], 0, 2, "hardly any character is ASCII, so it is no text"
        )
    return text.replace("\r\r\n", "\r\n").removesuffix("\x1a")


def decode_first_line(content: bytes) -> str:
    """Decode the first line of the beginning of a file like `decode_text`."""
    line = content.partition(b"\n")[0]
    return decode_text(line[: len(line) // 2 * 2] if line[:2] in WIDE else line)


def read_ordinary(path: str | os.PathLike[str], limit: int, follow: bool = True) -> bytes:
    """Read a regular file of at most `limit` bytes.

        follow: allow links, for paths given by the user; a path inside an untrusted folder must not be a link.
    Raises FileNotFoundError, IsADirectoryError, IsALink, NotOrdinary, TooLarge or another OSError; OverBudget
    if the file, which may be sparse, exceeds the command's budget for files (`goalposts/process/budget.py`).
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
        parts = [file.read(min(facts.st_size, limit) + 1)]  # `read` takes as much memory as it is asked for
        size = len(parts[0])
        while facts.st_size < size <= limit and (more := file.read(1 << 20)):  # it grows meanwhile
            parts.append(more)
            size += len(more)
            reading_budget().claim(2 * size, path)
        content = b"".join(parts)
    if len(content) > limit:
        raise TooLarge(len(content), limit)
    reading_budget().read(len(content))
    return content


def read_beginning(path: str | os.PathLike[str], size: int, follow: bool = True) -> bytes:
    """Read the first `size` bytes of a regular file of any length. Raises the same errors as `read_ordinary`."""
    handle = _opened(path, follow)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotOrdinary(errno.EINVAL, "not an ordinary file")
        return file.read(size)


def read_ends(
    path: str | os.PathLike[str], first: int, last: int, follow: bool = True
) -> tuple[bytes, bytes, int]:
    """Read the first and the last bytes of a regular file of any length; also returns its size. Raises as `read_ordinary`."""
    with open(_opened(path, follow), "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise NotOrdinary(errno.EINVAL, "not an ordinary file")
        beginning = file.read(first)
        file.seek(max(0, facts.st_size - last))
        return beginning, file.read(last), facts.st_size


def _opened(path: str | os.PathLike[str], follow: bool) -> int:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if follow:
        return os.open(Path(path), flags)
    if os.name != "posix" and os.path.islink(path):
        raise IsALink
    return open_below(path, flags)
