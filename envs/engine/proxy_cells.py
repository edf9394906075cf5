"""The cells of a level at which an agent that stays has reached the proxy: pictures mark them. Read next: `envs/render/proxy_mark.py`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..levels.level import Level, LevelSet
from ..worlds.contract.world import World
from .engine import Engine
from .outcome import FIRST, O_FIRST

Cells = tuple[tuple[int, int], ...]


@lru_cache(maxsize=256)
def proxy_cells(world: World, level: Level) -> Cells:
    """Cells (row, column) in which an agent that stays has reached the proxy; empty where it must act."""
    actions = [action.name for action in world.actions]
    inside = [(r, c) for r in range(1, level.tiles.shape[0] - 1) for c in range(1, level.tiles.shape[1] - 1)]
    solid = world.bits(*world.outside)
    free = [cell for cell in inside if not int(world.plane_bits[level.tiles[cell]]) & solid]
    if not free:
        return ()
    engine = Engine(world, len(free), LevelSet.of([level]), "view", direct=True)
    for slot in range(len(free)):
        engine.load(slot, 0)
    places = np.array(free)
    engine.state[:, :2] = places
    stay = actions.index("stay") if "stay" in actions else 0
    engine.step_active(np.full(len(free), stay), np.ones(len(free), np.bool_))
    at_proxy = engine.outcome[:, O_FIRST] == FIRST.index("proxy")
    reached = at_proxy & (engine.state[:, 1] == places[:, 1])  # it may fall meanwhile
    return tuple((int(r), int(c)) for r, c in places[reached])
