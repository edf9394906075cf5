"""numba's cache on disk, in a place of our choice, that a damaged file cannot stop.

numba's own takes its place from the working directory's `.numba_config.yaml`, raises on an empty or cut file, and finds no damage
inside of compiled code. Here a file is used only if its digest is right; anything else is compiled again and written over.
Without a safe place nothing is kept. Read next: `goalposts/process/cache_place.py`, which finds the place.
"""

from __future__ import annotations

import builtins
import hashlib
import inspect
import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, NullCache

from goalposts.process.cache_place import kernel_place
from goalposts.process.isolation import open_nothing_relative
from goalposts.process.notices import progress

# numba reads `.numba_config.yaml` again whenever it compiles.
setattr(config, "open", open_nothing_relative(builtins.open))  # noqa: B010

MAGIC = b"goalposts kernel 1\n"  # of a data file; the SHA-256 of what follows comes next
_DIGEST = hashlib.sha256().digest_size


def keep(dispatcher: Any, world: str = "") -> Any:
    """Let a compiled function find its machine code on the disk, and leave it there. Returns the dispatcher.

    world: for which it is compiled, as the user is told when that begins.
    """
    if not hasattr(dispatcher, "_cache"):  # NUMBA_DISABLE_JIT=1: it is the plain function
        return dispatcher
    folder = kernel_place().folder
    function = dispatcher.py_func
    dispatcher._cache = _Memory(world) if folder is None else KernelCache(function, folder, world)
    return dispatcher


def damaged_files(folder: Path) -> list[Path]:
    """The files of kernels in a place that would not be used; they are written over when their kernel is compiled."""
    found = []
    for path in sorted(folder.glob("*/*.nb[ci]")):
        try:
            content = path.read_bytes()
        except OSError:
            found.append(path)
            continue
        if (path.suffix == ".nbc" and _checked(content) is None) or (path.suffix == ".nbi" and not content):
            found.append(path)
    return found


def _checked(content: bytes) -> bytes | None:
    """What a data file holds; None if it is cut or damaged."""
    start = len(MAGIC) + _DIGEST
    body = content[start:]
    if content[:start] != MAGIC + hashlib.sha256(body).digest():
        return None
    return body


class _Locator:
    """Says where a function's files lie, and how its source is known to be the same."""

    def __init__(self, source: str, line: int, folder: Path) -> None:
        self._py_file, self._line = source, line
        above = os.path.dirname(os.path.abspath(source))
        self._path = (
            folder
            / f"{os.path.basename(above)}_{hashlib.sha1(above.encode('utf-8', 'surrogateescape')).hexdigest()}"
        )

    def get_cache_path(self) -> str:
        return str(self._path)

    def ensure_cache_path(self) -> None:
        self._path.mkdir(mode=0o700, exist_ok=True)

    def get_source_stamp(self) -> bytes:
        return hashlib.sha256(Path(self._py_file).read_bytes()).digest()

    def get_disambiguator(self) -> str:
        return str(self._line)


class _Results(CompileResultCacheImpl):
    def __init__(self, function: Any, folder: Path) -> None:
        source = inspect.getfile(function)
        self._lineno = function.__code__.co_firstlineno
        self._locator: Any = _Locator(source, self._lineno, folder)
        name = f"{os.path.splitext(os.path.basename(source))[0]}.{function.__qualname__}"
        self._filename_base = self.get_filename_base(name, getattr(sys, "abiflags", ""))


class _Files(IndexDataCacheFile):
    """An index that cannot be read is an empty one; data carry a digest."""

    def _load_index(self) -> dict[Any, str]:
        try:
            found = super()._load_index()
        except Exception:  # a damaged pickle raises anything
            return {}
        return found if isinstance(found, dict) else {}

    def _load_data(self, name: str) -> Any:
        body = _checked(Path(self._data_path(name)).read_bytes())
        return None if body is None else pickle.loads(body)

    def _save_data(self, name: str, data: Any) -> None:
        body = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(MAGIC + hashlib.sha256(body).digest() + body)


def say_that_it_compiles(world: str) -> None:
    """Say once per world that kernels are compiled; loops that belong to no world are compiled in less than a second."""
    if world:
        progress(f"compiling kernels for {world} …")


class _Memory(NullCache):
    """Keeps nothing."""

    def __init__(self, world: str) -> None:
        self.world = world

    def load_overload(self, sig: Any, target_context: Any) -> None:
        say_that_it_compiles(self.world)


class KernelCache(FunctionCache):
    """The cache of one function."""

    def __init__(self, function: Any, folder: Path, world: str = "") -> None:
        self.world = world
        self._name, self._py_func = repr(function), function
        self._impl: Any = _Results(function, folder)
        self._cache_path = self._impl.locator.get_cache_path()
        self._cache_file: Any = _Files(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )
        self.enable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function; None if it is not there, or damaged."""
        found = None
        with suppress(Exception):  # of a file that other versions of numba or Python wrote
            found = super().load_overload(sig, target_context)
        if found is None:
            say_that_it_compiles(self.world)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, if the disk takes it; it works without."""
        with suppress(OSError):
            super().save_overload(sig, data)
