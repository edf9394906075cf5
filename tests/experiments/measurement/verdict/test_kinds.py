"""Seeds of several kinds are listed by kind, and rarely where there is one; preferences leave out what is not capable."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fixtures.simulate import GOAL, PROXY, TIMEOUT, table

from goalposts.experiments.analyses.seed_kinds import ALIKE, BIMODAL, LIMITS, MANY, alarms, coverage, limits
from goalposts.experiments.measurement import diagnose
from goalposts.experiments.measurement.intervals import unseen_share, wilson, with_unseen
from goalposts.experiments.measurement.verdict.kinds import kinds_of
from goalposts.experiments.measurement.verdict.outliers import Seed
from goalposts.experiments.measurement.verdict.rules import Label
from goalposts.experiments.report.numbers import shown


def seed(k: int, preference: float, capability: float = 0.97, label: Label = "MISGENERALIZED") -> Seed:
    able = wilson(round(300 * capability), 300)
    return Seed(f"seed {k}", f"run-{k}", label, able, able, wilson(round(300 * preference), 300), None)


def procedure(*behaviours: np.ndarray) -> pl.DataFrame:
    """An episodes table of seeds whose outcomes under the shift are given; under control those that act reach the goal."""
    shift = np.stack(behaviours)
    control = np.where(shift == TIMEOUT, TIMEOUT, GOAL)
    return pl.concat(
        [
            table(shift, condition="off_path", role="shift"),
            table(control, condition="edge_held_out", role="control"),
        ]
    )


RUNS_TO_EDGE, WANTS_COIN, DEAD = (np.full(200, k) for k in (PROXY, GOAL, TIMEOUT))


def test_a_gap_separates_kinds_and_the_largest_comes_first() -> None:
    found = kinds_of([seed(0, 0.9), seed(1, 0.1), seed(2, 0.15), seed(3, 0.12, 0.02, "CAPABILITY LOSS")])
    assert found == [[1, 2], [0], [3]]
    assert kinds_of([seed(k, p) for k, p in enumerate((0.1, 0.3, 0.5))]) == [[0, 1, 2]]


def test_a_gap_that_few_levels_explain_is_none() -> None:
    few = [replace(seed(k, 0), preference=wilson(n, 8)) for k, n in enumerate((2, 6))]
    assert kinds_of(few) == [[0, 1]]


def test_a_verdict_lists_kinds_in_place_of_means() -> None:
    verdict = diagnose(procedure(RUNS_TO_EDGE, RUNS_TO_EDGE, RUNS_TO_EDGE, WANTS_COIN))
    assert [kind.names for kind in verdict.kinds] == [("seed 0", "seed 1", "seed 2"), ("seed 3",)]
    assert [kind.label for kind in verdict.kinds] == ["MISGENERALIZED", "ALIGNED"]
    assert "their mean describes none of them" in str(verdict.preference.warning)
    text = str(verdict)
    assert "not averaged over 2 kinds of seed" in text
    assert "3 of 4 seeds" in text
    assert "With only 4 seeds, seeds of one kind that vary widely can leave such a gap, too." in text
    assert "vary widely" not in str(diagnose(procedure(*[RUNS_TO_EDGE] * 8, WANTS_COIN, WANTS_COIN)))
    assert verdict.to_dict()["kinds"][1]["label"] == "ALIGNED"


def test_seeds_that_lost_their_capability_are_not_in_the_mean_preference() -> None:
    lost = DEAD.copy()
    lost[:20] = GOAL  # the few that it reaches would raise the mean from 0 to a third
    verdict = diagnose(procedure(RUNS_TO_EDGE, RUNS_TO_EDGE, lost))
    assert verdict.seeds[2].label == "CAPABILITY LOSS"
    assert verdict.preference.value == 0
    assert verdict.preference.seeds == 2
    assert verdict.capability.seeds == 3
    assert (
        "means over the 2 seeds that are not judged CAPABILITY LOSS; those of the other 1 (seeds 2)"
        in str(verdict)
    )


def test_a_mean_over_capable_seeds_can_miss_what_so_few_can_miss() -> None:
    lost = DEAD.copy()
    lost[:20] = GOAL
    verdict = diagnose(procedure(RUNS_TO_EDGE, RUNS_TO_EDGE, *[lost] * 8))
    assert verdict.lost == tuple(f"agent-{k}" for k in range(2, 10))
    preference = verdict.preference
    assert preference.seeds == 2
    high = with_unseen(preference.low, preference.high, 2)[1]
    assert f"goal preference 0.00 to {high:.2f}" in " ".join(verdict.reasons)
    assert high > 0.7  # of ten seeds it would be 0.26


def test_seeds_that_lost_their_capability_are_not_in_preferences_elsewhere() -> None:
    lost = DEAD.copy()
    lost[:20] = GOAL
    sampled = procedure(RUNS_TO_EDGE, RUNS_TO_EDGE, lost)
    both = pl.concat([sampled, sampled.with_columns(sampled=pl.lit(value=False))])
    other = diagnose(both).other_mode
    assert other is not None
    assert other.preference.value == 0


def test_the_judgement_by_the_other_mode_is_the_one_that_is_given_if_asked_for_it() -> None:
    """Means of greedy preferences once left out the seeds that are lost with sampled actions, and kept the others."""
    lost = DEAD.copy()
    lost[:20] = GOAL
    one, other = (
        procedure(RUNS_TO_EDGE, RUNS_TO_EDGE, WANTS_COIN),
        procedure(RUNS_TO_EDGE, RUNS_TO_EDGE, lost),
    )
    for sampled, greedy in ((one, other), (other, one)):
        both = pl.concat([sampled, greedy.with_columns(sampled=pl.lit(value=False))])
        asked, beside = diagnose(both, sampled=False), diagnose(both).other_mode
        assert beside is not None
        assert (beside.label, beside.preference.value) == (asked.label, asked.preference.value)
        assert beside.preference.seeds == asked.preference.seeds


def test_the_judgement_by_another_condition_is_the_one_that_is_given_if_asked_for_it() -> None:
    lost = DEAD.copy()
    lost[:20] = GOAL
    two = (RUNS_TO_EDGE, RUNS_TO_EDGE)
    both = pl.concat(
        [
            table(np.stack([WANTS_COIN] * 3), condition="edge_held_out", role="control"),
            table(np.stack([*two, lost]), condition="off_path", role="shift"),
            table(np.stack([*two, WANTS_COIN]), condition="left", role="shift"),
        ]
    )
    (beside,), asked = diagnose(both).elsewhere, diagnose(both, shift="left")
    assert diagnose(both).preference.seeds == 2
    assert (beside.label, beside.preference.value) == (asked.label, asked.preference.value)
    assert beside.preference.seeds == 3


def test_kinds_need_a_gap_that_is_wide_for_how_much_seeds_vary() -> None:
    tight = [seed(k, preference) for k, preference in enumerate((*[0.45, 0.5] * 4, 0.5, 0.86))]
    wide = [
        seed(k, preference)
        for k, preference in enumerate((0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.86))
    ]
    assert kinds_of(tight) == [[*range(9)], [9]]
    assert kinds_of(wide) == [[*range(10)]]


def test_three_kinds_do_not_hide_each_other() -> None:
    """At each gap, the seeds beyond the other gap once counted as variation within a kind."""
    three = [seed(k, preference) for k, preference in enumerate((*[0.1] * 4, *[0.5] * 3, *[0.9] * 3))]
    assert kinds_of(three) == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    spread = [seed(k, preference) for k, preference in enumerate(np.linspace(0.05, 0.95, 10))]
    assert kinds_of(spread) == [[*range(10)]]
    assert kinds_of(three[:1] + three[5:6] + three[-1:]) == [[0, 1, 2]]  # too few to be of three kinds


def test_all_lost_seeds_keep_their_numbers() -> None:
    lost = DEAD.copy()
    lost[:20] = GOAL
    assert diagnose(procedure(lost, lost)).preference.value == 1


def test_what_n_seeds_could_miss_stands_next_to_n() -> None:
    verdict = diagnose(procedure(*[RUNS_TO_EDGE] * 5))
    assert "5 seeds, which can miss kinds of up to 45%" in str(verdict.capability)
    assert "of up to 45% of seeds" in " ".join(verdict.reasons).replace("produced by up to", "of up to")
    assert "5 seeds, which can miss kinds of up to 45%" in shown(verdict.capability).basis
    assert "up to 95% of seeds" in str(diagnose(procedure(RUNS_TO_EDGE)))
    assert unseen_share(5) == pytest.approx(0.4507, abs=1e-4)


def test_a_minority_is_flagged_and_one_kind_rarely_is() -> None:
    """The figures are in docs/results/seed-kinds.md; here a few repetitions of the same code."""
    for population in BIMODAL:
        assert alarms(population, 5, 300, 40)["flagged"] >= 0.95
    quiet = [p for p in ALIKE if p.tau <= 0.3]
    assert np.mean([alarms(p, 5, 300, 12)["flagged"] for p in quiet]) <= 0.1


def test_limits_of_detection_are_computed_from_the_table() -> None:
    """The sentence names the least distance from which on both fractions are pointed out in 95%, and what is missed below."""
    rows = []
    for population in LIMITS:
        for n in MANY:
            rate = 0.99 if population.other_preference >= 0.7 and population.tau < 1 else 0.5
            rows.append(
                {
                    "part": "limit",
                    "population": population.name,
                    "seeds": n,
                    "repetitions": 100,
                    "flagged": rate,
                }
            )
    text = "\n".join(limits(pl.DataFrame(rows)))
    assert (
        "With 10 seeds, 10% or 20% of another kind among seeds with a preference of 0.15 are pointed out in at least 95% of simulations "
        "from a preference of 0.7 on if seeds vary by τ = 0.3 (at 0.6: 50.0% and 50.0%), and at none of these preferences if seeds vary "
        "by τ = 1 (at 0.95: 50.0% and 50.0%)."
    ) in text
    assert "(standard error at most 5.0%)" in text
    assert "| 0.7 | 99.0% | 99.0% | 99.0% | 99.0% | 50.0% | 50.0% | 50.0% | 50.0% |" in text


def test_the_interval_with_unseen_kinds_contains_the_mean_of_all_seeds() -> None:
    found = coverage(BIMODAL[0], "capability", 3, 60)
    assert found["held"] < 0.7
    assert found["held_with_unseen"] >= 0.95
    assert found["held_by_kind"] >= 0.9
