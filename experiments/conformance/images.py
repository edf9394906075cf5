"""Contract clauses about images: a world can be drawn, and different objects look different.

Each raises `WorldFault` with what it found. Read next: `suite.py`, which lists all clauses.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ...envs.engine.engine import Engine
from ...envs.generation.generate import generate
from ...envs.levels.level import Tile
from ...envs.render.look import look_of
from ...envs.render.render import ansi, draw, rgb64
from ...envs.render.scene import Scene
from ...envs.render.sprites import sprite
from ...envs.worlds.contract.world import World
from .levels import SEED, names_of, need


def images_can_be_drawn(world: World, n: int) -> None:
    """Check the image for people, the pixel observation and the text, for every condition and at several steps."""
    shown: set[str] = set()
    for name in names_of(world):
        levels = generate(world, name, SEED, 4)
        engine = Engine(world, 4, levels)
        for slot in range(4):
            engine.load(slot, slot)
        for action in range(len(world.actions)):
            for slot in range(4):
                state = engine.state[slot]
                camera = engine.window.camera(int(state[0]), int(state[1]))
                scene = world.scene(levels[slot], engine.facts[slot], state, action, camera)
                need(scene.sprites, f"{name}: the image has no moving objects, not even the agent")
                rows, cols = levels[slot].tiles.shape
                need(draw(scene, 8).shape == (8 * rows, 8 * cols, 3), f"{name}: the image has the wrong size")
                need(rgb64(scene).shape == (64, 64, 3), f"{name}: the pixel observation has the wrong size")
                need(
                    len(ansi(scene, colour=False).split("\n")) == rows, f"{name}: the text has the wrong size"
                )
                shown |= {thing.name for thing in scene.sprites}
            engine.step_active(np.full(4, action), engine.outcome[:, 1] == 0)
    look = look_of(world.name)
    for one, other in combinations(sorted(shown), 2):
        need(
            (sprite(one, 16, look) != sprite(other, 16, look)).any(),
            f"the sprites {one!r} and {other!r} look alike; draw them differently, or leave one undrawn",
        )


def tiles_look_different(world: World, n: int) -> None:
    """Check that tiles with different names or planes look different, and that hidden tiles look empty to the agent."""
    tiles = world.legend.tiles
    for one, other in combinations(tiles, 2):
        differ = one.planes != other.planes and not (one.hidden or other.hidden)
        if one.sprite != other.sprite or differ:
            for px in (8, 16):
                need(
                    (_for_people(world, one, px) != _for_people(world, other, px)).any(),
                    f"{_words(one)} and {_words(other)} look alike{_remedy(one, other)}",
                )
        for size in (world.view, world.full):
            need(
                not differ or (_for_agent(world, one, size) != _for_agent(world, other, size)).any(),
                f"{_words(one)} and {_words(other)} look alike to an agent that sees pixels (rgb), though their planes "
                f"differ{_remedy(one, other)}",
            )
    for tile in tiles:
        if tile.hidden:
            need(
                (_for_agent(world, tile, world.view) == _for_agent(world, tiles[0], world.view)).all(),
                f"{_words(tile)} is hidden from the agent but visible in its pixels (rgb); give it a separate sprite",
            )


def _for_people(world: World, tile: Tile, px: int):  # uint8[px, px, 3]
    return draw(Scene(world.name, ((world.legend.tiles[0].sprite, tile.sprite),)), px)[:, px:]


def _for_agent(world: World, tile: Tile, size: tuple[int, int]):  # uint8[64, 64, 3]
    rows, cols = size
    row = (world.legend.tiles[0].sprite, tile.sprite)
    return rgb64(Scene(world.name, (row,), camera=(0, 0, rows, cols), outside=world.outside_sprite))


def _words(tile: Tile) -> str:
    return f"the tile {tile.char!r} ({tile.name})"


def _remedy(tile: Tile, other: Tile) -> str:
    if tile.sprite == other.sprite:
        return f": both have the sprite {tile.sprite!r}; give each its own"
    return "; draw them differently, or leave one undrawn"
