"""Fine-tuning: the config's algorithm continues on k shifted levels with their true reward, from a trained agent or an untrained net.

A new optimizer, the config's learning rate. `goalposts finetune` asks the same of one run with unlimited shifted levels. Read next:
`shared_options.py`; `envs/engine/level_sampler.py`, the interface of a sampler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from goalposts.errors import UserError

from ....envs.levels.level import LevelSet
from .shared_options import FromLabels, plain_steps


@dataclass(frozen=True)
class FineTuning(FromLabels):
    """The shared options. replay: fraction of the episodes that play training levels."""

    source: ClassVar[str] = "Langosco et al. 2022 (more levels); Schulman et al. 2017 (PPO)"

    def train(self, task: Any, seed: int) -> Any:
        """Start, then train on the labelled levels with the steps that the plain training leaves. Raises UserError if there are none."""
        rollout = task.settings.rollout
        steps = (task.steps.limit - plain_steps(task, self.plain)) // rollout * rollout
        if not steps:
            raise UserError(
                f"fine_tuning: plain={self.plain:g} leaves less than one rollout of {rollout:,} steps for the labelled levels. "
                "Lower method.plain, or raise method.steps."
            )
        begun, levels = self.begin(task), self.labelled(task, seed)
        if self.replay:
            pool = together(levels, task.levels(self.replay_levels))
            sampler = MixedLevels(len(levels), self.replay, seed)
            learner = task.learner(total_steps=steps, levels=pool, sampler=sampler, fresh=True)
        else:
            learner = task.learner(total_steps=steps, levels=levels, fresh=True)
        learner.model.policy.load_state_dict(begun.model.policy.state_dict())
        return task.run(learner).agent()


def together(first: LevelSet, second: LevelSet) -> LevelSet:
    """The levels of two sets of one world, in order."""
    return LevelSet(
        first.world,
        np.concatenate([first.tiles, second.tiles]),
        np.concatenate([first.sizes, second.sizes]),
        np.concatenate([first.index, second.index]),
    )


class MixedLevels:
    """A level sampler. Each level is one of the pool's first `labelled`, or with probability `replay` one of the others."""

    def __init__(self, labelled: int, replay: float, seed: int) -> None:
        self._labelled, self._replay = labelled, replay
        self._random = np.random.default_rng([seed, 7])

    def begin(self, pool: LevelSet, num_envs: int) -> None:
        """Record the size of the pool."""
        self._size = len(pool)

    def choose(self, slots: np.ndarray) -> np.ndarray:
        """Choose pool indices int64[m], uniformly within each part."""
        others = self._random.random(len(slots)) < self._replay
        labelled = self._random.integers(0, self._labelled, len(slots))
        return np.where(others, self._random.integers(self._labelled, self._size, len(slots)), labelled)

    def ended(self, slots: np.ndarray, levels: np.ndarray, returns: np.ndarray, outcome: np.ndarray) -> None:
        """Ignore the outcomes."""
