"""Coverage of the intervals by simulation with known truth: 93 to 97% at nominal 95%.

Rates, one seed        exact sums in test_intervals.py; several episodes per level here
Rates, several seeds   10 and 30 seeds: 93 to 97.5%; 3 seeds: at least 93%, up to 99.5% if the seeds do not differ
                       (with a warning); less than 93% only if seeds differ widely near an end of the scale (warning)
Paired differences, means, indifference points: below

Seeds differ by normal amounts in log odds (standard deviation TAU), levels by LAMBDA; every seed plays the same levels.
docs/measurement.md quotes these figures. `pytest -m slow` runs the wide grid.
"""

import numpy as np
import pytest
from fixtures.simulate import pick, table
from scipy.special import expit, logit, ndtri
from scipy.stats import binom

from goalposts.experiments.measurement.conflict import conflict_curve
from goalposts.experiments.measurement.intervals import (
    hierarchical_difference,
    hierarchical_mean,
    hierarchical_rate,
    tango_bounds,
    wilson,
)

NODES = ndtri((np.arange(2000) + 0.5) / 2000)


def middle(share: float, *spreads: float) -> float:
    """Log odds around which rates with these spreads average about `share`."""
    return float(logit(share) * np.sqrt(1 + 0.35 * sum(s * s for s in spreads)))


def truth(centre: float, *spreads: float) -> float:
    """Mean of expit(centre + normal noise with the combined spread)."""
    return float(expit(centre + np.sqrt(sum(s * s for s in spreads)) * NODES).mean())


def rate_coverage(
    seeds: int,
    share: float,
    tau: float,
    lam: float = 0.0,
    levels: int = 200,
    repetitions: int = 2000,
    stream: int = 0,
) -> tuple[float, float]:
    """(fraction of repetitions in which the interval covers the truth, fraction with a warning)."""
    rng = np.random.default_rng([seeds, round(1000 * share), round(100 * tau), round(100 * lam), stream])
    centre, held, warned = middle(share, tau, lam), 0, 0
    target = truth(centre, tau, lam)
    ones = np.ones((seeds, levels))
    for _ in range(repetitions):
        odds = centre + tau * rng.standard_normal((seeds, 1)) + lam * rng.standard_normal((1, levels))
        found = hierarchical_rate((rng.random((seeds, levels)) < expit(odds)).astype(float), ones)
        held += found.low <= target <= found.high
        warned += "may cover less often" in (found.warning or "")
    return held / repetitions, warned / repetitions


@pytest.mark.parametrize(
    ("seeds", "share", "tau", "lam"),
    [
        (10, 0.2, 0.3, 0.0),
        (10, 0.95, 0.3, 1.0),
        (10, 0.5, 1.0, 0.0),
        (30, 0.2, 0.3, 1.0),
        (30, 0.7, 0.0, 1.0),
        (30, 0.95, 0.3, 0.0),
    ],
)
def test_a_procedures_rate_is_covered_with_ten_and_thirty_seeds(seeds, share, tau, lam):
    covered, warned = rate_coverage(seeds, share, tau, lam, repetitions=1200)
    assert 0.93 <= covered <= 0.975
    assert warned < 0.2  # if unnecessary; if necessary, in 0.95 of the cases (below)


@pytest.mark.parametrize(("share", "tau"), [(0.2, 0.3), (0.5, 1.0), (0.95, 0.3), (0.2, 0.0)])
def test_three_seeds_give_an_interval_that_is_rather_too_wide(share, tau):
    covered, _ = rate_coverage(3, share, tau)
    assert 0.93 <= covered <= 0.995
    assert tau == 0 or covered <= 0.98


