"""The page of why exact regret compares otherwise than published: its predictions from agents with known values, and its text."""

import numpy as np
import polars as pl
import pytest

from goalposts.experiments.analyses.methods.comparison.bonus import minus
from goalposts.experiments.analyses.methods.comparison.controls import FAILS, HOLDS, OPEN, UNKNOWN
from goalposts.experiments.analyses.methods.why.figures import draw, draw_training
from goalposts.experiments.analyses.methods.why.page import page
from goalposts.experiments.analyses.methods.why.predictions import judged
from goalposts.experiments.analyses.methods.why.shows import lead, longer, shows
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.leaderboard.agents import SCHEMA

SEEDS = range(510, 515)
ALPHAS = (0.001, 0.003, 0.01, 0.03)


def agents(
    method: str, values: dict[float, float], study: str = "methods-why", spread: float = 0.01
) -> pl.DataFrame:
    rows = [
        {
            "study": study,
            "world": "CoinRun",
            "label_class": "L1",
            "method": method,
            "parameter": parameter,
            "seed": seed,
            "run": f"{method} {parameter} {seed}",
            "verdict": "MIXED",
            "preference": value + spread * float(np.random.default_rng([seed, k, len(method)]).normal()),
            "goal_first": value,
            "capability": 0.9,
            "effective_alpha": 0.5,
            "steps": 900.0,
            "scoring_steps": 603.0,
        }
        for k, (parameter, value) in enumerate(values.items())
        for seed in SEEDS
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def flat(value: float) -> dict[float, float]:
    return dict.fromkeys(ALPHAS, value)


def everyone(**changed: dict[float, float]) -> pl.DataFrame:
    levels = {30.0: 0.2, 300.0: 0.4, 3000.0: 0.9}
    values = {
        "fixed_share 0.05": {30.0: 0.2, 300.0: 0.35, 3000.0: 0.8},
        "fixed_share 0.2": {30.0: 0.2, 300.0: 0.35, 3000.0: 0.8},
        "fixed_share 0.5": levels,
        "domain-randomization-4x": {0.001: 0.3, 0.003: 0.45, 0.01: 0.6, 0.03: 0.8},
        "PLR-regret-4x": flat(0.5),
        "PLR-regret-pool": flat(0.6),
        "PLR-regret-pool-4x": {0.001: 0.3, 0.003: 0.4, 0.01: 0.6, 0.03: 0.8},
        "plain-half": flat(0.2),
    } | changed
    recorded = {
        "PLR-regret": flat(0.4),
        "domain-randomization": flat(0.4),
        "PLR-shuffled": flat(0.21),
        "plain": flat(0.3),
    }
    parts = [agents(method, own) for method, own in values.items()]
    return pl.concat([*parts, *(agents(method, own, "methods-l1") for method, own in recorded.items())])


def states(table: pl.DataFrame) -> list[str]:
    return [prediction.found for prediction in judged(table)]


def test_predictions_that_hold() -> None:
    assert states(everyone()) == [HOLDS] * 6
    words = judged(everyone())[0].words
    assert "m = 3,000 minus m = 30, with s = 0.5: 0.7 [" in words
    assert "(n = 5 seeds)" in words


@pytest.mark.parametrize(
    ("k", "changed"),
    [
        (0, {"fixed_share 0.5": {30.0: 0.5, 300.0: 0.4, 3000.0: 0.6}}),
        (1, {"fixed_share 0.05": {30.0: 0.2, 300.0: 0.9, 3000.0: 0.9}}),
        (2, {"PLR-regret-pool": flat(0.2)}),
        (3, {"PLR-regret-4x": flat(0.95)}),
        (3, {"domain-randomization-4x": flat(0.2)}),
        (
            4,
            {
                "domain-randomization-4x": {0.001: 0.1, 0.003: 0.2, 0.01: 0.4, 0.03: 0.8},
                "PLR-regret-pool-4x": {0.001: 0.45, 0.003: 0.9, 0.01: 0.9, 0.03: 0.9},
            },
        ),
        (5, {"plain-half": flat(0.6)}),
    ],
)
def test_predictions_that_do_not_hold(k: int, changed: dict[str, dict[float, float]]) -> None:
    assert states(everyone(**changed))[k] == FAILS


def test_an_interval_across_the_bound_is_open() -> None:
    wide = pl.concat(
        [
            everyone().filter(pl.col("method") != "PLR-regret-pool"),
            agents("PLR-regret-pool", flat(0.41), spread=0.2),
        ]
    )
    assert states(wide)[2] == OPEN


def test_what_is_not_recorded_is_not_judged() -> None:
    only = everyone().filter(
        pl.col("method").is_in(["PLR-regret", "domain-randomization", "fixed_share 0.5"])
    )
    assert states(only)[1:] == [UNKNOWN] * 5


def test_differences_are_paired_by_seed_and_averaged_over_alpha() -> None:
    table = everyone()
    pool = minus(table, "PLR-regret-pool", "PLR-regret")
    grown = lead(table)
    assert pool is not None
    assert grown is not None
    assert pool.value == pytest.approx(0.2, abs=0.03)
    assert grown.value == pytest.approx(0.1 - (0.3 + 0.45 + 0.6 + 0.8) / 4 + 0.4, abs=0.03)


def test_the_page_has_every_cell_with_its_n_and_the_predictions() -> None:
    table = everyone()
    recorded = table.filter(pl.col("study") == "methods-why").height
    text = page(table, judged(table), list(shows(table)), [draw(table)], recorded)
    assert "Incomplete" not in text
    assert "A later experiment" not in text
    assert "differ here.** Later words." in page(table, judged(table), [], [], recorded, "Later words.")
    incomplete = page(table, judged(table), [], [], recorded + 1)
    assert f"{recorded} of {recorded + 1} agents are recorded" in incomplete
    assert (
        "Of the 6 predictions of [the plan](methods-why-plan.md), committed before any run of this study, 6 hold and 0 do not; none "
        "is open." in text
    )
    assert "| 0.5 | 3,000 | 5 | 0." in text
    assert "| PLR⊥ by exact regret, 4 million steps, 500,000 levels | 0.03 | 5 | 0.80 [" in text
    assert "From 30 to 3,000 different levels, the goal preference goes from " in text
    assert "5 seeds per point can miss a kind of agent that up to 45% of seeds produce" in text


def test_what_it_shows_follows_from_the_agents() -> None:
    table = everyone()
    words = list(shows(table))
    assert len(words) == 4
    assert "So four times the steps change the lead by -0.04" in words[0]
    assert words[1].startswith("**How often, and how many.**")
    assert "at 50%, 30 levels reach 0.20, so more levels could add at most 0.80" in words[1]
    assert "with 1 million steps, by " in words[2]
    assert "it learns from 33% of its steps" in words[3]
    ahead = everyone(**{"PLR-regret-4x": flat(0.95)})
    assert "So four times the steps change the lead by 0.4" in longer(ahead)
    assert "at α = 0.001 and " in longer(ahead)
    first = draw_training(ahead)
    assert first is not None
    assert (
        first.title
        == "Lead of replay over domain randomization: +0.00 with 1 million steps, +0.41 with 4 million"
    )
    assert longer(ahead.filter(pl.col("method") != "PLR-regret-4x")) == ""
    assert draw_training(ahead.filter(pl.col("method") != "PLR-regret-4x")) is None


def test_both_methods_have_the_options_of_the_study_that_they_are_compared_with() -> None:
    plans = {study: plan_study(study) for study in ("methods-why", "methods-l1")}
    configs = {
        (study, point.arm): plan.runs[point.runs[0][1]]
        for study, plan in plans.items()
        for point in plan.points
    }
    for method in ("PLR-regret", "domain-randomization"):
        usual = configs["methods-l1", method]
        changed = [
            config
            for (study, arm), config in configs.items()
            if study == "methods-why" and arm.startswith(method)
        ]
        assert changed
        for config in changed:
            assert config.method == usual.method
            assert config.train.model_copy(update={"total_steps": usual.train.total_steps}) == usual.train
