"""Swept levels in the page's data: shared data is written once, nothing is lost, hostile text stays text."""

import csv
import io
from dataclasses import replace

import pytest
from fixtures.parsed import block
from fixtures.specimen import CELLS, NASTY, nasty, specimen

from goalposts.experiments.report import ReportData
from goalposts.experiments.report.page.downloads import downloads
from goalposts.experiments.report.page.explorer import pack_explorer
from goalposts.experiments.report.page.page import build_page
from goalposts.experiments.report.page.replays import settled


def test_every_place_unpacks_to_what_was_played(twins: ReportData) -> None:
    packed = pack_explorer(twins)
    assert packed is not None
    (level,), (one,) = packed["levels"], twins.explorations
    assert [(row + level["top"], col) for row, col in level["cells"]] == list(CELLS)
    assert level["cells"][level["home"]] == [one.home[0] - level["top"], one.home[1]]
    assert packed["names"][level["goal"]] == "coin"
    for by in level["by"]:
        places = one.places[twins.agents[by["a"]].name]
        for numbers, counts, place in zip(by["takes"], by["counts"], places, strict=True):
            assert counts == [place.counts[kind] for kind in ("goal", "proxy", "neither")]
            for number, rollout in zip(numbers, place.rollouts, strict=True):
                first, _, frames = level["takes"][number]
                assert first == rollout.outcome_first
                for moment, frame in zip(frames, rollout.frames[: settled(rollout) + 1], strict=True):
                    parts = level["moments"][moment]
                    things = [level["things"][k] for k in (*parts[0], *parts[1])]
                    told = [(packed["names"][k], row + level["top"], col) for k, row, col in things]
                    assert sorted(told) == sorted((s.name, s.row, s.col) for s in frame)


def test_the_board_is_the_level_without_its_goal(twins: ReportData) -> None:
    packed = pack_explorer(twins)
    assert packed is not None
    level = packed["levels"][0]
    tiles = twins.explorations[0].places["edge-0"][0].rollouts[0].tiles
    rows = tiles[level["top"] : level["top"] + level["h"]]
    assert [packed["names"][k] for k in level["tiles"]] == [name for row in rows for name in row]


def test_levels_beyond_the_budget_are_left_out_and_counted(twins: ReportData) -> None:
    data = replace(twins, explorations=[*twins.explorations] * 3)
    packed = pack_explorer(data, budget=3500)
    assert packed is None or len(packed["levels"]) + packed["left_out"] == 3
    whole = pack_explorer(data)
    assert whole is not None
    assert (len(whole["levels"]), whole["left_out"]) == (3, 0)


def test_an_agent_that_the_report_does_not_have_is_refused(twins: ReportData) -> None:
    one = twins.explorations[0]
    stranger = replace(one, places={"stranger": next(iter(one.places.values()))})
    with pytest.raises(ValueError, match="'stranger'; the report's agents are edge-0, anywhere-0"):
        pack_explorer(replace(twins, explorations=(stranger,)))


def test_every_table_of_the_page_is_a_file(twins: ReportData, html: str) -> None:
    files = block(html)["tables"]
    assert {
        "verdict",
        "outcomes",
        "training",
        "leakage",
        "thresholds",
        "provenance",
        "explored",
    } <= files.keys()
    assert all(f'data-csv="{name}"' in html for name in files)
    rows = list(csv.DictReader(io.StringIO(files["explored"]["text"])))
    assert len(rows) == 2 * len(CELLS)
    assert {int(row["episodes"]) for row in rows} == {20}
    points = list(csv.DictReader(io.StringIO(files["training"]["text"])))
    assert len(points) == sum(len(agent.progress) for agent in twins.agents)
    assert float(points[3]["ep_rew_mean"]) == twins.agents[0].progress[3]["ep_rew_mean"]


def test_a_page_without_explored_levels_has_no_explorer(twins: ReportData) -> None:
    page = build_page(replace(twins, explorations=()))
    assert 'id="explorer"' not in page
    assert "explorer" not in block(page)
    assert "explored" not in downloads(replace(twins, explorations=()))


def test_hostile_text_stays_text() -> None:
    page = build_page(nasty(specimen()))
    assert 'id="explorer"' in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert NASTY in block(page)["explorer"]["names"]
