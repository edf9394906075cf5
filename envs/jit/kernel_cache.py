"""On-disk cache for numba kernels in a chosen folder, robust to damaged files.

numba's own cache takes its location from the working directory's `.numba_config.yaml`, raises on an empty or truncated file, and
does not detect damaged machine code. This cache uses a file only if its digest matches; otherwise it recompiles and overwrites the
file. Without a safe folder nothing is cached. Read next: `goalposts/process/cache_place.py`, which chooses the folder.
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

# numba rereads `.numba_config.yaml` at every compilation.
setattr(config, "open", open_nothing_relative(builtins.open))  # noqa: B010

MAGIC = b"goalposts kernel 1\n"  # starts a data file; followed by the SHA-256 of the rest
_DIGEST = hashlib.sha256().digest_size


def keep(dispatcher: Any, world: str = "") -> Any:
    """Attach this cache to a numba dispatcher, so that its machine code is loaded from and saved to disk. Returns the dispatcher.

    world: named in the progress message when compilation starts.
    """
    if not hasattr(dispatcher, "_cache"):  # NUMBA_DISABLE_JIT=1: a plain function
        return dispatcher
    folder = kernel_place().folder
    function = dispatcher.py_func
    dispatcher._cache = _Memory(world) if folder is None else KernelCache(function, folder, world)
    return dispatcher


def damaged_files(folder: Path) -> list[Path]:
    """List the damaged kernel files in a folder; recompiling a kernel overwrites its file."""
    paths = []
    for path in sorted(folder.glob("*/*.nb[ci]")):
        try:
            content = path.read_bytes()
        except OSError:
            paths.append(path)
            continue
        if (path.suffix == ".nbc" and _checked(content) is None) or (path.suffix == ".nbi" and not content):
            paths.append(path)
    return paths


def _checked(content: bytes) -> bytes | None:
    """Verify and return the content of a data file; None if it is truncated or damaged."""
    start = len(MAGIC) + _DIGEST
    body = content[start:]
    if content[:start] != MAGIC + hashlib.sha256(body).digest():
        return None
    return body


class _Locator:
    """numba locator: gives the folder of a function's files and the stamp of its source."""

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
    """Cache files in which an unreadable index counts as empty and data files carry a digest."""

    def _load_index(self) -> dict[Any, str]:
        try:
            index = super()._load_index()
        except Exception:  # a damaged pickle can raise anything
            return {}
        return index if isinstance(index, dict) else {}

    def _load_data(self, name: str) -> Any:
        body = _checked(Path(self._data_path(name)).read_bytes())
        return None if body is None else pickle.loads(body)

    def _save_data(self, name: str, data: Any) -> None:
        body = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(MAGIC + hashlib.sha256(body).digest() + body)


def say_that_it_compiles(world: str) -> None:
    """Report once per world that its kernels are being compiled; loops without a world compile in under a second."""
    if world:
        progress(f"compiling kernels for {world} …")


class _Memory(NullCache):
    """Cache that stores nothing on disk."""

    def __init__(self, world: str) -> None:
        self.world = world

    def load_overload(self, sig: Any, target_context: Any) -> None:
        say_that_it_compiles(self.world)


class KernelCache(FunctionCache):
    """On-disk cache of one function."""

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
        """Load the compiled function; None if it is missing or damaged."""
        kernel = None
        with suppress(Exception):  # for files written by other versions of numba or Python
            kernel = super().load_overload(sig, target_context)
        if kernel is None:
            say_that_it_compiles(self.world)
        return kernel

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled function; a disk error is not fatal."""
        with suppress(OSError):
            super().save_overload(sig, data)
