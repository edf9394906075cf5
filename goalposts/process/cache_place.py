"""Cache folder of compiled kernels: a folder that only the user can write.

numba's cache uses pickle, so write access to it allows code execution. A folder is used only if its path is absolute, it belongs
to the user and others can change neither it nor any folder above it. Candidates, in order: `NUMBA_CACHE_DIR`,
`envs/__pycache__` of a checkout, `XDG_CACHE_HOME` or `~/.cache`, a private folder in the temporary folder; if none is safe,
kernels are kept in memory only.
Requires only the standard library. Read next: `envs/jit/kernel_cache.py`, which stores the kernels there.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .notices import notice

NAME = "goalposts"


class CachePlace(NamedTuple):
    """A cache folder, or None if there is no safe one. `why` gives the reason for an unusual place."""

    folder: Path | None
    why: str


def kernel_place() -> CachePlace:
    """Return the cache folder of compiled kernels, creating it if necessary; checked once per process."""
    return _found(os.environ.get("NUMBA_CACHE_DIR", ""))


@cache
def _found(asked: str) -> CachePlace:
    refused = ""
    for folder, usual in _candidates(asked):
        reason = _make_private(folder)
        if reason is None:
            why = "" if usual else f"kernels are cached in {folder}, because {refused}"
            return _told(CachePlace(folder, why), asked, refused)
        refused = refused or f"{folder} {reason}"
    why = f"kernels are compiled into memory, again in each process, because {refused}; set NUMBA_CACHE_DIR"
    return _told(CachePlace(None, f"{why} to a folder that only you can write"), asked, refused)


def _told(place: CachePlace, asked: str, refused: str) -> CachePlace:
    if asked and refused.startswith(asked) and not place.why:
        place = CachePlace(place.folder, f"NUMBA_CACHE_DIR is ignored: {refused}")
    if asked and not os.path.isabs(asked):
        place = CachePlace(place.folder, f"NUMBA_CACHE_DIR={asked} is ignored: it must be an absolute path")
    if place.why:
        notice(place.why)
    return place


def _candidates(asked: str) -> Iterator[tuple[Path, bool]]:
    """Yield candidate folders, and whether each is a usual place for the cache."""
    if os.path.isabs(asked):
        yield Path(asked), True
    root = Path(__file__).resolve().parents[2]
    if (root / "pyproject.toml").is_file():
        yield root / "envs" / "__pycache__", True
    caches = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(caches):
        yield Path(caches) / NAME, True
    elif (home := home_folder()) is not None and home.is_dir():  # does not create a missing home
        yield home / ".cache" / NAME, True
    for above in (os.environ.get("TMPDIR", ""), "/tmp", "/var/tmp", tempfile.gettempdir()):
        # `gettempdir` falls back to the working directory, which may be untrusted.
        if os.path.isabs(above) and not _same(above, os.curdir):
            yield Path(above) / f"{NAME}-{os.getuid() if hasattr(os, 'getuid') else 'cache'}", False


def home_folder() -> Path | None:
    """The user's home; None if neither HOME nor the user database names one."""
    home = os.environ.get("HOME", "")
    if not os.path.isabs(home):
        with suppress(ImportError, KeyError):
            import pwd

            home = pwd.getpwuid(os.getuid()).pw_dir
    return Path(home) if os.path.isabs(home) else None


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _make_private(folder: Path) -> str | None:
    """Create a folder if it is missing, and check it; returns the reason why it cannot be used, or None."""
    try:
        missing = [above for above in (folder, *folder.parents) if not os.path.lexists(above)]
        for above in reversed(missing):
            with suppress(FileExistsError):  # another process may create it too
                os.mkdir(above, 0o700)
        reason = why_not_private(folder)
        if reason is None:
            with tempfile.TemporaryFile(dir=folder):  # the disk may be read-only or full
                pass
        return reason
    except OSError as error:
        return f"cannot be written ({error.strerror or error})"


def why_not_private(folder: Path) -> str | None:
    """Return the reason why others could change a folder's contents, or None if only the user (and root) can."""
    if not hasattr(os, "getuid"):  # Windows: folders below a user's profile are the user's
        return None
    if os.lstat(folder).st_uid != os.getuid():
        return "belongs to another user"
    real = Path(os.path.realpath(folder))
    for above in (real, *real.parents):
        facts = os.lstat(above)
        if not stat.S_ISDIR(facts.st_mode):
            return "is not a folder"
        if facts.st_uid not in (0, os.getuid()) or (above == real and facts.st_uid != os.getuid()):
            return f"can be changed by the owner of {above}"
        sticky = above != real and bool(facts.st_mode & stat.S_ISVTX)
        if facts.st_mode & stat.S_IWOTH and not sticky:
            return f"can be changed by everybody ({above} is world-writable)"
        if facts.st_mode & stat.S_IWGRP and not sticky and not _group_of_one(facts.st_gid):
            return f"can be changed by others ({above} is group-writable)"
    return None


def _group_of_one(group: int) -> bool:
    """Whether a group is the user's private group, as on many systems."""
    if sys.platform == "win32" or group == 0:
        return True
    with suppress(ImportError, KeyError):
        import grp
        import pwd

        name, known = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(group)
        return known.gr_name == name and set(known.gr_mem) <= {name}
    return False
