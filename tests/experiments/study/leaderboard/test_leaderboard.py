"""The numbers of the leaderboard of methods, against cases computed by hand."""

import math
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fixtures.methods_planted import ALPHAS, cells_from, planted, table
from fixtures.places import ROOT

from goalposts.experiments.analyses.methods.comparison.bonus import recorded_points
from goalposts.experiments.study.leaderboard import curves
from goalposts.experiments.study.leaderboard.agents import agents_of, tail_weights, worst_tails
from goalposts.experiments.study.leaderboard.board import board, by_parameter
from goalposts.experiments.study.leaderboard.cells import cells_of, over_seeds
from goalposts.experiments.study.leaderboard.curves import (
    critical_alpha,
    critical_ratio,
    differences,
    head_start,
    is_one_curve,
    one_curve,
    passes,
)

ROWS = ROOT / "docs" / "results" / "rows"
RISING = tuple(zip(ALPHAS, (0.1, 0.2, 0.4, 0.6, 0.9), strict=True))


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "REPETITIONS", 60)


def test_the_critical_alpha_is_interpolated_over_the_logarithm_and_says_where_it_lies_outside() -> None:
    found = critical_alpha(table(planted("methods-l1", "PLR", RISING)), "preference")
    assert found is not None
    assert found.value == pytest.approx(math.sqrt(0.01 * 0.03))
    assert found.low <= found.value <= found.high
    assert found.n == 10
    low = critical_alpha(table(planted("methods-l1", "PLR", [(a, 0.9) for a in ALPHAS])), "preference")
    high = critical_alpha(table(planted("methods-l1", "PLR", [(a, 0.1) for a in ALPHAS])), "preference")
    assert low is not None
    assert high is not None
    assert low.short == "<0.001 [<0.001, <0.001]"
    assert high.short == ">0.1 [>0.1, >0.1]"


def test_a_curve_that_falls_again_is_made_monotone() -> None:
    values = np.array([[0.0, 0.6, 0.4, 1.0]])  # the two in the middle become 0.5
    assert passes(np.array([1.0, 10.0, 100.0, 1000.0]), values, 0.5) == pytest.approx(10.0)


def test_the_worst_levels_of_a_seed_are_those_of_the_other_seeds_and_ties_share() -> None:
    regrets = {
        "a": {"one": (1.0, 1.0), "two": (0.0, 1.0), "three": (0.0, 1.0)},
        "b": {"one": (0.0, 1.0), "two": (1.0, 1.0), "three": (0.0, 1.0)},
    }
    # The worst third of three levels: for a it is `two` (b's), where a loses nothing; for b it is `one`.
    assert worst_tails(regrets, 1 / 3) == {"a": 0.0, "b": 0.0}
    assert worst_tails({"a": regrets["a"]}, 1 / 3) == {}
    assert tail_weights(np.array([3.0, 1.0, 1.0, 0.0]), 2.0).tolist() == [1.0, 0.5, 0.5, 0.0]


def test_intervals_over_seeds_are_students() -> None:
    assert over_seeds([]) is None
    found = over_seeds([0.4, 0.6, None])
    assert found is not None
    value, low, high, n = found
    assert (value, n) == (0.5, 2)
    assert high - value == pytest.approx(12.7062 * 0.1, rel=1e-4)  # t of one degree of freedom
    assert low == 0.0  # cut


def test_the_head_start_is_labels_from_scratch_over_labels_from_the_agent() -> None:
    agent = table(planted("methods-labelled", "cloning", [(1, 0.0), (10, 1.0), (100, 1.0)]))
    scratch = table(planted("methods-labelled", "cloning-untrained", [(1, 0.0), (10, 0.0), (100, 1.0)]))
    found = head_start(agent, scratch, "goal_first", 0.5)
    assert found is not None
    assert found.ratio.value == pytest.approx(10.0, rel=0.01)
    assert found.ratio.low > 1
    never = head_start(
        agent, table(planted("methods-labelled", "x", [(1, 0.0), (10, 0.0), (100, 0.1)])), "goal_first", 0.5
    )
    assert never is not None
    assert math.isinf(never.scratch)
    assert never.ratio.value == pytest.approx(
        100 / math.sqrt(10), rel=0.01
    )  # counts as the largest number tried
    assert head_start(agent, scratch.head(0), "goal_first", 0.5) is None


