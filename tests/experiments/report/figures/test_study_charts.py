"""Study figures: drawn from a summary with known truth, byte-identical each time."""

import itertools
import math
import re
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from fixtures.study_specimen import ALPHAS, alpha_summary, seeds_summary
from hypothesis import given
from hypothesis import strategies as st

from goalposts.experiments.measurement.intervals import wilson
from goalposts.experiments.measurement.study_curves import (
    Spot,
    crossing,
    curve,
    holm,
    links,
    parameter,
    spearman,
    time_of_competence,
    time_of_divergence,
)
from goalposts.experiments.report.data import WorldWords
from goalposts.experiments.report.figures.charts import PALETTE, VARIABLES
from goalposts.experiments.report.figures.critical_alpha import (
    critical_alpha,
    critical_alphas,
    critical_sentences,
    critical_words,
)
from goalposts.experiments.report.figures.findings import (
    ArmNames,
    NamedSpot,
    plain_value,
    preference_title,
    seeds_title,
    whole,
)
from goalposts.experiments.report.figures.points_chart import colours_of
from goalposts.experiments.report.figures.study_axes import Scale, places, tick_labels
from goalposts.experiments.report.figures.study_charts import draw

ALPHA, SEEDS = alpha_summary(), seeds_summary()


def spots(*values: tuple[float, float, float]) -> list[Spot]:
    return [Spot("p", "x", value, low, high, 100, 5) for low, value, high in values]


@pytest.mark.parametrize("critical", [0.005, 0.02, 0.08])
def test_the_critical_share_is_found_within_its_interval(critical: float) -> None:
    found = critical_alpha(alpha_summary(critical))
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < critical < found.high
    assert found.low < found.value < found.high
    assert (
        f"critical α = {100 * found.value:.2g}% (95% CI {100 * found.low:.2g}% to {100 * found.high:.2g}%)"
        in critical_words(found)
    )


def test_the_critical_share_is_given_by_every_definition_that_was_measured() -> None:
    """In these runs each episode reaches one of the two first, so the misgeneralization rate is 1 minus the preference."""
    found = critical_alphas(ALPHA)
    assert set(found) == {"preference", "misgeneralization"}
    assert found["misgeneralization"].value == pytest.approx(found["preference"].value)
    assert found["misgeneralization"].low == pytest.approx(found["preference"].low)
    greedy = ALPHA.with_columns(measure="greedy/" + pl.col("measure"))
    said = critical_sentences(pl.concat([ALPHA, greedy]))
    assert "with sampled actions: goal preference" in said[1]
    assert "misgeneralization rate" in said[2]


def test_a_curve_that_never_rises_has_no_critical_share() -> None:
    flat = ALPHA.with_columns(value=pl.lit(0.1), low=pl.lit(0.05), high=pl.lit(0.2))
    assert critical_alpha(flat).value is None
    assert "does not pass one half" in critical_words(critical_alpha(flat))


def test_a_crossing_lies_where_the_bounds_of_the_curve_cross() -> None:
    found = crossing([0, 1, 2], spots((0.0, 0.2, 0.4), (0.2, 0.4, 0.6), (0.6, 0.8, 0.9)))
    assert (found.low, found.value, found.high) == pytest.approx((0.5, 1.25, 1.75))
    assert crossing([0, 1], spots((0.4, 0.5, 0.6), (0.6, 0.7, 0.8))).low is None
    assert crossing([0, 1], spots((0.0, 0.2, 0.4), (0.3, 0.6, 0.8))).high is None


@given(st.sampled_from(ALPHAS))
def test_a_place_on_the_axis_gives_its_share_back(alpha: float) -> None:
    scale = places(ALPHAS)
    assert scale.value(scale.place(alpha)) == pytest.approx(alpha)


def test_zero_is_left_of_all_other_values() -> None:
    scale = Scale(0.001)
    assert scale.place(0) < scale.place(0.001) < scale.place(0.01)


def test_values_of_a_grid_have_a_place() -> None:
    assert [
        parameter(x) for x in ("mixture(0.003)", "edge", "anywhere", "[256]", "right_fraction(5e-2)", "50000")
    ] == [
        0.003,
        0,
        1,
        256,
        0.05,
        50_000,
    ]
    assert parameter("null") == math.inf


