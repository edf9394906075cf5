"""The recovery curve on the page: present if a run was fine-tuned, with exactly the measured numbers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from fixtures.parsed import block
from fixtures.relearning import CURVE, page_of, tuned
from fixtures.specimen import NASTY, estimate, specimen

from goalposts.experiments.measurement.relearning import ARMS
from goalposts.experiments.report.page.evidence import evidence
from goalposts.experiments.report.page.view import agents


def test_page_shows_the_recovery_curve_with_text_and_figures() -> None:
    data = specimen()
    data = replace(data, agents=(replace(data.agents[0], evidence={"finetuning": tuned()}), data.agents[1]))
    found = evidence(data, agents(data))
    assert found is not None
    (chart,) = found.charts
    assert (chart.name, chart.title) == ("finetuning-0", "A: was the capability there?")
    caption = chart.caption.replace("\u00a0", " ")
    assert "on held-out levels with the coin off the path" in caption
    assert "Not even this reaches it." in caption
    assert "After 106,496 steps: 91.0% [88.5, 93.5] against 41.0% [36.7, 45.3] from scratch" in caption
    assert "a difference of 50.0% [45.0, 55.0]" in caption
    assert "n = 500 levels, 1 seed" in caption
    drawn = chart.svg.partition("</title>")[2]
    assert "106 k" in drawn
    assert "not to scale" in drawn
    assert chart.svg.count("stroke-dasharray") >= 2, "one arm and the threshold are told apart without colour"


def test_every_point_can_be_taken_along() -> None:
    html = page_of({"finetuning": tuned()})
    assert 'data-csv="finetuning"' in html
    file = block(html)["tables"]["finetuning"]
    rows = list(csv.DictReader(io.StringIO(file["text"])))
    assert file["file"] == "finetuning.csv"
    assert len(rows) == 3 * len(CURVE)
    for row in rows:
        point = next(p for p in tuned()["points"] if p["steps"] == int(row["steps"]))
        assert row["arm"] in (*ARMS, "gain")
        assert {key: float(row[key]) for key in ("value", "low", "high", "n")} == {
            key: pytest.approx(point[row["arm"]][key], abs=0) for key in ("value", "low", "high", "n")
        }


def test_greedy_actions_are_in_the_caption_and_the_table_and_not_in_the_chart() -> None:
    data, curve = specimen(twins=False), tuned()
    drawn, captions = [], []
    for greedy in ([], [{**point, "finetuned": estimate(0.25, 500)} for point in curve["points"]]):
        found = {"finetuning": {**curve, "greedy_points": greedy}}
        data = replace(data, agents=(replace(data.agents[0], evidence=found),))
        charts = evidence(data, agents(data))
        assert charts is not None
        drawn.append(charts.charts[0].svg.partition("</title>")[2].partition("</desc>")[2])
        captions.append(charts.charts[0].caption.replace("\u00a0", " "))
    assert drawn[0] == drawn[1]
    assert "greedy" not in captions[0]
    assert (
        "with greedy ones, after as many steps: 25.0% [21.2, 28.8] from its weights, 41.0% [36.7, 45.3] from scratch. Dotted"
        in captions[1]
    )
    rows = list(csv.DictReader(io.StringIO(block(page_of(found))["tables"]["finetuning"]["text"])))
    assert [row["actions"] for row in rows] == ["sampled"] * 3 * len(CURVE) + ["greedy"] * 3 * len(CURVE)
    assert {row["value"] for row in rows if (row["actions"], row["arm"]) == ("greedy", "finetuned")} == {
        "0.25"
    }


def test_what_was_not_fine_tuned_has_no_such_curve() -> None:
    html = page_of({"finetuning": None, "conflict_curve": None})
    assert "was the capability there" not in html.lower()
    assert "finetuning" not in block(html)["tables"]


def test_hostile_text_in_the_curve_is_shown_as_text() -> None:
    html = page_of({"finetuning": tuned(NASTY, NASTY)}, twins=False)
    assert "<script>alert(1)" not in html
    assert "<img src=x" not in html