def test_resampling_three_seeds_does_not_do():
    """Shows why this is not a percentile bootstrap: resampling three unlike seeds covers the truth in about 75% of cases."""
    rng = np.random.default_rng(0)
    centre, levels, held, repetitions = middle(0.2, 1.0), 200, 0, 400
    for _ in range(repetitions):
        seen = rng.random((3, levels)) < expit(centre + rng.standard_normal((3, 1)))
        seeds = rng.multinomial(3, [1 / 3] * 3, size=300)
        chosen = rng.multinomial(levels, [1 / levels] * levels, size=300)
        means = ((seeds @ seen) * chosen).sum(axis=1) / (3 * levels)
        low, high = np.quantile(means, [0.025, 0.975])
        held += low <= truth(centre, 1.0) <= high
    assert held / repetitions < 0.8
    assert rate_coverage(3, 0.2, 1.0, repetitions=400)[0] >= 0.93


def test_widely_differing_seeds_near_an_end_give_a_warning():
    covered, warned = rate_coverage(10, 0.03, 1.2, repetitions=600)
    assert covered < 0.93
    assert warned > 0.95


@pytest.mark.parametrize(("levels", "repeats", "lam"), [(100, 5, 1.0), (200, 10, 3.0), (1000, 3, 0.0)])
def test_several_episodes_a_level_are_covered(levels, repeats, lam):
    rng = np.random.default_rng([levels, repeats])
    held, repetitions = 0, 2000
    target = truth(-1.0, lam)
    trials = np.full((1, levels), float(repeats))
    for _ in range(repetitions):
        events = rng.binomial(repeats, expit(-1.0 + lam * rng.standard_normal((1, levels)))).astype(float)
        found = hierarchical_rate(events, trials)
        held += found.low <= target <= found.high
    assert 0.93 <= held / repetitions <= 0.97


@pytest.mark.parametrize("q", [k / 10 for k in range(11)])
def test_the_preference_of_a_mixture_is_covered_on_as_many_levels_as_decide(q):
    """The number of decided episodes is random; the interval must still cover q without being wider for it."""
    rng = np.random.default_rng(round(10 * q))
    repetitions = 4000
    decided = rng.binomial(800, 0.9, repetitions)
    first = rng.binomial(decided, q)
    found = [wilson(int(k), int(n)) for k, n in zip(first, decided, strict=True)]
    held = np.mean([e.low <= q <= e.high for e in found])
    assert held >= 0.93
    assert q in (0, 1) or held <= 0.97
    width = np.mean([e.high - e.low for e in found])
    ideal = 1 - 0.025 ** (1 / 720) if q in (0, 1) else 2 * 1.96 * np.sqrt(q * (1 - q) / 720)
    assert width <= 1.15 * ideal


@pytest.mark.parametrize(
    ("more", "fewer", "n"),
    [(0.0, 0.0, 1000), (0.004, 0.001, 1000), (0.02, 0.02, 1000), (0.1, 0.01, 200), (0.8, 0.1, 200)],
)
def test_paired_differences_of_one_agent_are_covered(more, fewer, n):
    counts = np.random.default_rng(n).multinomial(n, [more, fewer, 1 - more - fewer], size=4000)
    kinds, times = np.unique(counts[:, :2], axis=0, return_counts=True)
    bounds = np.array([tango_bounds(int(b), int(c), n) for b, c in kinds])
    held = times[(bounds[:, 0] <= more - fewer + 1e-9) & (more - fewer - 1e-9 <= bounds[:, 1])].sum() / 4000
    assert held >= 0.93
    assert n * (more + fewer) < 10 or held <= 0.97


@pytest.mark.parametrize(("seeds", "repeats"), [(1, 4), (3, 1), (10, 1), (10, 3), (30, 1)])
def test_paired_differences_are_covered_for_seeds_and_repetitions(seeds, repeats):
    rng = np.random.default_rng([seeds, repeats])
    levels, held, repetitions = 200, 0, 1200
    for _ in range(repetitions):
        level = rng.uniform(0.1, 0.4, (1, levels))
        own = 0.3 + (0.05 if seeds > 1 else 0.0) * rng.standard_normal((seeds, 1))
        drawn = rng.binomial(repeats, np.clip(level + own, 0, 1))
        hidden = rng.binomial(repeats, np.broadcast_to(level, drawn.shape))
        found = hierarchical_difference((drawn - hidden) / repeats, episodes=2 * drawn.size * repeats)
        held += found.low <= 0.3 <= found.high
    assert 0.93 <= held / repetitions <= (0.98 if seeds == 3 else 0.97)


