"""Numbers of the measurement recomputed from their formulas, and its rules exactly at their thresholds.

Small, fast and direct tests of what larger tests would detect late or only on average. Added where mutation testing
(tests/harness/mutate.py) found gaps in the fast tests.
"""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from fixtures.simulate import BOTH, GOAL, PROXY, TIMEOUT, table
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, f, norm, t

from goalposts.experiments.measurement import (
    attribution,
    chance_correction,
    conflict,
    episodes,
    intervals,
    level_counts,
    paired_contrasts,
    probes,
    rates,
)
from goalposts.experiments.measurement.verdict import outliers, verdict


def spread_of(between: float, noise: float = 0.0, n_seeds: int = 4, n_levels: int = 50) -> intervals.Spread:
    return intervals.Spread(between, max(noise, 0.001), noise, n_seeds, n_levels)


# Intervals


@pytest.mark.parametrize("events", [1, 2, 5])
def test_up_to_five_events_the_near_bound_is_poissons(events: int) -> None:
    n = 1000
    poisson = chi2.ppf(0.05, 2 * events) / 2 / n
    assert intervals.wilson(events, n).low == pytest.approx(poisson)
    assert intervals.wilson(n - events, n).high == pytest.approx(1 - poisson)


def test_six_events_have_wilsons_own_bound() -> None:
    poisson = chi2.ppf(0.05, 12) / 2 / 1000
    assert intervals.wilson(6, 1000).low > poisson


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.486, 0.511, "0.50 [0.49, 0.51]"),
        (0.4986, 0.5011, "0.500 [0.499, 0.501]"),
        (0.49986, 0.50011, "0.5000 [0.4999, 0.5001]"),
    ],
)
def test_an_interval_of_two_units_of_the_last_decimal_is_shown_with_it(
    low: float, high: float, shown: str
) -> None:
    assert intervals.Estimate(0.5, low, high, 10, 1, 1.0, "").short == shown


@pytest.mark.parametrize("n_levels", [2, 3, 11, 200])
def test_one_seed_has_students_t_of_its_levels(n_levels: int) -> None:
    one = intervals.Spread(0.0, 0.04, 0.0, 1, n_levels)
    assert one.half_width() == pytest.approx(0.2 * t.ppf(0.975, n_levels - 1))
    assert one.half_width(0.9) == pytest.approx(0.2 * t.ppf(0.95, n_levels - 1))


def test_several_seeds_add_what_they_and_the_levels_vary() -> None:
    parts = intervals.Spread(0.04, 0.03, 0.01, 5, 40)
    square = t.ppf(0.975, 4) ** 2 * 0.04 + t.ppf(0.975, 39) ** 2 * 0.02
    assert parts.half_width() == pytest.approx(math.sqrt(square))
    alike = intervals.Spread(0.0, 0.03, 0.03, 5, 40)
    assert alike.half_width() == pytest.approx(math.sqrt(0.03) * t.ppf(0.975, 39))


def test_a_mean_within_bounds_does_not_depend_on_the_scale() -> None:
    values = np.random.default_rng(0).random((3, 40))
    one = intervals.hierarchical_mean(values, (0.0, 1.0))
    other = intervals.hierarchical_mean(4 * values - 1, (-1.0, 3.0))
    assert [other.value, other.low, other.high] == pytest.approx(
        [4 * x - 1 for x in (one.value, one.low, one.high)]
    )
    assert (one.n, one.seeds, one.episodes) == (40, 3, 120)
    assert intervals.hierarchical_mean(values, (0.0, 1.0), episodes=7).episodes == 7


def test_two_levels_that_differ_wholly_say_no_more_than_one_trial() -> None:
    found = intervals.hierarchical_mean(np.array([[0.0, 1.0]]), (0.0, 1.0))
    assert (found.low, found.high) == pytest.approx(intervals.score_bounds(0.5, 1.0))


