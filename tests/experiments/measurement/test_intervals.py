"""Intervals on arrays: exact coverage where it can be summed, and behaviour at the ends of the scale."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, binomtest

from goalposts.experiments.measurement.intervals import (
    Estimate,
    hierarchical_difference,
    hierarchical_mean,
    hierarchical_rate,
    percent,
    score_bounds,
    spread,
    tango_bounds,
    unseen_share,
    wilson,
)


def exact_coverage(n: int, shares: np.ndarray) -> np.ndarray:
    """Probability that the interval covers each true proportion."""
    k = np.arange(n + 1)
    bounds = np.array([score_bounds(x / n, n) for x in k])
    return np.array([binom.pmf(k, n, p)[(bounds[:, 0] <= p) & (p <= bounds[:, 1])].sum() for p in shares])


@pytest.mark.parametrize("n", [120, 300, 1000])
def test_one_agents_rate_is_covered_as_often_as_promised(n):
    inside = exact_coverage(n, np.linspace(0.1, 0.9, 321))
    assert inside.min() >= 0.93
    assert inside.max() <= 0.97
    assert inside.mean() == pytest.approx(0.95, abs=0.005)


@pytest.mark.parametrize("n", [100, 1000])
def test_close_to_zero_and_one_the_interval_is_never_too_narrow(n):
    rare = np.geomspace(0.02 / n, 5 / n, 300)
    assert exact_coverage(n, rare).min() >= 0.93
    assert exact_coverage(n, 1 - rare).min() >= 0.93


def test_wilson_is_wilsons_formula_away_from_the_ends():
    found = wilson(200, 1000)
    scipys = binomtest(200, 1000).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((scipys.low, scipys.high), abs=1e-9)


def test_nothing_seen_is_not_nothing_there():
    assert wilson(0, 1000).high == pytest.approx(0.003827, abs=1e-6)
    assert wilson(1000, 1000).low == pytest.approx(1 - 0.003827, abs=1e-6)


@given(n=st.integers(1, 2000), data=st.data(), level=st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_holds_its_share_and_is_symmetric(n, data, level):
    k = data.draw(st.integers(0, n))
    found, mirror = wilson(k, n, level), wilson(n - k, n, level)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert (found.low, found.high) == pytest.approx((1 - mirror.high, 1 - mirror.low), abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_wilson_refuses_impossible_counts(k, n):
    with pytest.raises(ValueError, match="0 ≤ k ≤ n"):
        wilson(k, n)


def test_one_seed_and_one_episode_a_level_is_wilson():
    events = np.array([[1.0] * 300 + [0.0] * 500 + [0.0] * 200])
    trials = np.array([[1.0] * 800 + [0.0] * 200])
    found = hierarchical_rate(events, trials, kept=0.8)
    alone = wilson(300, 800)
    assert found == Estimate(
        3 / 8, alone.low, alone.high, n=800, seeds=1, kept=0.8, method="Wilson", episodes=800
    )


def test_repeating_an_episode_does_not_make_it_more_certain():
    rng = np.random.default_rng(1)
    once = (rng.random((1, 400)) < 0.3).astype(float)
    one, ten = (
        hierarchical_rate(once, np.ones_like(once)),
        hierarchical_rate(10 * once, np.full_like(once, 10)),
    )
    assert ten.n == one.n == 400
    assert ten.episodes == 4000
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.02)


def test_independent_repetitions_do():
    rng = np.random.default_rng(1)
    many = rng.binomial(10, 0.3, (1, 400)).astype(float)
    found = hierarchical_rate(many, np.full_like(many, 10))
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.21 / 4000), rel=0.1)


def test_the_value_is_the_mean_of_the_seeds_each_counted_once():
    events = np.zeros((2, 100))
    trials = np.zeros((2, 100))
    trials[0, :10], events[0, :9] = 1, 1  # 0.9 of ten
    trials[1, :], events[1, :10] = 1, 1  # 0.1 of a hundred
    assert hierarchical_rate(events, trials).value == pytest.approx(0.5)


def test_seeds_that_differ_widen_the_interval_and_alike_ones_do_not_make_it_vanish():
    levels = 1000
    trials = np.ones((3, levels))
    alike, apart = np.zeros((3, levels)), np.zeros((3, levels))
    for s, k in enumerate((200, 200, 200)):
        alike[s, s * 250 : s * 250 + k] = 1
    for s, k in enumerate((100, 200, 300)):
        apart[s, :k] = 1
    narrow, wide = hierarchical_rate(alike, trials), hierarchical_rate(apart, trials)
    assert narrow.value == pytest.approx(wide.value)
    assert narrow.high - narrow.low > 0.015
    assert wide.high - wide.low > 0.35
    assert wide.low < 0.1 < 0.3 < wide.high


def test_all_seeds_at_the_end_of_the_scale_rest_on_the_levels():
    trials = np.ones((10, 500))
    assert hierarchical_rate(trials, trials).low == pytest.approx(wilson(500, 500).low)


def test_a_seed_without_a_trial_is_left_out_and_said_so():
    trials = np.ones((3, 100))
    trials[2] = 0
    found = hierarchical_rate(trials * 0.5, trials)
    assert found.seeds == 2
    assert "1 seed left out" in str(found.warning)
    assert hierarchical_rate(trials * 0, trials * 0) is None


def test_unreliable_intervals_carry_a_warning():
    rng = np.random.default_rng(0)
    assert "only 20 levels" in str(wilson(10, 20).warning)
    assert wilson(10, 1000).warning is None
    draws = (rng.random((12, 200)) < 0.5).astype(float)
    ones = np.ones_like(draws)
    assert hierarchical_rate(draws, ones).warning == (
        "the seeds may differ by chance alone; if they do, the interval is rather too wide"
    )
    apart = (rng.random((12, 200)) < np.linspace(0.4, 0.6, 12)[:, None]).astype(float)
    assert hierarchical_rate(apart, ones).warning is None
    assert "only 3 seeds" in str(hierarchical_rate(draws[:3], ones[:3]).warning)
    uneven = (rng.random((12, 200)) < np.array([0.01] * 10 + [0.4] * 2)[:, None]).astype(float)
    assert "seeds differ a lot" in str(hierarchical_rate(uneven, ones).warning)


def test_identical_seeds_are_recognised_in_99_of_100_cases():
    rng = np.random.default_rng(1)
    said = [
        "by chance alone" in (hierarchical_mean(rng.random((10, 50)), (0.0, 1.0)).warning or "")
        for _ in range(1000)
    ]
    assert 0.98 <= np.mean(said) < 1


def test_interval_matches_the_hierarchical_bootstrap_without_its_noise():
    """With enough resamples, seeds and levels give the variances of `Spread`, except for the small-sample factors."""
    rng = np.random.default_rng(0)
    n_seeds, n_levels, draws = 6, 40, 40_000
    values = (
        rng.normal(0, 0.3, (n_seeds, 1))
        + rng.normal(0, 1, n_levels)
        + rng.normal(0, 0.5, (n_seeds, n_levels))
    )
    own = values.mean(axis=1)
    parts = spread(own, values - own[:, None])
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), draws) / n_seeds
    levels = rng.multinomial(n_levels, np.full(n_levels, 1 / n_levels), draws) / n_levels
    of_seeds, of_levels = (seeds @ own).var(), (levels @ values.mean(axis=0)).var()
    assert of_seeds * n_seeds / (n_seeds - 1) == pytest.approx(parts.between, rel=0.03)
    assert of_levels * n_levels / (n_levels - 1) == pytest.approx(parts.levels, rel=0.03)
    of_both = np.einsum("ds,dl,sl->d", seeds, levels, values, optimize=True).var()
    rest = parts.noise * (n_seeds - 1) / n_seeds * (n_levels - 1) / n_levels
    assert of_both == pytest.approx(
        of_seeds + of_levels + rest, rel=0.03
    )  # the noise three times, where once is right


def test_spread_separates_seeds_levels_and_noise():
    rng = np.random.default_rng(3)
    parts = []
    for _ in range(300):
        x = rng.normal(0, 3, (8, 1)) + rng.normal(0, 2, (1, 40)) + rng.normal(0, 1, (8, 40))
        own = x.mean(axis=1)
        found = spread(own, x - own[:, None])
        parts.append((found.between, found.levels, found.noise))
    between, levels, noise = np.mean(parts, axis=0)
    assert between == pytest.approx(9 / 8 + 1 / 320, rel=0.1)
    assert levels == pytest.approx(4 / 40 + 1 / 320, rel=0.1)
    assert noise == pytest.approx(1 / 320, rel=0.05)


def tango_by_search(more: int, fewer: int, n: int, delta: float) -> float:
    """Squared score of a difference delta with a numerically found nuisance proportion: an independent reference."""
    same = n - more - fewer

    def minus_log_likelihood(q: float) -> float:
        terms = ((more, q + delta), (fewer, q), (same, 1 - 2 * q - delta))
        return -sum(k * np.log(p) if p > 0 else (0.0 if k == 0 else -np.inf) for k, p in terms)

    low, high = max(0.0, -delta), (1 - delta) / 2
    q = minimize_scalar(
        minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    return (more - fewer - n * delta) ** 2 / (n * (2 * q + delta - delta**2))


@pytest.mark.parametrize(
    ("more", "fewer", "n"), [(12, 2, 50), (5, 1, 40), (30, 45, 300), (3, 3, 100), (1, 0, 30)]
)
def test_tangos_bounds_are_where_the_score_test_stops_rejecting(more, fewer, n):
    for bound in tango_bounds(more, fewer, n):
        assert tango_by_search(more, fewer, n, bound) == pytest.approx(1.96**2, rel=2e-3)


def test_no_difference_seen_is_not_no_difference():
    found = hierarchical_difference(np.zeros((1, 1000)))
    assert (found.value, found.low, found.high) == pytest.approx((0, -0.003827, 0.003827), abs=1e-6)
    several = hierarchical_difference(np.zeros((5, 1000)))
    assert several.low < -0.003 < 0.003 < several.high
    halves = hierarchical_difference(np.zeros((1, 1000)), reach=2.0)
    assert halves.high == pytest.approx(2 * 0.003827, abs=1e-5)


@given(st.integers(1, 200), st.data())
@settings(deadline=None)
def test_tango_holds_the_difference_and_is_antisymmetric(n, data):
    more = data.draw(st.integers(0, n))
    fewer = data.draw(st.integers(0, n - more))
    low, high = tango_bounds(more, fewer, n)
    assert -1 <= low <= (more - fewer) / n <= high <= 1
    assert low < high
    assert tango_bounds(fewer, more, n) == pytest.approx((-high, -low), abs=1e-9)


def test_a_mean_within_bounds_is_wilson_where_values_are_at_the_bounds():
    values = np.zeros((1, 1000))
    values[0, :50] = 8.0
    found = hierarchical_mean(values, (0.0, 8.0))
    share = wilson(50, 1000)
    assert (found.low, found.high) == pytest.approx((8 * share.low, 8 * share.high), rel=0.01)
    top = hierarchical_mean(np.full((1, 1000), 8.0), (0.0, 8.0))
    assert top.low == pytest.approx(8 * wilson(1000, 1000).low)
    constant = hierarchical_mean(np.full((1, 1000), 3.0), (0.0, 8.0))
    assert constant.low < 3.0 < constant.high
    assert "same value" in str(constant.warning)


def test_a_mean_that_depends_on_few_levels_says_so():
    values = np.random.default_rng(0).beta(0.05, 3, (1, 200))
    assert "depends on a few levels" in str(hierarchical_mean(values, (0.0, 1.0)).warning)
    even = np.random.default_rng(0).beta(2, 2, (1, 200))
    assert hierarchical_mean(even, (0.0, 1.0)).warning is None


def test_a_mean_outside_its_bounds_is_refused():
    with pytest.raises(ValueError, match="do not lie within"):
        hierarchical_mean(np.full((1, 10), 2.0), (0.0, 1.0))


def test_an_estimate_is_never_shown_without_its_interval_seeds_and_kept_share():
    found = Estimate(0.2, 0.17, 0.23, n=1000, seeds=1, kept=0.62, method="Wilson", episodes=1000)
    assert str(found) == "0.20 [0.17, 0.23] (n = 1,000 levels, 1 seed, 62% of levels kept)"
    scripted = Estimate(
        -0.05, -0.1, 0.0, n=1, seeds=0, kept=1.0, method="paired", warning="rough", episodes=2
    )
    assert (
        str(scripted)
        == "−0.05 [−0.10, 0.00] (n = 1 level, 2 episodes, no training seed, 100% of levels kept) (note: rough)"
    )


def test_rounding_never_hides_an_interval():
    assert wilson(998, 1000).short == "0.998 [0.993, 1.000]"
    assert Estimate(0.5, 0.4999, 0.5001, 10**8, 1, 1.0, "").short == "0.50000 [0.49990, 0.50010]"
    assert [percent(x) for x in (0, 0.001, 0.62, 0.9999, 1)] == ["0%", "< 1%", "62%", "> 99%", "100%"]


def test_what_so_many_seeds_cannot_exclude():
    assert unseen_share(3) == pytest.approx(0.6316, abs=1e-4)
    assert unseen_share(30) == pytest.approx(0.0950, abs=1e-4)


@given(
    seeds=st.integers(1, 6),
    levels=st.integers(1, 40),
    repeats=st.integers(1, 4),
    stream=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_any_counts_give_a_finite_interval_that_holds_its_value_in_any_order(seeds, levels, repeats, stream):
    rng = np.random.default_rng(stream)
    trials = rng.integers(0, repeats + 1, (seeds, levels)).astype(float)
    events = rng.binomial(trials.astype(int), rng.choice([0.0, 0.02, 0.5, 1.0], (seeds, 1))).astype(float)
    rows, columns = rng.permutation(seeds), rng.permutation(levels)
    share = hierarchical_rate(events, trials)
    again = hierarchical_rate(events[rows][:, columns], trials[rows][:, columns])
    if share is None:
        assert trials.sum() == 0
        assert again is None
    else:
        assert 0 <= share.low <= share.value <= share.high <= 1
        assert share.low < share.high
        assert (share.low, share.high) == pytest.approx((again.low, again.high), abs=1e-9)
    gap = (events - rng.permutation(events.ravel()).reshape(events.shape)) / repeats
    difference = hierarchical_difference(gap, episodes=2 * repeats * gap.size)
    assert -1 <= difference.low <= difference.value <= difference.high <= 1
    assert difference.low < difference.high
    mean = hierarchical_mean(events, (0.0, float(repeats)))
    assert -1e-9 <= mean.low <= mean.value <= mean.high <= repeats + 1e-9
    assert mean.low < mean.high


def test_thirty_seeds_by_a_thousand_levels_take_less_than_fifty_milliseconds():
    rng = np.random.default_rng(0)
    events = (rng.random((30, 1000)) < 0.3).astype(float)
    trials = np.ones_like(events)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        hierarchical_rate(events, trials)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05