@pytest.mark.parametrize(("a", "b"), [(0.2, 1.0), (5.0, 0.5)])
@pytest.mark.parametrize("seeds", [1, 10])
def test_means_within_bounds_are_covered(seeds, a, b):
    rng = np.random.default_rng([seeds, round(10 * a)])
    repetitions = 1500
    found = [hierarchical_mean(rng.beta(a, b, (seeds, 200)), (0.0, 1.0)) for _ in range(repetitions)]
    assert 0.93 <= np.mean([e.low <= a / (a + b) <= e.high for e in found]) <= 0.98


@pytest.mark.parametrize("seeds", [1, 3, 10])
def test_a_word_that_the_truth_just_misses_is_rare(seeds):
    """A goal preference of 0.79 is judged at least 0.8, or a misgeneralization rate of 0.5 more than that, 1 time in 40."""
    rng = np.random.default_rng(seeds)
    ones = np.ones((seeds, 400))
    for share in (0.79, 0.5):
        wrong, repetitions = 0, 1500
        for _ in range(repetitions):
            own = share if seeds == 1 else share + 0.02 * rng.standard_normal((seeds, 1))
            found = hierarchical_rate((rng.random((seeds, 400)) < own).astype(float), ones)
            wrong += found.low >= (0.8 if share == 0.79 else 0.5)
        assert wrong / repetitions <= 0.03


def curve_coverage(seeds: int, levels: int, sd: float, repetitions: int) -> tuple[float, float, float]:
    """(identified, indifference point covered where identified, slope covered) for log odds 3 − detour / 2."""
    rng = np.random.default_rng([seeds, levels, 1])
    detour = np.arange(levels) % 15
    named = held = slopes = 0
    for _ in range(repetitions):
        share = expit(3 + sd * rng.standard_normal((seeds, 1)) - 0.5 * detour[None])
        found = conflict_curve(
            table(pick(rng.random((seeds, levels)), 0.95 * share, 0.95 * (1 - share)), detour=detour)
        )
        slopes += found.slope.low <= -0.5 <= found.slope.high
        if found.indifference is not None:
            named += 1
            held += found.indifference.low <= 6 <= found.indifference.high
    return named / repetitions, held / named, slopes / repetitions


def test_the_indifference_point_is_covered():
    named, held, slope = curve_coverage(1, 300, 0.0, 120)
    assert named == 1
    assert held >= 0.91
    assert slope >= 0.91


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "sd", "given"),
    [(1, 0.0, 0.9), (3, 0.5, 0.75), (10, 0.5, 0.9), (30, 0.5, 0.9)],  # 3 seeds leave an end open in a fifth
)
def test_the_indifference_point_is_covered_over_seeds(seeds, sd, given):
    """The interval is valid for every falling curve, so for this one it contains the truth more often than 95%."""
    named, held, slope = curve_coverage(seeds, 300, sd, 1500)
    assert named > given
    assert held >= 0.95
    assert 0.93 <= slope <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("lam", [0.0, 2.0])
@pytest.mark.parametrize("tau", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9, 0.97, 0.99])
@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 30])
def test_the_wide_grid(seeds, share, tau, lam):
    covered, warned = rate_coverage(seeds, share, tau, lam, levels=300, repetitions=1500, stream=1)
    assert covered >= 0.93 or (warned > 0.5 and covered >= 0.915)
    assert covered <= (0.985 if seeds >= 10 else 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 30])
def test_the_wide_grid_of_seeds_that_differ_much(seeds, share):
    covered, _ = rate_coverage(seeds, share, 1.0, levels=300, repetitions=1500, stream=1)
    assert 0.925 <= covered <= 0.98


def test_the_reference_for_the_truth_is_itself_right():
    assert truth(0.0, 1.0) == pytest.approx(0.5)
    assert truth(logit(0.3)) == pytest.approx(0.3)
    assert binom.cdf(0, 720, 1 - 0.025 ** (1 / 720)) == pytest.approx(0.025)