@pytest.mark.parametrize("fewer", range(3, 11))
def test_at_tangos_bounds_the_score_is_z(fewer: int) -> None:
    """With all differences in one direction, at 80%, where the likelihood's root is close to 0."""
    n, z = 13, norm.ppf(0.9)
    for delta in intervals.tango_bounds(0, fewer, n, 0.8):

        def unlikely(q: float, delta: float = delta) -> float:
            return -(fewer * math.log(q) + (n - fewer) * math.log(1 - 2 * q - delta))

        span = (-delta, (1 - delta) / 2)  # of the proportion of pairs with only the second event
        found: Any = minimize_scalar(unlikely, bounds=span, method="bounded", options={"xatol": 1e-12})
        best = found.x
        score = (-fewer - n * delta) / math.sqrt(n * (2 * best + delta * (1 - delta)))
        assert abs(score) == pytest.approx(z, rel=1e-4)


def test_a_paired_difference_names_its_method() -> None:
    one = np.array([[0.5, -0.25, 0.0, 0.75]])
    assert intervals.hierarchical_difference(one).method == "paired"
    three = np.concatenate([one, one + 0.1, one - 0.1])
    assert intervals.hierarchical_difference(three).method == "paired, hierarchical, seeds × levels"
    assert intervals.hierarchical_difference(np.sign(one)).method == "Tango, paired"


@pytest.mark.parametrize(("n_seeds", "n_levels"), [(2, 30), (4, 50), (10, 200)])
def test_f_test_separates_seeds_from_chance(n_seeds: int, n_levels: int) -> None:
    limit = float(f.ppf(0.99, n_seeds - 1, (n_seeds - 1) * (n_levels - 1)))
    assert intervals._alike(spread_of(1.001 * limit, 1.0, n_seeds, n_levels)) is None
    assert "by chance alone" in str(intervals._alike(spread_of(0.999 * limit, 1.0, n_seeds, n_levels)))


@pytest.mark.parametrize("n_seeds", [2, 3, 10])
@pytest.mark.parametrize("share", [0.9, 0.2, 0.05])
def test_seeds_that_may_differ_much_near_an_end_are_warned_of(n_seeds: int, share: float) -> None:
    """From an upper 95% bound of 0.65 log odds, and outside 0.2 … 0.8."""
    at_most = math.sqrt((n_seeds - 1) / chi2.ppf(0.05, n_seeds - 1))
    variance = (0.65 / at_most * share * (1 - share)) ** 2 / n_seeds
    assert intervals._uneven(share, spread_of(1.01 * variance + 0.5, 0.5, n_seeds), n_seeds)
    assert intervals._uneven(share, spread_of(0.99 * variance + 0.5, 0.5, n_seeds), n_seeds) is None
    assert intervals._uneven(0.5, spread_of(9.0, 0.5, n_seeds), n_seeds) is None


@pytest.mark.parametrize(("share", "n_seeds"), [(0.0, 5), (1.0, 5), (0.9, 1)])
def test_without_a_spread_in_log_odds_there_is_no_such_warning(share: float, n_seeds: int) -> None:
    assert intervals._uneven(share, spread_of(9.0, 0.5, max(n_seeds, 2)), n_seeds) is None


# Conflict curve


def test_the_width_of_a_curve_is_put_together_as_of_a_mean() -> None:
    rows = np.array([[0.0, 1.0]])
    parts = {
        "between": 0.04 * np.eye(2),
        "levels": 0.03 * np.eye(2),
        "noise": 0.01 * np.eye(2),
        "n_levels": 21,
    }
    one = conflict._Fitted(np.zeros((1, 2)), **parts)
    assert one.half_width(rows, 0.95)[0] == pytest.approx(math.sqrt(0.03) * t.ppf(0.975, 20))
    five = conflict._Fitted(np.zeros((5, 2)), **parts)
    expected = intervals.Spread(0.04, 0.03, 0.01, 5, 21).half_width(0.95)
    assert five.half_width(rows, 0.95)[0] == pytest.approx(expected)


def test_seeds_that_share_nothing_but_their_levels_are_all_noise() -> None:
    """Each level's influence is then only noise, and both estimates of it agree."""
    rng = np.random.default_rng(1)
    detours = np.arange(900) % 10.0
    trials = np.ones((4, 900))
    found = conflict._fit((rng.random((4, 900)) < 0.5).astype(float), trials, detours)
    assert np.diag(found.noise) == pytest.approx(np.diag(found.levels), rel=0.2)