def test_curves_are_points_and_dots_are_agents() -> None:
    found = curve(ALPHA, "preference", "env.condition")
    assert [spot.x for spot in found] == [f"mixture({a:g})" for a in ALPHAS]
    assert {spot.seeds for spot in found} == {10}
    assert {spot.seeds for spot in curve(ALPHA, "preference", "env.condition", "blind")} == {3}


def test_what_predicts_the_goal_is_first_and_noise_is_not() -> None:
    found = links(SEEDS, "seeds")
    assert found[0].step == 200_000
    assert abs(found[0].value) > 0.9
    assert found[0].shifted
    noise = [link for link in found if not link.shifted]
    assert noise
    assert all(abs(link.value) < 0.5 for link in noise)


def test_many_looks_at_noise_establish_nothing_and_the_outcome_itself_is_established() -> None:
    found = links(SEEDS, "seeds")
    assert found[0].established
    assert not any(link.established for link in found if not link.shifted)
    assert all(link.p <= link.p_holm <= 1 for link in found)


def test_holms_correction_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.004] + [0.5] * 34)[0] == pytest.approx(0.14)
    assert holm([]) == []


def test_the_interval_of_a_rank_correlation_covers_it() -> None:
    """Pairs from a bivariate normal with correlation r have rank correlation 6/π asin(r/2)."""
    rng = np.random.default_rng(5)
    r, hits = 0.6, 0
    truth = 6 / math.pi * math.asin(r / 2)
    for _ in range(400):
        a = rng.standard_normal(60)
        b = r * a + math.sqrt(1 - r * r) * rng.standard_normal(60)
        _, low, high = spearman(a, b)
        hits += low <= truth <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_times_of_competence_and_divergence_are_those_of_the_probes() -> None:
    competent, diverged = time_of_competence(SEEDS, "seeds"), time_of_divergence(SEEDS, "seeds")
    assert set(competent.values()) == {200_000}
    for seed, step in list(diverged.items())[:10]:
        rows = SEEDS.filter((pl.col("seed") == seed) & pl.col("measure").str.starts_with("eval/off_path"))
        for probed in (100_000, 200_000, 400_000):
            at = dict(rows.filter(pl.col("step") == probed).select("measure", "value").iter_rows())
            proxy, goal = (round(80 * at[f"eval/off_path/{what}"]) for what in ("proxy_first", "goal_first"))
            touched = round(80 * (at["eval/off_path/proxy_first"] + at["eval/off_path/goal_first"]))
            is_diverged = wilson(min(proxy, touched), touched).low > 0.5
            assert is_diverged == (step == probed) or (step is not None and probed > step)
            assert goal <= touched


@pytest.mark.parametrize(
    ("kind", "table", "names"),
    [
        ("alpha", ALPHA, ["alpha"]),
        ("seeds", SEEDS, ["seeds", "seeds-links"]),
        ("capability", SEEDS, ["capability"]),
        ("salience", ALPHA, ["points"]),
        ("plain", SEEDS, []),
    ],
)
def test_figures_say_what_they_rest_on(kind: str, table: pl.DataFrame, names: list[str]) -> None:
    found = draw(kind, table)
    assert [one.name for one in found] == names
    for one in found:
        assert "n = " in one.caption
        assert "95% interval" in one.caption
        ElementTree.fromstring(one.svg())
        assert one.png().startswith(b"\x89PNG")


@pytest.mark.parametrize("critical", [0.005, 0.08])
def test_titles_state_what_the_table_shows(critical: float) -> None:
    """The critical α, who prefers what, and how many agents end alike: another table, another title."""
    words = WorldWords("CoinRun", "the coin", "the right edge")
    found = critical_alpha(alpha_summary(critical)).value
    assert found is not None
    (alpha,) = draw("alpha", alpha_summary(critical), words)
    assert f"Coin anywhere in {100 * found:.2g}% of training levels" in alpha.title
    flat = ALPHA.with_columns(value=pl.lit(0.1), low=pl.lit(0.05), high=pl.lit(0.2))
    assert "no α tested" in draw("alpha", flat, words)[0].title
    assert (
        "the agent mostly reaches the right edge first: coin first in 10%"
        in draw("salience", flat, words)[0].title
    )
    high = ALPHA.with_columns(value=pl.lit(0.9), low=pl.lit(0.85), high=pl.lit(0.95))
    assert "the agent mostly reaches the coin first: in 90%" in draw("salience", high, words)[0].title
    labels = ["MISGENERALIZED"] * 3
    assert seeds_title(labels) == "3 training seeds, 3 times the same wrong goal"
    assert seeds_title([*labels, "MIXED"]) == "Of 4 training seeds, 3 end with the same wrong goal"


