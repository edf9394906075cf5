"""Compiles a loop once per world, cached on disk, and never stale.

The loops over levels, states and environments are written once, as *templates*: plain functions that call rules by
name (`step`, `start`, …). `specialize` gives a template a world's rules as its globals and compiles that. Why not a closure:
numba keys a closure by what it captures, and a captured jitted function is a new key in every process, so nothing would
be cached. Why the fingerprint: numba's cache does not notice an edit in another file, so each kernel's name carries a
hash of every source that may be compiled into it.

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

ENVS = Path(__file__).parents[1]  # whatever lies below may be compiled into a kernel

# Left out, as it takes time to compile and nobody uses it: checks of divisors, a wrapper for callers in C.
COMPILED: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# Where no arrays are made, numba need not count who holds one, which takes as long as a step does.
MAKES_NO_ARRAYS: dict[str, Any] = {"_nrt": False}


def cached(function: Callable[..., Any], world: str = "", **options: Any) -> Any:
    """Compile a function that calls nothing of another file, so that its cache cannot go stale."""
    return keep(njit(**options)(function), world)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile such a function that makes no arrays either."""
    return cached(function, **COMPILED, **MAKES_NO_ARRAYS)


# Decorates what loops call. That Python can call it too takes time to compile, but else it would crash the interpreter.
INLINED: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}
inlined: Any = njit(**INLINED)
# Where nothing but other kernels calls one, and nobody else can get at it, that is left out.
NEVER_FROM_PYTHON: dict[str, Any] = {"no_cpython_wrapper": True}


@cache
def fingerprint(*extra: str) -> str:
    """Hash of the sources of envs/ (and of the extra files), 12 hex digits."""
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
    """Compile `template` with `rules` in place of the globals of the same names.

    `tag` names the world and its variant, `world` the world for people; `source` is the file of rules outside envs/.
    allocates: whether the template makes arrays; rules from elsewhere may make some. within: nothing but other kernels calls it.
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
