"""Registry of worlds by name: shipped worlds (listed in `goalposts.registration`), installed plugins and custom worlds.

Read next: `envs/worlds/contract/world.py`, the contract; `envs/worlds/contract/sources.py`, the import of custom worlds;
`envs/worlds/coinrun/rules.py`, an example.
"""

from __future__ import annotations

import copyreg
import importlib
import shlex
import sys
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from goalposts.closest import closest
from goalposts.registration import WORLDS, installed_worlds
from goalposts.whole_numbers import kind_of, shown

from .contract import sources
from .contract.world import World, WorldError


def _shipped(place: str) -> World:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(f"{__package__}.{module}"), attribute)


_WORLDS: dict[str, World] = {name: _shipped(entry.place) for name, entry in WORLDS.items()}


def known_worlds() -> dict[str, World]:
    """All known worlds by name, in registration order."""
    return {name: world for name, world in _WORLDS.items() if name == world.name}


def get_world(name: str | World) -> World:
    """Look up a world by name. Raises WorldError that suggests the closest name.

    Load a custom world with `load_world` first: reading an untrusted run never imports a module.
    """
    if isinstance(name, World):
        return _enter(name)
    if not isinstance(name, str):
        raise WorldError(
            f"world = {shown(name)} is {kind_of(name)}: must be a name such as 'CoinRun', or a World"
        )
    if name in _WORLDS:
        return _WORLDS[name]
    if ":" in name:
        raise WorldError(
            f"the world {name!r} is custom code, which a file cannot load by naming it. If you trust it, use "
            f"goalposts --world {shlex.quote(name)} … on the command line or goalposts.envs.load_world({name!r}) in Python"
        )
    raise WorldError(
        f"unknown world {name!r}; known: {', '.join(known_worlds())}, or your own as `module:NAME`.{closest(name, known_worlds())}"
    )


def load_world(spec: str) -> World:
    """Import and register a custom world: `module:NAME`, `path/to/file.py:NAME` or the name of an installed plugin.

    Looks up a name that is already known. Raises WorldError.
    """
    if spec in _WORLDS:
        return _WORLDS[spec]
    if ":" not in spec and not spec.endswith(".py") and spec not in installed_worlds():
        return get_world(spec)
    try:
        return _enter_imported(*sources.import_world(spec))
    except sources.CannotImport as error:
        raise WorldError(
            f"world {spec!r} cannot be loaded: {error}; write it as `module:NAME` or `path/to/file.py:NAME`"
        ) from error


def load_again(worlds: Iterable[sources.WorldSource]) -> None:
    """Import the custom worlds that another process imported. Raises WorldError."""
    for source in worlds:
        if source.place not in _WORLDS:
            try:
                _enter_imported(*sources.import_again(source))
            except sources.CannotImport as error:
                raise WorldError(f"world {source.spec!r} cannot be loaded by this worker: {error}") from error


def _enter_imported(world: object, source: sources.WorldSource) -> World:
    if not isinstance(world, World):
        raise WorldError(f"world {source.spec!r} is {kind_of(world)}, not a goalposts.envs.World")
    other = _WORLDS.get(source.place, world)
    if other is not world:
        raise WorldError(
            f"{source.spec!r} would be recorded as {source.place!r}, as the world {other.name} is already; rename its file"
        )
    _enter(world)
    for name in (source.spec, source.place):
        _WORLDS[name] = world
    sources.note(world.name, source, world.entry(source.place))
    return world


def _enter(world: World) -> World:
    if _WORLDS.setdefault(world.name, world) is not world:
        raise WorldError(f"there is another world called {world.name} already; give yours a different name")
    return world


def _reduce(world: World) -> tuple[Any, ...]:
    """Pickle a world by name if it is known, else by module, as Python pickles functions, else by its fields."""
    if world.name in WORLDS and _WORLDS.get(world.name) is world:
        return get_world, (world.name,)
    source = sources.source_of(world.name)
    if source is not None and _WORLDS.get(world.name) is world:
        return _from_source, (source,)
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) == world.source:
            for attribute, value in vars(module).items():
                if value is world:
                    return _from_module, (name, attribute)
    return _from_fields, ({field.name: getattr(world, field.name) for field in fields(world)},)


def _from_source(source: sources.WorldSource) -> World:
    load_again([source])
    return _WORLDS[source.place]


def _from_module(module: str, attribute: str) -> World:
    return _enter(getattr(importlib.import_module(module), attribute))


def _from_fields(given: dict[str, Any]) -> World:
    known = _WORLDS.get(given["name"])
    same = known is not None and all(
        getattr(known, name) == given[name] for name in ("source", "summary", "planes")
    )
    return known if known is not None and same else _enter(World(**given))


copyreg.pickle(World, _reduce)