def test_type_can_be_read_on_a_phone_and_follows_the_theme() -> None:
    """At least 11 pixels where the figure is as wide as a phone's page, and a dark colour for each light one."""
    for kind, table in (("alpha", ALPHA), ("seeds", SEEDS), ("capability", SEEDS), ("salience", ALPHA)):
        for one in draw(kind, table):
            text = one.svg().decode()
            width = float(re.findall(r'<svg[^>]* width="([\d.]+)pt"', text)[0])
            sizes = [float(size) for size in re.findall(r"font(?:-size)?: [^;]*?([\d.]+)px", text)]
            assert sizes
            assert min(sizes) * (390 - 32) / width >= 11, one.name
            assert one.title.split()[0] in text
            used = {colour for colour in VARIABLES if re.search(f'style="[^"]*{colour}', text)}
            assert used
            assert all(f"{colour}" in text.partition("</style>")[0] for colour in used)
            assert "#ffffff" not in text.partition("</style>")[2]


def test_arms_are_drawn_next_to_the_grid_or_alone() -> None:
    """The blind arm of α has every point of the grid; a table with arms but no grid names each arm."""
    beside = draw("salience", ALPHA)[0].svg().decode()
    assert "blind: " in beside
    assert "other colours: arms" in draw("salience", ALPHA)[0].caption
    first = ALPHA.filter(pl.col("env.condition") == ALPHA["env.condition"][0]).drop("env.condition")
    (alone,) = draw("plain", first)
    assert "as it is" in alone.svg().decode()
    assert "blind<" in alone.svg().decode()
    assert draw("plain", first.filter(pl.col("arm") == "main")) == []
    naming = ArmNames("edge", {"main": "with the coin at the edge"})
    named = draw("plain", first, WorldWords("CoinRun", "the coin", "the right edge"), naming)[0]
    assert ">edge<" in named.svg().decode()


def row(name: str, low: float, value: float, high: float, arm: str = "main") -> NamedSpot:
    return NamedSpot(arm, name, Spot(name, name, value, low, high, 100, 5))


COIN = WorldWords("CoinRun", "the coin", "the right edge", "takes the coin", "reaches the right edge")
FRACTION = "env.condition"


