"""Declarations of the shipped worlds, parsed from their source files without loading any world, numba or numpy.

Each world declares itself once, in its own file or folder in `envs/worlds/`, as `NAME = World(name="…", …)`
at the start of a line and as `Condition("name", "role", …)`. This module parses the few facts that light commands need; a test
compares them with the worlds themselves. Read next: `registration.py`, which lists the worlds; `envs/worlds/contract/world.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ast

FIRST = "CoinRun"  # the default world comes first; the others follow in alphabetical order
_NO_WORLDS = ("contract", "shared")
_ADMITS = re.compile(r"^def admits\(", re.MULTILINE)
_WORLD = re.compile(r'^(\w+)(?:\s*:\s*\w+)?\s*=\s*World\(\s*name="(\w+)"', re.MULTILINE)


class Entry(NamedTuple):
    """Facts about a world without its code: import location, demo configs, and conditions with role and whether they take a parameter."""

    place: str  # for a shipped world: module in goalposts.envs.worlds and attribute
    pair: tuple[str, str] | None  # configs of the demo: the agent expected to misgeneralize, and its control
    roles: Mapping[str, tuple[str, bool]]  # by condition, in the world's order
    evaluated: tuple[str, ...] = ()  # as declared by the world
    dials: Mapping[str, str] = {}

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of all conditions."""
        return tuple(self.roles)

    def default_condition(self, role: str) -> str:
        """First condition of a role. Raises StopIteration if there is none."""
        return next(name for name, (own_role, _) in self.roles.items() if own_role == role)

    def usual_evaluation(self) -> tuple[str, ...]:
        """Conditions evaluated if the config names none: those declared by the world, else control, shifts and `invisible`."""
        simple = [name for name, (_, takes) in self.roles.items() if not takes]
        usual = [name for name in simple if self.roles[name][0] in ("control", "shift")]
        return self.evaluated or (*usual, *(name for name in simple if name == "invisible"))


class ShippedWorlds(Mapping[str, Entry]):
    """The shipped worlds by name. Files are read on demand, and conditions are parsed when their world is requested."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = roots  # the package's path, which may still grow

    def __getitem__(self, name: str) -> Entry:
        return _entry(*self._files[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def moves_goal(self, name: str) -> bool:
        """Whether the goal of a world is one cell, by its rule `admits`, so that two conditions can differ in its place alone."""
        return any(_ADMITS.search(text) for text in self._files[name][1])

    @cached_property
    def _files(self) -> Mapping[str, tuple[str, tuple[str, ...]]]:
        """Location and source texts of each world's declaration, by world."""
        worlds: dict[str, tuple[str, tuple[str, ...]]] = {}
        for root in self._roots:
            folder = os.path.join(root, "envs", "worlds")
            if os.path.isdir(folder):
                for module, texts in _modules(folder):
                    for inner, text in texts.items():
                        for attribute, name in _WORLD.findall(text):
                            worlds[name] = (f"{module}{inner}:{attribute}", tuple(texts.values()))
        return {name: worlds[name] for name in sorted(worlds, key=lambda name: (name != FIRST, name))}


def _modules(folder: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (module, {"" or ".inner": text}) for each file, and one per folder."""
    for entry in sorted(os.scandir(folder), key=lambda file: file.name):
        if entry.is_dir() and entry.name not in _NO_WORLDS and entry.name.isidentifier():
            files = sorted(name for name in os.listdir(entry.path) if name.endswith(".py"))
            yield entry.name, {f".{name[:-3]}": _read(os.path.join(entry.path, name)) for name in files}
        elif entry.name.endswith(".py"):
            yield entry.name[:-3], {"": _read(entry.path)}


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


@cache
def _entry(place: str, texts: tuple[str, ...]) -> Entry:
    import ast

    roles: dict[str, tuple[str, bool]] = {}
    declared: dict[str, Any] = {}
    dials: dict[str, str] = {}
    for text in texts:
        calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            given = _literals(call)
            kind = call.func.id if isinstance(call.func, ast.Name) else ""
            if kind == "World":
                declared |= given
            elif kind == "Condition" and isinstance(given.get("name"), str) and "role" in given:
                name = given["name"]
                roles[name] = (given["role"], given.get("parameter") is not None)
                dials |= {name: given["dial"]} if given.get("dial") else {}
    return Entry(place, declared.get("pair"), roles, declared.get("evaluated", ()), dials)


# Fields of `Condition` that calls may pass by position, in order.
_FIELDS = ("name", "role", "placement", "distinguishes", "variant", "layout_params", "parameter")


def _literals(call: ast.Call) -> dict[str, Any]:
    """Literal arguments of a call, by name."""
    import ast

    named = [*zip(_FIELDS, call.args, strict=False), *((word.arg, word.value) for word in call.keywords)]
    literals = {}
    for name, value in named:
        try:
            literals[str(name)] = ast.literal_eval(value)
        except ValueError:
            continue
    return literals
