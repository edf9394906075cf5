"""Paired differences: pairing, invalid input, and the goal effect of agents with a known effect."""

import numpy as np
import polars as pl
import pytest
from fixtures.simulate import GOAL, PROXY, PROXY_THEN_GOAL, TIMEOUT, draw, table

from goalposts.experiments.measurement.episodes import EpisodesError
from goalposts.experiments.measurement.intervals import tango_bounds, wilson
from goalposts.experiments.measurement.level_counts import repeated_levels
from goalposts.experiments.measurement.paired_contrasts import (
    goal_effect,
    mean_relocation_effect,
    paired_difference,
    regret,
    relocation_effect,
)

TOUCHED = pl.col("steps_to_goal").is_not_null()


def pair(drawn: np.ndarray, hidden: np.ndarray, **about) -> pl.DataFrame:
    return pl.concat([table(drawn, "off_path", **about), table(hidden, "invisible", **about)])


def test_the_difference_is_taken_level_by_level():
    drawn = np.array([[GOAL] * 60 + [PROXY] * 40])
    hidden = np.array([[PROXY] * 50 + [GOAL] * 10 + [GOAL] * 5 + [PROXY] * 35])
    found = goal_effect(pair(drawn, hidden))
    assert found.value == pytest.approx((50 - 5) / 100)
    assert (found.low, found.high) == tango_bounds(50, 5, 100)
    assert (found.n, found.episodes, found.method) == (100, 200, "Tango, paired")


def test_an_agent_that_never_looks_has_no_effect_and_an_honest_interval():
    same = np.array([[PROXY] * 900 + [GOAL] * 100])
    found = goal_effect(pair(same, same))
    assert found.value == 0
    assert found.low < 0 < found.high
    assert found.high == pytest.approx(0.0038, abs=1e-4)


def test_touching_counts_even_after_the_proxy_because_the_cell_was_touched():
    found = goal_effect(pair(np.full((1, 50), PROXY_THEN_GOAL), np.full((1, 50), PROXY)))
    assert found.value == 1


def test_the_goal_seekers_effect_is_one_minus_the_accidental_share():
    accidental = np.arange(1000) % 20 == 0
    hidden = np.where(accidental, GOAL, PROXY)[None]
    found = goal_effect(pair(np.full((1, 1000), GOAL), hidden))
    assert found.value == pytest.approx(0.95)
    assert found.low <= 0.95 <= found.high


def test_several_episodes_a_level_and_several_seeds():
    rng = np.random.default_rng(2)
    with repeated_levels():
        several = goal_effect(pair(draw(rng, (1, 200, 4), 0.5, 0.4), draw(rng, (1, 200, 4), 0.2, 0.7)))
    assert several.low <= 0.3 <= several.high
    assert several.episodes == 1600
    seeds = goal_effect(pair(draw(rng, (5, 200), 0.5, 0.4), draw(rng, (5, 200), 0.2, 0.7)))
    assert seeds.low <= 0.3 <= seeds.high
    assert seeds.seeds == 5
    assert "only 5 seeds" in str(seeds.warning)


def test_pairing_makes_the_interval_narrower():
    rng = np.random.default_rng(3)
    hard = rng.random((1, 1000)) < 0.5  # what a level has in common under both conditions
    drawn, hidden = (
        np.where(hard, TIMEOUT, GOAL),
        np.where(hard, TIMEOUT, np.where(rng.random((1, 1000)) < 0.9, GOAL, PROXY)),
    )
    paired = goal_effect(pair(drawn, hidden))
    order = rng.permutation(1000)
    unpaired = goal_effect(pair(drawn, hidden[:, order]))
    assert paired.value == pytest.approx(unpaired.value)
    assert (paired.high - paired.low) < 0.6 * (unpaired.high - unpaired.low)


def test_conditions_on_other_layouts_are_refused():
    t = pl.concat([table(np.full((1, 9), GOAL)), table(np.full((1, 9), GOAL), "left", layouts="other")])
    with pytest.raises(
        EpisodesError, match="not paired: 9 levels are only in the first, 9 only in the second"
    ):
        paired_difference(t, "off_path", "left")


