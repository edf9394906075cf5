"""Compile loops once per world, cached on disk and never stale.

The loops over levels, states and environments are *templates*: plain functions that call rules by
name (`step`, `start`, …). `specialize` sets a world's rules as a template's globals and compiles the result. Closures would
not work: numba keys a closure by its captured values, and a captured jitted function has a new key in every process, so
nothing would be cached. Each kernel's name contains a hash of every source that may be compiled into it, because numba's
cache does not notice edits in other files.

Does not know worlds. Read next: `envs/engine/engine.py`, the main template.
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from numba import njit

from .kernel_cache import keep

ENVS = Path(__file__).parents[1]  # everything below may be compiled into a kernel

# Unused and slow to compile, so disabled: divisor checks and a wrapper for C callers.
COMPILED: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# Without allocations numba needs no reference counting, which takes as long as a step.
MAKES_NO_ARRAYS: dict[str, Any] = {"_nrt": False}


def cached(function: Callable[..., Any], world: str = "", **options: Any) -> Any:
    """Compile and cache a function that calls nothing from other files, so that its cache cannot go stale."""
    return keep(njit(**options)(function), world)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function like `cached`, for functions that also allocate no arrays."""
    return cached(function, **COMPILED, **MAKES_NO_ARRAYS)


# For functions called by loops. The Python wrapper is slow to compile, but without it a call from Python would crash.
INLINED: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}
inlined: Any = njit(**INLINED)
# For functions that only other kernels can call, the wrapper is disabled.
NEVER_FROM_PYTHON: dict[str, Any] = {"no_cpython_wrapper": True}


@cache
def fingerprint(*extra: str) -> str:
    """Hash of the sources of envs/ and any extra files, 12 hex digits."""
    digest = hashlib.sha256()
    for path in sorted({*ENVS.rglob("*.py"), *map(Path, extra)}):
        name = path.relative_to(ENVS).as_posix() if ENVS in path.parents else path.name
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def specialize(
    template: Callable[..., Any],
    rules: Mapping[str, Any],
    tag: str,
    source: str | None = None,
    allocates: bool = True,
    within: bool = False,
    world: str = "",
) -> Any:
    """Compile `template` with `rules` replacing the globals of the same names.

    `tag` names the world and its variant, `world` the world in messages; `source` is a rules file outside envs/.
    allocates: whether the template allocates arrays; custom rules always may. within: only other kernels call it.
    Returns a numba dispatcher that caches across processes.
    """
    assert isinstance(template, FunctionType)
    bound = FunctionType(
        template.__code__, {**template.__globals__, **rules}, template.__name__, template.__defaults__
    )
    print_of_sources = fingerprint(*([source] if source else []))
    bound.__qualname__ = f"{template.__name__}-{tag}-{print_of_sources}"
    bound.__module__ = template.__module__
    bound.__doc__ = inspect.getdoc(template)
    ours = source is None or ENVS in Path(source).parents
    options = (MAKES_NO_ARRAYS if ours and not allocates else {}) | (NEVER_FROM_PYTHON if within else {})
    return cached(bound, world, **COMPILED, **options)
