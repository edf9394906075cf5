"""A study's page in a real browser: from a dot to that agent's episodes, and the table compared with the study's summary.

The study is made up, with twenty agents and known truth; the code that builds every study's page builds this
page. With `-m slow`, also a study of six real trainings.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from fixtures.browsing import DESKTOP, PHONE, browser, picture, pytestmark, step, visit
from fixtures.parsed import block
from fixtures.specimen import WORDS, recording, sprites
from fixtures.study_small import done, start, write_study
from fixtures.study_specimen import alpha_summary

from goalposts.experiments.measurement.metrics import METRICS
from goalposts.experiments.report.figures.study_charts import draw
from goalposts.experiments.report.numbers import shown
from goalposts.experiments.report.page.study_page import (
    StudyAgent,
    StudyFigure,
    StudyPage,
    replay_of,
    write_study_page,
)
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.page_data import page_table

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

__all__ = ["browser", "pytestmark", "visit"]
AGENTS, PLAYING = 24, 20


@pytest.fixture(scope="module")
def summary() -> pl.DataFrame:
    """The specimen's summary, with the point names of the shipped study and a verdict on each."""
    names = {(p.arm, p.values["env.condition"]): p.name for p in plan_study("alpha").points}
    found = alpha_summary(seeds=3)
    where = list(found.select("arm", "env.condition").iter_rows())
    found = found.with_columns(
        point=pl.Series([names.get(one) for one in where], dtype=pl.String)
    ).drop_nulls("point")
    first = found.filter(pl.col("seed").is_null()).unique("point", keep="first", maintain_order=True)
    gone = [pl.lit(None).cast(found.schema[name]).alias(name) for name in ("value", "low", "high")]
    verdicts = first.with_columns(*gone, measure=pl.lit("verdict"), words=pl.lit("MIXED"))
    return pl.concat([found, verdicts.select(found.columns)])


