"""What a live page needs of a world: translated rules, planes, the window of an observation, what may be painted.

Reads a world, plays nothing but single steps. Read next: `live_page.py`, which adds agents, levels and words.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...envs.engine.observe import observation_layout
from ...envs.engine.proxy_cells import Cells
from ...envs.engine.proxy_cells import proxy_cells as cells_of_proxy
from ...envs.levels.level import Level
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world


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


def proxy_cells(text: str, name: str) -> Cells:
    """Cells (row, column) of a level's text that are marked as the proxy."""
    world = get_world(name)  # a config may name it by its module
    return cells_of_proxy(world, Level.from_text(text, world.name))
