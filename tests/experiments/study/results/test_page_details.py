"""The details of a study's page: what is said about names where the study does not play the probes that give them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from goalposts.experiments.measurement.study_curves import Spot
from goalposts.experiments.measurement.verdict.kinds import preferences_judged
from goalposts.experiments.study.design.measures import BEHAVIOUR
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.docs_page import _how_far_apart
from goalposts.experiments.study.results.page_details import NOT_PROBED, details, scope


def page(study: str, words: str) -> str:
    plan = plan_study(study)
    rows = [
        {
            "point": point.name,
            "seed": None,
            "step": None,
            "measure": BEHAVIOUR,
            "words": words,
            "condition": None,
        }
        for point in plan.points
    ]
    schema = {"point": str, "seed": int, "step": int, "measure": str, "words": str, "condition": str}
    empty = {"value": None, "low": None, "high": None}
    return "\n".join(details(plan, pl.DataFrame([row | empty for row in rows], schema_overrides=schema)))


@pytest.mark.parametrize(
    ("study", "words", "listed"),
    [
        ("alpha", "no name: 10 of 10", False),
        ("alpha", "runs right: 1 of 10; no name: 9 of 10", True),
        ("coinrun", "no name: 10 of 10", True),  # its probes were played, and give no name
    ],
)
def test_points_are_listed_by_name_only_where_that_says_something(
    study: str, words: str, listed: bool
) -> None:
    text = page(study, words)
    assert (words in text) == listed
    assert (NOT_PROBED in text) == (not listed)


def test_a_page_says_which_single_prediction_unnamed_agents_miss() -> None:
    plan = plan_study("coinrun")
    point = plan.points[0]
    rows: list[dict[str, str | float]] = []
    for seed, (name, edge, passed) in enumerate(
        [("runs right", 1, 0.84), ("", 1, 0.81), ("", 1, 0.77), ("", 0.5, 0.79)]
    ):
        tests: dict[tuple[str, str], float] = {
            ("did/proxy first and no goal", "left"): edge,
            ("did/proxy", "none"): 1,
            ("did/reaches the wall opposite to the edge and no proxy", "mirrored"): 1,
            ("did/passes the edge", "no_wall"): passed,
            ("did/goal first", "off_path"): 0.1,  # of another candidate
        }
        rows.append({"seed": seed, "run": str(seed), "measure": BEHAVIOUR, "words": name})
        rows.extend(
            {
                "seed": seed,
                "run": str(seed),
                "measure": measure,
                "condition": condition,
                "value": value,
                "low": value - 0.03,
            }
            for (measure, condition), value in tests.items()
        )
    rows.append({"measure": BEHAVIOUR, "words": "runs right: 1 of 4; no name: 3 of 4"})
    schema = {
        **dict.fromkeys(("point", "run", "measure", "condition", "words"), pl.String),
        **dict.fromkeys(("seed", "step"), pl.Int64),
        **dict.fromkeys(("value", "low", "high"), pl.Float64),
    }
    table = pl.DataFrame([{"point": point.name, **row} for row in rows], schema=schema)
    text = "\n".join(details(plan, table))
    assert (
        "no name: 3 of 4. Of those without a name, 2 miss “runs right” only by “passes the edge” on `no_wall` (77% to 81% of episodes)."
        in text
    )


@pytest.mark.parametrize(
    ("verdict", "preference", "said"),
    [("ALIGNED", 0.14, True), ("ALIGNED", 0.99, False), ("MIXED", 0.14, False)],
)
def test_a_page_says_why_agents_that_prefer_the_proxy_are_aligned(
    verdict: str, preference: float, said: bool
) -> None:
    plan = plan_study("keysandchests")
    values = {"verdict": None, "preference": preference, "normalized_regret": 0.07}
    rows = [
        {
            "point": point.name,
            "seed": None,
            "step": None,
            "measure": measure,
            "words": verdict if measure == "verdict" else "",
            "condition": "plentiful",
            "value": value,
            "low": None if value is None else value - 0.02,
            "high": None if value is None else value + 0.02,
        }
        for point in plan.points
        for measure, value in values.items()
    ]
    text = "\n".join(details(plan, pl.DataFrame(rows, schema_overrides={"seed": pl.Int64, "step": pl.Int64})))
    reason = "ALIGNED by way of the proxy. The goal comes first in only 14% of episodes that reach either, but these agents lose"
    assert (f"anywhere: {reason} 0.070 [0.050, 0.090]" in text) == said


SCHEMA = {
    **dict.fromkeys(("point", "run", "measure", "condition", "words"), pl.String),
    **dict.fromkeys(("seed", "step"), pl.Int64),
    **dict.fromkeys(("value", "low", "high"), pl.Float64),
}


def test_a_page_says_which_verdicts_differ_with_greedy_actions() -> None:
    plan = plan_study("corner")
    greedy = {"corner": "MISGENERALIZED", "corner-anywhere": "CAPABILITY LOSS", "corner-region": "MIXED"}
    sampled = greedy | {"corner-anywhere": "ALIGNED"}
    rows: list[dict[str, object]] = []
    for point in plan.points:
        for measure, words in (("verdict", sampled), ("greedy/verdict", greedy)):
            rows.append({"point": point.name, "measure": measure, "words": words[point.name]})
            rows += [
                {"point": point.name, "seed": seed, "measure": measure, "words": label}
                for seed, label in enumerate([sampled[point.name], words[point.name]])
            ]
    text = "\n".join(details(plan, pl.DataFrame(rows, schema=SCHEMA)))
    assert "With greedy actions, the verdict differs at 1 of 3 points:\n" in text
    assert (
        "- anywhere: ALIGNED with sampled actions, CAPABILITY LOSS with greedy ones. Of its 2 agents, each judged alone, 1 differs."
        in text
    )
    assert (
        "At the other points, 0 of 4 agents, each judged alone, have another verdict with greedy actions."
        in text
    )
    alike = [row for row in rows if row["point"] != "corner-anywhere"]
    text = "\n".join(details(plan, pl.DataFrame(alike, schema=SCHEMA)))
    assert "With greedy actions, the verdict differs at 0 of 2 points." in text
    unplayed = [row for row in rows if row["measure"] == "verdict"]
    assert "With greedy actions" not in "\n".join(details(plan, pl.DataFrame(unplayed, schema=SCHEMA)))


@pytest.mark.parametrize(("high", "said"), [(-0.01, True), (0.01, False)])
def test_circling_that_is_commoner_without_any_goal_is_no_evidence_of_a_conflict(
    high: float, said: bool
) -> None:
    plan = plan_study("corner")
    rows = [
        {
            "point": "corner-anywhere",
            "measure": "paralysis_beyond_none",
            "value": -0.2,
            "low": -0.3,
            "high": high,
        },
        {"point": "corner", "measure": "paralysis_beyond_none", "value": 0.1, "low": 0.0, "high": 0.2},
    ]
    text = "\n".join(details(plan, pl.DataFrame(rows, schema=SCHEMA)))
    assert (
        "below 0, with its whole interval, at 1 of 3 points (anywhere, -0.200 [-0.300, -0.010])." in text
    ) == said
    assert ("no evidence of a conflict" in text) == said


@pytest.mark.parametrize("alike", [True, False])
def test_the_distance_from_training_is_that_of_each_point_where_points_differ(alike: bool) -> None:
    plan = plan_study("levels")
    rows: list[dict[str, object]] = []
    for place, point in enumerate(plan.points):
        values = {
            "training": 10**place,
            "nearest": 1,
            "median": 12 - place,
            "within_1": 0.04,
            "within_2": 0.05,
        }
        if alike:
            values |= {"training": 10, "median": 12}
        rows += [
            {"point": point.name, "condition": condition, "measure": f"distance/{name}", "value": value}
            for condition in ("off_path", "invisible")
            for name, value in values.items()
        ]
    text = "\n".join(details(plan, pl.DataFrame(rows, schema=SCHEMA)))
    tail = "layouts differs in 12 cells (median; at least 1); 4% of levels are within one cell of it, 5% within two."
    if alike:
        assert text.count("training layouts") == 1
        assert f"- `off_path`, `invisible`: the nearest of 10 training {tail}" in text
    else:
        assert text.count("training layouts") == len(plan.points)
        assert f"- 10: `off_path`, `invisible`: the nearest of 1 training {tail}" in text
        assert (
            "- null: `off_path`, `invisible`: the nearest of 10,000 training layouts differs in 8 cells"
            in text
        )


def test_the_range_of_single_agents_leaves_out_those_that_lost_their_capability() -> None:
    rows: list[dict[str, object]] = []
    for point, seeds in {"narrow": {0: 0.2, 1: 1.0}, "wide": {0: 0.4, 1: 0.3}, "lost": {0: 1.0}}.items():
        for seed, value in seeds.items():
            key = {"point": point, "seed": seed, "arm": "main", "trunk": point}
            rows.append({**key, "measure": "preference", "value": value, "low": value, "high": value, "n": 9})
            rows.append({**key, "measure": "verdict", "words": "CAPABILITY LOSS" if value == 1 else "MIXED"})
    table = pl.DataFrame(
        rows, schema={**SCHEMA, "n": pl.Int64, "seeds": pl.Int64, "arm": pl.String, "trunk": pl.String}
    )
    assert sorted(spot.value for spot in preferences_judged(table, "trunk")) == [0.2, 0.3, 0.4, 1.0]


def test_extremes_of_many_points_are_compared_with_a_correction() -> None:
    """Of ten points that are all alike, the two farthest apart are no finding because their 95% intervals just miss each other."""
    low, high = Spot("a", "a", 0.40, 0.30, 0.50, 1000, 10), Spot("b", "b", 0.61, 0.51, 0.71, 1000, 10)
    assert _how_far_apart(low, high, 2) == "their intervals do not overlap"
    assert "once they are widened for 45 pairs: no difference is established" in _how_far_apart(low, high, 10)
    far = replace(high, value=0.9, low=0.8, high=1.0)
    assert _how_far_apart(low, far, 10) == "their intervals do not overlap, even widened for 45 pairs"
    assert (
        _how_far_apart(low, replace(high, low=0.45), 10)
        == "their intervals overlap: no difference is established"
    )


def test_a_page_says_one_recipe_only_of_studies_that_have_one() -> None:
    assert scope(plan_study("alpha")) == "One world, one recipe."
    assert scope(plan_study("recipe")) == "One world; training varies only as the points say."
