"""Sampling for learnability, SFL: score candidate levels by p (1 − p), and train half of the environments on the best of them.

Rutherford et al. 2024, "No regrets: investigating and improving regret approximations for curriculum discovery" (arXiv
2408.15099). After `every` updates, `scoring` rollouts on candidates are played and not learned from; they count as steps. The best
fraction `kept` is then played, uniformly, by a fraction `share` of the environments; the others play new levels of the pool.

A level that always fails has learnability 0 and is never kept, so distinguishing levels come back by way of the other environments only.
No level without learnability fills up the kept ones. Read next: `return_scores.py`; `rollout_callback.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ....envs.engine.engine import Engine
from ....envs.levels.level import LevelSet
from ...policy.algorithm_names import ON_POLICY
from ..option_range import within
from .return_scores import EpisodeReturns
from .turns import Turns


@dataclass(frozen=True)
class SFL:
    """Options of sampling for learnability. every: updates between scorings; scoring: rollouts of each; candidates: levels of each.

    kept: fraction of the candidates that is kept; share: fraction of the environments that plays them. shuffled: keep levels at random, a
    negative control.
    """

    label_class: ClassVar[str] = "L1"
    source: ClassVar[str] = "Rutherford et al. 2024"
    algorithms: ClassVar[tuple[str, ...]] = ON_POLICY

    every: int = 16
    scoring: int = 4
    candidates: int = 250
    kept: float = 0.2
    share: float = 0.5
    shuffled: bool = False

    def __post_init__(self) -> None:
        for option in ("every", "scoring", "candidates"):
            within(option, getattr(self, option), 1)
        within("kept", self.kept, 0, 1)
        within("share", self.share, 0, 1)

    def train(self, task: Any, seed: int) -> Any:
        """Train with a sampler that scores candidates between updates."""
        from .rollout_callback import RolloutCallback

        sampler = SFLSampler(self, seed)
        learner = task.learner(sampler=sampler)
        return task.run(learner, [RolloutCallback(sampler)]).agent()


class SFLSampler:
    """Level sampler of SFL. replaying: the rollout is learned from; otherwise it scores candidates."""

    def __init__(self, method: SFL, seed: int) -> None:
        self.method, self.replaying, self.restarting, self.rollouts = method, False, False, 0
        self.kept = np.zeros(0, np.int64)
        self._random = np.random.default_rng([seed, 3])
        self._returns = EpisodeReturns()

    def begin(self, pool: LevelSet, num_envs: int) -> None:
        """Draw the first candidates."""
        self._new = Turns(self._random.permutation(len(pool)))
        self._on_kept = round(self.method.share * num_envs)
        self._draw_candidates()

    def _draw_candidates(self) -> None:
        self.candidates = Turns(self._new.next(self.method.candidates))

    def choose(self, slots: np.ndarray) -> np.ndarray:
        """Choose candidates in turn while scoring; else kept levels for the first environments and new ones for the others: int64[m]."""
        if not self.replaying:
            return self.candidates.next(len(slots))
        chosen = self._new.next(len(slots))
        own = (slots < self._on_kept) & (len(self.kept) > 0)
        chosen[own] = self._random.choice(self.kept, int(own.sum())) if own.any() else 0
        return chosen

    def ended(self, slots: np.ndarray, levels: np.ndarray, returns: np.ndarray, outcome: np.ndarray) -> None:
        """Collect the returns of candidates."""
        if not self.replaying:
            self._returns.add(levels, returns)

    def rollout_ended(self, engine: Engine, levels: np.ndarray, buffer: Any) -> None:
        """Change between scoring and learning; environments restart at each change, so no episode belongs to both."""
        self.rollouts += 1
        self.restarting = self.rollouts == (self.method.every if self.replaying else self.method.scoring)
        if not self.restarting:
            return
        if self.replaying:
            self._draw_candidates()
        else:
            self._returns.add_cut(engine)
            returns = self._returns.take()
            self.keep(returns.ids, returns.solved * (1 - returns.solved))
        self.replaying, self.rollouts = not self.replaying, 0

    def keep(self, ids: np.ndarray, scores: np.ndarray) -> None:
        """Keep the best fraction of the candidates int64[m] by scores float64[m], without those of score 0."""
        most = max(1, round(self.method.kept * self.method.candidates))
        if self.method.shuffled:
            scores = self._random.permutation(scores)
        order = np.argsort(-scores, kind="stable")[:most]
        self.kept = ids[order[scores[order] > 0]]
