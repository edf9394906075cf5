"""Fixed share: an instrument, no cure. It sets effective α and the number of different distinguishing levels separately.

A fraction `share` of the environments, and so of the steps, plays `distinct` distinguishing levels of the pool; the others play levels
of the pool that are not distinguishing. The planner says which levels are which, and no cure may ask it that. Cures change both at
once: a replay that plays few distinguishing levels often has a large effective α and few different ones.
Read next: `plr.py`, which replays by score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from goalposts.errors import UserError

from ....envs.levels.level import LevelSet
from ..option_range import within
from .turns import Turns


@dataclass(frozen=True)
class FixedShare:
    """Options of fixed share. share: fraction of the environments on distinguishing levels; distinct: number of different such levels."""

    label_class: ClassVar[str] = "L3"
    source: ClassVar[str] = "an instrument"

    share: float = 0.5
    distinct: int = 100

    def __post_init__(self) -> None:
        within("share", self.share, 0, 1)
        within("distinct", self.distinct, 1)

    def train(self, task: Any, seed: int) -> Any:
        """Train on the two kinds of levels. Raises UserError if the pool has fewer than `distinct` different distinguishing levels."""
        return task.run(task.learner(sampler=FixedShareSampler(self, seed, task.counts.test))).agent()


class FixedShareSampler:
    """Level sampler of fixed share: the first environments play distinguishing levels, the others the rest. test: bool[N] of levels."""

    def __init__(self, method: FixedShare, seed: int, test: Any) -> None:
        self.method, self._test = method, test
        self._random = np.random.default_rng([seed, 4])

    def begin(self, pool: LevelSet, num_envs: int) -> None:
        """Choose the distinguishing levels; equal ones count once."""
        distinguishing = self._test(pool)
        ids = np.flatnonzero(distinguishing)
        hashes = np.array(pool[ids].level_hashes())
        ids = ids[np.sort(np.unique(hashes, return_index=True)[1])]
        if len(ids) < self.method.distinct:
            raise UserError(
                f"fixed_share: distinct is {self.method.distinct:,}, but the training levels contain {len(ids):,} different distinguishing "
                "ones; choose at most that many, or a training condition with more of them"
            )
        others = np.flatnonzero(~distinguishing)
        if not len(others) and self.method.share < 1:
            raise UserError(
                f"fixed_share: share is {self.method.share:g}, but all training levels are distinguishing, so none is left for the "
                "other steps; set share to 1, or choose another training condition"
            )
        self.chosen = self._random.permutation(ids)[: self.method.distinct]
        self._separating = Turns(self.chosen)
        self._others = Turns(self._random.permutation(others))
        self._on_separating = round(self.method.share * num_envs)

    def choose(self, slots: np.ndarray) -> np.ndarray:
        """Choose the next level of each environment: int64[m]."""
        own = slots < self._on_separating
        chosen = np.zeros(len(slots), np.int64)
        chosen[own] = self._separating.next(int(own.sum()))
        chosen[~own] = self._others.next(int((~own).sum()))
        return chosen

    def ended(self, slots: np.ndarray, levels: np.ndarray, returns: np.ndarray, outcome: np.ndarray) -> None:
        """Ignore outcomes."""
