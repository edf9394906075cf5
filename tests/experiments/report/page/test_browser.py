"""The report in a real browser: no errors, no requests, a working player, controls that work by mouse and keyboard.

Needs Chromium (Debian's package `chromium`) and Playwright's Python package (extra `browser`); skipped where either is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.browsing import PHONE, browser, picture, pytestmark, report, step, until, visit
from fixtures.specimen import nasty, specimen

from goalposts.experiments.report.page.page import write_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "pytestmark", "report", "visit"]


def test_it_plays_by_itself_and_stops_at_the_end(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report, still=False)
    until(page, "document.querySelector('#player').classList.contains('playing')")
    page.locator("#speed").select_option("4")
    until(
        page, "+document.querySelector('#player-time').value === +document.querySelector('#player-time').max"
    )
    until(page, "!document.querySelector('#player').classList.contains('playing')")
    ended = page.locator(".stage").evaluate_all(
        "all => all.map(figure => figure.className.match(/ended-(\\w+)/)[1])"
    )
    assert ended == ["goal", "proxy", "goal", "goal"]
    assert "past the coin" in page.locator("#told").inner_text()


def test_where_motion_is_unwelcome_it_shows_how_it_ended(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report)
    page.wait_for_timeout(400)
    assert step(page) == int(page.locator("#player-time").get_attribute("max") or 0) > 0
    assert not page.locator("#player.playing").count()


def test_play_pause_scrub_and_step(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report)
    page.get_by_label("To the start").click()
    assert step(page) == 0
    before = picture(page, 1)
    page.get_by_label("One step forward").click()
    assert step(page) == 1
    assert picture(page, 1) != before
    page.get_by_label("One step back").click()
    assert (step(page), picture(page, 1)) == (0, before)
    page.locator("#player-time").fill("7")
    assert step(page) == 7
    assert page.locator("#player-clock").inner_text().startswith("step 7 /")
    page.get_by_label("Play", exact=True).click()
    until(page, "+document.querySelector('#player-time').value > 8")
    page.get_by_label("Pause").click()
    now = step(page)
    page.wait_for_timeout(400)
    assert step(page) == now


def test_every_control_has_a_key(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report)
    page.get_by_label("One step forward").focus()
    for key, expected in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 25)):
        page.keyboard.press(key)
        assert step(page) == expected, key
    page.keyboard.press("]")
    assert page.locator("#level").input_value() == "1"
    page.keyboard.press("[")
    assert page.locator("#level").input_value() == "0"
    page.locator("#player-time").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    until(page, "+document.querySelector('#player-time').value > 1")
    page.keyboard.press("Space")
    assert not page.locator("#player.playing").count()


def test_everything_can_be_reached_with_the_tabulator(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report)
    reached = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.dataset.do || document.activeElement.dataset.csv"
            )
        )
    assert {
        "theme",
        "level",
        "moved",
        "camera",
        "player-time",
        "speed",
        "play",
        "start",
        "step+",
        "level+",
        "verdict",
        "outcomes",
    } <= reached


def test_level_condition_and_camera_change_the_picture(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report)
    first = picture(page, 1)
    page.get_by_label("Next level").click()
    second = picture(page, 1)
    assert second != first
    page.locator("#moved").select_option("none")
    assert picture(page, 1) != second
    assert page.locator("[data-column=moved] [data-title]").inner_text() == "Without the coin"
    assert (
        page.locator(".stage figcaption").nth(1).inner_text().startswith("Reaches the right edge; after step")
    )
    plain = picture(page, 0)
    page.get_by_label("What it sees").check()
    assert picture(page, 0) != plain
    page.get_by_text("This level as text").click()
    assert "#########~~#########" in page.locator("#level-text").inner_text()


def test_twins_go_in_step(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report)
    page.locator("#player-time").fill("5")
    same = [picture(page, number) for number in (0, 2)]
    assert len({len(p) > 1000 for p in same}) == 1
    labels = page.locator(".stage canvas").evaluate_all(
        "all => all.map(canvas => canvas.getAttribute('aria-label'))"
    )
    assert labels[1].startswith(
        "Trained with the coin at the edge; The coin off the path; level 1: reaches the right edge".replace(
            "T", "t", 1
        )
    )
    assert labels[3].endswith("takes the coin after 11 steps.")


def test_tables_can_be_taken_along(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report)
    for name in ("verdict.csv", "outcomes.csv"):
        with page.expect_download() as waiting:
            page.locator(f"[data-csv={name.removesuffix('.csv')}]").click()
        assert waiting.value.suggested_filename == name
        assert waiting.value.path().read_text(encoding="utf-8").startswith("agent,")


def test_the_command_can_be_copied(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report, permissions=["clipboard-read", "clipboard-write"])
    button = page.locator("[data-copy=command]")
    button.click()
    until(page, "document.querySelector('[data-copy=command] span').textContent !== 'Copy'")
    copied = page.evaluate("navigator.clipboard.readText().catch(() => '')")
    assert "goalposts demo --out demo" in (copied, page.evaluate("getSelection().toString().trim()"))


def test_light_and_dark_by_the_system_and_by_hand(visit: Callable[..., Page], report: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = (visit(report, color_scheme=scheme) for scheme in ("light", "dark"))
    colours = light.evaluate(paper), dark.evaluate(paper)
    assert colours[0] != colours[1]
    for theme, expected in (("light", colours[0]), ("dark", colours[1]), ("auto", colours[1])):
        dark.locator("#theme").click()
        assert (dark.locator("#theme").inner_text(), dark.evaluate(paper)) == (f"Theme: {theme}", expected)
    line = light.locator(".charts svg path[stroke='var(--goal)']").first
    assert line.evaluate("path => getComputedStyle(path).stroke") == "rgb(0, 103, 168)"


@pytest.mark.parametrize("twin", [True, False])
def test_a_phone_shows_all_of_it(visit: Callable[..., Page], tmp_path: Path, twin: bool) -> None:
    page = visit(write_page(specimen(twin), tmp_path / "report.html"), PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    shown = page.locator(".stage:visible").count()
    assert shown == (2 if twin else 1)
    moved = page.locator(".stage:visible figcaption").first.inner_text()
    page.get_by_role("button", name="Before the change").click()
    assert page.locator(".stage:visible").count() == shown
    assert page.locator(".stage:visible figcaption").first.inner_text() != moved
    assert page.locator("h1").bounding_box()["y"] < 200
    assert page.locator(".stage:visible canvas").first.bounding_box()["y"] < 844


def test_hostile_text_does_nothing(visit: Callable[..., Page], tmp_path: Path) -> None:
    page = visit(write_page(nasty(specimen()), tmp_path / "report.html"))
    page.wait_for_timeout(300)
    assert page.locator("h1").inner_text().startswith("</script><script>alert(1)")
    assert page.locator("img").count() == 0


def test_it_can_be_read_without_scripts(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report, java_script_enabled=False)
    assert page.locator(".notice").first.is_visible()
    assert page.get_by_text("MISGENERALIZED").first.is_visible()
    assert not page.locator("#theme").is_visible()
