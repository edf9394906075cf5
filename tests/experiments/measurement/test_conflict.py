"""The conflict curve: when it has an indifference point, and when it reports none."""

import re

import numpy as np
import pytest
from fixtures.simulate import GOAL, PROXY, TIMEOUT, pick, table
from scipy.special import expit

from goalposts.experiments.analyses.indifference_coverage import CURVES, covered
from goalposts.experiments.measurement.conflict import conflict_curve, indifference_of

DETOUR = np.arange(600) % 15


def curve(codes, **about):
    return conflict_curve(table(codes, detour=DETOUR[: codes.shape[1]], **about))


def by_detour(share, seeds=1, stream=0):
    u = np.random.default_rng(stream).random((seeds, len(DETOUR)))
    return pick(u, np.broadcast_to(share, u.shape), np.broadcast_to(1 - share, u.shape))


def test_the_point_where_goal_and_proxy_are_equally_likely():
    found = curve(by_detour(expit(3 - 0.5 * DETOUR)))
    assert found.indifference.low < 6 < found.indifference.high
    assert found.indifference.value == pytest.approx(6, abs=0.7)
    assert found.slope.low < -0.5 < found.slope.high
    assert found.fits
    assert "equally likely at a detour of" in found.explanation
    assert (found.curve_low <= found.curve).all()
    assert (found.curve <= found.curve_high).all()
    assert len(found.detours) == 101
    assert (found.detours[0], found.detours[-1]) == (0, 14)


def test_bins_hold_every_level_once_and_the_curve_goes_through_them():
    found = curve(by_detour(expit(3 - 0.5 * DETOUR)))
    assert sum(b.preference.n for b in found.bins) == 600
    assert [b.low for b in found.bins[1:]] == [b.high + 1 for b in found.bins[:-1]]
    values = [b.preference.value for b in found.bins]
    assert values == sorted(values, reverse=True)


def test_a_sharp_step_has_a_finite_curve():
    found = curve(np.where(DETOUR < 8, GOAL, PROXY)[None])
    assert 7 <= found.indifference.low < found.indifference.value < found.indifference.high <= 8
    assert np.isfinite(found.slope.value)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "goal comes first more often than not at every detour"),
        (0.0, "proxy comes first more often than not at every detour"),
        (0.5, "not shown to fall with the detour"),
        (expit(-3 + 0.5 * DETOUR), "not shown to fall with the detour"),
        (expit(0.2 - 0.05 * DETOUR), "Goal and proxy are equally likely at a detour below|too few|not shown"),
    ],
)
def test_missing_data_for_the_curve_is_reported(share, words):
    found = curve(by_detour(share, stream=3))
    assert found.indifference is None
    assert re.search(words, found.explanation)
    assert "detours measured: 0 to 14 steps" in found.explanation


def test_a_curve_that_is_not_logistic_says_so():
    share = np.where((DETOUR > 4) & (DETOUR < 10), 0.95, 0.05)
    assert not curve(by_detour(share)).fits


@pytest.mark.parametrize("name", sorted(CURVES))
def test_the_point_is_covered_for_every_falling_curve_and_not_by_a_logistic_fit(name):
    """Once, the interval of the logistic fit was printed; in log detour it contained the truth in 3% of simulations."""
    found = covered(CURVES[name], 1, 800, 25)
    assert found["monotone_held"] >= 0.95
    assert found["monotone_given"] >= 0.9
    if name == "logistic in log detour":
        assert found["logistic_held"] <= 0.3


def test_the_monotone_fit_falls_and_crosses_at_the_point():
    found = curve(by_detour(expit(3 - 0.5 * DETOUR)))
    assert (np.diff(found.monotone) <= 1e-12).all()
    at = np.interp(found.indifference.value, found.detours, found.monotone)
    assert at == pytest.approx(0.5, abs=0.05)


def test_a_curve_that_rises_has_no_point():
    assert indifference_of(*rising())[0] is None


def rising():
    events = (np.random.default_rng(0).random((1, 600)) < expit(-3 + 0.5 * DETOUR)).astype(float)
    return events, np.ones_like(events), DETOUR.astype(float)


def test_too_little_for_a_curve_is_none():
    assert conflict_curve(table(np.full((1, 10), GOAL))) is None
    assert conflict_curve(table(np.full((1, 100), GOAL), detour=np.full(100, 3))) is None
    assert conflict_curve(table(np.full((1, 100), TIMEOUT))) is None
    assert conflict_curve(table(np.full((1, 100), GOAL), distinguishing=np.zeros(100, bool))) is None


def test_levels_without_a_path_from_the_goal_are_omitted_and_counted():
    detour = np.where(np.arange(600) % 3 == 0, -1, DETOUR)
    found = conflict_curve(table(by_detour(expit(3 - 0.5 * DETOUR)), detour=detour))
    assert found.slope.n == 400
    assert found.slope.kept == pytest.approx(2 / 3)


def test_seeds_that_differ_make_the_interval_wider():
    alike = curve(by_detour(expit(3 - 0.5 * DETOUR), seeds=5))
    apart = curve(by_detour(expit(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]) - 0.5 * DETOUR), seeds=5))
    assert alike.indifference.seeds == 5
    assert apart.indifference.low < 6 < apart.indifference.high
    assert apart.indifference.high - apart.indifference.low > 2 * (
        alike.indifference.high - alike.indifference.low
    )
