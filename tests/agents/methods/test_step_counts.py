"""Effective α, counted by the task for every method, is that of a count by hand; the fast test of levels is the planner's."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from fixtures.tasks import small_task

from goalposts.agents import method_named
from goalposts.agents.methods.task import TrainingTask
from goalposts.envs import Level, generate, solve
from goalposts.envs.engine.level_stream import LevelStream
from goalposts.envs.planner.distinguishing import distinguishing_levels
from goalposts.envs.planner.planner import survey_levels
from goalposts.registration import WORLDS


@pytest.mark.parametrize(
    "world",
    [
        name if name in ("CoinRun", "Corner") else pytest.param(name, marks=pytest.mark.slow)
        for name in WORLDS
    ],
)
def test_the_fast_test_of_levels_is_the_planners(world: str) -> None:
    for condition in ("mixture(0.5)", "invisible"):
        levels = generate(world, condition, 5, 100)
        assert np.array_equal(distinguishing_levels(levels), survey_levels(levels).distinguishing)


@cache
def is_distinguishing(level: Level) -> bool:
    return solve(level).distinguishing


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For every step of every stream, whether its level was distinguishing, read from the running environment."""
    found: list[bool] = []
    step = LevelStream.step

    def watched(stream: LevelStream, actions: np.ndarray) -> Any:
        found.extend(is_distinguishing(stream.level(i)) for i in range(stream.engine.n))
        return step(stream, actions)

    monkeypatch.setattr(LevelStream, "step", watched)
    return found


def mixed_task(**more: Any) -> TrainingTask:
    return small_task(world="Corner", condition="mixture(0.3)", max_steps=9, **more)


@pytest.mark.parametrize(
    ("name", "options", "rollouts"),
    [
        ("plain", {}, {0}),
        ("domain_randomization", {}, {0}),
        ("plr", {}, {1, 2, 3}),
        ("sfl", {"every": 2, "scoring": 1, "candidates": 20}, {2}),  # score, learn, learn, score
        ("accel", {"replay": 1.0}, {2}),  # new levels, replayed ones, their children, replayed ones
    ],
    ids=["plain", "domain_randomization", "plr", "sfl", "accel"],
)
def test_every_step_is_counted(
    name: str, options: dict[str, Any], rollouts: set[int], by_hand: list[bool]
) -> None:
    """rollouts: how many of the four may have been scored without an update; they are of the same budget."""
    rows: list[dict[str, Any]] = []
    task = mixed_task(log=lambda row, agent: rows.append(row))
    method_named(name, options).train(task, 3)
    learned, scored = task.counts.totals()
    assert (learned + scored).tolist() == [len(by_hand), sum(by_hand)]
    assert len(by_hand) == task.steps.spent == 2048
    assert 0.1 < sum(by_hand) / len(by_hand) < 0.6
    assert rows[-1]["effective_alpha_all"] == sum(by_hand) / len(by_hand)
    assert rows[-1]["scoring_steps"] == scored[0]
    assert scored[0] in {512 * count for count in rollouts}
    assert rows[-1]["effective_alpha"] == learned[1] / learned[0]


def test_rollouts_that_are_not_learned_from_are_scored(by_hand: list[bool]) -> None:
    """PLR⊥ that never replays learns from nothing; what it does learn from are the rollouts before an update."""
    task = mixed_task()
    method_named("plr", {"replay": 0.0}).train(task, 3)
    learned, scored = task.counts.totals()
    assert (learned.tolist(), scored[0]) == ([0, 0], 2048)
    assert task.spent()["effective_alpha"] is None


def test_copies_gymnasium_given_levels_and_played_levels_are_counted() -> None:
    from copy import deepcopy

    task = mixed_task()
    levels = task.levels(40)
    flags = [is_distinguishing(level) for level in levels]
    first = flags.index(True)
    env = task.gymnasium_env(4, levels=levels)
    env.reset(seed=0, options={"level": levels[first]})
    for _ in range(3):
        env.step(np.zeros(4, np.int64))
    assert task.counts.totals()[0].tolist() == [12, 12]
    venv = task.vec_env(4, levels=levels[np.array(flags)])
    venv.reset()
    venv.step(np.zeros(4, np.int64))
    other = deepcopy(venv)
    other.step(np.zeros(4, np.int64))
    assert task.counts.totals()[0].tolist() == [20, 20]
    learner = task.learner()
    played = task.play(learner.agent(), levels)
    steps = played.outcome[:, 2]
    assert task.counts.totals()[1].tolist() == [steps.sum(), steps[np.array(flags)].sum()]