@pytest.fixture(scope="module")
def page_file(summary: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four agents in two rows, four of them without recordings; agent k takes the coin if k is even."""
    agents = [
        StudyAgent(
            f"a/{k}", f"row {k % 2}", f"seed {k}", 0.5 + 0.02 * (k % 12), "MIXED", "odd" if k == 3 else ""
        )
        for k in range(AGENTS)
    ]
    replays = [
        replay_of(agent.key, f"layout-{n}", recording("off_path", (5, 14), takes_coin=k % 2 == 0), [(2, 15)])
        for k, agent in enumerate(agents[:PLAYING])
        for n in range(2)
    ]
    data = StudyPage(
        name="alpha",
        question="What?",
        intro="Invented.",
        agents=agents,
        agents_note="Pick one.",
        figures=[StudyFigure(one.title, one.inline(), one.caption) for one in draw("alpha", summary)],
        table=page_table(plan_study("alpha"), summary),
        command="goalposts study alpha",
        study="name: alpha\n",
        version="0",
        world=WORDS,
        where="levels",
        replays=replays,
        sprites=sprites(),
    )
    return write_study_page(data, tmp_path_factory.mktemp("study") / "report.html")


def dot(page: Page, key: str) -> Locator:
    return page.locator(f'[data-agent-key="{key}"]')


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_a_dot_leads_to_what_its_agent_did(
    visit: Callable[..., Page], page_file: Path, viewport: dict[str, int]
) -> None:
    page = visit(page_file, viewport)
    for key, said in (
        ("a/4", "Takes the coin after 14 steps"),
        ("a/7", "Reaches the right edge, past the coin"),
    ):
        dot(page, key).click()
        assert page.locator("#moved").input_value() == key
        assert dot(page, key).get_attribute("aria-pressed") == "true"
        assert page.locator(".stage figcaption").first.inner_text().startswith(said)
        assert page.locator(".stage canvas").first.is_visible()
    page.get_by_label("To the start").click()
    before = picture(page, 0)
    page.get_by_label("One step forward").click()
    assert (step(page), picture(page, 0) != before) == (1, True)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]


def test_a_dot_is_picked_by_keyboard_and_the_list_marks_it(
    visit: Callable[..., Page], page_file: Path
) -> None:
    page = visit(page_file)
    dot(page, "a/8").focus()
    page.keyboard.press("Enter")
    assert page.locator("#moved").input_value() == "a/8"
    page.locator("#moved").select_option("a/3")
    assert dot(page, "a/3").get_attribute("aria-pressed") == "true"
    assert dot(page, "a/8").get_attribute("aria-pressed") == "false"


def test_an_agent_without_recordings_is_shown_and_promises_nothing(
    visit: Callable[..., Page], page_file: Path
) -> None:
    page = visit(page_file)
    assert page.locator(".agents .agent").count() == AGENTS
    assert page.locator(".agents [role=button]").count() == page.locator("#moved option").count() == PLAYING
    now = page.locator("#moved").input_value()
    page.locator(".agents .agent[role=img]").first.click()
    assert page.locator("#moved").input_value() == now


def test_arrow_keys_go_from_dot_to_dot_and_tab_stops_once(
    visit: Callable[..., Page], page_file: Path
) -> None:
    page = visit(page_file)
    assert page.locator('[data-agent-key][tabindex="0"]').count() == 1
    here = page.locator('[data-agent-key][tabindex="0"]')
    here.focus()
    focused = "document.activeElement.dataset.agentKey"
    start, seen = page.evaluate(focused), set()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
        seen.add(page.evaluate(focused))
    assert len(seen | {start}) == 5
    assert page.locator("#moved").input_value() == start, "moving picks nothing"
    page.keyboard.press("Enter")
    assert page.locator("#moved").input_value() == page.evaluate(focused) != start


@pytest.mark.parametrize("viewport", [{"width": 1366, "height": 650}, PHONE])
def test_picking_an_agent_does_not_move_the_page(
    visit: Callable[..., Page], page_file: Path, viewport: dict[str, int]
) -> None:
    """Its player is on the same screen: next to the dots, or, on a phone, above them."""
    page = visit(page_file, viewport)
    one = dot(page, "a/9")
    one.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    one.click()
    assert page.evaluate("scrollY") == before
    assert page.locator("#moved").input_value() == "a/9"
    box = page.locator(".stage canvas").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < box["y"] + box["height"] <= viewport["height"]


def test_a_finger_next_to_a_dot_picks_it(visit: Callable[..., Page], page_file: Path) -> None:
    page = visit(page_file, PHONE)
    last = page.locator(".a-strip").first.locator("[data-agent-key]").last
    last.scroll_into_view_if_needed()
    box = last.locator("circle").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] + 9, box["y"] + box["height"] / 2)
    assert page.locator("#moved").input_value() == last.get_attribute("data-agent-key")


def test_the_address_keeps_the_agent_and_the_level(visit: Callable[..., Page], page_file: Path) -> None:
    page = visit(page_file)
    dot(page, "a/11").click()
    page.get_by_label("Next level").click()
    address = page.evaluate("location.hash")
    assert address == "#agent=a%2F11&level=2"
    page.goto("about:blank")
    page.goto(page_file.as_uri() + address)
    assert page.locator("#moved").input_value() == "a/11"
    assert page.locator("#level").input_value() == "1"
    assert dot(page, "a/11").get_attribute("aria-pressed") == "true"


def equal_to_the_summary(page: Page, page_file: Path, summary: pl.DataFrame) -> int:
    """Compare every number of the table with its row of the summary and with the page's CSV; returns their count."""
    table = page.locator("#numbers table")
    head = table.locator("thead th").all_inner_texts()
    pooled = summary.filter(pl.col("seed").is_null())
    titles = {metric.name: metric.key for metric in METRICS}
    points = pooled.filter(pl.col("step").is_null())["point"].unique(maintain_order=True).to_list()
    lines = table.locator("tbody tr").all()
    assert len(lines) == len(points)
    compared = 0
    for line, point in zip(lines, points, strict=True):
        cells = line.locator("th, td").all_inner_texts()
        for title, cell in zip(head, cells, strict=True):
            if title in titles:
                (row,) = pooled.filter(
                    (pl.col("point") == point)
                    & (pl.col("measure") == titles[title])
                    & pl.col("step").is_null()
                ).to_dicts()
                estimate = shown(row)
                assert " ".join(cell.split()) == (
                    "–" if estimate is None else " ".join(estimate.text.split())
                )
                compared += 1
    with page.expect_download() as waiting:
        page.locator("[data-csv=points]").click()
    taken = list(csv.DictReader(io.StringIO(waiting.value.path().read_text(encoding="utf-8"))))
    assert (
        waiting.value.suggested_filename
        == block(page_file.read_text(encoding="utf-8"))["tables"]["points"]["file"]
    )
    assert len(taken) == pooled.height
    for got, row in zip(taken, pooled.iter_rows(named=True), strict=True):
        for key in ("value", "low", "high"):
            assert (got[key] == "") == (row[key] is None)
            assert row[key] is None or float(got[key]) == pytest.approx(row[key], abs=1e-6)
    return compared


def test_the_table_is_the_summary_number_for_number(
    visit: Callable[..., Page], page_file: Path, summary: pl.DataFrame
) -> None:
    assert equal_to_the_summary(visit(page_file), page_file, summary) >= 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(visit: Callable[..., Page], page_file: Path, scheme: str) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install 'goalposts[browser]'"
    )
    page = visit(page_file, color_scheme=scheme, bypass_csp=True)
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 10
    bad = [
        (fault["id"], [node["target"] for node in fault["nodes"]][:4])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert not bad


@pytest.mark.slow
def test_the_page_of_a_real_study(visit: Callable[..., Page], tmp_path: Path) -> None:
    """Six one-second trainings by command, then the same clicks and the same comparison with summary.csv."""
    code, said = done(start(write_study(tmp_path), tmp_path / "out", "--workers", "1"))
    assert code == 0, said
    page_file = tmp_path / "out" / "report.html"
    page = visit(page_file)
    dots = page.locator("[data-agent-key]")
    assert dots.count() > 0
    for k in range(dots.count()):
        key = dots.nth(k).get_attribute("data-agent-key")
        dots.nth(k).click()
        assert page.locator("#moved").input_value() == key
        assert page.locator(".stage figcaption").first.inner_text()
    summary = pl.read_csv(tmp_path / "out" / "summary.csv", infer_schema_length=None)
    assert equal_to_the_summary(page, page_file, summary) >= 8
