"""A scene: what a picture of one moment of a level needs to know, as plain data.

A scene names things and says where they stand. It holds no pixels and no rules: the engine's faces make it
from a level and a state, `render.py` turns it into a picture or a text. See `sprites.py` for the names that
have pictures.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sprite:
    """A thing that moves or vanishes, drawn over the tiles. Row 0 is the top, column 0 the left end."""

    name: str
    row: int
    col: int


@dataclass(frozen=True)
class Scene:
    """One moment of one level.

    `tiles[row][col]` is the sprite name of a cell. `sprites` are drawn over the tiles in their order.
    `camera` is what the agent sees, as (top row, left column, rows, columns); it may hang over the level's
    edge, and None means that the agent sees the whole level. `trail` are the (row, column) cells that the
    agent has visited. `outside` is the tile that the agent sees beyond the level's edge.
    """

    world: str
    tiles: tuple[tuple[str, ...], ...]
    sprites: tuple[Sprite, ...] = ()
    camera: tuple[int, int, int, int] | None = None
    trail: tuple[tuple[int, int], ...] = ()
    outside: str = "wall"
