"""Worlds, levels and the engine that plays them. Requires numpy, numba and gymnasium; knows no agent.

The names below are imported on first use, so that light commands do not load numba.
"""

from typing import TYPE_CHECKING

from goalposts.lazy import lazy_exports

if TYPE_CHECKING:
    from .engine.engine import Engine as Engine, Step as Step
    from .generation.generate import (
        generate as generate,
        generate_at as generate_at,
        leakage as leakage,
        split_of as split_of,
    )
    from .levels.level import Level as Level, LevelError as LevelError, LevelSet as LevelSet
    from .levels.level_file import (
        levels_from_text as levels_from_text,
        load_levels as load_levels,
        save_levels as save_levels,
    )
    from .planner.planner import (
        Plan as Plan,
        Survey as Survey,
        solve as solve,
        survey_levels as survey_levels,
    )
    from .render.scene import Scene as Scene, Sprite as Sprite
    from .worlds.contract.world import (
        Condition as Condition,
        Target as Target,
        World as World,
        WorldError as WorldError,
    )
    from .worlds.registry import (
        get_world as get_world,
        known_worlds as known_worlds,
        load_world as load_world,
    )

# The registry comes first: reading level text requires the registered legends.
__getattr__, __all__ = lazy_exports(__name__, first=".worlds.registry")
