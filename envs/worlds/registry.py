"""The one list of worlds. A new world is one file beside this one and one line here.

Read next: `../world.py`, the contract; `coinrun.py`, an example.
"""

from __future__ import annotations

import difflib
import importlib

from ..world import World, WorldError
from .coinrun import COINRUN

_WORLDS: dict[str, World] = {world.name: world for world in (COINRUN,)}


def known_worlds() -> dict[str, World]:
    """All known worlds by name, in the order of the list."""
    return dict(_WORLDS)


def get_world(name: str | World) -> World:
    """A world by name, or your own by `module:NAME`. Raises WorldError with the closest name."""
    if isinstance(name, World):
        return _WORLDS.setdefault(name.name, name)
    if name in _WORLDS:
        return _WORLDS[name]
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            world = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise WorldError(
                f"world {name!r} cannot be loaded: {error}; write it as `module:NAME`"
            ) from error
        if not isinstance(world, World):
            raise WorldError(f"world {name!r} is a {type(world).__name__}, not a goalposts.envs.World")
        return _WORLDS.setdefault(world.name, world)
    close = difflib.get_close_matches(name, _WORLDS, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise WorldError(
        f"unknown world {name!r}; known: {', '.join(_WORLDS)}, or your own as `module:NAME`.{hint}"
    )
