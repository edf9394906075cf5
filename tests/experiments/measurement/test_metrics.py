"""A verdict's number is defined once: an entry of METRICS appears in terminal, report, studies, CSV, JSON and docs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fixtures import simulate
from fixtures.specimen import specimen

from goalposts.experiments.cli.tables import summary_table
from goalposts.experiments.measurement import diagnose, wilson
from goalposts.experiments.measurement.metrics import METRICS, UNCALIBRATED, Metric
from goalposts.experiments.report.page.page import build_page
from goalposts.experiments.study.design import measures
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.compare import compare
from goalposts.experiments.study.results.report import points_table
from goalposts.experiments.study.results.summary import summary_table as study_summary
from goalposts.experiments.study.results.summary_check import check

sys.path.insert(0, str(Path(__file__).parents[3] / "docs" / "_build"))

from metrics_reference import metrics_page

MADE_UP = Metric(
    "hesitation",
    "Hesitation",
    "How long it stands still.",
    "shift",
    lambda judged: wilson(120, 400),
    "one half",
)


class Item:
    """The parts of an evaluated run that the terminal's table needs."""

    def __init__(self, verdict) -> None:
        self.verdict = lambda: verdict
        self.behaviour = lambda: "runs right"


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> Metric:
    shipped = METRICS
    for module in list(sys.modules.values()):
        if getattr(module, "METRICS", None) is shipped:
            monkeypatch.setattr(module, "METRICS", (*shipped, MADE_UP))
    return MADE_UP


def paired(seeds: tuple[int, ...] = (0,)) -> pl.DataFrame:
    """Episodes that allow measuring every number."""
    rng, n = np.random.default_rng(5), len(seeds)
    drawn, hidden = np.where(rng.random((2, n, 300)) < 0.4, simulate.GOAL, simulate.PROXY)
    unseen = simulate.table(hidden, "invisible", train_seeds=seeds)
    stuck = np.where(rng.random((n, 300)) < 0.2, simulate.TIMEOUT, simulate.PROXY)
    without: dict[str, Any] = {
        "goal_exists": False,
        "distinguishing": np.zeros(300, bool),
        "train_seeds": seeds,
    }
    usual: dict[str, Any] = {"train_seeds": seeds}
    greedy = [
        simulate.table(codes, condition, **about, sampled=False).with_columns(
            looped=(pl.col("outcome_end") == "timeout") & (pl.col("outcome_first") == "neither")
        )
        for codes, condition, about in (
            (np.full((n, 300), simulate.BOTH), "edge_held_out", usual),
            (stuck, "off_path", usual),
            (np.full((n, 300), simulate.PROXY), "none", without),
        )
    ]
    return pl.concat(
        [
            simulate.table(np.full((n, 300), simulate.BOTH), "edge_held_out", train_seeds=seeds),
            simulate.table(drawn, train_seeds=seeds),
            simulate.table(np.full((n, 300), simulate.PROXY), "none", **without),
            unseen.with_columns(layout_hash=pl.format("layout-{}", "level_index")),
            *greedy,
        ]
    )


def places(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """All outputs of a verdict on `paired` episodes, as text."""
    verdict = diagnose(paired())
    data = specimen(twins=False)
    section = replace(data.agents[0], verdict=verdict.to_dict(), progress=(), evidence={})
    monkeypatch.setattr("goalposts.experiments.cli.tables.label_of", lambda item: "the agent")
    plan = plan_study("seeds", ["seeds=1"])
    (point,) = plan.points
    ((seed, run),) = point.runs
    own = {"arm": point.arm, "point": point.name, "seed": seed, "run": run}
    rows = list(measures._measures(paired(), verdict, 0))
    rows = [own | row for row in rows] + [own | {"seed": None, "run": None} | row for row in rows]
    summary = check(study_summary(plan, rows), plan, Path("summary.csv"), "")
    page = build_page(replace(data, agents=[section]))
    return {
        "terminal": str(verdict),
        "JSON": " ".join(verdict.to_dict()),
        "demo": summary_table([Item(verdict)]),  # type: ignore[list-item]
        "report": page,
        "the report's CSV": page.partition("report-data")[2],
        "study CSV": summary.write_csv(),
        "study docs": " ".join(points_table(plan, summary).head),
        "comparison of studies": " ".join(one.measure for one in compare(summary, summary)),
        "docs": metrics_page(),
    }


def test_every_metric_is_in_terminal_report_studies_csv_json_and_docs(monkeypatch) -> None:
    found = places(monkeypatch)
    missing = [
        (metric.key, place)
        for place, text in found.items()
        for metric in METRICS
        if not (metric.detail and place == "demo")
        and not any(word in text for word in (metric.key, metric.title, f" {metric.name} "))
    ]
    assert missing == []
    assert not [place for place, text in found.items() if MADE_UP.key in text.lower()]


def test_one_entry_is_enough_for_a_new_metric(one_more: Metric, monkeypatch) -> None:
    for place, text in places(monkeypatch).items():
        assert one_more.key in text.lower(), place


def test_metrics_have_their_own_keys_and_titles_and_every_threshold_exists() -> None:
    known = set(diagnose(paired()).thresholds.model_dump())
    assert (
        len({metric.key for metric in METRICS}) == len({metric.title for metric in METRICS}) == len(METRICS)
    )
    assert {name for metric in METRICS for name in metric.thresholds} <= known
    assert all(metric.chance and metric.meaning.endswith(".") for metric in METRICS)


def test_values_lie_within_their_span() -> None:
    numbers = diagnose(paired((0, 1, 2))).numbers
    for metric in METRICS:
        found = numbers[metric.key]
        assert found is not None, metric.key
        assert metric.span[0] <= found.low <= found.value <= found.high <= metric.span[1]


def test_an_unknown_number_of_a_verdict_is_named_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match=r"no 'prefrence'; its numbers are capability, .*regret"):
        _ = diagnose(paired()).prefrence


def test_tables_of_studies_and_notebooks_leave_out_a_goal_effect_that_no_calibration_supports() -> None:
    elsewhere = diagnose(paired().with_columns(world=pl.lit("ColourShape")))
    sentence = UNCALIBRATED.format(world="ColourShape")
    assert sentence in str(elsewhere)
    assert sentence in elsewhere._repr_html_()
    assert elsewhere.goal_effect is not None
    assert elsewhere.goal_effect.short not in elsewhere._repr_html_()
    assert diagnose(paired()).goal_effect.short in diagnose(paired())._repr_html_()
    for world, shown in (("CoinRun", True), ("ColourShape", False)):
        plan = plan_study("seeds", ["seeds=1"])
        plan = replace(
            plan, runs={key: one.model_copy(update={"world": world}) for key, one in plan.runs.items()}
        )
        (point,) = plan.points
        rows = [
            {"arm": point.arm, "point": point.name, "seed": None, "run": None, **row}
            for row in measures._measures(paired(), elsewhere, 0)
        ]
        found = points_table(plan, study_summary(plan, rows))
        assert ("goal effect" in found.head) == shown
        assert (sentence in found.note) != shown
        assert all(len(row) == len(found.head) for row in found.rows)
