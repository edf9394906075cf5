"""Can an agent see the goal at all? Flip every bit that shows it, and look whether any action probability changes.

Only where action probabilities can be queried. Flips that change nothing are reported as that, with the number of observations that
were tried: an agent may read the goal in a situation that is not among them. That it *cannot see the goal* follows only where no
plane of its observation shows the goal. Measures no behaviour; see docs/measurement.md, goal effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from goalposts.errors import UserError

from ..envs.engine.observe import observation_layout
from ..envs.levels.level import LevelSet
from ..envs.worlds.registry import get_world
from .recorded import observed
from .rollout import play
from .shown_planes import shown_planes

MOST = 200  # observations of each set of levels; every one is toggled in every cell


@dataclass(frozen=True)
class Toggles:
    """What flips of goal bits do.

    largest  the largest change of an action probability; observations, flips: how many were tried
    planes   names of the planes whose bits were flipped; () if no plane of the observation shows the goal
    """

    largest: float
    observations: int
    flips: int
    planes: tuple[str, ...]

    @property
    def cannot_see(self) -> bool:
        """No plane shows the goal. Flips without an effect prove less: only some observations are tried."""
        return not self.planes

    def __str__(self) -> str:
        if self.cannot_see:
            return "It cannot see the goal: no plane of its observation shows the goal."
        word = "plane" if len(self.planes) == 1 else "planes"
        bits = f"the bits that show the goal ({word} {', '.join(self.planes)})"
        tried = f"{self.flips:,} flips in {self.observations:,} observations of its own episodes"
        if self.largest == 0.0:
            return f"No flip of {bits} changed any action probability: {tried}. In other observations it may read them."
        return f"It sees the goal: a flip of {bits} changed an action probability by {self.largest:.3g} ({tried})."


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
    largest, seen, flips, names = 0.0, 0, 0, dict[str, None]()
    for some in levels:
        shown = goal_planes(some, observation)
        names |= dict.fromkeys(shown)
        bits = [k for own in shown.values() for k in own]
        # All planes of a cell together, as where a goal appears, and each bit alone:
        groups = [bits, *([k] for k in bits)] if len(bits) > 1 else [bits]
        observations = own_observations(agent, some, observation, noise_seed)
        chosen = observations[:: max(1, len(observations) // most)][:most]
        seen += len(chosen)
        if not bits:  # the goal is in no plane that it observes
            continue
        before = np.asarray(agent.action_probabilities(chosen))
        for group, row, col in product(groups, range(chosen.shape[2]), range(chosen.shape[3])):
            flipped = chosen.copy()
            flipped[:, group, row, col] ^= 1
            change = np.abs(np.asarray(agent.action_probabilities(flipped)) - before)
            largest, flips = max(largest, float(change.max())), flips + len(chosen)
    return Toggles(largest, seen, flips, tuple(names))


def goal_planes(levels: LevelSet, observation: str) -> dict[str, list[int]]:
    """The planes of the observation that show the goal: by name in the world, their numbers.

    Those that mark the goal and little else. Where the goal is no object, or they are not observed: those of any goal object, so
    that a goal which shows by its colour alone is not taken for hidden.
    """
    world = get_world(levels.world)
    layout = observation_layout(world, observation, levels.tiles.shape[1:])
    shown = shown_planes(world)
    objects = {name for tile in world.legend.tiles if tile.goal_object for name in tile.planes}
    for names in (shown.goal if shown.movable else (), objects - set(world.outside)):
        numbers = {
            name: np.flatnonzero(layout.bits & (1 << at) != 0).tolist()
            for at, name in enumerate(world.planes)
            if name in names
        }
        if any(numbers.values()):
            return {name: own for name, own in numbers.items() if own}
    return {}


def own_observations(agent: Any, levels: LevelSet, observation: str, noise_seed: int) -> np.ndarray:
    """What an agent observes at every step of episodes that it plays on the levels, sampled: uint8[n, C, H, W], step by step."""
    return observed(levels, play(agent, levels, observation, noise_seed=noise_seed).actions, observation)[0]
