"""The explorer in a real browser: guess, drag, tap, arrow keys; and axe-core's findings on the light and dark page.

Requires Chromium, Playwright and axe-playwright-python (extra `browser`), which contains axe-core; skipped if one is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.browsing import PHONE, browser, pytestmark, report, visit
from fixtures.relearning import page_of, tuned

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "pytestmark", "report", "visit"]
SAID = "#explorer .field-board figcaption"


def board(page: Page) -> str:
    return page.locator(".field-board canvas").first.evaluate("canvas => canvas.toDataURL()")


def test_explorer_asks_for_a_guess_before_showing_the_answer(
    visit: Callable[..., Page], report: Path
) -> None:
    page = visit(report)
    assert page.locator(SAID).first.inner_text() == ""
    assert not page.locator(".map canvas").first.is_visible()
    page.get_by_role("button", name="To the coin").click()
    assert (
        "You said the coin. No: it reaches the right edge, past the coin"
        in page.locator("#x-guessed").inner_text()
    )
    assert page.locator(".map canvas").first.is_visible()
    assert "the coin first: 0% [0, 16.1]" in page.locator(".map figcaption").first.inner_text().replace(
        "\u00a0", " "
    )
    assert not page.locator("#x-guess").is_visible()


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, PHONE])
def test_dragging_the_coin_changes_the_rollout(
    visit: Callable[..., Page], report: Path, viewport: dict[str, int]
) -> None:
    page = visit(report, viewport)
    page.get_by_role("button", name="Skip").click()
    before = board(page)
    handle, box = page.locator(".handle").first, page.locator(".field-board canvas").first
    handle.scroll_into_view_if_needed()
    start, frame = handle.bounding_box(), box.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.97, frame["y"] + frame["height"] * 0.8, steps=6)
    page.mouse.up()
    assert page.locator(SAID).first.inner_text().startswith("takes the coin")
    assert "column 20" in (handle.get_attribute("aria-label") or "")
    assert board(page) != before
    page.get_by_role("button", name="Back to where it was").click()
    assert page.locator(SAID).first.inner_text().startswith("reaches the right edge, past the coin")
    assert board(page) == before


def test_the_coin_moves_by_keyboard_and_by_a_tap(visit: Callable[..., Page], report: Path) -> None:
    page = visit(report)
    handle = page.locator(".handle").first
    handle.focus()
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Home", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        seen.append((handle.get_attribute("aria-label") or "").rpartition(" ")[2])
    assert seen == ["19", "20", "19", "15", "12", "12"]
    assert "Agent A: " in page.locator("#x-told").inner_text()
    page.locator(".map canvas").nth(1).click(position={"x": 5, "y": 60})
    assert (handle.get_attribute("aria-label") or "").endswith("column 7")
    page.locator("#x-luck").select_option("0")
    assert page.locator(SAID).nth(1).inner_text().startswith("takes the coin")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_no_serious_fault(visit: Callable[..., Page], report: Path, scheme: str) -> None:
    page = visit(report, color_scheme=scheme, bypass_csp=True)
    page.get_by_role("button", name="Skip").click()
    assert serious_faults(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_the_fine_tuning(
    visit: Callable[..., Page], tmp_path: Path, scheme: str
) -> None:
    file = tmp_path / "tuned.html"
    file.write_text(page_of({"finetuning": tuned()}), encoding="utf-8")
    page = visit(file, color_scheme=scheme, bypass_csp=True)
    assert page.get_by_text("was the capability there?").count()
    assert serious_faults(page) == []


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """Findings of axe-core with everything unfolded; the page allows its script only with `bypass_csp`."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install 'goalposts[browser]'"
    )
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true; }")
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 15
    return [
        (fault["id"], [node["target"] for node in fault["nodes"]][:4])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
