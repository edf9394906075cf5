"""Can an agent see the goal at all? Flip every bit that shows it, and look whether any action probability changes.

Exact, and only where action probabilities can be queried: an agent *cannot see the goal* if no flip of a goal bit, at any cell of
the observation, the goal's training positions included, changes them. Everything weaker is "no effect found". Measures no
behaviour; see docs/measurement.md, goal effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goalposts.errors import UserError

from ..envs.engine.observe import observation_layout
from ..envs.levels.level import LevelSet
from ..envs.worlds.registry import get_world
from .recorded import observed
from .rollout import play

MOST = 200  # observations of each set of levels; every one is toggled in every cell


@dataclass(frozen=True)
class Toggles:
    """What flips of goal bits do.

    largest  the largest change of an action probability; observations, flips: how many were tried
    """

    largest: float
    observations: int
    flips: int

    @property
    def cannot_see(self) -> bool:
        """No flip changes anything, to the last bit."""
        return self.largest == 0.0

    def __str__(self) -> str:
        tried = f"{self.flips:,} flips of a goal bit in {self.observations:,} observations"
        if not self.flips:
            return "It cannot see the goal: no plane that it observes shows the goal."
        if self.cannot_see:
            return f"It cannot see the goal: none of {tried} changes an action probability."
        return f"It sees the goal: of {tried}, one changes an action probability by {self.largest:.3f}."


def toggle_goal(
    agent: Any, levels: Sequence[LevelSet], observation: str = "view", noise_seed: int = 0, most: int = MOST
) -> Toggles:
    """Flip every goal bit in observations of the agent's own episodes on these levels; give those of training as well.

    Raises UserError for an agent without `action_probabilities`, for pixels, and for an agent that reads more than one observation:
    scripted agents read the level, recurrent ones have a memory.
    """
    instead = "Read the goal effect instead, or, where that is not shown, the relocation effect"
    if not callable(getattr(agent, "action_probabilities", None)) or observation == "rgb":
        raise UserError(
            "whether an agent can see the goal is tested on agents that give action_probabilities for planes; this one "
            f"gives none or sees pixels. {instead}"
        )
    if callable(getattr(agent, "see", None)):
        raise UserError(
            "whether an agent can see the goal is tested on agents whose action_probabilities depend on one observation alone; "
            f"this one also reads the level or has a memory. {instead}"
        )
    largest, seen, flips = 0.0, 0, 0
    for some in levels:
        bits = goal_planes(some, observation)
        observations = own_observations(agent, some, observation, noise_seed)
        chosen = observations[:: max(1, len(observations) // most)][:most]
        seen += len(chosen)
        if not len(bits):  # the goal is in no plane that it observes
            continue
        before = np.asarray(agent.action_probabilities(chosen))
        for row in range(chosen.shape[2]):
            for col in range(chosen.shape[3]):
                flipped = chosen.copy()
                flipped[:, bits, row, col] ^= 1
                change = np.abs(np.asarray(agent.action_probabilities(flipped)) - before)
                largest, flips = max(largest, float(change.max())), flips + len(chosen)
    return Toggles(largest, seen, flips)


def goal_planes(levels: LevelSet, observation: str) -> np.ndarray:
    """int64[k]: the planes of the observation that show a goal object."""
    world = get_world(levels.world)
    shown = {name for tile in world.legend.tiles if tile.goal_object for name in tile.planes}
    goal = sum(1 << world.planes.index(name) for name in shown - set(world.outside))
    layout = observation_layout(world, observation, levels.tiles.shape[1:])
    return np.flatnonzero((layout.bits & goal) != 0)


def own_observations(agent: Any, levels: LevelSet, observation: str, noise_seed: int) -> np.ndarray:
    """What an agent observes at every step of episodes that it plays on the levels, sampled: uint8[n, C, H, W], step by step."""
    return observed(levels, play(agent, levels, observation, noise_seed=noise_seed).actions, observation)[0]
