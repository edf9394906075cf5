"""The paralysis study: what its plan concludes from planted curves, and that the page states it."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from goalposts.experiments.analyses.paralysis.numbers import COLUMNS, conclusion, crossing_of, settings_of
from goalposts.experiments.analyses.paralysis.page import figure_of, page
from goalposts.experiments.report.numbers import alpha_text

ALPHAS = (0.0, 0.003, 0.01, 0.02, 0.03, 0.1, 0.3, 1.0)
FIRST = (0.12, 0.15, 0.3, 0.45, 0.55, 0.8, 0.95, 0.99)  # crosses one half at 0.025
RESULTS = Path(__file__).parents[3] / "docs" / "results"
NAMES = ("recipe", *(f"entropy-{k}" for k in range(9)))


def planted(
    circles: tuple[float, ...], settings: tuple[str, ...] = NAMES, capability: float = 0.99
) -> pl.DataFrame:
    """Agents of ten seeds per point, whose circles under the shift are these, give or take a little."""
    rows = []
    for name in settings:
        for alpha, first, shift in zip(ALPHAS, FIRST, circles, strict=True):
            for seed in range(100, 110):
                own = shift + 0.002 * (seed % 5)
                rows.append(
                    (
                        name,
                        alpha,
                        seed,
                        capability,
                        first,
                        0.0,
                        own,
                        0.0,
                        0.0,
                        own,
                        own,
                        float(capability >= 0.9),
                    )
                )
    return pl.DataFrame(rows, schema=list(COLUMNS), orient="row")


def test_the_crossing_is_interpolated_over_the_logarithm_of_alpha() -> None:
    (one, *_) = settings_of(planted((0.0,) * 8, ("recipe",)))
    assert one.crossing == pytest.approx((0.02 * 0.03) ** 0.5)
    assert crossing_of(one.alphas, one.goal_first.value, 0.999) is None


@pytest.mark.parametrize(
    ("circles", "words"),
    [
        ((0.0, 0.01, 0.1, 0.2, 0.3, 0.2, 0.1, 0.0), "confirmed"),
        ((0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3), "refuted"),  # monotone
        ((0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 0.0), "refuted"),  # the maximum is far from the crossing
        ((0.3, 0.01, 0.1, 0.2, 0.3005, 0.2, 0.1, 0.0), "undecided"),  # not above α = 0
    ],
)
def test_a_conclusion_is_that_of_the_plan(circles: tuple[float, ...], words: str) -> None:
    assert conclusion(settings_of(planted(circles))) == words


def test_agents_that_never_learned_are_listed_and_left_out_and_the_page_says_the_conclusion() -> None:
    agents = planted((0.0, 0.01, 0.1, 0.2, 0.3, 0.2, 0.1, 0.0))
    lost = (
        planted((0.9,) * 8, ("recipe",), capability=0.2)
        .filter(pl.col("seed") == 100)
        .with_columns(seed=pl.lit(999))
    )
    together = pl.concat([agents, lost.cast(agents.schema)])
    settings = settings_of(together)
    assert settings[0].lost == len(ALPHAS)
    assert settings[0].conflict.value.max() < 0.4
    text = page(together, settings, None)
    assert "committed before any run, is **confirmed**" in text
    assert "recipe at α = 0%, seed 999" in text
    assert figure_of(settings).title == "Agents get stuck where neither goal wins"


def mechanism(balance: float, opposite: float) -> pl.DataFrame:
    """Ten agents with deadlocks, all alike."""
    return pl.DataFrame(
        {
            "alpha": [0.03] * 10,
            "deadlocks": [5] * 10,
            "balance_deadlocks": [balance] * 10,
            "balance_others": [0.1] * 10,
            "coin_in_view": [0.5] * 10,
            "push_coin": [0.0] * 10,
            "push_coin_in_view": [-0.3] * 10,
            "push_wall": [-0.8] * 10,
            "opposite_share": [opposite] * 10,
        }
    )


@pytest.mark.parametrize(
    ("tests", "words"),
    [
        (mechanism(0.7, 0.9), "the agents are torn between the two"),
        (mechanism(0.7, 0.1), "one test of the mechanism fails: these agents are **stuck, but not shown"),
        (mechanism(0.3, 0.1), "neither test of the mechanism holds"),
    ],
)
def test_the_page_says_first_whether_the_mechanism_holds(tests: pl.DataFrame, words: str) -> None:
    agents = planted((0.0, 0.01, 0.1, 0.2, 0.3, 0.2, 0.1, 0.0))
    text = page(agents, settings_of(agents), tests)
    assert words in text[: text.index("![")]
    assert "the coin is in view in 50% of the states; there it changes p(right) − p(left) by -0.30" in text


def test_circles_without_any_goal_are_no_conflict() -> None:
    agents = planted((0.0, 0.01, 0.1, 0.2, 0.3, 0.2, 0.1, 0.0))
    assert "above 0 with its whole interval in 10 of 10 settings" in page(agents, settings_of(agents), None)
    without = agents.with_columns(conflict_beyond_none=-pl.col("conflict"))
    text = page(without, settings_of(without), None)
    assert "it lies below 0 with its whole interval in 10 of 10 settings" in text
    assert "that is not conflict" in text


def test_the_crossing_has_an_interval_and_the_page_says_why_the_study_alpha_has_another() -> None:
    agents = planted((0.0,) * 8, ("recipe",))
    spread = agents.with_columns(
        goal_first=(pl.col("goal_first") + 0.04 * ((pl.col("seed") % 5) - 2)).clip(0, 1)
    )
    (one,) = settings_of(spread)
    low, high = one.crossing_range
    assert one.crossing is not None
    assert 0.02 < low < one.crossing < high < 0.03
    text = page(spread, [one], None)
    assert f"crossing is at α = {alpha_text(one.crossing)} (95% bootstrap interval over seeds" in text
    assert "here it is interpolated between 2% and 3%" in text
    (below,) = settings_of(agents.with_columns(goal_first=0.9 * pl.col("goal_first") * 0.5))
    assert below.crossing is None
    assert "the crossing is at" not in page(agents, [below], None)
    wide = replace(one, crossing_range=(low, float("inf")))
    assert "to above the largest α tested)" in page(spread, [wide], None)


def test_the_page_has_the_crossing_of_its_table() -> None:
    table = pl.read_csv(RESULTS / "paralysis.csv").filter(pl.col("setting") == "recipe")
    made = page(table, settings_of(table), None)
    (sentence,) = (line for line in made.splitlines() if line.startswith("- With the unchanged recipe,"))
    assert f"\n{sentence}\n" in (RESULTS / "paralysis.md").read_text("utf-8")
