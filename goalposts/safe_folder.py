"""Files and folders below a folder that may be untrusted: reached step by step, never through a link.

Looking for links first and then using the path leaves a moment in which somebody can put one there. So the owner of a folder calls
`guard` on it, and every access below opens each folder on the way by its descriptor and refuses links (`O_NOFOLLOW`). The guarded folder
itself, and paths below no guarded folder, are the user's own and may be links. Where the system has no such descriptors (Windows),
paths are used as they are. Read next: `safe_read.py` and `safe_write.py`, which reach everything through here.
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
    """A link where a file or folder of the same folder should be."""

    def __init__(self) -> None:
        super().__init__(
            errno.ELOOP, "is a link, which would be read from elsewhere; put a copy in its place"
        )


def guard(folder: AnyPath) -> None:
    """From now on, reach what lies below this folder without following links."""
    _guarded.add(_absolute(folder))


def open_below(path: AnyPath, flags: int, mode: int = 0o644) -> int:
    """`os.open`; the last part of the path must not be a link either. Raises IsALink."""
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    with _parent(path) as (folder, name):
        try:
            return os.open(name, flags, mode, dir_fd=folder)
        except OSError as error:
            raise _as_link(error, name, folder) from None


@contextmanager
def opened_folder(path: AnyPath) -> Iterator[int | None]:
    """A descriptor to reach a folder's entries by; None where the system has none."""
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
    """A path of an open folder, for libraries that take paths only: it stays that folder, whatever takes its name meanwhile."""
    with opened_folder(path) as handle:
        yield path if handle is None or not THROUGH.is_dir() else THROUGH / str(handle)


def entries_of(path: AnyPath) -> list[os.DirEntry[str]]:
    """What lies in a folder, sorted by name; `entry.path` is the name alone. Raises OSError."""
    with opened_folder(path) as handle:
        if handle is None:
            with os.scandir(path) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
        try:
            with os.scandir(listed) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
                for entry in found:  # asked while the descriptor is open: the answer is kept
                    entry.is_dir(follow_symlinks=False)
                return found
        finally:
            os.close(listed)


def names_in(path: AnyPath) -> set[str]:
    """`os.listdir`, as a set."""
    return {entry.name for entry in entries_of(path)}


def facts_of(path: AnyPath) -> os.stat_result | None:
    """What `lstat` says; None if there is no such file, or only behind a link."""
    with suppress(OSError), _parent(path) as (folder, name):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    return None


def make_folder(path: AnyPath, exist_ok: bool = False) -> None:
    """`os.mkdir`; with exist_ok, a folder that is there must be one, not a link."""
    with _parent(path) as (folder, name):
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:
            if not exist_ok:
                raise
            with opened_folder(path):  # raises if it is a link or a file
                pass


def rename(source: AnyPath, target: AnyPath) -> None:
    """`os.replace`."""
    with _parent(source) as (here, name), _parent(target) as (there, new):
        os.replace(name, new, src_dir_fd=here, dst_dir_fd=there)


def remove_file(path: AnyPath) -> None:
    """`os.unlink`, without complaint if it is not there. A link is removed, not its target."""
    with suppress(FileNotFoundError), _parent(path) as (folder, name):
        os.unlink(name, dir_fd=folder)


def remove_tree(path: AnyPath) -> None:
    """Remove a folder and what lies below, as far as that is possible. A link in its place stays, and what it leads to."""
    with suppress(OSError), _parent(path) as (folder, name):
        if folder is None:
            shutil.rmtree(path, ignore_errors=True)
        else:
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)


@contextmanager
def _parent(path: AnyPath) -> Iterator[tuple[int | None, str]]:
    """The folder that holds a file, and its name there."""
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
    """Systems report differently that a link is not followed."""
    with suppress(OSError):
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return IsALink()
    return error


def _absolute(path: AnyPath) -> Path:
    """From the root, with links and `..` as they were given."""
    path = Path(path)
    if path.is_absolute():
        return path
    with suppress(OSError):  # the working directory may be gone
        return Path(os.getcwd()) / path
    return path
