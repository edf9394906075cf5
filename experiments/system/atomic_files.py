"""Bounded reads and atomic writes: a file is complete or absent, even if the process dies.

Independent of runs and configs. Errors of the operating system become a RunError that names the path and the remedy.
Read next: `goalposts/safe_write.py`, how files are written; `leftovers.py`, what is removed;
`experiments/runs/run.py`, the folder that is written this way.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from goalposts.errors import UserError
from goalposts.safe_folder import open_below
from goalposts.safe_read import IsALink, NotOrdinary, TooLarge, read_ordinary
from goalposts.safe_write import Content, sync_file, sync_folder, unfinished_name, write_all

from .leftovers import in_progress, unfinished

__all__ = [
    "RunError",
    "check_new",
    "disk_errors",
    "in_progress",
    "read_limited",
    "sync_folder",
    "sync_tree",
    "unfinished",
    "unfinished_name",
    "write_atomic",
    "write_together",
]

_CODE_IN_TEXT = re.compile(r"\(os error (\d+)\)")  # how libraries written in Rust report a refusal


class RunError(UserError):
    """A file or folder that cannot be read or written, or a run folder that is not what it should be."""


def check_new(out: Path | None, option: str = "--out") -> None:
    """Refuse a file that exists, or whose folder does not, before any work. Raises UserError, which names the option."""
    if out is not None and os.path.lexists(out):
        raise UserError(
            f"{out} is there already and was not changed; give {option} another name, or remove it"
        )
    if out is not None:
        check_parent(out, f"give {option} another name")


def check_parent(path: Path, otherwise: str = "choose another name") -> None:
    """Refuse a path whose folder does not exist or may not be written. Raises UserError: create the folder, or do `otherwise`."""
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}; create it, or {otherwise}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"cannot write {path}: you may not write in {path.parent}; {otherwise}")


def read_limited(path: Path, limit: int, follow: bool = False) -> bytes:
    """Read an ordinary file of at most `limit` bytes. Raises RunError; never waits for a pipe.

    follow: the user gave this path, so it may be a link.
    """
    with disk_errors(path, "read"):
        try:
            return read_ordinary(path, limit, follow)
        except IsALink as error:
            raise RunError(f"{path} {error.strerror}.") from None
        except NotOrdinary:
            raise RunError(
                f"{path} is not an ordinary file; give a file that can be read as a whole."
            ) from None
        except TooLarge as error:
            raise RunError(f"{path} is {error.strerror}. Is it the right file?") from None


def write_atomic(path: Path, content: Content) -> None:
    """Write a file atomically: bytes, or a function that writes to an open binary file. Raises RunError."""
    write_together({Path(path): content})


def write_together(contents: Mapping[Path, Content]) -> None:
    """Write files that belong together: none is renamed before all are on disk. Raises RunError."""
    write_all(contents, lambda path: disk_errors(path, "write"))


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder, and the folders, to the disk."""
    for root, _, names in os.walk(folder):
        for name in names:
            handle = open_below(Path(root, name), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            try:
                sync_file(handle)
            finally:
                os.close(handle)
        sync_folder(Path(root))


@contextmanager
def disk_errors(path: Path, verb: str) -> Iterator[None]:
    """Convert errors of the operating system to a RunError about `path`; `verb` is "read" or "write"."""
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise RunError(_explain(Path(path), verb, error.errno or 0, error.strerror or str(error))) from error
    except Exception as error:
        code = _CODE_IN_TEXT.search(str(error))
        if code is None:
            raise
        number = int(code[1])
        raise RunError(_explain(Path(path), verb, number, os.strerror(number))) from error


def _explain(path: Path, verb: str, code: int, words: str) -> str:
    safe = " Nothing that was there has been changed." if verb == "write" else ""
    if code in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        return (
            f"cannot write {path}: the disk is full ({_free_space(path)} free).{safe} "
            "Free some space and give the same command again, or choose another folder."
        )
    if code == errno.EROFS:
        return f"cannot write {path}: that disk is read-only.{safe} Choose another folder (--out)."
    if code in (errno.EACCES, errno.EPERM):
        return (
            f"cannot {verb} {path}: you may not {verb} there.{safe} Change its permissions or choose another."
        )
    if code == errno.ENOENT and verb == "read":
        return f"{path} does not exist. Check the path."
    if code == errno.ENOENT:
        return f"cannot write {path}: its folder is not there (any more).{safe} Choose another folder."
    if code == errno.ENOTDIR:
        return f"cannot {verb} {path}: a part of this path is a file, not a folder.{safe} Check the path."
    if code == errno.EISDIR:
        return f"cannot {verb} {path}: it is a folder, and a file is needed.{safe} Check the path."
    if code in (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
        return f"cannot {verb} {path}: the path is not usable ({words.lower()}).{safe} Choose another path."
    return f"cannot {verb} {path}: {words.lower()}.{safe} Check the disk, then give the same command again."


def _free_space(path: Path) -> str:
    try:
        import shutil

        folder = next(parent for parent in path.absolute().parents if parent.exists())
        return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB"
    except (OSError, StopIteration):
        return "no space"
