"""A whole report in a real browser: live boards first, the list of every episode, readings of curves, keys, print.

Requires Chromium and Playwright's Python package (extra `browser`); skipped if either is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fixtures.browsing import PHONE, browser, pytestmark, report, until, visit
from fixtures.live_run import live_run
from fixtures.specimen import specimen

from goalposts.agents.rollout import play
from goalposts.envs import generate
from goalposts.envs.engine.outcome import END, FIRST, O_END, O_FIRST, O_STEPS
from goalposts.experiments.evaluation.evaluate import subject_of
from goalposts.experiments.publish.live_page import live_page
from goalposts.experiments.report.data import RecordedEpisodes, ReportData, Take
from goalposts.experiments.report.page.page import write_page
from goalposts.experiments.runs.run import Run

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "pytestmark", "report", "visit"]
LAPTOP = {"width": 1366, "height": 650}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("agents")
    return [live_run(folder / "edge-0"), live_run(folder / "anywhere-0", condition="anywhere", seed=1)]


@pytest.fixture(scope="module")
def living(runs: list[Run]) -> ReportData:
    """The specimen with live boards and 40 recorded episodes, which untrained agents played."""
    levels = generate("CoinRun", "off_path", seed=5, count=40)
    takes = {}
    for run in runs:
        subject = subject_of(run)
        played = play(subject.agent, levels, subject.observation, max_steps=subject.max_steps)
        takes[run.path.name] = [
            Take(FIRST[row[O_FIRST]], END[row[O_END]], actions[: row[O_STEPS]].tobytes())
            for row, actions in zip(played.outcome, played.actions.astype(np.uint8), strict=True)
        ]
    texts = [level.to_text() for level in levels]
    recorded = RecordedEpisodes("off_path", list(range(40)), [True] * 40, texts, takes)
    return replace(specimen(), boards=live_page(runs), recorded=[recorded])


@pytest.fixture(scope="module")
def file(living: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(living, tmp_path_factory.mktemp("page") / "report.html")


def opened(visit: Callable[..., Page], file: Path, viewport: dict[str, int]) -> Page:
    page = visit(file, viewport)
    page.locator("#scene-skip").click()
    return page


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE])
def test_boards_come_first_and_fit_the_screen(
    visit: Callable[..., Page], file: Path, viewport: dict[str, int]
) -> None:
    page = opened(visit, file, viewport)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    page.evaluate("scrollTo(0, 0)")
    order = page.evaluate("[...document.querySelectorAll('#live, main > section[id]')].map(part => part.id)")
    assert order == [
        "live",
        "why",
        "explorer",
        "verdict",
        "outcomes",
        "episodes",
        "training",
        "sure",
        "details",
    ]
    ends = ("#says-0", "#says-1") if viewport is LAPTOP else ("#board-0",)
    for name in ends:
        box = page.locator(name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= viewport["height"], name


def test_a_followed_link_wins_over_the_address_that_the_boards_keep(
    visit: Callable[..., Page], file: Path
) -> None:
    page = opened(visit, file, LAPTOP)
    link = page.locator(".episode-list a").first
    name = link.inner_text()
    link.evaluate("link => { link.click(); keepNow(); }")  # kept before the browser reports the link
    until(page, f"S.recorded && S.recorded.name === '{name}'")
    until(page, "location.hash.startsWith('#episode=')")


@pytest.mark.slow
def test_every_episode_can_be_filtered_linked_and_seen(
    visit: Callable[..., Page], file: Path, living: ReportData
) -> None:
    page = opened(visit, file, LAPTOP)
    lines = page.locator(".episode-list tbody tr")
    assert lines.count() == 20
    page.locator("#e-more").click()
    assert lines.count() == 40
    offered = page.locator("#e-filter option").all_inner_texts()
    assert offered[0] == "all levels: 40"
    exceptions = next(k for k, text in enumerate(offered) if text.startswith("exceptions"))
    page.locator("#e-filter").select_option(str(exceptions))
    assert 0 < lines.count() < 40
    assert page.locator("#e-told").inner_text() == f"{offered[exceptions].rsplit(': ')[-1]} of 40 levels"
    link = page.locator(".episode-list a").first
    name = link.inner_text()
    link.click()
    until(page, f"S.recorded && S.recorded.name === '{name}'")
    recorded, number = living.recorded[0], int(name.partition("/")[2])
    assert page.evaluate(
        "S.codes.map((row) => row.map((code) => tiles[code].char).join('')).join('\\n')"
    ) == (recorded.levels[number].rstrip("\n"))
    for k, section in enumerate(living.agents):
        take = recorded.takes[section.name][number]
        assert page.evaluate(f"Array.from(S.boards[{k}].run.actions)") == list(take.actions)
        assert page.evaluate(f"S.boards[{k}].run.first") == take.first
        assert page.evaluate(f"S.boards[{k}].run.end") == take.end
    address = page.evaluate("location.href")
    page.goto("about:blank")
    page.goto(address)
    until(page, f"S.recorded && S.recorded.name === '{name}'")


def test_an_address_of_no_episode_does_no_harm(visit: Callable[..., Page], file: Path) -> None:
    page = opened(visit, file, LAPTOP)
    for wrong in ("off_path/999", "nowhere/1", "/", "%3Cimg%3E/0", "off_path/-1"):
        page.evaluate("address => { location.hash = `episode=${address}`; }", wrong)
    assert page.evaluate("S.recorded") is None
    assert page.locator("#board-0").is_visible()


def test_curves_can_be_read_by_pointer_and_by_keyboard(visit: Callable[..., Page], file: Path) -> None:
    page = opened(visit, file, LAPTOP)
    curve = page.locator("[data-curve=score]")
    curve.focus()
    assert "2 M steps: A 0." in curve.locator(".read").inner_text()
    page.keyboard.press("Home")
    assert curve.locator(".read").inner_text().startswith("0 steps: A 0.0")
    page.keyboard.press("ArrowRight")
    assert (curve.get_attribute("aria-valuetext") or "").startswith("50 k steps: A 0.0")
    other = page.locator("[data-curve=preference-0]")
    other.scroll_into_view_if_needed()
    other.hover(position={"x": 150, "y": 60})
    assert "the coin first" in other.locator(".read").inner_text()


def test_terms_explain_themselves_on_focus(visit: Callable[..., Page], file: Path) -> None:
    page = opened(visit, file, LAPTOP)
    term = page.locator(".term").first
    assert not term.locator(".tip").is_visible()
    term.focus()
    assert term.locator(".tip").is_visible()


def test_keys_of_the_player_do_not_scroll_the_page(visit: Callable[..., Page], report: Path) -> None:
    """Also after a click on a picture, which takes no focus."""
    page = visit(report)
    page.locator(".stage canvas").first.click()
    before = page.evaluate("scrollY")
    for key in ("End", "Space", "Home"):
        page.keyboard.press(key)
    assert page.evaluate("scrollY") == before
    page.locator("h2").nth(2).click()
    page.keyboard.press("End")
    page.wait_for_timeout(100)
    assert page.evaluate("scrollY") > before


def test_there_is_no_empty_box_before_the_guess_and_none_in_print(
    visit: Callable[..., Page], report: Path
) -> None:
    page = visit(report)
    assert page.locator(".try:visible").count() == 1
    assert page.locator(".map:visible").count() == 0
    page.emulate_media(media="print")
    assert not page.locator("#x-guess").is_visible()
    badge = page.locator(".badge").first.evaluate("badge => getComputedStyle(badge).printColorAdjust")
    assert badge == "exact"


def test_agents_that_no_page_computes_get_the_player_and_one_sentence(
    visit: Callable[..., Page], tmp_path: Path
) -> None:
    why = "This report plays recorded episodes instead of computing new ones: edge-0 sees pixels."
    page = visit(write_page(replace(specimen(), no_boards=why), tmp_path / "report.html"))
    assert page.get_by_text(why).is_visible()
    assert page.locator("#player").is_visible()
    assert page.locator("#live").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_a_living_report(
    visit: Callable[..., Page], file: Path, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(file, LAPTOP, color_scheme=scheme, bypass_csp=True)
    page.locator("#scene-skip").click()
    page.get_by_role("button", name="Skip, just show me").click()
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true; }")
    found = axe.Axe().run(page).response["violations"]
    assert [
        (one["id"], [node["target"] for node in one["nodes"]][:4])
        for one in found
        if one["impact"] in ("serious", "critical")
    ] == []
