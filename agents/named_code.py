"""Custom code by `module:NAME`: methods, policy classes, features extractors. Imported only when you name it.

A config or a checkpoint may say `module:NAME`; reading a file never imports anything, so an untrusted run is safe to open. You
name the code that you trust on the command line (`--code module:NAME`) or in Python (`load_code`). Its source is hashed, because
a result depends on it. Read next: `envs/worlds/contract/sources.py`, which imports; `agents/policy/architectures.py`.
"""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goalposts.closest import closest
from goalposts.errors import UserError

from ..envs.worlds.contract.sources import CannotImport, WorldSource, import_again, import_world, recorded_as

MAX_SOURCE = 1 << 24  # maximum size of a hashed module, in bytes


class CodeError(UserError):
    """Custom code that cannot be imported, was not named, or is of the wrong kind."""


@dataclass(frozen=True)
class NamedCode:
    """Imported custom code: the value, its source, and the SHA-256 of each custom module that it was loaded from."""

    value: Any
    source: WorldSource
    modules: dict[str, str]

    @property
    def digest(self) -> str:
        """Combined SHA-256 of all modules (64 hex digits)."""
        text = "\n".join(f"{name} {digest}" for name, digest in sorted(self.modules.items()))
        return hashlib.sha256(text.encode()).hexdigest()


_named: dict[str, NamedCode] = {}


def load_code(spec: str) -> Any:
    """Import `module:NAME` or `path/to/file.py:NAME`, which runs its code, and mark it as trusted.

    Configs name it as `module:NAME`. Raises CodeError.
    """
    if recorded_as(spec) in _named:
        return _named[recorded_as(spec)].value
    before = set(sys.modules)
    try:
        value, source = import_world(spec)
    except CannotImport as error:
        raise CodeError(
            f"{spec!r} cannot be imported: {error}; write it as module:NAME or path/to/file.py:NAME"
        ) from error
    return _keep(value, source, before)


def load_code_again(sources: Iterable[WorldSource]) -> None:
    """Import in a worker the code that another process imported. Raises CodeError."""
    for source in sources:
        if source.place in _named:
            continue
        before = set(sys.modules)
        try:
            value, new_source = import_again(source)
        except CannotImport as error:
            raise CodeError(f"{source.spec!r} cannot be imported by this worker: {error}") from error
        _keep(value, new_source, before)


def code_sources() -> tuple[WorldSource, ...]:
    """Sources of all named code, for other processes."""
    return tuple(code.source for code in _named.values())


def all_code() -> tuple[NamedCode, ...]:
    """All code that was named."""
    return tuple(_named.values())


def named_code(place: str) -> NamedCode:
    """Look up a `module:NAME` from a file, if the user named it. Raises CodeError that explains how to name it."""
    if place not in _named:
        raise CodeError(
            f"{place!r} is custom code, and naming it in a file does not load it. If you trust it, name it yourself: "
            f"goalposts --code {shlex.quote(place)} … on the command line, goalposts.agents.load_code({place!r}) in Python."
            f"{closest(place, _named)}"
        )
    return _named[place]


def find_code(place: str) -> NamedCode | None:
    """Like `named_code`, but returns None if the user did not name it."""
    return _named.get(place)


def _keep(value: Any, source: WorldSource, before: set[str]) -> Any:
    own = getattr(value, "__module__", None) or getattr(type(value), "__module__", None)
    new = {name for name in sys.modules if name not in before} | ({own} if isinstance(own, str) else set())
    folder = Path(source.folder).resolve() if source.folder else None
    modules = {}
    for name in sorted(new):
        path = Path(getattr(sys.modules.get(name), "__file__", None) or "/")
        if name == own or (folder is not None and path.is_relative_to(folder)):
            modules[name] = _digest_of(path)
    _named[source.place] = NamedCode(value, source, modules)
    return value


def _digest_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()[:MAX_SOURCE]).hexdigest()
    except OSError:
        return "unknown"
