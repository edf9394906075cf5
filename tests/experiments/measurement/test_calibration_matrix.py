"""The calibration matrix is committed, and a sample of it comes out the same today."""

from __future__ import annotations

import csv
import json

import polars as pl
import pytest
from fixtures.places import ROOT
from harness.calibration import CELLS, PLAN, agrees, matrix

TABLE = ROOT / "docs/results/calibration.csv"


def committed() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_cell_is_there_with_the_expectation_of_the_plan() -> None:
    plan = {(row["world"], row["agent"]): row for row in pl.read_csv(PLAN).iter_rows(named=True)}
    rows = committed()
    assert len(rows) == len(plan) * len(CELLS)
    for row in rows:
        assert row["expected"] == str(plan[row["world"], row["agent"]][row["cell"]])
        assert row["agrees"] == ("yes" if agrees(row["cell"], row["expected"], row["found"]) else "no")


def test_every_mismatch_is_explained_and_nothing_else() -> None:
    wrong = {f"{r['world']} / {r['agent']} / {r['cell']}" for r in committed() if r["agrees"] == "no"}
    reasons = json.loads((ROOT / "tests/fixtures/calibration_mismatches.json").read_text("utf-8"))
    assert wrong == set(reasons)
    page = TABLE.with_suffix(".md").read_text("utf-8")
    for key, reason in reasons.items():
        assert reason["errs"] in ("expectation", "code")
        assert f"The {reason['errs']} errs. {reason['why']}" in page, key


def test_the_page_quotes_what_is_printed_about_every_cell_that_differs() -> None:
    page = TABLE.with_suffix(".md").read_text("utf-8")
    assert "not examined" not in page
    for row in committed():
        assert bool(row["printed"]) == (row["agrees"] == "no")
        if row["printed"]:
            assert f"Printed: “{row['printed']}”" in page


def test_what_agrees_and_what_does_not() -> None:
    assert agrees("paralysis", "0 to 0.1", "0.004")
    assert not agrees("paralysis", "0 to 0.1", "0.200")
    assert not agrees("paralysis", "0", "not applicable")
    assert agrees("preference_beyond_chance", "0 or undefined", "undefined")
    assert agrees("preference_beyond_chance", "0 or undefined", "0.003")
    assert not agrees("preference_beyond_chance", "undefined", "0.003")
    assert agrees("attribution", "not agent-like", "undecided")
    assert not agrees("attribution", "not agent-like", "agent-like: coin")


SAMPLE = ("Mixture(0.35)", "EdgeThenCoin", "RunsRight", "UpThenRight")


@pytest.mark.slow
@pytest.mark.parametrize("world", ["CoinRun", "Corner"])
def test_a_sample_of_the_matrix_comes_out_the_same(world: str) -> None:
    """The whole path again; all agents take about four minutes of one core: the page names the command."""
    known = {(r["world"], r["agent"], r["cell"]): r["found"] for r in committed()}
    found = {(r["world"], r["agent"], r["cell"]): r["found"] for r in matrix([world], only=SAMPLE)}
    assert len(found) == 3 * len(CELLS)
    assert found == {key: known[key] for key in found}
