"""The worlds, one per file, their registry, and what the author of a world imports. No loops over levels.

The names below are imported when first used. Read next: `coinrun/rules.py`, the first world; `registry.py`, which lists them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..levels.level import Legend, Level, Tile
    from .contract.canvas import mark
    from .contract.world import (
        ANYWHERE,
        APART,
        DEATH,
        DONE,
        GOAL,
        NOWHERE,
        PROXY,
        TOGETHER,
        Condition,
        Target,
        World,
        WorldError,
        rules_of,
    )
    from .registry import get_world, known_worlds, load_world

_HOME = {
    "..levels.level": ("Legend", "Level", "Tile"),
    ".contract.canvas": ("mark",),
    ".contract.world": (
        *("ANYWHERE", "APART", "DEATH", "DONE", "GOAL", "NOWHERE", "PROXY", "TOGETHER"),
        *("Condition", "Target", "World", "WorldError", "rules_of"),
    ),
    ".registry": ("get_world", "known_worlds", "load_world"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "ANYWHERE",
    "APART",
    "DEATH",
    "DONE",
    "GOAL",
    "NOWHERE",
    "PROXY",
    "TOGETHER",
    "Condition",
    "Legend",
    "Level",
    "Target",
    "Tile",
    "World",
    "WorldError",
    "get_world",
    "known_worlds",
    "load_world",
    "mark",
    "rules_of",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name], __name__), name)
    globals()[name] = value
    return value
