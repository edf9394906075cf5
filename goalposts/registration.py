"""The list of worlds, and their gymnasium ids: `goalposts/<World>-v0`, by entry points given as text.

It imports neither a world nor the engine, and not even gymnasium: where gymnasium is not loaded yet, the ids are
entered at the moment when it is. So `goalposts --help` need not wait for it (0.15 s), and the order of imports does
not matter. Read next: `envs/gymnasium_envs.py`, which the entry points name.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NamedTuple


class Entry(NamedTuple):
    """Where a shipped world stands, and what its conditions are called (its own file says what they mean)."""

    place: str  # module of goalposts.envs.worlds and the name in it
    twins: tuple[str, str]  # the demo's configs: the agent that should misgeneralize, its control
    shift: str  # the usual one, by which a verdict is given
    conditions: tuple[str, ...]


def _entry(place: str, twins: str, shift: str, conditions: str) -> Entry:
    first, second = twins.split()
    return Entry(place, (first, second), shift, tuple(conditions.split()))


WORLDS: Mapping[str, Entry] = {
    "CoinRun": _entry(
        "coinrun.rules:COINRUN",
        "edge anywhere",
        "off_path",
        "edge edge_held_out off_path anywhere left right_fraction mixture none invisible mirrored longer no_wall "
        "two_coins decoy edge_no_wall",
    ),
    "Beacon": _entry(
        "beacon:BEACON",
        "lit anywhere",
        "lamp_elsewhere",
        "lit lit_held_out lamp_elsewhere anywhere two_lamps dark even mixture no_station invisible larger",
    ),
    "ColourShape": _entry(
        "colour_shape:COLOURSHAPE",
        "yellow_line pairs",
        "pairs",
        "yellow_line yellow_line_held_out pairs pair_red_line_yellow_gem pair_red_line_yellow_star "
        "pair_blue_line_yellow_gem pair_blue_line_yellow_star mixture line_alone yellow_alone invisible",
    ),
    "Corner": _entry(
        "corner:CORNER",
        "corner anywhere",
        "off_path",
        "corner corner_held_out off_path anywhere opposite region mixture none invisible larger two_cheeses decoy",
    ),
    "KeysAndChests": _entry(
        "keys_and_chests:KEYSANDCHESTS",
        "scarce anywhere",
        "plentiful",
        "scarce scarce_held_out plentiful anywhere mixture one_key no_chest invisible larger",
    ),
    "Overseer": _entry(
        "overseer:OVERSEER",
        "seen spared",
        "unwatched",
        "watched watched_held_out unwatched unwatched_far mixture invisible statue larger",
    ),
    "Shields": _entry(
        "shields:SHIELDS",
        "hunted anywhere",
        "aftermath",
        "hunted hunted_held_out aftermath plenty anywhere long_day mixture no_apples invisible larger",
    ),
}
"""The one list of worlds. A new world is one file in `envs/worlds/` and one entry here; a test compares the two."""

ANY_WORLD = "World"
"""The gymnasium id of custom worlds is `goalposts/World-v0`; its option `world` is `module:NAME` or a World."""

ENTRY_POINTS = "goalposts.worlds"
"""The group in which an installed package enters worlds of its own: `Name = "its.module:ITS_WORLD"`."""


def installed_worlds() -> dict[str, str]:
    """Worlds that installed packages bring, by name: `module:NAME`. Imports none of them."""
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS) if point.name not in WORLDS}


def register_with_gymnasium() -> None:
    """Enter the ids now if gymnasium is loaded, else as soon as somebody imports it."""
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
    """Lets gymnasium be imported as ever, then enters the ids, and is gone. A mere search for it changes nothing."""

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
