"""Row C4: tiles without a drawing are distinct, for people and in pixels; a world may add drawings."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fixtures.faults import row

from goalposts.envs import World, get_world
from goalposts.envs.levels.level import Legend, Tile
from goalposts.envs.render.look import DrawingError
from goalposts.envs.render.render import ansi, draw, rgb64
from goalposts.envs.render.scene import Scene
from goalposts.experiments.conformance.images import tiles_look_different
from goalposts.experiments.conformance.levels import WorldFault

GROUND = (Tile(".", "floor", "floor"), Tile("#", "wall", "wall", ("wall",)), Tile("A", "spawn", "floor"))
FLAG, RUG = (
    Tile("F", "flag", "flag", ("flag",), goal_object=True),
    Tile("R", "rug", "rug", ("rug",), goal_object=True),
)


def world_of(*tiles: Tile, name: str = "Undrawn", **changes: Any) -> World:
    """A world of given tiles that can be drawn but not played."""
    legend = Legend(name, (*GROUND, *tiles), lambda tiles: None)
    planes = tuple(dict.fromkeys(plane for tile in legend.tiles for plane in tile.planes))
    return replace(get_world("Corner"), name=name, legend=legend, planes=planes, **changes)


def scene_of(world: World, *sprites: str) -> Scene:
    return Scene(world.name, (("floor", *sprites),), camera=(0, 0, *world.view), outside="wall")


@row("C4")
def test_swapping_undrawn_goal_and_proxy_changes_every_image() -> None:
    world = world_of(FLAG, RUG)
    one, other = scene_of(world, "flag", "rug"), scene_of(world, "rug", "flag")
    for picture in (lambda s: draw(s, 8), draw, rgb64, lambda s: np.array(list(ansi(s)))):
        assert (picture(one) != picture(other)).any()


@row("C4")
@pytest.mark.parametrize("view", [(3, 3), (11, 11), (21, 31), (63, 63)])
def test_undrawn_tiles_are_distinct_at_every_size(view: tuple[int, int]) -> None:
    """Sixty tiles, down to one pixel per cell, differing by more than rounding."""
    letters = [chr(k) for k in range(33, 127) if chr(k) not in ".#A;"][:60]
    tiles = [Tile(c, f"thing {c}", f"thing_{c}", (f"p{k % 12}",)) for k, c in enumerate(letters)]
    world = world_of(*tiles, name=f"Many{view[0]}", view=view)
    cells = {t.sprite: rgb64(scene_of(world, t.sprite)).astype(int) for t in tiles}
    names = list(cells)
    for k, one in enumerate(names):
        for other in names[:k]:
            assert np.abs(cells[one] - cells[other]).max() >= 4, (one, other)


@row("C4")
def test_a_letter_is_the_tiles_own_character() -> None:
    world = world_of(FLAG, RUG)
    assert ansi(scene_of(world, "flag", "rug"), colour=False) == ".FR"
    cell = draw(scene_of(world, "flag"), 16)[:, 16:]
    ink = (cell != cell[0, 0]).any(2)
    art = ["".join(".#"[int(one)] for one in line[::2]) for line in ink[3:13:2]]
    assert [line.strip(".") for line in art] == ["###", "#", "##", "#", "#"]


@row("C4")
def test_what_is_hidden_from_the_agent_is_not_in_its_pixels() -> None:
    world = world_of(FLAG, Tile("f", "unseen flag", "unseen", hidden=True))
    assert (rgb64(scene_of(world, "unseen")) == rgb64(scene_of(world, "floor"))).all()
    assert (draw(scene_of(world, "unseen")) != draw(scene_of(world, "floor"))).any()
    tiles_look_different(world, 1)


@row("C4")
def test_world_can_add_drawings() -> None:
    lines = "\n".join(["rrrrrrrr"] * 4 + ["yyyyyyyy"] * 4)
    blue = np.full((16, 16, 4), (0, 0, 255, 255), np.uint8)
    world = world_of(FLAG, RUG, name="Drawn", drawings={"flag": lines, "rug": blue})
    flag, rug = (draw(scene_of(world, name), 16)[:, 16:] for name in ("flag", "rug"))
    assert flag[0, 0].tolist() == [0xE2, 0x36, 0x4A]
    assert flag[15, 15].tolist() == [0xFF, 0xD2, 0x3E]
    assert (rug == (0, 0, 255)).all()
    assert (rgb64(scene_of(world, "flag")) != rgb64(scene_of(world, "rug"))).any()
    tiles_look_different(world, 1)


@row("C4")
@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        ("rr\nrr", "8 lines of 8 characters or 16 lines of 16; it has 2 lines of 2 characters"),
        ("\n".join(["FFFFFFFF"] * 8), "has the characters F, which are not colours"),
        (np.zeros((8, 8, 3), np.uint8), r"RGBA; it is uint8\[8, 8, 3\]"),
    ],
)
def test_invalid_drawing_is_refused(drawing: Any, words: str) -> None:
    with pytest.raises(DrawingError, match=words):
        world_of(FLAG, name="Wrong", drawings={"flag": drawing})


@row("C4")
def test_conformance_fails_when_two_tiles_look_alike() -> None:
    tiles_look_different(world_of(FLAG, RUG), 1)
    same = world_of(FLAG, replace(RUG, sprite="flag"), name="Same")
    with pytest.raises(
        WorldFault, match=r"'F' \(flag\) and the tile 'R' \(rug\) look alike: both have the sprite 'flag'"
    ):
        tiles_look_different(same, 1)
    drawing = np.full((8, 8, 4), 255, np.uint8)
    twins = world_of(FLAG, RUG, name="Twins", drawings={"flag": drawing, "rug": drawing})
    with pytest.raises(WorldFault, match="look alike; draw them differently, or leave one undrawn"):
        tiles_look_different(twins, 1)
    masked = world_of(FLAG, RUG, name="Masked", seen_as={"rug": "flag"})
    with pytest.raises(WorldFault, match="look alike to an agent that sees pixels"):
        tiles_look_different(masked, 1)
    shown = world_of(FLAG, replace(FLAG, char="f", hidden=True), name="Shown")
    with pytest.raises(WorldFault, match="is hidden from the agent but visible in its pixels"):
        tiles_look_different(shown, 1)


@row("C4")
def test_the_report_has_a_picture_of_everything_that_it_shows() -> None:
    from goalposts.experiments.publish.wording import sprites_of

    world = world_of(FLAG, RUG, name="Paged")
    places = sprites_of(world, ["a_ghost"]).places
    assert {"flag", "rug", "a_ghost"} <= set(places)
    assert re.search("coin", " ".join(sprites_of(get_world("CoinRun")).places))
