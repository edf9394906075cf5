"""A scene: plain data that describes one moment of a level for rendering.

A scene lists things by name and position. It contains no pixels and no rules: `envs/engine/pixels.py` creates it
from a level and a state, `render.py` renders it as an image or text. See `sprites.py` for the names that
have drawings.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sprite:
    """A thing that can move or vanish, drawn over the tiles. Row 0 is at the top, column 0 at the left."""

    name: str
    row: int
    col: int


@dataclass(frozen=True)
class Scene:
    """One moment of one level.

    `tiles[row][col]` is the sprite name of a cell. `sprites` are drawn over the tiles in order.
    `camera` is what the agent sees, as (top row, left column, rows, columns); it may extend beyond the level's
    edge; None means that the agent sees the whole level. `trail` holds the (row, column) cells that the
    agent has visited. `outside` is the tile shown beyond the level's edge. `proxy` holds the cells to mark as the proxy.
    """

    world: str
    tiles: tuple[tuple[str, ...], ...]
    sprites: tuple[Sprite, ...] = ()
    camera: tuple[int, int, int, int] | None = None
    trail: tuple[tuple[int, int], ...] = ()
    outside: str = "wall"
    proxy: tuple[tuple[int, int], ...] = ()
