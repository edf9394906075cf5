"""Whether an SB3 model gets the observations that it was trained on: their shape, and their normalization.

SB3 saves neither VecNormalize nor VecFrameStack with a model, and would play on with raw numbers. Read next: `frame_stacked.py`,
which applies both; `experiments/external/sb3_zip.py`, models from files.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goalposts.errors import UserError

from ..envs.engine.level_stream import space_of
from ..envs.worlds.contract.world import World
from .frame_stacked import FrameStacked
from .normalized import Normalized

MOST_FRAMES = 64
SB3 = ("stable_baselines3.", "sb3_contrib.")


def check_input(agent: Any, world: World, observation: str) -> None:
    """Raise UserError if a model of SB3, wrapped or not, was trained on other observations than it would get."""
    seen = space_of(world, observation, (1, 1)).shape
    given, normalized, frames = seen, False, 1
    while isinstance(agent, Normalized | FrameStacked):
        if isinstance(agent, FrameStacked):
            frames *= agent.frames
            given = _joined(given, agent.frames, 0 if agent.order == "first" else -1)
        normalized |= isinstance(agent, Normalized)
        agent = agent.agent
    predict = getattr(type(agent), "predict", None)
    if not str(getattr(predict, "__module__", "")).startswith(SB3):
        return  # its own predict may change the observation first
    space = getattr(agent, "observation_space", None)
    shape = getattr(space, "shape", None)
    if not isinstance(shape, tuple) or not shape:
        return
    if sorted(shape) != sorted(given):  # images may have their channels first
        stacked = f" in {frames} frames" if frames > 1 else ""
        raise UserError(
            f"this {type(agent).__name__} was trained on observations of shape {shape}, and {observation} of {world.name} gives "
            f"{given}{stacked}; {_remedy(shape, seen)}"
        )
    last = getattr(agent, "_last_obs", None)
    if normalized or not isinstance(last, np.ndarray):
        return
    # VecNormalize makes the space of images one of floats too; a space of floats of another kind is of the user's own environment.
    if observation != "rgb" and np.issubdtype(getattr(space, "dtype", None) or np.float32, np.floating):
        return
    if np.issubdtype(last.dtype, np.floating):
        raise UserError(
            f"this {type(agent).__name__} was trained on normalized observations, and without their statistics it sees numbers that it "
            "was never trained on; give those that VecNormalize.save(path) wrote: --vec-normalize FILE (in Python "
            "goalposts.agents.Normalized(model, VecNormalize.load(path, venv)))"
        )


def _joined(shape: tuple[int, ...], frames: int, axis: int) -> tuple[int, ...]:
    sizes = list(shape)
    sizes[axis] *= frames
    return tuple(sizes)


def _remedy(shape: tuple[int, ...], seen: tuple[int, ...]) -> str:
    """How to give the model what it was trained on."""
    for frames in range(2, MOST_FRAMES + 1):
        if shape in (_joined(seen, frames, 0), _joined(seen, frames, -1)):
            return f"give --frames {frames} (in Python goalposts.agents.FrameStacked(model, {frames}, order))"
    if shape == seen:
        return "leave --frames out"
    return "give the world and the observation (--world, --observation) that it was trained with"
