"""Which planes show goal and proxy is found from the levels, as a person who reads the world's file would say it."""

import pytest

from goalposts.agents.shown_planes import ShownPlanes, shown_planes
from goalposts.envs.worlds.registry import get_world

LIGHT = ("dim", "light", "bright", "brightest")
EXPECTED = {
    "CoinRun": ShownPlanes(("coin",), (), (), (), True, True),
    "Corner": ShownPlanes(("cheese",), (), (), (), True, True),
    "Beacon": ShownPlanes(("station",), LIGHT, LIGHT, LIGHT, True, True),
    "ColourShape": ShownPlanes(("line",), ("red", "green"), ("red", "green"), (), True, True),
    "Shields": ShownPlanes(("apple",), ("shield",), ("shield",), (), True, False),
    "KeysAndChests": ShownPlanes(("chest",), ("key",), ("key",), (), True, False),
    "Overseer": ShownPlanes(("gate",), (), (), ("watched",), False, False),
}


@pytest.mark.parametrize("world", EXPECTED)
def test_planes_of_a_shipped_world(world: str) -> None:
    assert shown_planes(get_world(world)) == EXPECTED[world]
