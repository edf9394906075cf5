"""Reading with limits and writing in one piece: a file is there whole or not at all, whenever the process
dies.

Knows nothing of runs or configs. A write goes to a hidden file beside its target, is flushed to the disk and
takes the target's name in one step. What the operating system refuses becomes a RunError that names the place
and the remedy. Read next: `experiments/runs/run.py`, the folder that is written this way.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from goalposts.errors import UserError
from goalposts.safe_read import NotOrdinary, TooLarge, read_ordinary

_MARK = ".part-"  # in the name of everything unfinished; such names are never read
_CODE_IN_TEXT = re.compile(r"\(os error (\d+)\)")  # how libraries written in Rust report a refusal


class RunError(UserError):
    """A file or folder that cannot be read or written, or a run folder that is not what it should be."""


def read_limited(path: Path, limit: int) -> bytes:
    """The bytes of an ordinary file of at most `limit` bytes. Raises RunError; never waits for a pipe."""
    with disk_errors(path, "read"):
        try:
            return read_ordinary(path, limit)
        except NotOrdinary:
            raise RunError(
                f"{path} is not an ordinary file; give a file that can be read as a whole."
            ) from None
        except TooLarge as error:
            raise RunError(f"{path} is {error.strerror}. Is it the right file?") from None


def refuse_links(folder: Path, names: Iterable[str]) -> None:
    """Raise RunError if one of these names in a folder is a link: what is written there would land somewhere else."""
    for name in names:
        if (folder / name).is_symlink():
            raise RunError(
                f"{folder / name} is a link to {os.readlink(folder / name)}, so nothing is written there: it would change what "
                "lies elsewhere. Copy what it links to into its place, or remove it."
            )


def is_held(lock: Path) -> bool:
    """Whether some process holds a lock now; never waits. A link is no lock of ours."""
    if not lock.exists() or lock.is_symlink():
        return False
    probe = FileLock(lock, thread_local=False)
    try:
        probe.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written: nobody works there
        return False
    probe.release()
    return False


def write_atomic(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write a file in one step: bytes, or a function that writes to an open binary file. Raises RunError."""
    write_together({Path(path): content})


def write_together(contents: Mapping[Path, bytes | Callable[[BinaryIO], object]]) -> None:
    """Write files that belong together: none of them takes its name before all are on the disk. Raises RunError."""
    parts = {path: unfinished_name(path) for path in contents}
    try:
        for path, part in parts.items():
            with disk_errors(path, "write"):
                _fill(part, contents[path])
        for path, part in parts.items():
            with disk_errors(path, "write"):
                os.replace(part, path)
                sync_folder(path.parent)
    except BaseException:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise


def _fill(part: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    with open(part, "xb") as file:
        if callable(content):
            content(file)
        else:
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


def unfinished_name(path: Path) -> Path:
    """A hidden sibling of `path` for work in progress; no two calls give the same."""
    return path.with_name(f".{path.name}{_MARK}{os.getpid()}-{secrets.token_hex(4)}")


def unfinished(folder: Path) -> list[Path]:
    """What is being written in a folder, or was when the process died."""
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder) if _MARK in entry.name)
    except FileNotFoundError:
        return []


def in_progress(part: Path) -> bool:
    """Whether the process that writes an unfinished file still lives on this machine."""
    number = part.name.rpartition(_MARK)[2].partition("-")[0]
    if os.name != "posix" or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Ask the disk to keep the names in a folder. Windows cannot open folders and does not need it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks cannot sync a folder
            raise
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder, and the folders, to the disk."""
    for root, _, names in os.walk(folder):
        for name in names:
            handle = os.open(os.path.join(root, name), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(root))


@contextmanager
def disk_errors(path: Path, verb: str) -> Iterator[None]:
    """Turn what the operating system refuses into a RunError about `path`; `verb` is "read" or "write"."""
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