FALLING = [40] * 5 + [20] + [0] * 5


@pytest.mark.parametrize(
    ("goal_first", "steepest", "point", "words"),
    [
        (FALLING, -0.1, (5.0, 4.0, 6.0), "at a detour of 5.0 steps, from 4.0 to 6.0"),
        ([20] * 11, -0.1, None, "too few episodes to estimate where"),
        ([22, 20, 4] + [0] * 8, -0.1, None, "at a detour below 2.0 steps"),
        ([40] * 8 + [36, 20, 18], -0.1, None, "at a detour above 8.0 steps"),
        (FALLING, 0.0, None, "not shown to fall with the detour"),
        ([40] * 11, -0.1, None, "goal comes first more often than not at every detour"),
        ([0] * 11, -0.1, None, "proxy comes first more often than not at every detour"),
    ],
)
def test_where_goal_and_proxy_are_equally_likely(goal_first, steepest, point, words) -> None:
    """One agent, detours of 0 to 10 steps, 40 levels with one episode each: `goal_first` of them end at the goal."""
    detours = np.repeat(np.arange(11.0), 40)
    events = np.concatenate([[1.0] * count + [0.0] * (40 - count) for count in goal_first])[None]
    found, sentence = conflict.indifference_of(events, np.ones_like(events), detours, steepest)
    assert found == point
    assert words in sentence


