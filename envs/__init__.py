"""Worlds, levels and the engine that plays them. Needs numpy, numba and gymnasium; knows no agent.

The names below are imported when they are first used, so that a light command need not wait for numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.engine import Engine, Step
    from .generation.generate import generate, generate_at, leakage, split_of
    from .levels.level import Level, LevelError, LevelSet
    from .levels.level_file import levels_from_text, load_levels, save_levels
    from .planner.planner import Plan, Survey, solve, survey_levels
    from .render.scene import Scene, Sprite
    from .worlds.contract.world import Condition, Target, World, WorldError
    from .worlds.registry import get_world, known_worlds, load_world

_HOME = {
    "engine.engine": ("Engine", "Step"),
    "generation.generate": ("generate", "generate_at", "leakage", "split_of"),
    "levels.level": ("Level", "LevelError", "LevelSet"),
    "levels.level_file": ("levels_from_text", "load_levels", "save_levels"),
    "planner.planner": ("Plan", "Survey", "solve", "survey_levels"),
    "render.scene": ("Scene", "Sprite"),
    "worlds.contract.world": ("Condition", "Target", "World", "WorldError"),
    "worlds.registry": ("get_world", "known_worlds", "load_world"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Condition", "Engine", "Level", "LevelError", "LevelSet", "Plan", "Scene", "Sprite", "Step", "Survey", "Target",
    "World", "WorldError", "generate", "generate_at", "get_world", "known_worlds", "leakage", "levels_from_text", "load_levels",
    "load_world",
    "save_levels", "solve", "split_of", "survey_levels",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'goalposts.envs' has no attribute {name!r}")
    import_module(".worlds.registry", __name__)  # it enters the legends, without which no picture can be read
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value
