"""Registry of methods by name: shipped ones, and custom ones by `module:NAME`. Options are the fields of a method's dataclass.

Loads no torch, so that a config can check options. Read next: `plain.py`, the shortest method; `task.py`, its environment.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, Protocol

from goalposts.closest import closest
from goalposts.errors import UserError

from ..named_code import CodeError, find_code, named_code


def _classes_here() -> dict[str, type]:
    """The class with `train` of each module below this folder that has one, by the module's name, which is the method's.

    The sources are read first, because modules that are no method may load torch.
    """
    classes: dict[str, type] = {}
    here = Path(__file__).parent
    for path in sorted(here.rglob("*.py"), key=lambda path: path.stem):
        name = class_with_train(path.read_text("utf-8"))
        if name is not None:
            module = ".".join(path.relative_to(here).with_suffix("").parts)
            classes[path.stem] = getattr(import_module(f".{module}", __package__), name)
    return classes


def class_with_train(source: str) -> str | None:
    """Name of the first class of a source that defines `train` and is no protocol, or None."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef) or "Protocol" in map(ast.unparse, node.bases):
            continue
        if any(isinstance(part, ast.FunctionDef) and part.name == "train" for part in node.body):
            return node.name
    return None


METHODS: dict[str, type] = _classes_here()


class MethodError(UserError):
    """An unknown method, or options that it does not have."""


class Method(Protocol):
    """A training method: any object with this function."""

    def train(self, task: Any, seed: int) -> Any:
        """Train an agent within the task (`task.TrainingTask`) and return it."""


def method_named(name: str, options: Mapping[str, Any]) -> Method:
    """Create a method with options. Raises MethodError, or CodeError for code that the user did not name."""
    if ":" in name:
        code = named_code(name).value
        method = _made(name, code, options) if isinstance(code, type) else code
        if options and not isinstance(code, type):
            raise MethodError(
                f"{name} is not a class, so it takes no options; leave out {', '.join(options)}"
            )
    else:
        method = _made(name, shipped(name), options)
    if not callable(getattr(method, "train", None)):
        raise CodeError(
            f"{name} has no train(task, seed); a method is an object, or a class of objects, that has one"
        )
    try:
        signature(method.train).bind(None, 0)
    except TypeError as error:
        raise MethodError(
            f"{name}.train cannot be called as train(task, seed): {error}; give it these two parameters"
        ) from error
    return method


def shipped(name: str) -> type:
    """Class of a shipped method. Raises MethodError that suggests the closest name."""
    if name not in METHODS:
        raise MethodError(
            f"there is no method {name!r}; it must be one of {', '.join(METHODS)}, or your own as module:NAME.{closest(name, METHODS)}"
        )
    return METHODS[name]


def check_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of a method with their values, including defaults. Raises MethodError, or UserError for values out of range.

    Options of custom code that is not loaded, or is not a dataclass, are unchanged.
    """
    if ":" in name:
        code = find_code(name)
        if code is None or not (isinstance(code.value, type) and is_dataclass(code.value)):
            return dict(options)
        kind: Any = code.value
    else:
        kind = shipped(name)
    known = {field.name: field.default for field in fields(kind)}
    for option, value in options.items():
        if option not in known:
            hint = f"its options are {', '.join(known)}" if known else "it has no options"
            raise MethodError(f"{name} has no option {option!r}; {hint}.{closest(option, known)}")
        _check(name, option, value, known[option])
    kind(**{**known, **options})  # raises for a value out of range
    return {**known, **options}


def check_algorithm(name: str, algorithm: str) -> None:
    """Raise MethodError if a method does not work with an algorithm. A method without `algorithms` works with all, as far as is known."""
    code = find_code(name) if ":" in name else None
    kind = shipped(name) if ":" not in name else None if code is None else code.value
    allowed = getattr(kind, "algorithms", None)
    if allowed is not None and algorithm not in allowed:
        raise MethodError(
            f"{name} does not work with train.algorithm={algorithm}; it must be {'one of ' * (len(allowed) > 1)}{', '.join(allowed)}, or "
            "choose another method."
        )


def _check(name: str, option: str, value: Any, default: Any) -> None:
    wanted = type(default)
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if not fits:
        words = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}
        raise MethodError(
            f"{name}: {option} is {value!r}; it must be {words.get(wanted, wanted.__name__)}, such as {default!r}."
        )


def _made(name: str, kind: type, options: Mapping[str, Any]) -> Any:
    try:
        return kind(**check_options(name, options))
    except TypeError as error:
        raise MethodError(
            f"{name} does not take these options ({error}); its class is called with {dict(options)}"
        ) from error
