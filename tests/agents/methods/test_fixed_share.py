"""The instrument that sets effective α and the number of different distinguishing levels separately."""

import numpy as np
import pytest
from fixtures.tasks import small_task

from goalposts.agents import method_named
from goalposts.agents.methods.replay.fixed_share import FixedShare, FixedShareSampler
from goalposts.envs import generate
from goalposts.envs.levels.level import LevelSet
from goalposts.envs.planner.planner import survey_levels
from goalposts.errors import UserError

POOL = generate("CoinRun", "mixture(0.5)", 1, 200, split="train")


def distinguishing(levels: LevelSet) -> np.ndarray:
    return survey_levels(levels).distinguishing


def begun(pool: LevelSet = POOL, **options: float) -> FixedShareSampler:
    made = FixedShareSampler(FixedShare(**options), 3, distinguishing)  # type: ignore[arg-type]
    made.begin(pool, 8)
    return made


def test_the_first_environments_play_the_chosen_levels_and_the_others_none_that_is_distinguishing() -> None:
    made, kinds = begun(share=0.25, distinct=10), distinguishing(POOL)
    chosen = np.array([made.choose(np.arange(8)) for _ in range(100)])
    assert kinds[chosen[:, :2]].all()
    assert not kinds[chosen[:, 2:]].any()
    assert len(set(POOL[chosen[:, :2].ravel()].level_hashes())) == 10
    assert len(set(chosen[:, 2:].ravel().tolist())) == int((~kinds).sum())  # all of the others take turns


def test_equal_levels_count_once() -> None:
    one = POOL[np.flatnonzero(distinguishing(POOL))[[0, 0, 0, 1]]]
    assert len(set(begun(one, share=1.0, distinct=2).chosen.tolist())) == 2
    with pytest.raises(UserError, match="distinct is 3, but the training levels contain 2 different"):
        begun(one, share=1.0, distinct=3)


def test_a_pool_without_other_levels_is_refused_unless_all_steps_are_on_distinguishing_ones() -> None:
    alone = POOL[np.flatnonzero(distinguishing(POOL))]
    begun(alone, share=1.0, distinct=5)
    with pytest.raises(UserError, match="all training levels are distinguishing"):
        begun(alone, share=0.5, distinct=5)


@pytest.mark.parametrize("options", [{"share": 1.5}, {"share": -0.1}, {"distinct": 0}])
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="it must be"):
        method_named("fixed_share", options)


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_effective_alpha_is_the_share(share: float) -> None:
    task = small_task(condition="mixture(0.5)")
    method_named("fixed_share", {"share": share, "distinct": 5}).train(task, 3)
    assert task.counts.row()["effective_alpha"] == share
