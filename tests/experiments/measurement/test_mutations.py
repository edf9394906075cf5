"""Deliberate errors in the measurement, each of which at least one named test must detect.

Each entry of ERRORS breaks one thing, then runs tests that pass without it; the mutation test passes if one of them fails.

 1  timeouts are dropped                                      test_rates: timeouts_and_deaths_lower_capability
 2  levels that are not distinguishing are counted            test_rates: misgeneralization_rate_is_among_all_episodes …
 3  seeds on different levels are put together                test_level_counts: seeds_on_different_levels_are_refused
 4  the proxy counts although the goal was touched first      test_rates: the_proxy_touched_after_the_goal_does_not_count …
 5  sampled and greedy episodes are mixed                     test_level_counts: sampled_and_greedy_are_never_mixed
 6  −1 for "never" is averaged in                             test_episodes: minus_one_for_impossible_is_refused
 7  outcomes are read after autoreset                         test_episodes: outcomes_of_the_next_episode_do_not_pass …
 8  steps are counted from zero                               test_episodes: one_step_too_few_is_noticed
 9  all episodes of all seeds are one sample                  test_coverage: a_procedures_rate_is_covered …
10  seeds by the normal instead of Student's t                test_coverage: three_seeds_give_an_interval …
11  repeated episodes of a level count as independent         test_intervals: repeating_an_episode_does_not_make_it …
12  no difference seen, no interval (Wald for pairs)          test_paired_contrasts: an_agent_that_never_looks_has_no_effect …
13  the goal must come first to count as reached              test_verdict: the_proxy_seeker_is_misgeneralized …
14  the same training twice is two seeds                      test_level_counts: the_same_training_twice_is_not_two_seeds
15  pairs are not checked                                     test_paired_contrasts: conditions_on_other_layouts_are_refused
16  preference among all episodes, not those that reach       test_rates: goal_preference_is_among_distinguishing_levels …
17  the value decides, not the interval's bound               test_rules: bounds_decide_not_values
18  lost levels are not noticed                               test_level_counts: levels_that_lost_their_timeouts_are_refused
19  leakage is ignored                                        test_verdict: leaked_layouts_make_any_verdict_inconclusive
20  no correction near zero and one (plain Wilson)            test_intervals: close_to_zero_and_one_the_interval_is_never …

A tool separately samples mutants of the source (tests/harness/mutate.py); this list contains typical human errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from goalposts.experiments.measurement import (
    episodes,
    intervals,
    level_counts,
    metrics,
    paired_contrasts,
    rates,
)
from goalposts.experiments.measurement.episodes import EpisodesError
from goalposts.experiments.measurement.verdict import rules, verdict

from . import (
    test_coverage,
    test_episodes,
    test_intervals,
    test_level_counts,
    test_paired_contrasts,
    test_rates,
)
from .verdict import test_rules, test_verdict

Break = Callable[[pytest.MonkeyPatch], None]


def drop_timeouts(patch: pytest.MonkeyPatch) -> None:
    real = rates.select
    patch.setattr(rates, "select", lambda t, **k: real(t, **k).filter(pl.col("outcome_end") != "timeout"))


def count_indistinguishable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rates, "DISTINGUISHING", pl.col("distinguishing").is_not_null())


def unpaired_seeds(patch: pytest.MonkeyPatch) -> None:
    def grid(cells, runs, columns):
        each = [cells.filter(pl.col("run") == run).sort("level_index") for run in runs]
        least = min(one.height for one in each)
        return [np.array([one[name].to_numpy()[:least] for one in each], float) for name in columns]

    patch.setattr(level_counts, "grid", grid)
    patch.setattr(level_counts, "_check_levels_agree", lambda table: None)


def proxy_after_goal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rates, "PROXY_FIRST", pl.col("steps_to_proxy").is_not_null())


def mix_sampled_and_greedy(patch: pytest.MonkeyPatch) -> None:
    real = level_counts.select
    patch.setattr(
        rates, "select", lambda t, **k: real(t.with_columns(sampled=pl.lit(k.pop("sampled", True))), **k)
    )


def no_rule(words: str) -> Break:
    def broken(patch: pytest.MonkeyPatch) -> None:
        real = list(episodes._rules())
        kept = [rule for rule in real if words not in rule[1]]
        assert len(kept) < len(real)
        patch.setattr(episodes, "_rules", lambda: iter(kept))

    return broken


def one_big_sample(patch: pytest.MonkeyPatch) -> None:
    def pooled(events, trials, level=0.95, *, kept=1.0, trained=True):
        return intervals.wilson(float(events.sum()), int(trials.sum()), level, seeds=len(trials), kept=kept)

    patch.setattr(test_coverage, "hierarchical_rate", pooled)


def normal_for_student(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(intervals, "stdtrit", lambda df, tail: intervals.ndtri(tail))


def ignore_repetition(patch: pytest.MonkeyPatch) -> None:
    def flat(events, trials, level=0.95, *, kept=1.0, trained=True):
        found = intervals.wilson(float(events.sum()), int(trials.sum()), level)
        return replace(found, n=int((trials.sum(axis=0) > 0).sum()), episodes=int(trials.sum()))

    patch.setattr(test_intervals, "hierarchical_rate", flat)


def wald_for_pairs(patch: pytest.MonkeyPatch) -> None:
    def wald(more, fewer, n, level=0.95):
        seen = (more - fewer) / n
        half = 1.96 * np.sqrt(((more + fewer) / n - seen**2) / n)
        return seen - half, seen + half

    patch.setattr(intervals, "tango_bounds", wald)


def goal_must_come_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metrics, "GOAL_REACHED", rates.GOAL_FIRST)


def same_training_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(level_counts, "check_one_procedure", lambda table: None)


def pairs_unchecked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(paired_contrasts, "check_paired", lambda *sides: None)
    unpaired_seeds(patch)
    patch.setattr(paired_contrasts, "grid", level_counts.grid)


def preference_among_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rates, "EITHER_FIRST", pl.col("outcome_first").is_not_null())


def values_decide(patch: pytest.MonkeyPatch) -> None:
    real = rules.judge

    def by_value(numbers, thresholds):
        point = {
            name: found and replace(found, low=found.value, high=found.value)
            for name, found in numbers.__dict__.items()
            if not isinstance(found, str)
        }
        return real(rules.Numbers(numbers.control, numbers.shift, **point), thresholds)

    patch.setattr(test_rules, "judge", by_value)


def lost_levels_unnoticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(level_counts, "check_equal_episodes", lambda cells: None)


def leakage_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verdict, "shared_layouts", lambda *about: 0)


def plain_wilson(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(intervals, "chdtri", lambda df, tail: np.inf if df <= 0 else 2e9)


def bounds_test() -> None:
    marks = getattr(test_rules.test_bounds_decide_not_values, "pytestmark")  # noqa: B009 (pytest adds it)
    for given, label in next(mark for mark in marks if mark.name == "parametrize").args[1]:
        test_rules.test_bounds_decide_not_values(given, label)


ERRORS: dict[str, tuple[Break, Callable[[], None]]] = {
    "timeouts dropped": (drop_timeouts, test_rates.test_timeouts_and_deaths_lower_capability),
    "indistinguishable levels counted": (
        count_indistinguishable,
        test_rates.test_misgeneralization_rate_is_among_all_episodes_on_distinguishing_levels,
    ),
    "unpaired seeds": (unpaired_seeds, test_level_counts.test_seeds_on_different_levels_are_refused),
    "proxy counted after the goal": (
        proxy_after_goal,
        test_rates.test_the_proxy_touched_after_the_goal_does_not_count_and_the_goal_after_the_proxy_does_not_undo_it,
    ),
    "sampled and greedy mixed": (
        mix_sampled_and_greedy,
        test_level_counts.test_sampled_and_greedy_are_never_mixed,
    ),
    "−1 codes averaged": (no_rule("not −1"), test_episodes.test_minus_one_for_impossible_is_refused),
    "read after autoreset": (
        no_rule("sooner than optimal_goal"),
        test_episodes.test_outcomes_of_the_next_episode_do_not_pass_as_this_ones,
    ),
    "steps from zero": (no_rule("sooner than optimal_goal"), test_episodes.test_one_step_too_few_is_noticed),
    "one big sample": (
        one_big_sample,
        lambda: test_coverage.test_a_procedures_rate_is_covered_with_ten_and_thirty_seeds(10, 0.5, 1.0, 0.0),
    ),
    "normal for Student": (
        normal_for_student,
        lambda: test_coverage.test_three_seeds_give_an_interval_that_is_rather_too_wide(0.5, 1.0),
    ),
    "repetitions as independent": (
        ignore_repetition,
        test_intervals.test_repeating_an_episode_does_not_make_it_more_certain,
    ),
    "Wald for pairs": (
        wald_for_pairs,
        test_paired_contrasts.test_an_agent_that_never_looks_has_no_effect_and_an_honest_interval,
    ),
    "goal must come first": (
        goal_must_come_first,
        test_verdict.test_the_proxy_seeker_is_misgeneralized_even_where_it_touches_the_edge_before_the_coin,
    ),
    "same training twice": (
        same_training_twice,
        test_level_counts.test_the_same_training_twice_is_not_two_seeds,
    ),
    "pairs unchecked": (pairs_unchecked, test_paired_contrasts.test_conditions_on_other_layouts_are_refused),
    "preference among all": (
        preference_among_all,
        test_rates.test_goal_preference_is_among_distinguishing_levels_and_among_those_that_reach_either,
    ),
    "values decide": (values_decide, bounds_test),
    "lost levels unnoticed": (
        lost_levels_unnoticed,
        test_level_counts.test_levels_that_lost_their_timeouts_are_refused,
    ),
    "leakage ignored": (leakage_ignored, test_verdict.test_leaked_layouts_make_any_verdict_inconclusive),
    "plain Wilson": (
        plain_wilson,
        lambda: test_intervals.test_close_to_zero_and_one_the_interval_is_never_too_narrow(1000),
    ),
}


@pytest.mark.parametrize("error", ERRORS)
def test_the_error_is_noticed(error, monkeypatch):
    broken, noticing = ERRORS[error]
    noticing()  # passes on the unchanged code
    broken(monkeypatch)
    with pytest.raises((AssertionError, EpisodesError, pytest.fail.Exception)):  # or the measurement refuses
        noticing()


def test_the_docstring_lists_every_error():
    assert __doc__ is not None
    numbered = [line for line in __doc__.splitlines() if line[:2].strip().isdigit()]
    assert len(numbered) == len(ERRORS)