@pytest.mark.parametrize(
    ("key", "rows", "title"),
    [
        (
            "",
            [
                row("edge", 0.1, 0.134, 0.2),
                row("as before", 0.1, 0.15, 0.2, "b"),
                row("far", 0.9, 0.997, 1.0, "c"),
            ],
            "Trained with the coin at the edge, the agent takes the coin first 13% of the time; trained as “far”, 99.7%",
        ),
        (
            "",
            [row("edge", 0.3, 0.5, 0.7), row("b", 0.2, 0.31, 0.4, "b"), row("c", 0.6, 0.7, 0.8, "c")],
            "Trained as “b”, the agent takes the coin first 31% of the time; trained as “c”, 70%",
        ),
        (
            "",
            [row("edge", 0.3, 0.4, 0.6), row("b", 0.5, 0.6, 0.8, "b")],
            "No clear difference: coin first in 40–60%; the intervals overlap",
        ),
        (
            FRACTION,
            [row("edge", 0.1, 0.2, 0.3), row("mixture(0.1)", 0.2, 0.4, 0.5), row("anywhere", 0.7, 0.8, 1.0)],
            "“Coin first” rises from 20% (edge) to 80% (anywhere)",
        ),
        (
            FRACTION,
            [
                row("mixture(0)", 0.1, 0.2, 0.3),
                row("mixture(0.02)", 0.4, 0.45, 0.5),
                row("mixture(0.02)", 0.8, 0.9, 1.0, "longer"),
                row("mixture(0)", 0.0, 0.02, 0.05, "longer"),
                row("mixture(0.02)", 0.4, 0.55, 0.6, "entropy"),
            ],
            "“Coin first” rises from 20% (mixture(0)) to 45% (mixture(0.02)), and to 90% (mixture(0.02))",
        ),
        (
            "env.levels",
            [row("10", 0.6, 0.7, 0.8), row("null", 0.2, 0.3, 0.4), row("1_000", 0.5, 0.55, 0.6)],
            "“Coin first” falls from 70% (10) to 30% (null)",
        ),
        (
            "env.levels",
            [row("10", 0.2, 0.3, 0.4), row("100", 0.8, 0.9, 1.0), row("1_000", 0.5, 0.55, 0.6)],
            "The number of training levels matters: coin first in 30% (10) to 90% (100)",
        ),
        (
            "env.observation",
            [row("view(coin=4)", 0.2, 0.3, 0.4), row("view", 0.5, 0.6, 0.7), row("x", 0.0, 0.1, 0.15, "arm")],
            "How the level is shown matters: coin first in 30% (view(coin=4)) to 60% (view)",
        ),
        (
            "train.algorithm",
            [row("PPO", 0.2, 0.3, 0.4), row("DQN", 0.5, 0.6, 0.7, "DQN")],
            "The algorithm or method matters: coin first in 30% (PPO) to 60% (DQN)",
        ),
    ],
)
def test_titles_of_points_state_a_contrast_a_direction_or_no_clear_difference(
    key: str, rows: list[NamedSpot], title: str
) -> None:
    naming = ArmNames("edge", {"main": "with the coin at the edge"})
    assert preference_title(key, rows, COIN, naming) == title


def test_nothing_but_all_and_none_is_rounded_to_them() -> None:
    assert [whole(share) for share in (0, 0.0004, 0.134, 0.9966, 0.99999, 1)] == [
        "0%",
        "0.1%",
        "13%",
        "99.7%",
        "99.9%",
        "100%",
    ]


def test_colours_of_points_are_agents_and_each_arm_has_its_own() -> None:
    """Blue is the goal and orange the proxy everywhere: neither may be the colour of an agent's mark."""
    first = ALPHA.filter(pl.col("env.condition") == ALPHA["env.condition"][0]).drop("env.condition")
    for kind, table, agents in (
        ("plain", first, 2),
        ("right_fraction", ALPHA.filter(pl.col("arm") == "main"), 1),
    ):
        drawing = draw(kind, table)[0].svg().decode().partition("</style>")[2]
        used = {meaning for meaning, colour in PALETTE.items() if f": {colour}" in drawing}
        assert used & {"goal", "proxy"} == set()
        assert {meaning for meaning in used if "agent" in meaning} == {
            f"agent-{k + 1}" for k in range(agents)
        }
    assert set(colours_of([f"arm {k}" for k in range(5)]).values()) == {"agent-1"}


def test_things_that_are_shown_alike_are_named_together() -> None:
    assert plain_value("env.observation", "view(line=4, gem=4, star=4)") == "line, gem and star in 4 planes"
    assert plain_value("env.observation", "view(red=4, wall=1x3)") == "red in 4 planes; wall 3 cells large"
    assert plain_value("env.observation", "view(coin=0, wall=0)") == "coin and wall not shown"
    assert plain_value("env.observation", "view(coin=4x3)") == "coin in 4 planes, 3 cells large"
    assert plain_value("env.condition", "mixture(0.02)") == "α = 2%"
    assert plain_value("env.condition", "right_fraction(0.05)") == "right 5%"


def test_the_value_next_to_the_finding_has_a_label() -> None:
    values = [0, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 1]
    for finding, label in ((0.03, "3%"), (0.021, "2%"), (0.052, "5%"), (0.2, "30%")):
        labels = tick_labels(places(values), values, finding)
        assert label in labels
        spots = [places(values).place(v) for v, said in zip(values, labels, strict=True) if said]
        assert min(b - a for a, b in itertools.pairwise(spots)) >= 0.45, "labels do not overlap"


def test_the_same_summary_draws_the_same_bytes() -> None:
    one, two = (draw("alpha", ALPHA)[0] for _ in range(2))
    assert one.svg() == two.svg()
    assert one.inline() == two.inline()
