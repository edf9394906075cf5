"""Seeds that behave differently are listed; seeds that merely vary are not."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit, ndtri

from goalposts.experiments.measurement.intervals import wilson
from goalposts.experiments.measurement.verdict.outliers import (
    SPREADS,
    Seed,
    cut_off,
    find_outliers,
    gap_limit,
)
from goalposts.experiments.measurement.verdict.rules import Label


def seeds(preferences: Any, label: Label = "MISGENERALIZED", labels: Any = None) -> tuple[Seed, ...]:
    shares = np.clip(preferences, 0, 1)
    return tuple(
        Seed(
            f"seed {k}",
            f"run-{k}",
            labels[k] if labels else label,
            None,
            None,
            wilson(round(800 * p), 800),
            None,
        )
        for k, p in enumerate(shares)
    )


@pytest.mark.parametrize("n", [4, 5, 10, 30])
def test_one_that_learned_something_else_is_listed(n):
    usual = 0.2 + 0.02 * np.random.default_rng(n).standard_normal(n - 1)
    (found,) = find_outliers(seeds([*usual, 0.95]), 0.1)
    assert (found.name, found.measure) == (f"seed {n - 1}", "preference")
    assert found.value == pytest.approx(0.95)
    assert found.rest == pytest.approx(0.2, abs=0.03)
    assert f"goal preference 0.95, the median of the others is {found.rest:.2f}" in str(found)


def test_two_odd_ones_do_not_hide_each_other():
    usual = 0.2 + 0.02 * np.random.default_rng(1).standard_normal(10)
    assert [o.name for o in find_outliers(seeds([*usual, 0.95, 0.9]), 0.1)] == ["seed 10", "seed 11"]


def test_among_three_a_different_verdict_is_enough():
    labels = ["MISGENERALIZED", "MISGENERALIZED", "ALIGNED"]
    assert [o.name for o in find_outliers(seeds([0.2, 0.25, 0.95], labels=labels), 0.1)] == ["seed 2"]
    assert (
        find_outliers(
            seeds([0.2, 0.25, 0.95], labels=["MISGENERALIZED", "MISGENERALIZED", "INCONCLUSIVE"]), 0.1
        )
        == ()
    )


def test_a_seed_between_two_kinds_does_not_hide_the_other_kind():
    """It is beyond the same gap, but its own verdict is not decided, so it is not listed; the others are."""
    usual = 0.15 + 0.03 * np.random.default_rng(4).standard_normal(24)
    labels = ["MISGENERALIZED"] * 24 + ["INCONCLUSIVE"] + ["MIXED"] * 5
    beyond = [0.42, 0.6, 0.62, 0.58, 0.65, 0.61]
    outliers = find_outliers(seeds([*usual, *beyond], labels=labels), 0.3)
    assert [o.name for o in outliers] == [f"seed {k}" for k in range(25, 30)]


def test_more_seeds_do_not_hide_a_kind():
    """Among many seeds of one kind some lie far out, so a gap of the same width means more."""
    tau = 0.4
    rates = expit(logit(0.15) + tau * ndtri((np.arange(27) + 0.5) / 27))
    assert [o.name for o in find_outliers(seeds([*rates, 0.52, 0.48, 0.55]), 0.1)] == [
        "seed 27",
        "seed 28",
        "seed 29",
    ]
    assert (
        gap_limit(2)
        == gap_limit(3)
        == gap_limit(10)
        == SPREADS
        > gap_limit(20)
        > gap_limit(30)
        > gap_limit(100)
        > 1
    )


def test_two_seeds_have_no_rest_to_differ_from():
    assert find_outliers(seeds([0.1, 0.9], labels=["MISGENERALIZED", "ALIGNED"]), 0.1) == ()


def test_a_difference_too_small_to_matter_is_not_listed():
    assert find_outliers(seeds([0.2] * 11 + [0.32]), 0.15) == ()
    assert len(find_outliers(seeds([0.2] * 11 + [0.32]), 0.1)) == 1


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_normally_varying_seeds_are_rarely_listed(n):
    rng = np.random.default_rng(n)
    alarms = sum(bool(find_outliers(seeds(0.5 + 0.12 * rng.standard_normal(n)), 0.0)) for _ in range(400))
    assert alarms / 400 <= 0.05


def test_the_cut_off_grows_with_care_and_is_the_same_each_time():
    assert cut_off(10, 0.01) > cut_off(10, 0.05)
    first = cut_off(10, 0.05)
    cut_off.cache_clear()
    assert cut_off(10, 0.05) == first
