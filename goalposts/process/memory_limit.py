"""Limits of this process's memory (`ulimit -v`, `ulimit -d`): refuse to load a large library that does not fit.

Below what a library needs, it does not raise MemoryError: OpenBLAS asks again and again, LLVM and polars abort the process. So
commands compare before the import. Requires only the standard library. Read next: `goalposts/__main__.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from ..errors import UserError

MB = 10**6
LIMITS = {"RLIMIT_AS": "v", "RLIMIT_DATA": "d"}
"""The limits that count memory before it is used, and the option of the shell's `ulimit` that sets them."""
_SMALL = {"RLIMIT_AS": 1000 * MB, "RLIMIT_DATA": 300 * MB}
NEEDS: dict[str, dict[str, int]] = {
    "numpy": {"RLIMIT_AS": 400 * MB, "RLIMIT_DATA": 200 * MB},
    "polars": _SMALL,
    "scipy": _SMALL,
    "numba": _SMALL,
    "torch": {"RLIMIT_AS": 2500 * MB, "RLIMIT_DATA": 800 * MB},
}
"""By library, the memory of each kind that a small command which loads it needs on two cores, with a margin of a fifth or more."""
A_CORE = 64 * MB  # for each further core: buffers and stacks of the threads that libraries start


class OutOfRoom:
    """Import hook that refuses a library for which the limits of this process are too low."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        """limits: bytes by the names in `LIMITS`."""
        self.limits = limits

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find nothing. Raises UserError for a library that does not fit."""
        for kind, needed in needs_of(name).items():
            if self.limits.get(kind, needed) < needed:
                option = LIMITS[kind]
                raise UserError(
                    f"ulimit -{option} allows a process {self.limits[kind] // MB:,} MB, and commands that load {name} need "
                    f"{needed // MB:,} MB; allow more: ulimit -{option} {needed // 1000}, or ulimit -{option} unlimited"
                )
        return None


def refuse_what_does_not_fit() -> None:
    """Refuse from now on to import a large library for which the limits of this process are too low."""
    limits = own_limits()
    if any(limits.get(kind, size) < size for name in NEEDS for kind, size in needs_of(name).items()):
        sys.meta_path.insert(0, OutOfRoom(limits))


def needs_of(library: str) -> dict[str, int]:
    """The memory of each kind that commands which load a library need on this machine; empty for a small library."""
    more = A_CORE * max((os.cpu_count() or 1) - 2, 0)
    return {kind: size + more for kind, size in NEEDS.get(library, {}).items()}


def own_limits() -> dict[str, int]:
    """The limits of this process in bytes, by the names in `LIMITS`; only those that are set."""
    try:
        import resource
    except ImportError:  # Windows
        return {}
    limits = {
        name: resource.getrlimit(getattr(resource, name))[0] for name in LIMITS if hasattr(resource, name)
    }
    return {name: limit for name, limit in limits.items() if limit != resource.RLIM_INFINITY}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out; torch raises a RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )
