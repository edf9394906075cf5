"""ACCEL: prioritized level replay that also evolves levels: edit the replayed ones, score the children, and keep them in the same buffer.

Parker-Holder et al. 2022, "Evolving curricula with regret-based environment design" (arXiv 2203.01302). After each rollout on
replayed levels, one on their children follows, which is scored and not learned from. Children are made by the world's own
operators and are proven solvable (`envs/generation/edit_levels.py`). Two kinds:

    edits: identity   the goal objects stay where they are; a child that is distinguishing and its parent not, or the reverse, is dropped
    edits: free       goal objects may move. A distinguishing child costs a label unless its goal objects are where those of its
                      distinguishing parent are; without labels left, such children are dropped

Read next: `plr.py`, which it extends; `task.extend`, which counts the labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ....envs.engine.engine import Engine
from ....envs.generation.edit_levels import LevelEditor
from ....envs.levels.level import LevelSet
from ..option_range import one_of, within
from .plr import PLR, PLRSampler
from .turns import Turns

IDENTITY, FREE = "identity", "free"
BROODS = 3  # parents drawn for each child wanted, since a layout of the other split, an unsolvable or an unchanged child is dropped


@dataclass(frozen=True)
class ACCEL(PLR):
    """Options of ACCEL: those of PLR; edits: `identity` or `free`; changes: edits per child."""

    source: ClassVar[str] = "Parker-Holder et al. 2022"

    score: str = "regret"
    edits: str = IDENTITY
    changes: int = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("edits", self.edits, (IDENTITY, FREE))
        within("changes", self.changes, 1)

    def train(self, task: Any, seed: int) -> Any:
        """Train with a sampler that evolves the pool."""
        from .rollout_callback import RolloutCallback

        sampler = ACCELSampler(self, seed, task)
        env = task.vec_env(sampler=sampler)
        sampler.env = env
        return task.run(task.learner(env=env), [RolloutCallback(sampler)]).agent()


class ACCELSampler(PLRSampler):
    """Level sampler of ACCEL: that of PLR⊥, with rollouts on children after replayed ones. env: the task's, whose pool grows."""

    def __init__(self, method: ACCEL, seed: int, task: Any) -> None:
        super().__init__(method, seed, task)
        self.env: Any = None
        self.children: Turns | None = None  # levels of the coming rollout, if there are any
        self._editor = LevelEditor(task.world, method.edits == FREE)
        self._edit_random = np.random.default_rng([seed, 4])

    def begin(self, pool: LevelSet, num_envs: int) -> None:
        """Start with all levels of the pool new and unscored."""
        super().begin(pool, num_envs)
        self._wanted = num_envs

    def choose(self, slots: np.ndarray) -> np.ndarray:
        """Choose children in turn, or as PLR⊥ does: int64[m]."""
        return super().choose(slots) if self.children is None else self.children.next(len(slots))

    def rollout_ended(self, engine: Engine, levels: np.ndarray, buffer: Any) -> None:
        """Score the rollout; after a replayed one, the children of replayed levels come next."""
        replayed = self.replaying
        super().rollout_ended(engine, levels, buffer)
        children = self._evolve(engine.pool) if replayed else np.zeros(0, np.int64)
        self.children = Turns(children) if len(children) else None
        self.replaying = self.replaying and self.children is None

    def _evolve(self, pool: LevelSet) -> np.ndarray:
        """Add children of replayed levels to the pool; returns their indices int64[m]."""
        draws = self._random.random(BROODS * self._wanted)
        parents = self._ids[np.searchsorted(self._cumulated, draws, side="right")]
        children, which = self._editor.children(pool[parents], self.method.changes, self._edit_random)
        parents = parents[which]
        kept = self._allowed(children, parents)[: self._wanted]
        if not len(kept):
            return np.zeros(0, np.int64)
        added = self._task.extend(self.env, children[kept], parents[kept])
        self._place = np.concatenate([self._place, np.full(len(added), -1, np.int64)])
        if self._scored is not None:
            self._scored.extend(len(added))
        return added

    def _allowed(self, made: LevelSet, parents: np.ndarray) -> np.ndarray:
        """Which children may be added: int64[k]."""
        kinds = self._task.kinds_of(self.env, made, parents)
        if self.method.edits == IDENTITY:
            return np.flatnonzero(kinds.distinguishing == kinds.of_parent)
        costly = np.cumsum(kinds.costs)  # of each child, together with those before it
        return np.flatnonzero(~kinds.costs | (costly <= self._task.labels.left))
