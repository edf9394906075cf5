"""The inputs of predictors, computed once per agent: states of the training kind, shifted states, moved goals, weights, log.

States of the training kind are from the agent's own episodes on the control condition, on levels that no outcome is measured on.
Shifted states are the same for all agents of a world: one per level, on a scripted agent's shortest path to the proxy, so that they are
inputs without any outcome of the agent. Read next: `predictors.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from goalposts.errors import UserError

from ...agents.interventions import EditError, Edits
from ...agents.recorded import observed
from ...agents.rollout import play
from ...agents.scripted import GoToProxy
from ...agents.shown_planes import shown_planes
from ...envs.generation.generate import generate
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from ..config.schema import ExperimentConfig
from ..evaluation.evaluate import Subject, subject_of
from ..runs.run import Run

LEVEL_SEED = 5  # of the levels; outcomes are measured on seed 1, the evaluation during training uses seed 2
LEVELS = 300
PER_LEVEL = 4  # states of one control episode
PLACES = 8  # free cells that a goal is moved to, per state


class NotAvailable(UserError):
    """A predictor that this agent does not allow; the message says what would be needed."""


@dataclass(frozen=True)
class MovableGoal:
    """The plane that shows a world's only goal, and the planes that do not occupy a cell."""

    plane: str
    ground: tuple[str, ...] = ()


class PredictorInputs:
    """What predictors read of one agent. subject: as evaluated; run: its folder, if there is one."""

    def __init__(self, subject: Subject, run: Run | None = None, levels: int = LEVELS) -> None:
        self.subject, self.run, self.levels = subject, run, levels
        self.agent, self.observation = subject.agent, subject.observation
        self.world: World = get_world(subject.world)

    @classmethod
    def of(cls, source: Any, levels: int = LEVELS, **options: Any) -> PredictorInputs:
        """The evidence of a run, a run folder or an agent; options as in `subject_of`."""
        run = Run.open(source) if isinstance(source, str) or hasattr(source, "__fspath__") else source
        return cls(subject_of(run, **options), run if isinstance(run, Run) else None, levels)

    @property
    def config(self) -> ExperimentConfig:
        """The config that trained the agent. Raises NotAvailable."""
        if self.run is None:
            raise NotAvailable("needs the run folder of the training")
        return self.run.config

    def reads_one_observation(self) -> None:
        """Raise NotAvailable unless the agent maps one observation, of planes, to action probabilities."""
        if self.observation.startswith("rgb"):
            raise NotAvailable("needs an agent that observes planes; this one sees pixels")
        if not callable(getattr(self.agent, "action_probabilities", None)):
            raise NotAvailable("needs an agent with action_probabilities")
        if callable(getattr(self.agent, "see", None)):
            raise NotAvailable(
                "needs an agent that reads one observation; this one reads the level or has a memory"
            )

    @cached_property
    def edits(self) -> Edits:
        """Edits of the agent's observations. Raises NotAvailable for pixels."""
        try:
            return Edits(self.world, self.observation)
        except EditError as error:
            raise NotAvailable(f"needs planes whose bits can be edited: {error}") from None

    @property
    def goal(self) -> MovableGoal:
        """The goal's plane. Raises NotAvailable for a world in which moving one bit does not move the goal."""
        planes = shown_planes(self.world)
        if not planes.single or len(planes.goal) != 1:
            raise NotAvailable(
                f"needs a world with one goal, an object that one plane shows; {self.world.name} is none"
            )
        return MovableGoal(planes.goal[0], planes.ground)

    @property
    def goal_planes(self) -> list[int]:
        """Numbers of the planes that show the goal; [] if the agent cannot see it."""
        return self.edits.planes[self.goal.plane]

    @cached_property
    def control(self) -> np.ndarray:
        """uint8[n, C, H, W]: states of the agent's own sampled episodes on the control condition, up to 4 per level.

        Only states that show the goal, unless none does.
        """
        self.reads_one_observation()
        levels = generate(self.world, self.world.default_condition("control"), LEVEL_SEED, self.levels)
        limit = self.subject.max_steps
        played = play(self.agent, levels, self.observation, noise_seed=LEVEL_SEED, max_steps=limit)
        seen, level = observed(levels, played.actions, self.observation, limit)
        shows = self._shows_goal(seen)
        usable = np.flatnonzero(shows) if shows.any() else np.arange(len(seen))
        return seen[spread_over(level[usable], usable)]

    def _shows_goal(self, seen: np.ndarray) -> np.ndarray:
        try:
            planes = self.goal_planes
        except NotAvailable:
            return np.zeros(len(seen), np.bool_)
        return self.edits.count(seen, self.goal.plane) > 0 if planes else np.zeros(len(seen), np.bool_)

    @cached_property
    def shifted(self) -> np.ndarray:
        """uint8[n, C, H, W]: one state per shifted level, the same for all agents of this world and observation."""
        self.reads_one_observation()
        return shifted_states(self.world.name, self.observation, self.levels)

    def moved(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Move the goal's bit to random free cells: (edited uint8[m, C, H, W], the index int64[m] of the state of each)."""
        planes = self.goal_planes
        if not planes:
            raise NotAvailable("needs an agent that observes the goal's plane")
        occupied = self._occupied(states)
        which, rows, cols = [], [], []
        draw = np.random.default_rng(LEVEL_SEED)
        for k in np.flatnonzero(states[:, planes[0]].any(axis=(1, 2))):
            free = np.flatnonzero(~occupied[k])
            chosen = draw.choice(free, min(PLACES, len(free)), replace=False) if len(free) else free
            which += [k] * len(chosen)
            coordinates = np.divmod(chosen, states.shape[3])
            rows += coordinates[0].tolist()
            cols += coordinates[1].tolist()
        if not which:
            raise NotAvailable(
                "needs states that show the goal and have a free cell; the control levels give none"
            )
        index = np.array(which, np.int64)
        return self.edits.move(states[index], self.goal.plane, np.array(rows), np.array(cols)), index

    def _occupied(self, states: np.ndarray) -> np.ndarray:
        """bool[n, H · W]: cells with a bit in any plane other than the ground's."""
        numbers = [n for name, own in self.edits.planes.items() if name not in self.goal.ground for n in own]
        return states[:, numbers].any(axis=1).reshape(len(states), -1)


@lru_cache(maxsize=8)
def shifted_states(world: str, observation: str, count: int) -> np.ndarray:
    """uint8[count, C, H, W]: one state per level of the usual shift, at a fixed random step of a shortest path to the proxy."""
    chosen = get_world(world)
    levels = generate(chosen, chosen.default_condition("shift"), LEVEL_SEED, count)
    actions = play(GoToProxy(), levels, observation).actions
    seen, level = observed(levels, actions, observation)
    draw = np.random.default_rng(LEVEL_SEED).random(len(seen))
    order = np.lexsort((draw, level))
    states = seen[order[np.unique(level[order], return_index=True)[1]]]
    states.flags.writeable = False
    return states


def spread_over(level: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Choose up to `PER_LEVEL` of the usable states of each level, evenly over its episode: their indices int64[n]."""
    order = np.argsort(level, kind="stable")
    usable, level = usable[order], level[order]
    _, first, count = np.unique(level, return_index=True, return_counts=True)
    chosen = [
        usable[at + np.unique(np.linspace(0, n - 1, min(PER_LEVEL, n)).round().astype(np.int64))]
        for at, n in zip(first, count, strict=True)
    ]
    return np.concatenate(chosen) if chosen else usable
