"""What a live page needs of a world: translated rules, planes, the window of an observation, what may be painted.

Reads a world, plays nothing but single steps. Read next: `live_page.py`, which adds agents, levels and words.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...envs.engine.engine import Engine
from ...envs.engine.observe import observation_layout
from ...envs.engine.outcome import FIRST, O_FIRST
from ...envs.levels.level import Level, LevelSet
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world

Cells = tuple[tuple[int, int], ...]


def world_block(world: World, max_steps: int | None = None) -> dict[str, Any]:
    """A world as `experiments/report/live/engine.js` takes it, except for the rules. max_steps: 0 is the world's own limit."""
    return {
        "name": world.name,
        "bits": [int(b) for b in world.plane_bits],
        "outside": world.bits(*world.outside),
        "nState": world.n_state,
        "nFacts": world.n_facts,
        "actions": [action.name for action in world.actions],
        "maxSteps": max_steps or 0,
    }


def window_block(world: World, observation: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """The agent's view of levels of up to `shape`. Raises ObservationError where these do not fit."""
    layout = observation_layout(world, observation, shape)
    return {
        "size": [int(n) for n in layout.shape[1:]],
        "follow": layout.follow,
        "bits": [int(b) for b in layout.bits],
        "reach": [int(k) for k in np.asarray(layout.reach)],
    }


@lru_cache(maxsize=256)
def proxy_cells(text: str, name: str) -> Cells:
    """Cells (row, column) of a level's text in which an agent that stays has reached the proxy; empty where it must act."""
    world, level = get_world(name), Level.from_text(text, name)
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
