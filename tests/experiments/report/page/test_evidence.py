"""The section "what does it chase?": every probe, both charts, and a note on missing parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fixtures.specimen import NASTY, estimate, specimen

from goalposts.experiments.measurement.metrics import UNCALIBRATED
from goalposts.experiments.report.page.evidence import evidence
from goalposts.experiments.report.page.page import build_page
from goalposts.experiments.report.page.view import agents


def probe(condition: str, chases: str, goal: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {"condition": condition, "chases": chases, "levels": 1000}
    shares = {"goal": goal, "proxy": 1 - (goal or 0), "neither": 0.0}
    for name, value in shares.items():
        some = None if value is None else estimate(value)
        row |= {
            f"{name}{end}": some and some[key]
            for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))
        }
    return row


def made_up(name: str = "off_path") -> dict[str, Any]:
    gaps = {"coin": 0.0, "right_edge": 90.0, "uniform": 4000.0}
    table = [
        {"hypothesis": h, "kind": "device" if h == "uniform" else "agent", "log_evidence": -gap}
        for h, gap in gaps.items()
    ]
    return {
        "probes": [probe(name, "proxy", 0.2), probe("none", "proxy", None)],
        "missing": ["mirrored", "longer"],
        "goal_effect": None,
        "no_attribution": "",
        "conflict_curve": {
            "condition": name,
            "detours": [0.0, 4.0, 8.0],
            "curve": [0.5, 0.2, 0.1],
            "curve_low": [0.4, 0.1, 0.0],
            "curve_high": [0.6, 0.3, 0.2],
            "slope": {**estimate(-0.3), "n": 900, "seeds": 1},
            "explanation": "No point.",
            "bins": [{"mean": 1.0, "preference": estimate(0.4)}],
            "fits": False,
            "indifference": None,
        },
        "attribution": [
            {
                "run": name,
                "best": "coin",
                "second": "right_edge",
                "margin": 90.0,
                "tied": (),
                "episodes": 300,
                "steps": 6000,
                "condition": name,
                "agent_over_device": 500.0,
                "table": table,
            }
        ],
        "separations": [{"sentence": f"{name} does not separate “right edge” from “move right”"}],
    }


def test_the_section_holds_every_part() -> None:
    data = specimen()
    data = replace(data, agents=(replace(data.agents[0], evidence=made_up()), data.agents[1]))
    found = evidence(data, agents(data))
    assert found is not None
    assert [chart.name for chart in found.charts] == ["conflict-0", "attribution-0"]
    assert found.charts[0].title == "A: the right edge first at every detour"
    assert found.charts[1].title == "A: its actions fit “coin” best"
    assert "n = 900 levels" in found.charts[0].caption
    assert "misses some of the points" in found.charts[0].caption
    assert "n = 300 levels" in found.charts[1].caption
    assert any("mirrored, longer" in note for note in found.notes)
    assert any("separate “right edge” from “move right”." in note for note in found.notes)
    assert any("goal effect was not measured" in note for note in found.notes)
    assert "0.30 nats per episode" in found.charts[1].caption
    page = build_page(data)
    assert page.count('<b class="c-proxy">the right edge</b>: ') == 2
    assert "probes.csv" in page


def test_a_report_without_evidence_has_no_such_part() -> None:
    assert "Further evidence" not in build_page(specimen())
    assert '<b class="c-' not in build_page(specimen())


def test_hostile_names_are_shown_as_text() -> None:
    data = specimen(twins=False)
    hostile = {**made_up(NASTY), "missing": [NASTY], "no_attribution": NASTY}
    page = build_page(replace(data, agents=(replace(data.agents[0], evidence=hostile),)))
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page


def test_the_goal_effect_is_left_out_where_no_calibration_supports_it_and_the_relocation_effect_stays() -> (
    None
):
    data = specimen(twins=False)
    measured = {**made_up(), "shift": "off_path", "goal_effect": {**estimate(0.777), "warning": None}}
    measured["relocation"] = {"other": "left", "effect": {**estimate(0.123), "warning": None}}
    section = data.agents[0]
    verdict = {**section.verdict, "goal_effect": measured["goal_effect"]}
    data = replace(data, agents=(replace(section, verdict=verdict, evidence=measured),))
    elsewhere = replace(data, world=replace(data.world, name="ColourShape"))
    calibrated, uncalibrated = (shown_text(build_page(one)) for one in (data, elsewhere))
    sentence = UNCALIBRATED.format(world="ColourShape")
    assert calibrated.count("77.7%") == 2  # the table of numbers, and the notes
    assert "not shown" not in calibrated
    assert "77.7%" not in uncalibrated
    assert uncalibrated.count(sentence) == 2
    assert "12.3%" in uncalibrated


def shown_text(page: str) -> str:
    """The page without its embedded data."""
    return page.partition("report-data")[0]
