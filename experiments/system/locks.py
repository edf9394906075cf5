"""The lock of a run or study folder: one writer at a time; the system releases it when its holder dies.

Uses `flock` if the disk supports it, else a record lock (`fcntl`); on a disk with neither, a file `.lock.held` that names its
process. While a lock is held, a descriptor identifies the folder: `check` detects if it was removed or replaced.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock as PortableLock
from filelock import Timeout as PortableTimeout

from goalposts.safe_folder import open_below, remove_file, rename
from goalposts.safe_read import read_ordinary

from .atomic_files import RunError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NOT_THERE = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOLCK}  # of locks, on a disk
CONTENDED = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}
POLL = 0.05  # seconds
HELD = ".held"

_ours: dict[
    tuple[int, int], int
] = {}  # lock files that this process holds: record locks do not exclude within one


class FolderGone(RunError):
    """A folder that was removed or replaced while this process wrote into it."""

    exit_code = 1


def folder_gone(path: Path) -> str:
    """Error message for a file or folder that vanished while it was written."""
    return (
        f"cannot write {path}: its folder is not there (any more), or is another one. It was removed or replaced while this command "
        "wrote there, so the work ends here and what it made is lost. Give the same command again."
    )


class Timeout(Exception):
    """Another process holds the lock. `who`: which one, and the file to delete if it is gone; empty for locks of the system."""

    def __init__(self, who: str = "") -> None:
        super().__init__(who)
        self.who = who


class FolderLock:
    """The lock file of a folder. Not shared with forked processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._portable = None if fcntl else PortableLock(path, thread_local=False)
        self._handle: int | None = None
        self._folder: int | None = None
        self._marker: Path | None = None
        self._key, self._pid = (0, 0), 0

    @property
    def is_locked(self) -> bool:
        """Whether this object holds it, in this process."""
        if self._portable is not None:
            return self._portable.is_locked
        return self._handle is not None and self._pid == os.getpid()

    def acquire(self, timeout: float = 0.0) -> None:
        """Take the lock within `timeout` seconds. Raises Timeout, or OSError if the file cannot be opened."""
        if self._portable is not None:
            try:
                self._portable.acquire(timeout=timeout)
            except PortableTimeout:
                raise Timeout from None
            return
        end = time.monotonic() + timeout
        while (who := self._try()) is not None:
            if time.monotonic() >= end:
                raise Timeout(who)
            time.sleep(POLL)

    def release(self) -> None:
        """Release the lock."""
        if self._portable is not None:
            self._portable.release()
            return
        if self._handle is None or self._pid != os.getpid():
            return
        _ours.pop(self._key, None)
        if self._marker is not None:
            with suppress(OSError):
                remove_file(self._marker)
        with suppress(OSError):
            fcntl.flock(self._handle, fcntl.LOCK_UN)  # type: ignore[union-attr]
        os.close(self._handle)
        if self._folder is not None:
            os.close(self._folder)
        self._handle = self._folder = self._marker = None

    def check(self) -> None:
        """Raise FolderGone if the folder is no longer the one that was locked."""
        if self._folder is None:
            return
        try:
            now, then = os.stat(self.path.parent), os.fstat(self._folder)
            same = (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)
        except OSError:
            same = False
        if not same or not os.path.lexists(self.path):
            raise FolderGone(folder_gone(self.path.parent))

    def _try(self) -> str | None:
        """Try to take the lock: None on success, else the holder, as far as it is known."""
        if _is_ours(self.path):
            return ""
        handle = _open(self.path)
        try:
            facts = os.fstat(handle)
            key = (facts.st_dev, facts.st_ino)
            if not _lock(handle):
                return ""
            entry = os.stat(self.path, follow_symlinks=False)
            if (entry.st_dev, entry.st_ino) != key:
                return ""  # another process put a new file in its place
            marker = None
            if not _has_locks(handle):
                who, marker = _mark(self.path)
                if who is not None:
                    return who
            self._folder = os.open(self.path.parent, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
            self._handle, self._key, self._pid, self._marker = handle, key, os.getpid(), marker
            _ours[key] = self._pid
            handle = -1
            return None
        finally:
            if handle >= 0:
                os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock; never waits, writes nothing. A symbolic link does not count as a lock."""
    if not path.exists() or path.is_symlink():
        return False
    if fcntl is None:
        return _is_held_portably(path)
    try:
        if _is_ours(path):
            return True
        handle = _open(path, make=False)
    except OSError:  # a read-only folder has no writer
        return False
    try:
        if not _lock(handle):
            return True
        return not _has_locks(handle) and _holder(_held_name(path)) is not None
    except OSError:
        return False
    finally:
        os.close(handle)


def _is_ours(path: Path) -> bool:
    """Whether this process holds the lock. Checked before opening the file: closing any descriptor of it frees a record lock."""
    try:
        facts = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return _ours.get((facts.st_dev, facts.st_ino)) == os.getpid()


def _is_held_portably(path: Path) -> bool:
    probe = PortableLock(path, thread_local=False)
    try:
        probe.acquire(timeout=0)
    except PortableTimeout:
        return True
    except OSError:
        return False
    probe.release()
    return False


def _open(path: Path, make: bool = True) -> int:
    flags = os.O_RDWR | os.O_NONBLOCK
    try:
        handle = open_below(path, flags | (os.O_CREAT if make else 0))
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS, errno.EPERM) or not path.exists():
            raise
        handle = open_below(path, flags & ~os.O_RDWR | os.O_RDONLY)  # another user's: flock needs no more
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not an ordinary file")
    return handle


def _lock(handle: int) -> bool:
    """Take the kind of lock that this disk supports; also True if it supports none."""
    assert fcntl is not None
    for take in (fcntl.flock, fcntl.lockf):
        try:
            take(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno in CONTENDED:
                return False
            if error.errno not in NOT_THERE and error.errno != errno.EBADF:  # a record lock needs to write
                raise
    return True


def _has_locks(handle: int) -> bool:
    assert fcntl is not None
    for take in (fcntl.flock, fcntl.lockf):
        with suppress(OSError):
            take(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def _held_name(path: Path) -> Path:
    return path.with_name(path.name + HELD)


def _mark(path: Path) -> tuple[str | None, Path | None]:
    """Lock by a marker file, for disks without locks: (the holder, None), or (None, this process's marker)."""
    held = _held_name(path)
    for _ in range(3):
        try:
            handle = open_below(held, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            if who := _holder(held):
                return who, None
            aside = held.with_name(f"{held.name}.{secrets.token_hex(4)}")
            with suppress(OSError):  # of a dead process of this machine
                rename(held, aside)
                remove_file(aside)
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {os.uname().nodename}\n")
        return None, held
    return f"delete {held} if no process writes there", None


def _holder(held: Path) -> str | None:
    """The holder that a marker names, unless it is a dead process of this machine."""
    try:
        words = read_ordinary(held, 300, follow=False).decode("utf-8", "replace").split()
    except FileNotFoundError:
        return None
    except OSError:
        words = []
    if len(words) == 2 and words[0].isascii() and words[0].isdigit() and words[1] == os.uname().nodename:
        with suppress(PermissionError):
            try:
                os.kill(int(words[0]), 0)
            except (ProcessLookupError, OverflowError):
                return None
    name = f"process {words[0]} on {words[1]}" if len(words) == 2 else "another process"
    return f"{name} by {held}; delete that file if the process is gone"
