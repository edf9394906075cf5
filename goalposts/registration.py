"""Registration of the worlds and of their gymnasium ids `goalposts/<World>-v0`, with entry points given as text.

Imports neither a world nor the engine, nor gymnasium: if gymnasium is not loaded yet, the ids are
registered as soon as it is. `goalposts --help` therefore does not load it (0.15 s), and the order of imports does
not matter. Read next: `declarations.py`, which parses the worlds' declarations; `envs/gymnasium_envs.py`, to which the entry points refer.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from .declarations import Entry, ShippedWorlds

__all__ = ["ENTRY_POINTS", "WORLDS", "Entry", "installed_worlds", "register_with_gymnasium"]


WORLDS = ShippedWorlds(sys.modules["goalposts"].__path__)
"""The shipped worlds, parsed from their files; a test compares both."""

ANY_WORLD = "World"
"""Name in the gymnasium id of custom worlds, `goalposts/World-v0`, whose option `world` is `module:NAME` or a World."""

ENTRY_POINTS = "goalposts.worlds"
"""Entry-point group in which installed packages register worlds: `Name = "its.module:ITS_WORLD"`."""


def installed_worlds() -> dict[str, str]:
    """Worlds registered by installed packages, name → `module:NAME`. Imports none of them."""
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS) if point.name not in WORLDS}


def register_with_gymnasium() -> None:
    """Register the ids now if gymnasium is loaded, else as soon as it is imported."""
    if "gymnasium" in sys.modules:
        _enter_ids()
    else:
        sys.meta_path.insert(0, _GymnasiumWatcher())


def _enter_ids() -> None:
    import gymnasium

    for world in WORLDS:
        gymnasium.register(
            id=f"goalposts/{world}-v0",
            entry_point="goalposts.envs.gymnasium_envs:GoalpostsEnv",
            vector_entry_point="goalposts.envs.gymnasium_envs:make_vector_env",
            kwargs={"world": world},
        )
    gymnasium.register(
        id=f"goalposts/{ANY_WORLD}-v0",
        entry_point="goalposts.envs.gymnasium_envs:AnyWorldEnv",
        vector_entry_point="goalposts.envs.gymnasium_envs:make_any_vector_env",
    )


class _GymnasiumWatcher:
    """Import hook that registers the ids after gymnasium is imported, then removes itself. Merely searching for gymnasium has no effect."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "gymnasium":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_then_enter_ids(module: ModuleType) -> None:
            run(module)
            sys.meta_path.remove(self)
            _enter_ids()

        spec.loader.exec_module = run_then_enter_ids
        return spec