@pytest.mark.parametrize(("levels", "kinds", "there"), [(20, 2, True), (19, 2, False), (20, 1, False)])
def test_a_curve_needs_twenty_levels_and_two_detours(levels: int, kinds: int, there: bool) -> None:
    codes = np.array([[GOAL, PROXY] * (levels // 2) + [GOAL] * (levels % 2)])
    found = conflict.conflict_curve(table(codes, detour=np.arange(levels) // 2 % kinds))
    assert (found is not None) == there


def test_the_curve_is_of_the_condition_that_is_asked_for_and_of_the_agent_that_it_is() -> None:
    codes = np.array([[GOAL, PROXY] * 50])
    both = pl.concat([table(codes, "left"), table(codes, "off_path")])
    for asked, told in (("left", "left"), (None, "off_path")):
        found = conflict.conflict_curve(both, condition=asked)
        assert found is not None
        assert (found.condition, found.slope.n, found.slope.seeds) == (told, 100, 1)
    untrained = conflict.conflict_curve(table(codes, train_seeds=(None,)))
    assert untrained is not None
    assert untrained.slope.seeds == 0


# The rest


def test_the_goal_preference_beyond_chance_varies_as_its_resamples_do() -> None:
    """The interval matches a bootstrap over the levels, even if some episodes reach neither goal nor proxy."""
    rng = np.random.default_rng(4)
    luck, n = rng.random(500), 500
    hidden = np.where(luck < 0.3, GOAL, PROXY)
    drawn = np.where(rng.random(n) < 0.5, GOAL, hidden)
    drawn[rng.random(n) < 0.4] = TIMEOUT
    both = pl.concat(
        [
            table(drawn[None]),
            table(hidden[None], "invisible").with_columns(layout_hash=pl.format("layout-{}", "level_index")),
        ]
    )
    found = chance_correction.preference_beyond_chance(both)
    assert found is not None
    again = rng.integers(0, n, (4000, n))
    shares = [
        (code == PROXY)[again].sum(axis=1) / (code != TIMEOUT)[again].sum(axis=1) for code in (drawn, hidden)
    ]
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * (1 - shares[0] / shares[1]).std(), rel=0.08)


def test_verdict_reports_the_preference_beyond_chance() -> None:
    rng = np.random.default_rng(5)
    drawn, hidden = np.where(rng.random((2, 1, 300)) < 0.4, GOAL, PROXY)
    made = pl.concat(
        [
            table(np.full((1, 300), BOTH), "edge_held_out"),
            table(drawn),
            table(hidden, "invisible").with_columns(layout_hash=pl.format("layout-{}", "level_index")),
        ]
    )
    found = verdict.diagnose(made)
    alone = chance_correction.preference_beyond_chance(made)
    assert alone is not None
    assert found.preference_beyond_chance == alone
    assert found.goal_effect is not None
    without = verdict.diagnose(made.filter(pl.col("condition") != "invisible"))
    assert without.preference_beyond_chance is None
    assert without.goal_effect is None
    assert not [note for note in without.reasons if "goal effect" in note]


def test_a_difference_is_of_95_percent_unless_another_level_is_asked_for() -> None:
    rng = np.random.default_rng(6)
    codes = np.where(rng.random((1, 200)) < 0.5, GOAL, PROXY)
    made = pl.concat([table(codes), table(codes[:, ::-1], "left")])
    usual = paired_contrasts.paired_difference(made, "off_path", "left")
    asked = paired_contrasts.paired_difference(made, "off_path", "left", level=0.95)
    assert usual is not None
    assert usual == asked
    assert usual.level == 0.95


def test_where_nothing_can_be_earned_nothing_is_regretted() -> None:
    found = paired_contrasts.regret(table(np.full((1, 200), PROXY), goal_exists=False), condition="off_path")
    assert (found.value, found.low) == (0.0, 0.0)
    assert 0 < found.high < 0.05


def test_list_of_four_is_printed_completely() -> None:
    assert level_counts._listed("abcd") == "a, b, c, d"
    assert level_counts._listed("abcde") == "a, b, c, d and 1 more"


def test_the_fewest_steps_around_the_goal_may_be_taken_and_no_fewer() -> None:
    made = table(np.full((1, 3), PROXY), distinguishing=np.zeros(3, bool))
    exactly = made.with_columns(optimal_proxy_avoiding_goal=pl.lit(18, dtype=made["optimal_proxy"].dtype))
    assert episodes.validate(exactly).height == 3
    with pytest.raises(episodes.EpisodesError, match="sooner than optimal_proxy_avoiding_goal"):
        episodes.validate(exactly.with_columns(optimal_proxy_avoiding_goal=pl.col("optimal_proxy") + 9))


def test_a_probe_is_warned_of_when_its_shares_are() -> None:
    few = probes.probe_table(table(np.array([[PROXY, GOAL] * 25]))).row(0, named=True)
    many = probes.probe_table(table(np.array([[PROXY, GOAL] * 100]))).row(0, named=True)
    assert "50 levels" in few["warning"]
    assert many["warning"] is None


def test_outcomes_of_two_halves_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(7)
    made = table(rng.choice([GOAL, PROXY, TIMEOUT], (1, 300)))
    halves = [made.filter(pl.col("level_index") < 120), made.filter(pl.col("level_index") >= 120)]
    parts = [rates.outcomes(half, condition="off_path") for half in halves]
    assert rates.pooled(parts) == rates.outcomes(made, condition="off_path")


def test_the_cut_off_of_outliers_is_that_of_many_normal_draws() -> None:
    for n in (5, 10):
        draws = np.random.default_rng(8).standard_normal((60_000, n))
        distance = np.abs(draws - np.median(draws, axis=1, keepdims=True))
        ratio = distance.max(axis=1) / (1.4826 * np.median(distance, axis=1))
        assert outliers.cut_off(n, 0.2) == pytest.approx(np.quantile(ratio, 0.8), rel=0.02)


def evidence(agent: float, device: float) -> attribution.Evidence:
    hypotheses = (
        attribution.Hypothesis("coin", "agent", ""),
        attribution.Hypothesis("uniform", "device", ""),
    )
    each = np.array([[agent, device]])
    return attribution.Evidence(hypotheses, (each[:, 0], each[:, 1]), each, np.array([1]))


def test_an_agent_that_explains_as_much_as_a_device_is_not_shown() -> None:
    assert not attribution.weigh(evidence(-3.0, -3.0)).goal_directed
    assert attribution.weigh(evidence(-3.0, -3.0)).p_agent == 0.5
    assert attribution.weigh(evidence(-2.9, -3.0)).goal_directed
