"""Scores of predictors on tables with known answers: reading α is no foresight within a config, and a shuffled target gives nothing."""

import math
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from fixtures.foresight import AXES, population

from goalposts.experiments.foresight import scores
from goalposts.experiments.foresight.comparison import PredictorComparison, compare, conclude
from goalposts.experiments.foresight.scores import (
    Logistic,
    auroc,
    ceiling,
    holm,
    score_within,
    spearman,
    within,
)


@pytest.fixture(scope="module", autouse=True)
def fewer_samples() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "SAMPLES", 25)
        patch.setattr(scores, "PERMUTATIONS", 300)
        yield


@pytest.fixture(scope="module")
def found() -> PredictorComparison:
    return compare(pl.concat([population(), population("Corner"), population("Beacon")]), shuffles=20)


def test_a_predictor_that_only_reads_alpha_scores_pooled_and_not_within_config(
    found: PredictorComparison,
) -> None:
    alpha, noisy, move = (found.score("CoinRun", name) for name in ("alpha", "erase", "move"))
    assert alpha is not None
    assert noisy is not None
    assert move is not None
    assert alpha.pooled.value > 0.8
    assert alpha.auroc.value > 0.85
    assert math.isnan(alpha.within.value)  # constant within every cell
    assert noisy.pooled.value > 0.8
    assert abs(noisy.within.value) < 0.3
    assert noisy.within_p > 0.05
    assert move.within.value > 0.85
    assert move.within_p < 0.02
    assert move.within.low < move.within.value < move.within.high


def test_signs_are_those_of_the_plan(found: PredictorComparison) -> None:
    energy = found.score("CoinRun", "shift_energy")
    assert energy is not None
    assert energy.within.value > 0.85
    assert energy.auroc.value > 0.9


def test_a_shuffled_target_gives_nothing() -> None:
    null = compare(population(shuffled=True), shuffles=20)
    move = null.score("CoinRun", "move")
    assert move is not None
    assert abs(move.within.value) < 0.25
    assert move.within_p > 0.05
    assert null.false_alarms["CoinRun"] <= 0.15
    assert conclude(null) == "refuted"


def test_the_plan_is_confirmed_by_planted_foresight_in_three_worlds(found: PredictorComparison) -> None:
    assert found.false_alarms["CoinRun"] <= 0.15
    assert found.brier("axis", "move") < found.brier("axis", "alpha") < found.brier("axis", "constant")
    assert conclude(found) == "confirmed"
    assert conclude(compare(population(), shuffles=0)) == "partly"


def test_each_axis_and_world_is_left_out_once(found: PredictorComparison) -> None:
    for kind, groups in (("axis", set(AXES)), ("world", {"CoinRun", "Corner", "Beacon"})):
        of_move = [one for one in found.transfers if (one.kind, one.predictor) == (kind, "move")]
        assert {one.left_out for one in of_move} == groups
    assert sum(one.agents for one in found.transfers if (one.kind, one.predictor) == ("axis", "move")) == 72


def test_cells_whose_seeds_hardly_differ_are_reported_and_not_scored() -> None:
    still = compare(population(spread=0.01), shuffles=0)
    assert [cell.scored for cell in still.cells] == [False] * 6
    move = still.score("CoinRun", "move")
    assert move is not None
    assert move.within_agents == 0
    assert math.isnan(move.within.value)
    assert conclude(still) == "undecided"


def test_lost_agents_leave_both_targets_and_open_ones_only_the_verdict() -> None:
    table = population().with_row_index("row")
    lost, undecided = pl.col("row") < 3, (pl.col("row") >= 3) & (pl.col("row") < 5)
    verdict = pl.when(lost).then(pl.lit("CAPABILITY LOSS")).when(undecided).then(pl.lit("INCONCLUSIVE"))
    some = compare(table.with_columns(verdict.otherwise("verdict").alias("verdict")), shuffles=0)
    move = some.score("CoinRun", "move")
    assert move is not None
    assert move.agents == 72 - 3
    assert (some.cells[0].lost, some.cells[0].inconclusive) == (3, 2)
    assert (
        sum(one.agents for one in some.transfers if (one.kind, one.predictor) == ("axis", "move")) == 72 - 5
    )


def test_scores_of_small_examples() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert auroc(values, np.array([False, False, True, True])) == 1.0
    assert auroc(values, np.array([True, False, True, False])) == 0.25
    assert math.isnan(auroc(values, np.ones(4, np.bool_)))
    assert spearman(values, -values) == pytest.approx(-1)
    cells = np.array([0, 0, 1, 1])
    assert within(values, np.array([1.0, 2.0, -5.0, -4.0]), cells) == pytest.approx(1)
    assert spearman(values, np.array([1.0, 2.0, -5.0, -4.0])) < 0
    assert holm([0.01, math.nan, 0.04, 0.03]) == pytest.approx([0.03, math.nan, 0.06, 0.06], nan_ok=True)
    assert ceiling(values, values, cells) == pytest.approx(1)


def test_a_logistic_rule_on_separable_data_is_finite_and_in_the_right_direction() -> None:
    rule = Logistic.fit(np.arange(20.0), np.arange(20) < 10)
    low, high = rule.predict(np.array([0.0, 19.0]))
    assert 0.9 < low < 1
    assert 0 < high < 0.1


def test_the_p_of_unrelated_values_is_uniform() -> None:
    rng = np.random.default_rng(3)
    cells = np.repeat(np.arange(6), 10)
    ps = [score_within(rng.random(60), rng.random(60), cells, seed=k).p for k in range(60)]
    assert 0.35 < float(np.mean(ps)) < 0.65
