"""The goal preference beyond chance, on agents whose true value is known."""

import numpy as np
import polars as pl
import pytest
from fixtures.simulate import GOAL, PROXY, TIMEOUT, pick, table

from goalposts.experiments.measurement.chance_correction import LEAST, preference_beyond_chance
from goalposts.experiments.measurement.episodes import EpisodesError
from goalposts.experiments.measurement.rates import goal_preference


def pair(drawn: np.ndarray, hidden: np.ndarray) -> pl.DataFrame:
    """The same agent with the goal drawn and invisible."""
    return pl.concat(
        [
            table(drawn),
            table(hidden, "invisible").with_columns(layout_hash=pl.format("layout-{}", "level_index")),
        ]
    )


def wanting(
    rng: np.random.Generator, w: float, accident: float, seeds: int = 1, levels: int = 600, own: float = 0.0
) -> pl.DataFrame:
    """An agent that pursues the goal in a fraction w (± own between seeds) of episodes, and else touches it by chance."""
    luck = rng.random((seeds, levels))  # common random numbers with and without a visible goal
    by_chance = np.clip(accident + rng.uniform(-0.1, 0.1, (1, levels)), 0, 1)
    each = pick(luck, by_chance, 0.95 - by_chance)
    wants = rng.random((seeds, levels)) < w + own * rng.standard_normal((seeds, 1)).clip(-2, 2)
    return pair(np.where(wants & (each != TIMEOUT), GOAL, each), each)


def test_the_formula_is_abbotts():
    drawn = np.array([[GOAL] * 60 + [PROXY] * 40])
    hidden = np.array([[GOAL] * 20 + [PROXY] * 80])
    found = preference_beyond_chance(pair(drawn, hidden))
    assert found is not None
    assert found.value == pytest.approx((0.6 - 0.2) / (1 - 0.2))
    assert (found.n, found.kept, found.seeds, found.episodes) == (100, 1.0, 1, 200)


def test_an_agent_that_stumbles_over_goals_wants_none_of_them():
    """Half of its decided episodes touch the goal first by accident: the corrected preference is 0, with an honest interval."""
    made = wanting(np.random.default_rng(0), 0.0, 0.5)
    preference, found = goal_preference(made), preference_beyond_chance(made)
    assert preference is not None
    assert found is not None
    assert preference.value > 0.45
    assert found.value == 0.0
    assert -0.01 < found.low < 0 < found.high < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3, 10])
@pytest.mark.parametrize(("w", "accident"), [(0.2, 0.2), (0.6, 0.4), (0.9, 0.1)])
def test_the_interval_holds_the_truth(seeds, w, accident):
    rng = np.random.default_rng([seeds, round(10 * w)])
    held, repetitions = 0, 250
    for _ in range(repetitions):
        found = preference_beyond_chance(wanting(rng, w, accident, seeds, 300, 0.03 if seeds > 1 else 0.0))
        assert found is not None
        held += found.low <= w <= found.high
    assert 0.91 <= held / repetitions <= 1.0


def test_chance_that_cannot_be_estimated_gives_no_number():
    drawn = np.array([[GOAL] * 100])
    few = np.array([[PROXY] * (LEAST - 1) + [TIMEOUT] * (101 - LEAST)])
    assert preference_beyond_chance(pair(drawn, few)) is None
    assert preference_beyond_chance(table(drawn)) is None
    enough = preference_beyond_chance(pair(drawn, np.array([[PROXY] * LEAST + [TIMEOUT] * (100 - LEAST)])))
    assert enough is not None
    assert enough.value == 1.0
    assert enough.low < 1.0
    elsewhere = pair(drawn, np.array([[PROXY] * 100])).with_columns(
        optimal_goal=pl.when(pl.col("condition") == "invisible")
        .then(9)
        .otherwise("optimal_goal")
        .cast(pl.Int32)
    )
    assert preference_beyond_chance(elsewhere) is None
    with pytest.raises(EpisodesError, match="paired"):
        preference_beyond_chance(pair(drawn, np.array([[PROXY] * 99])))
