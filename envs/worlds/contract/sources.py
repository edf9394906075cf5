"""Import custom worlds from `module:NAME` or `path/to/file.py:NAME`, only when the user names them.

Importing a world runs its code. The working directory is searched only for the named module, and is importable
only during that import. Each import is recorded as a `WorldSource`, from which another process or machine repeats it.
Loads neither numpy nor numba, so that a config can check which worlds are known.
Read next: `envs/worlds/registry.py`, which registers the imported worlds.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import shlex
import sys
import sysconfig
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from goalposts.process.isolation import is_command
from goalposts.registration import WORLDS, Entry, installed_worlds

MAX_CODE = 1 << 22  # largest file sent to other machines, in bytes
MAX_SOURCE = 1 << 24  # largest file that is imported, in bytes


class CannotImport(Exception):
    """A custom world cannot be imported; the message gives the reason."""


@dataclass(frozen=True)
class WorldSource:
    """Record of a custom world's import, for repeating it elsewhere.

    spec: as the user named it. place: `module:NAME`, as a config records it. folder: must be importable during the import; None for
    an installed module. file, code: the file in that folder, for machines that lack it; None, b"" for a package.
    """

    spec: str
    place: str
    folder: str | None = None
    file: str | None = None
    code: bytes = b""


_sources: dict[str, WorldSource] = {}
_entries: dict[str, Entry] = {}
_copies: list[tempfile.TemporaryDirectory[str]] = []


def place_of(spec: str) -> str:
    """Shorten `path/to/file.py:NAME` to `file:NAME`, without local folders; other specs are unchanged."""
    module, colon, attribute = spec.rpartition(":")
    if not colon or not module.endswith(".py"):
        return spec
    name = re.sub(r"[^A-Za-z0-9_-]", "_", Path(module).stem)
    return f"{name if name[:1].isalpha() else f'_{name}'}:{attribute}"


def entry_of(world: str) -> Entry | None:
    """Look up a shipped or imported world's registration entry by name or spec, without loading the world."""
    if world in WORLDS:
        return WORLDS[world]
    return _entries.get(world) or _entries.get(place_of(world))


def recorded_as(world: str) -> str:
    """The name under which a config records a world; for a custom world, the importable `module:NAME`."""
    known = _sources.get(world)
    return known.place if known else place_of(world)


def note(world: str, source: WorldSource, entry: Entry) -> None:
    """Record how a world was imported, under its name, its spec and its place."""
    for name in (world, source.spec, source.place):
        _sources.setdefault(name, source)
        _entries.setdefault(name, entry)


def source_of(world: str) -> WorldSource | None:
    """Return the source of an imported custom world by name or spec, or None."""
    return _sources.get(world)


def sources() -> tuple[WorldSource, ...]:
    """Sources of all imported custom worlds, for other processes."""
    return tuple(dict.fromkeys(_sources.values()))


def world_options() -> str:
    """Options that a printed command needs for the imported custom worlds: ` --world module:NAME`, or an empty string."""
    return "".join(f" --world {shlex.quote(source.spec)}" for source in sources())


def shown_command(*words: object) -> str:
    """A command that can be pasted as it is printed: these words, quoted, and the options for the imported custom worlds."""
    return f"goalposts {' '.join(map(_quoted, words))}{world_options()}"


def from_here(path: Path) -> Path:
    """A path as a page shows it in a command: as it was given, if relative; else its name, so that a page is the same anywhere."""
    return Path(path.name) if path.is_absolute() else path


def _quoted(word: object) -> str:
    text = str(word)
    return shlex.quote(f"./{text}" if isinstance(word, Path) and text.startswith("-") else text)


def import_world(spec: str) -> tuple[Any, WorldSource]:
    """Import the object that a spec names, of any type; returns it and its source. Raises CannotImport."""
    installed = None if ":" in spec else installed_worlds().get(spec)
    module, _, attribute = (installed or spec).rpartition(":")
    if not (module and attribute):
        raise CannotImport("it lacks a module or a name")
    try:
        is_file = module.endswith(".py")
        # what it prints is not among the output of a command, which may be JSON
        with redirect_stdout(sys.stderr) if is_command() else nullcontext():
            world_module = (
                _import_file(Path(module)) if is_file else _import_module(module, look_here=installed is None)
            )
        value = getattr(world_module, attribute)
    except (CannotImport, KeyboardInterrupt):
        raise
    except BaseException as error:  # a world's code can raise anything
        raise CannotImport(_reason(error)) from error
    return value, _source(spec, spec if installed else place_of(spec), world_module)


def import_again(source: WorldSource) -> tuple[Any, WorldSource]:
    """Repeat an import in another process, from the recorded code if the file is missing or was edited."""
    if source.folder is None:
        return import_world(source.place)
    if source.file is None:
        with _importable(source.folder):
            value, _ = import_world(source.place)
        return value, source
    path, attribute = Path(source.folder, source.file), source.place.rpartition(":")[2]
    try:
        same = path.read_bytes() == source.code
    except OSError:
        same = False
    if not same and not source.code:
        raise CannotImport(f"this machine has no file {path}; install its module on every machine")
    if not same:
        _copies.append(tempfile.TemporaryDirectory(prefix="goalposts-world-"))
        path = Path(_copies[-1].name, source.file)
        path.write_bytes(source.code)
    value, _ = import_world(f"{path}:{attribute}")
    return value, source


def _import_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise CannotImport(f"there is no file {path}")
    if path.stat().st_size > MAX_SOURCE:
        raise CannotImport(f"{path} is larger than any program ({MAX_SOURCE >> 20} MiB)")
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == str(path):
            return module
    name = path.stem
    if name in sys.modules or not name.isidentifier() or _is_installed(name):
        name = re.sub(r"\W", "_", name) + "_" + hashlib.sha256(str(path).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CannotImport(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importable(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_module(name: str, look_here: bool) -> ModuleType:
    """Import an installed module, or with `look_here` one in the working directory."""
    top, here = name.partition(".")[0], Path.cwd()
    if look_here and not _is_installed(top):
        if top == name and (here / f"{top}.py").is_file():
            return _import_file(here / f"{top}.py")
        if (here / top / "__init__.py").is_file():
            with _importable(here):
                return importlib.import_module(name)
    return importlib.import_module(name)


def _is_installed(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except ValueError:  # a module without a spec, such as __main__
        return True


@contextmanager
def _importable(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Make a world's neighbouring modules importable; installed modules take precedence."""
    place = os.fspath(folder)
    if place in sys.path:
        yield
        return
    sys.path.append(place)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(place)


def _source(spec: str, place: str, module: ModuleType) -> WorldSource:
    file = getattr(module, "__file__", None)
    if file is None:
        return WorldSource(spec, place)
    path = Path(file).resolve()
    depth = module.__name__.count(".") + (path.name == "__init__.py")
    folder = path.parents[depth]
    if folder in [Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")]:
        return WorldSource(spec, place)
    if depth:
        return WorldSource(spec, place, str(folder))
    code = path.read_bytes()
    return WorldSource(spec, place, str(folder), path.name, code if len(code) <= MAX_CODE else b"")


def _reason(error: BaseException) -> str:
    """Summarize an error in a world's code, and its location, in one line."""
    message = " ".join(str(error).split())[:300] or type(error).__name__
    if isinstance(error, ImportError):
        return message
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    if isinstance(error, SyntaxError) or not frames:
        return f"{type(error).__name__}: {message}" if not isinstance(error, AttributeError) else message
    return f"{frames[-1].filename}, line {frames[-1].lineno}: {type(error).__name__}: {message}"
