"""Numbers, tables and bars of a report: each with its interval, without false certainty."""

import csv
import io
from typing import Any

import pytest
from fixtures.parsed import Page, block

from goalposts.experiments.report import ReportData
from goalposts.experiments.report.numbers import csv_text, percent, shown
from goalposts.experiments.report.page.bars import roles
from goalposts.experiments.report.page.proof import in_percent
from goalposts.experiments.report.page.view import agents


@pytest.mark.parametrize(
    ("given", "text", "table"),
    [
        ({"value": 0.976, "low": 0.964, "high": 0.984}, "97.6% [96.4, 98.4]", "0.98 [0.96, 0.98]"),
        ({"value": 0.9992, "low": 0.998, "high": 0.9999}, "99.9% [99.8, 100.0]", "0.9992 [0.9980, 0.9999]"),
        ({"value": 0.001, "low": 0.00003, "high": 0.0056}, "0.1% [0.0, 0.6]", "0.001 [0.000, 0.006]"),
        ({"value": 1.0, "low": 0.996, "high": 1.0}, "100% [99.6, 100]", "1.000 [0.996, 1.000]"),
        ({"value": 0.0, "low": 0.0, "high": 0.0004}, "0% [0, 0.1]", "0.0000 [0.0000, 0.0004]"),
        ({"value": -0.02, "low": -0.05, "high": 0.01}, "−2.0% [−5.0, 1.0]", "−0.02 [−0.05, 0.01]"),
    ],
)
def test_an_estimate_in_print(given: dict[str, float], text: str, table: str) -> None:
    found = shown(given)
    assert found is not None
    assert found.text.replace("\u00a0", " ") == text
    assert f"{found.point} {found.interval}".replace("\u00a0", " ") == table


def test_a_sentence_is_converted_to_per_cent_once() -> None:
    """0.2% was taken for a fraction again: the page printed 20%% [10%, 70%]."""
    verdict = {"misgeneralization": {"value": 0.002, "low": 0.0002, "high": 0.0072}}
    said = in_percent("proxy first in 0.002 [0.000, 0.007]; the lower bound 0.00 is below 0.50.", verdict)
    assert said.replace("\u00a0", " ") == "proxy first in 0.2% [0.0, 0.7]; the lower bound 0.0% is below 50%."


def test_what_is_not_certain_is_not_printed_as_certain() -> None:
    assert percent(0.9999) == "99.9%"
    assert percent(0.0001) == "0.1%"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"value": 0.5},
        {"value": 0.5, "low": None, "high": 1.0},
        {"value": float("nan"), "low": 0, "high": 1},
    ],
)
def test_a_number_without_an_interval_is_not_shown(broken: Any) -> None:
    assert shown(broken) is None


def test_the_table_says_what_it_rests_on(page: Page, twins: ReportData) -> None:
    cells = " ".join(page.texts["td"] + page.texts["b"] + page.texts["span"])
    for expected in ("96.8%", "[95.7,\u00a097.9]", "1,000", "100%", "94.0%"):
        assert expected in cells


def test_the_csv_holds_every_digit(html: str, twins: ReportData) -> None:
    tables = block(html)["tables"]
    rows = list(csv.DictReader(io.StringIO(tables["verdict"]["text"])))
    assert [row["agent"] for row in rows[:2]] == ["edge-0", "anywhere-0"]
    assert float(rows[0]["low"]) == twins.agents[0].verdict["capability"]["low"]
    assert {row["metric"] for row in rows} == {
        "capability",
        "capability_shift",
        "preference",
        "misgeneralization",
        "goal_effect",
    }
    outcomes = list(csv.DictReader(io.StringIO(tables["outcomes"]["text"])))
    one = next(
        r for r in outcomes if (r["agent"], r["condition"], r["outcome"]) == ("edge-0", "off_path", "proxy")
    )
    assert (
        float(one["value"])
        == next(r for r in twins.agents[0].outcomes if r.condition == "off_path").proxy["value"]
    )
    assert (one["role"], one["actions"], one["n"], one["seeds"]) == ("shift", "sampled", "1000", "1")


def test_a_spreadsheet_does_not_run_a_name() -> None:
    assert csv_text(("name",), [("=1+1",), ("-x",), ("fine",)]) == "name\r\n'=1+1\r\n'-x\r\nfine\r\n"
    assert csv_text(("value",), [(-0.5,)]) == "value\r\n-0.5\r\n"


def test_bars_fill_their_width_with_goal_left_and_proxy_right(twins: ReportData) -> None:
    found = {c.name: c for role in roles(twins, agents(twins)) for c in role.conditions}
    bar = found["off_path"].bars[0]
    assert [part.kind for part in bar.parts] == ["goal", "neither", "proxy"]
    assert bar.parts[-1].x + bar.parts[-1].width == pytest.approx(100, abs=0.01)
    whiskers = {whisker.kind: whisker for whisker in bar.whiskers}
    assert whiskers["goal"].low < bar.parts[0].width < whiskers["goal"].high
    assert whiskers["proxy"].low < bar.parts[2].x < whiskers["proxy"].high
    assert [part.kind for part in found["none"].bars[0].parts] == ["neither", "proxy"]
    assert list(found) == ["edge", "edge_held_out", "anywhere", "off_path", "left", "none"]
