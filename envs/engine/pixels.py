"""Pixel observations: the scene of each environment, drawn cell by cell within the camera.

The only place that turns an engine's state into a scene. Read next: `envs/render/render.py`, which draws it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..levels.level import Level
from ..render.render import rgb64
from ..render.scene import Scene
from .engine import Engine


def level_of(engine: Engine, slot: int) -> Level:
    """The level that a slot is playing."""
    rows, cols = engine.facts[slot, :2]
    return Level(engine.world.name, engine.tiles[slot, :rows, :cols])


def scene_of(engine: Engine, slot: int, last_action: int) -> Scene:
    """Scene of one environment at this moment."""
    state = engine.state[slot]
    camera = engine.window.camera(int(state[0]), int(state[1]))
    return engine.world.scene(level_of(engine, slot), engine.facts[slot], state, last_action, camera)


def observe_pixels(engine: Engine, slots: Iterable[int], last_actions: np.ndarray) -> np.ndarray:
    """Pixel observations uint8[m, 64, 64, 3] of m slots; last_actions int[n]: those of all environments."""
    images = [rgb64(scene_of(engine, int(slot), int(last_actions[slot]))) for slot in slots]
    return np.array(images, np.uint8).reshape(-1, 64, 64, 3)
