"""Access files below a possibly untrusted folder step by step, never through a link.

Checking for links before using the path would leave time to plant one in between. Instead, the owner of a folder calls
`guard` on it, and every access below opens each folder on the way by its descriptor and refuses links (`O_NOFOLLOW`). The guarded folder
itself, and paths outside any guarded folder, belong to the user and may be links. On systems without such descriptors (Windows),
paths are used unchanged. Read next: `safe_read.py` and `safe_write.py`, which access everything through this module.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

AnyPath = str | os.PathLike[str]

NEEDED = {os.open, os.mkdir, os.unlink, os.rename, os.stat}
KNOWN = hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY") and os.supports_dir_fd >= NEEDED
THROUGH = Path("/proc/self/fd")
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)

_guarded: set[Path] = set()


class IsALink(OSError):
    """A link instead of a file or folder inside the same folder."""

    def __init__(self) -> None:
        super().__init__(
            errno.ELOOP, "is a link, which would be read from elsewhere; put a copy in its place"
        )


def guard(folder: AnyPath) -> None:
    """Guard a folder: from now on, access everything below it without following links."""
    _guarded.add(_absolute(folder))


def open_below(path: AnyPath, flags: int, mode: int = 0o644) -> int:
    """Like `os.open`, but also refuses a link as the last part of the path. Raises IsALink."""
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    with _parent(path) as (folder, name):
        try:
            return os.open(name, flags, mode, dir_fd=folder)
        except OSError as error:
            raise _as_link(error, name, folder) from None


@contextmanager
def opened_folder(path: AnyPath) -> Iterator[int | None]:
    """Open a descriptor for accessing a folder's entries; None if the system does not support it."""
    if not KNOWN:
        yield None
        return
    handle = _descend(Path(path))
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def pinned(path: Path) -> Iterator[Path]:
    """Path of an open folder for libraries that accept only paths; it stays valid even if another folder takes its name."""
    with opened_folder(path) as handle:
        yield path if handle is None or not THROUGH.is_dir() else THROUGH / str(handle)


def entries_of(path: AnyPath) -> list[os.DirEntry[str]]:
    """List a folder's entries sorted by name; `entry.path` is only the name. Raises OSError."""
    with opened_folder(path) as handle:
        if handle is None:
            with os.scandir(path) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
        try:
            with os.scandir(listed) as entries:
                listing = sorted(entries, key=lambda entry: entry.name)
                for entry in listing:  # queried while the descriptor is open; the result is cached
                    entry.is_dir(follow_symlinks=False)
                return listing
        finally:
            os.close(listed)


def names_in(path: AnyPath) -> set[str]:
    """Like `os.listdir`, but returns a set."""
    return {entry.name for entry in entries_of(path)}


def facts_of(path: AnyPath) -> os.stat_result | None:
    """Result of `lstat`; None if there is no such file, or only through a link."""
    with suppress(OSError), _parent(path) as (folder, name):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    return None


def make_folder(path: AnyPath, exist_ok: bool = False) -> None:
    """Like `os.mkdir`; with exist_ok, an existing entry must be a folder and not a link."""
    with _parent(path) as (folder, name):
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:
            if not exist_ok:
                raise
            with opened_folder(path):  # raises if it is a link or a file
                pass


def rename(source: AnyPath, target: AnyPath) -> None:
    """Like `os.replace`."""
    with _parent(source) as (here, name), _parent(target) as (destination, new):
        os.replace(name, new, src_dir_fd=here, dst_dir_fd=destination)


def remove_file(path: AnyPath) -> None:
    """Like `os.unlink`, but ignores a missing file. Removes a link, not its target."""
    with suppress(FileNotFoundError), _parent(path) as (folder, name):
        os.unlink(name, dir_fd=folder)


def remove_tree(path: AnyPath) -> None:
    """Remove a folder and its contents as far as possible. Keeps a link in its place and the link's target."""
    with suppress(OSError, RecursionError), _parent(path) as (folder, name):
        if folder is None:
            shutil.rmtree(path, ignore_errors=True)
        else:
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)


@contextmanager
def _parent(path: AnyPath) -> Iterator[tuple[int | None, str]]:
    """Open the parent folder of a path; yields its descriptor and the name in it."""
    path = Path(path)
    if not KNOWN or not path.name or path.name == "..":
        yield None, os.fspath(path)
        return
    with opened_folder(path.parent) as handle:
        yield handle, path.name


def _descend(folder: Path) -> int:
    whole = _absolute(folder)
    root = next((above for above in (*reversed(whole.parents), whole) if above in _guarded), None)
    if root is None:
        return os.open(folder, FOLDER)
    handle = os.open(root, FOLDER)
    try:
        for name in whole.relative_to(root).parts:
            try:
                deeper = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=handle)
            except OSError as error:
                raise _as_link(error, name, handle) from None
            os.close(handle)
            handle = deeper
    except BaseException:
        os.close(handle)
        raise
    return handle


def _as_link(error: OSError, name: str, folder: int | None) -> OSError:
    """Convert the various system errors for an unfollowed link to IsALink."""
    with suppress(OSError):
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return IsALink()
    return error


def _absolute(path: AnyPath) -> Path:
    """Make a path absolute, without resolving links or `..`."""
    path = Path(path)
    if path.is_absolute():
        return path
    with suppress(OSError):  # the working directory may be gone
        return Path(os.getcwd()) / path
    return path