def ratio(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> curves.Span:
    first, second = (table(planted("methods-l1", name, own)) for name, own in (("a", one), ("b", other)))
    found = critical_ratio(first, second, "preference")
    assert found is not None
    return found


NEVER, ALWAYS = [(a, 0.1) for a in ALPHAS], [(a, 0.9) for a in ALPHAS]


def test_a_ratio_of_critical_alphas_is_bounded_on_one_side_where_one_lies_outside_the_range() -> None:
    inside = list(RISING)
    middle = math.sqrt(0.01 * 0.03)
    above, below = ratio(NEVER, inside), ratio(ALWAYS, inside)
    assert (above.value, above.upto, above.high) == (pytest.approx(0.1 / middle), math.inf, math.inf)
    assert 5 < above.low < 0.1 / middle + 0.2
    assert above.short.startswith(">5.8 [5.")
    assert above.short.endswith(", ∞]")
    assert (below.value, below.upto, below.low) == (0.0, pytest.approx(0.001 / middle), 0.0)
    assert below.short.startswith("<0.058 [0, 0.0")
    assert ratio(inside, NEVER).high == pytest.approx(middle / 0.1, rel=0.05)
    assert (ratio(ALWAYS, NEVER).low, ratio(ALWAYS, NEVER).high) == (0.0, pytest.approx(0.01))
    for same in (NEVER, ALWAYS):
        assert ratio(same, same).short == "unknown [0, ∞]"
    exact = ratio(inside, inside)
    assert (exact.value, exact.upto, exact.dropped) == (1.0, None, 0)


def test_ratios_are_paired_by_seed_and_parameter_and_say_how_many_agents_that_leaves_out() -> None:
    one = table(planted("methods-l1", "a", RISING))
    late = table(planted("methods-l1", "b", RISING)).filter(
        (pl.col("seed") >= 505) & (pl.col("parameter") < 0.1)
    )
    found = critical_ratio(one, late, "preference")
    assert found is not None
    assert (found.value, found.n, found.dropped) == (1.0, 5, 30)
    assert found.counted == "n = 5 seeds; 30 agents left out, whose pair is missing"
    start = head_start(one, late, "goal_first", 0.5)
    assert start is not None
    assert (start.ratio.value, start.ratio.n, start.ratio.dropped) == (1.0, 5, 30)
    assert critical_ratio(one, late.filter(pl.col("parameter") == 0.01), "preference") is None
    assert critical_ratio(one, late.with_columns(preference=pl.lit(None, pl.Float64)), "preference") is None


@pytest.mark.parametrize(
    ("shifted", "words"),
    [(0.0, "one curve"), (-0.3, "not one curve")],
)
def test_methods_on_one_curve_of_effective_alpha_are_found_and_others_too(shifted: float, words: str) -> None:
    def preference(effective: float) -> float:
        return 0.9 + 0.3 * math.log10(effective)

    parts = []
    for name, times in (("plain", 1.0), ("PLR", 2.0), ("SFL", 3.0)):
        own = shifted if name == "SFL" else 0.0
        values = [(a, preference(times * a) + own) for a in ALPHAS[1:]]
        parts.append(planted("methods-l1", name, values, effective=lambda a, times=times: times * a))
    found = one_curve(table(*parts))
    assert [one.method for one in found] == ["plain", "PLR", "SFL"]
    assert is_one_curve(found) == words
    if shifted:
        assert found[2].span.high < -0.1
    assert found[0].outside == 10  # plain's smallest effective α is below all others'


def test_differences_are_paired_by_seed_and_corrected() -> None:
    agents = table(
        planted("methods-l1", "plain", RISING),
        planted("methods-l1", "PLR", [(a, v + 0.05) for a, v in RISING]),
    )
    noisy = agents.filter(pl.col("method") == "PLR").with_columns(
        method=pl.lit("SFL"), preference=pl.col("preference") - 0.05
    )
    found = differences(pl.concat([agents, noisy]), "preference", "plain")
    assert [one.method for one in found] == ["PLR", "SFL"]
    assert found[0].span.value == pytest.approx(0.05)
    assert found[0].p < 1e-6
    assert found[1].p > 0.5
    assert found[0].span.n == 10


def test_differences_have_the_same_bits_for_any_order_of_rows() -> None:
    """A page is remade byte by byte: with sums in the order of a hash table, the last digit of a difference changed between runs."""
    agents = table(planted("methods-l1", "plain", RISING), planted("methods-l1", "PLR", RISING))
    noise = np.random.default_rng(0).normal(0, 0.3, agents.height)
    agents = agents.with_columns(preference=pl.col("preference") + pl.Series(noise))
    first = differences(agents, "preference", "plain")
    for seed in range(5):
        shuffled = agents.sample(fraction=1, shuffle=True, seed=seed)
        assert differences(shuffled, "preference", "plain") == first


def test_every_cell_of_the_board_has_its_n_and_interval_and_failures_stay_in() -> None:
    agents = table(
        planted("methods-l1", "plain", RISING), planted("methods-l1", "PLR", [(0.01, 0.3)], seeds=5)
    )
    rows = board(cells_from(agents), 0.01)
    assert rows[0][:4] == ["method", "n", "critical α", "critical α, goal first of all"]
    named = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert named["plain"]["n"] == "10"
    assert named["PLR"]["n"] == "5"
    assert named["PLR"]["critical α"] == "–"  # one point only
    assert named["PLR"]["verdicts"] == "5 MISGENERALIZED"
    assert named["plain"]["goal preference"].startswith("0.400 [0.39")
    assert named["plain"]["CPU s"].count("[") == 1
    many = by_parameter(cells_from(agents), "preference", "α")
    none, same = "–", r"[\d,]+(\.0)?"  # no value; a count that is the same for all agents
    spread = r"[<>]?[-\d.,]+ \[[<>]?[-\d.,∞]+, [<>]?[-\d.,∞]+\]( \(n = \d+\))?"
    for row in (*(row[2:-1] for row in rows[1:]), *(row[1:] for row in many[1:])):
        assert [text for text in row if not re.fullmatch(f"{none}|{same}|{spread}", text)] == []
    alone = board(cells_from(agents.filter(pl.col("seed") == 500)), 0.01)
    assert "[no interval]" in alone[1][alone[0].index("CVaR 10% of regret")]
    assert many[0][:2] == ["method (n = 10)", "α = 0.001"]
    assert "(n = 5)" in many[2][3]
    assert many[2][1] == "–"


def test_greedy_measures_are_those_of_greedy_episodes() -> None:
    """With sampled and greedy episodes exchanged, the sampled measures are the greedy ones; the cell is the mean over agents."""
    point = next(recorded_points(ROWS, "methods-finalists-beacon"))
    point = replace(point, runs=dict(list(point.runs.items())[:3]))
    point = replace(
        point, episodes=point.episodes.filter(pl.col("run").is_in(list(point.runs.values()))), planned=3
    )
    exchanged = replace(point, episodes=point.episodes.with_columns(~pl.col("sampled")))
    agents, others = agents_of([point]), agents_of([exchanged])
    assert agents.height == 3
    assert agents["greedy_preference"].to_list() == others["preference"].to_list()
    assert agents["greedy_goal_first"].to_list() == others["goal_first"].to_list()
    assert agents["greedy_goal_first"].to_list() != agents["goal_first"].to_list()
    cell = cells_of([point], agents).filter(measure="greedy_goal_first")
    assert cell["value"].item() == pytest.approx(agents["greedy_goal_first"].mean())
    assert cell["n"].item() == 3
