"""Layout as training seeds × levels: refused tables, whose numbers would be wrong."""

import numpy as np
import polars as pl
import pytest
from fixtures.simulate import BOTH, GOAL, PROXY, TIMEOUT, table

from goalposts.experiments.measurement.episodes import EpisodesError
from goalposts.experiments.measurement.level_counts import count, select
from goalposts.experiments.measurement.rates import GOAL_FIRST, capability_under_shift, misgeneralization_rate

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
    with pytest.raises(EpisodesError, match="between 2 and 3 episodes per level"):
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


def test_what_is_unknown_is_no_event_and_no_trial():
    known = pl.col("level_index") >= 1
    found = count(table(MOVED), pl.when(known).then(GOAL_FIRST), pl.when(known).then(True))
    assert found.events.tolist() == [[0, 0, 1, 0], [0, 0, 1, 1]]
    assert found.trials.tolist() == [[0, 1, 1, 1]] * 2
    unknown = count(table(MOVED), pl.when(known).then(GOAL_FIRST))
    assert unknown.events.tolist() == [[0, 0, 1, 0], [0, 0, 1, 1]]
    assert unknown.trials.tolist() == [[1, 1, 1, 1]] * 2


def test_of_several_runs_with_several_checkpoints_one_is_named_with_its_own_steps():
    first, second = table(MOVED[:1], train_seeds=(0,)), table(MOVED[:1], train_seeds=(1,))
    step = pl.col("train_step")
    parts = [first, first.with_columns(step + 1000), second, second.with_columns(step + 7)]
    with pytest.raises(EpisodesError, match=r"\(train_step 1000, 2000\)"):
        count(pl.concat(parts), GOAL_FIRST)


def test_of_several_repeated_seeds_one_is_named_with_its_own_runs():
    runs = [("a", 4), ("b", 5), ("c", 4), ("d", 5)]
    parts = [table(MOVED[:1], train_seeds=(seed,)).with_columns(run=pl.lit(name)) for name, seed in runs]
    with pytest.raises(EpisodesError, match=r"the runs a, c have the same training seed 4"):
        count(pl.concat(parts), GOAL_FIRST)


def test_the_run_that_was_evaluated_on_other_levels_is_the_one_that_is_named():
    t = table(np.array([MOVED[0], MOVED[1], MOVED[0]]))
    third = t["run"].unique(maintain_order=True)[2]
    less = t.filter((pl.col("run") != third) | (pl.col("level_index") != 2))
    with pytest.raises(
        EpisodesError, match=rf"the runs .* and '{third}' were not evaluated on the same levels"
    ):
        count(less, GOAL_FIRST)