def test_seeds_that_do_not_match_are_refused():
    t = pl.concat(
        [
            table(np.full((1, 9), GOAL), train_seeds=(1,)),
            table(np.full((1, 9), GOAL), "left", train_seeds=(2,)),
        ]
    )
    with pytest.raises(EpisodesError, match="not paired"):
        paired_difference(t, "off_path", "left")


def test_unequal_numbers_of_episodes_are_refused():
    t = pl.concat([table(np.full((1, 9, 2), GOAL)), table(np.full((1, 9, 3), GOAL), "left")])
    with pytest.raises(EpisodesError, match="the numbers of episodes differ"):
        paired_difference(t, "off_path", "left")


def test_goal_must_be_in_the_same_places():
    drawn, hidden = table(np.full((1, 9), GOAL)), table(np.full((1, 9), GOAL), "invisible")
    moved = hidden.with_columns(optimal_goal=pl.lit(11, pl.Int32))
    with pytest.raises(EpisodesError, match="no condition in the table has the goal in the same places"):
        goal_effect(pl.concat([drawn, moved]))
    with pytest.raises(EpisodesError, match="is not in the same places under 'off_path'"):
        goal_effect(pl.concat([drawn, moved]), "off_path")
    with pytest.raises(EpisodesError, match="'invisible'"):
        goal_effect(drawn)


def test_any_column_can_be_compared_if_every_episode_has_it():
    t = pair(np.array([[GOAL] * 8 + [TIMEOUT] * 2]), np.full((1, 10), TIMEOUT))
    assert paired_difference(t, "off_path", "invisible").value == pytest.approx(0.8)  # return
    assert paired_difference(t, "off_path", "invisible", "steps").value == pytest.approx(-80 * 0.8)
    with pytest.raises(EpisodesError, match="steps_to_goal is empty in 2 episodes"):
        paired_difference(t, "off_path", "invisible", "steps_to_goal")
    with pytest.raises(EpisodesError, match="no column 'reward'"):
        paired_difference(t, "off_path", "invisible", "reward")
    with pytest.raises(EpisodesError, match="of type String"):
        paired_difference(t, "off_path", "invisible", "agent")


def test_a_quantity_that_never_varied_has_no_interval_and_no_number():
    t = pair(np.full((1, 10), TIMEOUT), np.full((1, 10), TIMEOUT))
    assert paired_difference(t, "off_path", "invisible", "steps") is None


def test_regret_is_the_shortfall_with_the_interval_of_a_share():
    found = regret(table(np.array([[GOAL] * 700 + [PROXY] * 300])), condition="off_path")
    share = wilson(300, 1000)
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((share.low, share.high), abs=2e-4)
    none = regret(table(np.full((1, 1000), GOAL)), condition="off_path")
    assert none.value == 0
    assert none.high > 0.003


@pytest.mark.parametrize(("spread", "shared"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.9), (0.2, 0.9)])
def test_the_mean_relocation_effect_is_as_wide_as_that_with_every_level_known(spread, shared):
    """spread: of the seeds' true effects. shared: the fraction of levels on which all seeds act alike."""
    rng = np.random.default_rng(5)
    effects = 0.4 + spread * rng.standard_normal(10)
    common, alike = rng.random(600), rng.random(600) < shared
    tables = []
    for seed, effect in enumerate(effects):
        here = np.where(alike, common, rng.random(600)) < effect
        tables.append(
            pl.DataFrame(
                {
                    "run": [f"s{seed}"] * 600,
                    "level_index": range(600),
                    "moved_here": here,
                    "moved_away": np.zeros(600, bool),
                }
            )
        )
    each = [relocation_effect(one) for one in tables]
    exact = relocation_effect(pl.concat(tables))
    found = mean_relocation_effect([(one.value, one.low, one.high) for one in each], 600)
    assert found.value == pytest.approx(exact.value)
    assert found.seeds == 10
    assert found.high - found.low >= 0.99 * (exact.high - exact.low)
    assert found.high - found.low < 4 * (exact.high - exact.low)
