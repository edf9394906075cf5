"""Resolve what rules name besides their own variables: constants, modules, enumerations, functions.

A name that a rule does not assign refers to a value that numba compiled in, so a translation writes that value.
Read next: `rules_to_javascript.py`, which asks.
"""

from __future__ import annotations

import ast
import builtins
import enum
import math
from collections.abc import Collection
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from goalposts.errors import UserError


class TranslationError(UserError):
    """Rules that a live page cannot play; names the file, the line and what rules may use."""


class Unknown:
    """Not a value that is known before the rules run."""


def function_of(value: Any) -> FunctionType | None:
    """The Python function of a compiled or a plain one; None for anything else."""
    value = getattr(value, "py_func", value)
    return value if isinstance(value, FunctionType) else None


def static_value(node: ast.expr, function: FunctionType, local: Collection[str]) -> Any:
    """Evaluate an expression of constants and globals; `Unknown` if it depends on variables."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name not in local:
            return _named(name, function)
        case ast.Attribute(value=owner, attr=attr):
            namespace = static_value(owner, function, local)
            if isinstance(namespace, ModuleType | type | enum.Enum) or hasattr(namespace, "_fields"):
                return getattr(namespace, attr, Unknown)
    return Unknown


def _named(name: str, function: FunctionType) -> Any:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    if name in cells:
        return cells[name].cell_contents
    return function.__globals__.get(name, getattr(builtins, name, Unknown))


def literal(value: Any) -> str | None:
    """A number, or a tuple or an array of numbers, in JavaScript; None for anything else."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value)) if value >= 0 else f"({int(value)})"
    if isinstance(value, float | np.floating):
        return repr(float(value)) if math.isfinite(value) else None
    if isinstance(value, tuple | list | np.ndarray):
        parts = [literal(part) for part in value]
        return None if None in parts else f"[{', '.join(str(part) for part in parts)}]"
    return None
