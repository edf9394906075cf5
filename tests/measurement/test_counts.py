"""What a layout as training seeds × levels refuses, because a number made from it would be wrong."""

import numpy as np
import polars as pl
import pytest

from goalposts.experiments.measurement.counts import count, select
from goalposts.experiments.measurement.episodes import EpisodesError
from goalposts.experiments.measurement.rates import GOAL_FIRST, capability_under_shift, misgeneralization_rate

from .simulate import BOTH, GOAL, PROXY, TIMEOUT, table

MOVED = np.array([[GOAL, PROXY, GOAL, TIMEOUT], [PROXY, PROXY, GOAL, GOAL]])


def test_rows_are_seeds_in_order_and_columns_are_levels():
    t = table(MOVED, train_seeds=(10, 9)).sample(fraction=1, shuffle=True, seed=1)
    found = count(t, GOAL_FIRST)
    assert found.seeds == ("seed 9", "seed 10")
    assert found.events.tolist() == [[0, 0, 1, 1], [1, 0, 1, 0]]
    assert found.trials.tolist() == [[1, 1, 1, 1]] * 2
    assert found.kept == 1.0
    assert found.trained
    assert found.of_seed(1).events.tolist() == [[1, 0, 1, 0]]


def test_an_event_outside_a_trial_does_not_count():
    found = count(table(MOVED), GOAL_FIRST, pl.col("level_index") >= 2)
    assert found.events.tolist() == [[0, 0, 1, 0], [0, 0, 1, 1]]
    assert found.kept == 0.5


def test_several_agents_are_refused_with_the_remedy():
    both = pl.concat([table(MOVED), table(MOVED, agent="other")])
    with pytest.raises(EpisodesError, match=r"2 agents \(agent, other\).*diagnose_each"):
        capability_under_shift(both)


def test_several_worlds_are_refused():
    both = pl.concat([table(MOVED), table(MOVED).with_columns(world=pl.lit("Beacon"))])
    with pytest.raises(EpisodesError, match="2 worlds"):
        capability_under_shift(both)


def test_several_checkpoints_of_a_run_are_refused():
    later = table(MOVED).with_columns(train_step=pl.lit(2000, pl.Int64))
    with pytest.raises(EpisodesError, match=r"several checkpoints or seeds \(train_step 1000, 2000\)"):
        capability_under_shift(pl.concat([table(MOVED), later]))


def test_the_same_training_twice_is_not_two_seeds():
    copy = table(MOVED[:1]).with_columns(run=pl.lit("copy"))
    with pytest.raises(EpisodesError, match="the same training seed 0"):
        capability_under_shift(pl.concat([table(MOVED[:1]), copy]))


def test_runs_without_a_training_seed_are_not_several():
    scripted = table(MOVED[:1], train_seeds=(None,))
    assert capability_under_shift(scripted).seeds == 0
    with pytest.raises(EpisodesError, match="carry no training seed"):
        capability_under_shift(pl.concat([scripted, scripted.with_columns(run=pl.lit("again"))]))


def test_seeds_on_different_levels_are_refused():
    elsewhere = table(MOVED[:1], train_seeds=(1,), layouts="other")
    with pytest.raises(EpisodesError, match="not evaluated on the same levels"):
        capability_under_shift(pl.concat([table(MOVED[:1]), elsewhere]))
    fewer = table(MOVED[:1, :3], train_seeds=(1,))
    with pytest.raises(EpisodesError, match="not evaluated on the same levels"):
        capability_under_shift(pl.concat([table(MOVED[:1]), fewer]))


def test_the_same_layouts_with_the_goal_elsewhere_are_refused():
    moved = table(MOVED[:1], train_seeds=(1,)).with_columns(level_hash=pl.col("level_hash") + "!")
    with pytest.raises(
        EpisodesError, match="level 0 of condition 'off_path' is not the same level in every run"
    ):
        capability_under_shift(pl.concat([table(MOVED[:1]), moved]))


def test_levels_that_lost_their_timeouts_are_refused():
    t = table(np.repeat(MOVED[:, :, None], 3, axis=2))
    lost = t.filter(~((pl.col("outcome_end") == "timeout") & (pl.int_range(pl.len()) % 3 == 0)))
    assert lost.height < t.height
    with pytest.raises(EpisodesError, match="between 2 and 3 episodes a level"):
        capability_under_shift(lost)


def test_sampled_and_greedy_are_never_mixed():
    sampled, greedy = table(np.full((1, 100), GOAL)), table(np.full((1, 100), PROXY), sampled=False)
    both = pl.concat([sampled, greedy])
    assert misgeneralization_rate(both).value == 0
    assert misgeneralization_rate(both, sampled=False).value == 1
    assert misgeneralization_rate(both).episodes == 100
    with pytest.raises(EpisodesError, match="greedy episodes only, not sampled ones; pass sampled=False"):
        select(greedy)
    with pytest.raises(EpisodesError, match="sampled episodes only, not greedy"):
        select(sampled, sampled=False)


def test_what_is_not_there_is_named_with_what_is():
    t = pl.concat([table(MOVED), table(np.full((2, 4), BOTH), "edge_held_out")])
    with pytest.raises(
        EpisodesError,
        match=r"'of_path', only of off_path \(shift\), edge_held_out \(control\). Did you mean 'off_path'",
    ):
        select(t, condition="of_path")
    with pytest.raises(EpisodesError, match="no sampled episodes of a probe condition"):
        select(t, role="probe")
    with pytest.raises(EpisodesError, match="holds no episodes"):
        select(t.clear())
