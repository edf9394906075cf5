"""The tiles that a reader may paint on a level, and how many, found by calling the world's own check.

A page cannot run a world's `check`, so its answers are tabulated here. Read next: `live_page.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...envs.levels.level import Level, Tile
from ...envs.worlds.contract.world import World

MOST = 10  # per kind; if this many are allowed, there is no limit


def palette_of(world: World, level: Level) -> list[dict[str, Any]]:
    """By tile code: `least`, `most` (null: no limit; 0: not allowed inside a level), `group`, `beside`, `reach`.

    Tiles with the same `group` count together. `beside` and `reach`: the tile painted left and right of a tile, and how far.
    """
    check = world.legend.check
    bare = np.where(world.legend.goal_codes()[level.tiles], 0, level.tiles).astype(np.uint8)
    bare[1:-1, 1:-1][bare[1:-1, 1:-1] == 0] = 0
    cells = spread(bare)
    codes = range(len(world.legend.tiles))

    def valid(put: Iterable[tuple[int, int]]) -> bool:
        tiles = bare.copy()
        for cell, code in put:
            tiles[cells[cell]] = code
        return check(tiles) is None

    least = [
        int((bare == code).sum() == 1 and check(np.where(bare == code, 0, bare).astype(np.uint8)) is not None)
        for code in codes
    ]
    most: list[int | None] = []
    for code in codes:
        top = min(MOST, len(cells) - 1)
        count = next((k - 1 for k in range(1, top + 1) if not valid((c, code) for c in range(k))), None)
        most.append(1 if least[code] else None if code == 0 else count)
    groups = list(codes)
    for a in codes:
        for b in range(a):
            full, limit = most[a], most[b]
            if full and limit and not least[a] and not least[b] and groups[b] == b:
                together = [(c, a) for c in range(full)] + [(full, b)]
                if not valid(together):
                    groups[a] = b
    beside: dict[int, tuple[int, int]] = {}
    for code in codes:
        for other in codes:
            if most[other] == 0 and most[code] and code not in beside and not least[code]:
                reach = run_beside(bare, code, other, world)
                if reach:
                    beside[code] = (other, reach)
    return [
        {
            "least": least[code],
            "most": most[code],
            "group": groups[code],
            "beside": beside.get(code, (0, 0))[0],
            "reach": beside.get(code, (0, 0))[1],
        }
        for code in codes
    ]


def spread(tiles: np.ndarray) -> list[tuple[int, int]]:
    """Free cells inside a level, none next to another in its row."""
    free = np.argwhere(tiles[1:-1, 1:-1] == 0) + 1
    return [(int(r), int(c)) for r, c in free if (c + r) % 2 == 0]


def run_beside(bare: np.ndarray, code: int, other: int, world: World) -> int:
    """Count the tiles `other` that are allowed next to a tile `code`, if `other` alone is not allowed."""
    for row in range(1, bare.shape[0] - 1):
        free = np.flatnonzero(bare[row] == 0)
        if len(free) < 3 or free[-1] - free[0] != len(free) - 1:
            continue
        reach = 0
        for count in range(1, len(free)):
            tiles = bare.copy()
            tiles[row, free[0]] = code
            tiles[row, free[1 : 1 + count]] = other
            if world.legend.check(tiles) is not None:
                break
            reach = count
        return reach
    return 0


def short_name(tile: Tile) -> str:
    """A tile's name in a palette: "coin that the agent cannot see" → "invisible coin"."""
    name = tile.name.partition(":")[0].partition(",")[0].partition(" (")[0]
    if " that the agent cannot see" in name:
        return f"invisible {name.partition(' that ')[0]}"
    return {"agent's spawn": "start"}.get(name, name.removesuffix(" or ground"))
