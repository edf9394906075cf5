"""Robust prioritized level replay, PLR⊥: replay the levels with the most left to learn, and learn only from replayed ones.

Jiang et al. 2021, "Replay-guided adversarial environment design" (arXiv 2110.02439). A rollout is either on new levels, which are
scored and not learned from, or on replayed ones, chosen by rank of their score and by staleness. Both kinds of steps count.
Read next: `advantage_scores.py` and `return_scores.py`, the scores; `envs/engine/level_sampler.py`, the interface of a sampler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ....envs.engine.engine import Engine
from ....envs.levels.level import LevelSet
from ...policy.algorithm_names import ON_POLICY
from ..option_range import one_of, within
from .advantage_scores import ABSOLUTE, POSITIVE, scores_of
from .return_scores import RETURN_SCORES, EpisodeReturns, scores_for
from .turns import Turns

SCORES = ("positive", "absolute", *RETURN_SCORES)


@dataclass(frozen=True)
class PLR:
    """Options of PLR⊥. replay: probability that a rollout replays; buffer: number of stored levels.

    temperature: of the ranks, lower is greedier. staleness: weight of the time since a level was played.
    score: `positive` or `absolute` advantages, or `regret`, `max_return`, `learnability`, `shuffled` (`return_scores.py`).
    Published: replay 0.33 (Jiang et al. 2021); the default of 0.5 is that of earlier versions, kept so that configs keep their meaning.
    """

    label_class: ClassVar[str] = "L1"
    source: ClassVar[str] = "Jiang et al. 2021"
    algorithms: ClassVar[tuple[str, ...]] = ON_POLICY

    replay: float = 0.5
    buffer: int = 4096
    temperature: float = 0.1
    staleness: float = 0.1
    score: str = "positive"

    def __post_init__(self) -> None:
        one_of("score", self.score, SCORES)
        within("replay", self.replay, 0, 1)
        within("buffer", self.buffer, 1)
        within("temperature", self.temperature, 1e-6)
        within("staleness", self.staleness, 0, 1)

    def train(self, task: Any, seed: int) -> Any:
        """Train with a sampler that scores each rollout's levels."""
        from .rollout_callback import RolloutCallback

        sampler = PLRSampler(self, seed, task)
        learner = task.learner(sampler=sampler)
        return task.run(learner, [RolloutCallback(sampler)]).agent()


class PLRSampler:
    """Level sampler of PLR⊥. Levels are identified by their index in the pool. task: only scores from returns need it."""

    restarting = True

    def __init__(self, method: Any, seed: int, task: Any = None) -> None:
        self.method, self.replaying, self.updates = method, False, 0
        self._task, self._seed = task, seed
        self._random = np.random.default_rng([seed, 1])
        self._returns = EpisodeReturns()

    def begin(self, pool: LevelSet, num_envs: int) -> None:
        """Start with all levels of the pool new and unscored."""
        by_return = self.method.score in RETURN_SCORES
        self._scored = scores_for(self.method.score, self._task, pool, self._seed) if by_return else None
        self._new = Turns(self._random.permutation(len(pool)))
        size = min(self.method.buffer, len(pool))
        self._ids, self._scores = np.full(size, -1, np.int64), np.zeros(size)
        self._played = np.zeros(size, np.int64)  # the update at which each was last scored
        self._place = np.full(len(pool), -1, np.int64)  # index of each level in the buffer
        self._filled, self._cumulated = 0, np.zeros(0)

    def choose(self, slots: np.ndarray) -> np.ndarray:
        """Choose replayed levels by priority, or new levels: int64[m]."""
        if self.replaying:
            return self._ids[np.searchsorted(self._cumulated, self._random.random(len(slots)), side="right")]
        return self._new.next(len(slots))

    def ended(self, slots: np.ndarray, levels: np.ndarray, returns: np.ndarray, outcome: np.ndarray) -> None:
        """Collect returns, if the scores are made of them."""
        if self._scored is not None:
            self._returns.add(levels, returns)

    def rollout_ended(self, engine: Engine, levels: np.ndarray, buffer: Any) -> None:
        """Score the levels of a rollout, then decide the next rollout's kind."""
        if self._scored is None:
            kind = POSITIVE if self.method.score == "positive" else ABSOLUTE
            self.update(*scores_of(levels, buffer.advantages, buffer.episode_starts, kind))
            return
        self._returns.add_cut(engine)
        returns = self._returns.take()
        self.update(returns.ids, self._scored.scores(engine.pool, returns))

    def update(self, levels: np.ndarray, scores: np.ndarray) -> None:
        """Store the scores float64[m] of levels int64[m], using the last score of each level; then decide the next rollout's kind."""
        self.updates += 1
        levels, last = np.unique(levels[::-1], return_index=True)
        scores = scores[::-1][last]
        places = self._place[levels]
        known = places >= 0
        self._scores[places[known]], self._played[places[known]] = scores[known], self.updates
        self._add(levels[~known], scores[~known])
        self._prioritize()
        self.replaying = bool(self._random.random() < self.method.replay)

    def _add(self, levels: np.ndarray, scores: np.ndarray) -> None:
        """Add new levels to the buffer; once full, they replace levels with lower scores."""
        room = min(len(levels), len(self._ids) - self._filled)
        places = np.arange(self._filled, self._filled + room)
        self._filled += room
        if room < len(levels):
            order = np.argsort(-scores, kind="stable")
            levels, scores = levels[order], scores[order]
            lowest = np.argsort(self._scores[: self._filled], kind="stable")[: len(levels) - room]
            better = scores[room : room + len(lowest)] > self._scores[lowest]
            places = np.concatenate([places, lowest[better]])
            kept = np.concatenate([np.ones(room, np.bool_), better])
            levels, scores = levels[: len(kept)][kept], scores[: len(kept)][kept]
        gone = self._ids[places]
        self._place[gone[gone >= 0]] = -1
        self._ids[places], self._scores[places], self._played[places] = levels, scores, self.updates
        self._place[levels] = places

    def _prioritize(self) -> None:
        """Update the cumulative sums of P = (1 − ρ) · rank^(−1/β), normalized, + ρ · staleness, normalized."""
        n, method = self._filled, self.method
        ranks = np.empty(n)
        ranks[np.argsort(-self._scores[:n], kind="stable")] = np.arange(1, n + 1)
        by_rank = ranks ** (-1 / method.temperature)
        if self._scored is not None:  # returns have few values: equal scores share their ranks' weights
            _, place, count = np.unique(self._scores[:n], return_inverse=True, return_counts=True)
            by_rank = (np.bincount(place, by_rank) / count)[place]
        stale = (self.updates - self._played[:n]).astype(np.float64)
        weights = (1 - method.staleness) * by_rank / by_rank.sum()
        weights += method.staleness * (stale / stale.sum() if stale.any() else 1 / n)
        self._cumulated = np.cumsum(weights)
        self._cumulated /= self._cumulated[-1]
        self._cumulated[-1] = np.inf
