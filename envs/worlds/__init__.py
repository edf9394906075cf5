"""The worlds, one per file, their registry, and the names that a world's author imports. No loops over levels.

The names below are imported on first use. Read next: `coinrun/rules.py`, the first world; `registry.py`, which lists them.
"""

from typing import TYPE_CHECKING

from goalposts.lazy import lazy_exports

if TYPE_CHECKING:
    from ..levels.level import Legend as Legend, Level as Level, Tile as Tile
    from .contract.canvas import mark as mark
    from .contract.world import (
        ANYWHERE as ANYWHERE,
        APART as APART,
        DEATH as DEATH,
        DONE as DONE,
        GOAL as GOAL,
        NOWHERE as NOWHERE,
        PROXY as PROXY,
        TOGETHER as TOGETHER,
        Condition as Condition,
        Target as Target,
        World as World,
        WorldError as WorldError,
        rules_of as rules_of,
    )
    from .registry import get_world as get_world, known_worlds as known_worlds, load_world as load_world

__getattr__, __all__ = lazy_exports(__name__)
