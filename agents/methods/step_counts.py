"""Where a task's steps go: learned from or only scored, and how many of them on distinguishing levels. Their fraction is *effective α*.

A step is learned from unless it scores levels or agents: `task.play`, and rollouts after which a learner does not update. Every stream
of levels notes, before each step, which levels are played; which of these are distinguishing is computed once per level that was
played. Read next: `task.py`, which writes the figures; `envs/planner/distinguishing.py`, the test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from ...envs.engine.level_stream import UNLIMITED
from ...envs.engine.outcome import O_LEVEL
from ...envs.jit.random_streams import level_numbers
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.distinguishing import DistinguishingTest
from ...envs.worlds.contract.world import World

AT_ONCE = 256  # steps noted before they are counted
UNKNOWN = -1


class StepCounts:
    """Counts of one task. learned, scored: int64[2], all steps and those on distinguishing levels."""

    def __init__(self, world: World) -> None:
        self.learned, self.scored = np.zeros(2, np.int64), np.zeros(2, np.int64)
        self._world, self._counters = world, list[StreamCounter]()
        self._made: DistinguishingTest | None = None

    def test(self, levels: LevelSet) -> np.ndarray:
        """Whether each level is distinguishing: bool[N]."""
        self._made = self._made or DistinguishingTest(self._world)
        return self._made(levels)

    def counter(self) -> StreamCounter:
        """Create the counter of one stream."""
        self._counters.append(StreamCounter(self))
        return self._counters[-1]

    def add_played(self, levels: LevelSet, steps: np.ndarray, learned: bool) -> None:
        """Count episodes that were played level by level. steps: int[N]."""
        into = self.learned if learned else self.scored
        into += (int(steps.sum()), int(steps[self.test(levels)].sum()))

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Learned and scored so far, int64[2] each. The unfinished rollout of a learner counts as scored."""
        learned, scored = self.learned.copy(), self.scored.copy()
        for counter in self._counters:
            counter.count()
            into = scored if counter.has_learner else learned
            into += counter.waiting
        return learned, scored

    def row(self) -> dict[str, float | int | None]:
        """The figures for progress.csv; effective α is None before the first step."""
        learned, scored = self.totals()
        both = learned + scored
        return {
            "effective_alpha": float(learned[1] / learned[0]) if learned[0] else None,
            "effective_alpha_all": float(both[1] / both[0]) if both[0] else None,
            "scoring_steps": int(scored[0]),
        }

    def __deepcopy__(self, memo: dict[int, Any]) -> StepCounts:
        return self


class StreamCounter:
    """Counts the steps of one stream (`LevelStream.counter`). waiting: counted, but not yet known to be learned from."""

    def __init__(self, counts: StepCounts) -> None:
        self.counts, self.waiting, self.has_learner = counts, np.zeros(2, np.int64), False
        self._stream: Any = None
        self._notes: list[np.ndarray] = []
        self._episodes: list[tuple[np.ndarray, np.ndarray]] = []
        self._marks = np.zeros(0, np.int8)  # by index in the pool: 1, 0 or UNKNOWN
        self._drawn: list[tuple[np.ndarray, LevelSet]] = []
        self._numbers: dict[int, bool] = {}  # levels of an unlimited stream
        self._given: list[bool] = []  # levels that were given to a reset

    def __deepcopy__(self, memo: dict[int, Any]) -> StreamCounter:
        """The counter of a copied stream, which counts from here on."""
        counter = self.counts.counter()
        self.count()
        counter._marks, counter._numbers, counter._given = (
            self._marks.copy(),
            dict(self._numbers),
            list(self._given),
        )
        counter._drawn = list(self._drawn)
        return counter

    def note(self, stream: Any, active: np.ndarray | None) -> None:
        """Note the levels of a step that follows. active: which environments take it, bool[n]; None: all."""
        self._stream, engine = stream, stream.engine
        levels = engine.outcome[:, O_LEVEL]
        self._notes.append(levels.copy() if active is None else levels[active])
        if stream.unlimited:
            pair = engine.seeds, engine.episodes
            seeds, episodes = pair if active is None else (pair[0][active], pair[1][active])
            self._episodes.append((seeds.copy(), episodes.copy()))
        if len(self._notes) >= AT_ONCE:
            self.count()

    def drawn(self, numbers: np.ndarray, levels: LevelSet) -> None:
        """Note levels that an unlimited stream drew, int64[m]."""
        self._drawn.append((numbers, levels))

    def given(self, level: Level) -> int:
        """Number, below 0, of a level that a reset was given."""
        self._given.append(bool(self.counts.test(LevelSet.of([level]))[0]))
        return -len(self._given)

    def count(self) -> None:
        """Add all noted steps to `waiting`."""
        if not self._notes:
            return
        levels = np.concatenate(self._notes).astype(np.int64)
        given, self._notes = levels < 0, []
        marked_steps = int(np.array(self._given, np.bool_)[-1 - levels[given]].sum()) if given.any() else 0
        if self._stream.unlimited:
            seeds, episodes = (np.concatenate(parts)[~given] for parts in zip(*self._episodes, strict=True))
            self._episodes = []
            marked_steps += self._on_drawn(level_numbers(seeds, episodes, UNLIMITED))
        else:
            marked_steps += self._on_pool(levels[~given])
        self.waiting += (len(levels), marked_steps)

    def _on_pool(self, levels: np.ndarray) -> int:
        pool = self._stream.engine.pool
        if len(self._marks) < len(pool):
            more = np.full(len(pool) - len(self._marks), UNKNOWN, np.int8)
            self._marks = np.concatenate([self._marks, more])
        marks = self._marks[levels]
        if (marks == UNKNOWN).any():
            new = np.unique(levels[marks == UNKNOWN])
            self._marks[new] = self.counts.test(pool[new])
            marks = self._marks[levels]
        return int(marks.sum())

    def _on_drawn(self, numbers: np.ndarray) -> int:
        for drawn, levels in merged(self._drawn):
            self._numbers.update(zip(drawn.tolist(), self.counts.test(levels).tolist(), strict=True))
        self._drawn = []
        played, times = np.unique(numbers, return_counts=True)
        marked_steps = sum(
            count
            for number, count in zip(played.tolist(), times.tolist(), strict=True)
            if self._numbers[number]
        )
        engine = self._stream.engine
        ahead = [level_numbers(engine.seeds, engine.episodes + k, UNLIMITED).tolist() for k in (0, 1)]
        kept = {number for part in ahead for number in part}
        self._numbers = {number: mark for number, mark in self._numbers.items() if number in kept}
        return marked_steps

    # --- the learner on this stream

    def attach(self, learner: Any) -> None:
        """Know from now on which rollouts of a stable-baselines3 model are learned from; off-policy ones learn from all."""
        if not isinstance(learner.model, OnPolicyAlgorithm):
            return
        self.has_learner, model = True, learner.model
        collect, train = model.collect_rollouts, model.train

        def collecting(*args: Any, **options: Any) -> bool:
            self._settle(self.counts.scored)
            return collect(*args, **options)

        def training() -> None:
            self._settle(self.counts.learned)
            train()

        model.collect_rollouts, model.train = collecting, training

    def _settle(self, into: np.ndarray) -> None:
        self.count()
        into += self.waiting
        self.waiting[:] = 0


def merged(drawn: list[tuple[np.ndarray, LevelSet]]) -> list[tuple[np.ndarray, LevelSet]]:
    """One pair of numbers and levels instead of many small ones, since a call of the test costs more than a level."""
    if len(drawn) < 2:
        return drawn
    first = drawn[0][1]
    parts = [getattr(levels, name) for name in ("tiles", "sizes", "index") for _, levels in drawn]
    n = len(drawn)
    tiles, sizes, index = (np.concatenate(parts[k * n : (k + 1) * n]) for k in range(3))
    return [(np.concatenate([numbers for numbers, _ in drawn]), LevelSet(first.world, tiles, sizes, index))]
