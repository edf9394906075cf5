"""The live page in a real browser: paint, undo, ask and share with mouse and keyboard, without errors or requests.

Requires Chromium and Playwright's Python package (extra `browser`); skipped if either is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.browsing import PHONE, browser, pytestmark, until, visit
from fixtures.live_run import live_run
from fixtures.live_traces import record, replayed_in, some_agent

from goalposts.envs import generate, known_worlds
from goalposts.envs.levels.level_file import load_levels, world_of
from goalposts.envs.worlds.registry import get_world
from goalposts.experiments.publish.live_page import live_page
from goalposts.experiments.report.live.page import write_live_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser", "pytestmark", "visit"]

LAPTOP = {"width": 1366, "height": 650}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    runs = [
        live_run(folder / "edge", width=128),
        live_run(folder / "anywhere", condition="anywhere", seed=1, width=128),
    ]
    return write_live_page(live_page(runs), folder / "live.html")


@pytest.fixture
def opened(visit: Callable[..., Page], live: Path) -> Callable[..., Page]:
    def open_page(skip: bool = True, path: Path = live, **options: Any) -> Page:
        page = visit(path, **{"viewport": LAPTOP, **options})
        if skip:
            page.get_by_role("button", name="Skip").click()
        return page

    return open_page


def codes(page: Page) -> list[list[int]]:
    return page.evaluate("S.codes")


def cell_of(page: Page, row: int, col: int) -> tuple[float, float]:
    box = page.locator("#board-0").bounding_box()
    assert box is not None
    rows, cols = len(codes(page)), len(codes(page)[0])
    return box["x"] + (col + 0.5) * box["width"] / cols, box["y"] + (row + 0.5) * box["height"] / rows


def free_cell(page: Page) -> tuple[int, int]:
    """The first free cell inside the level that is not next to the left or the right wall, if there is one."""
    rows = codes(page)
    free = [(r, c) for r in range(1, len(rows) - 1) for c in range(1, len(rows[0]) - 1) if rows[r][c] == 0]
    return next((cell for cell in free if 2 < cell[1] < len(rows[0]) - 3), free[0])


def test_painting_the_coin_moves_it_and_undo_brings_it_back(opened: Callable[..., Page]) -> None:
    page = opened()
    before, (row, col) = codes(page), free_cell(page)
    coin = page.evaluate("codeOf.get('C')")
    page.mouse.click(*cell_of(page, row, col))
    until(page, f"S.codes[{row}][{col}] === {coin}")
    assert sum(code == coin for line in codes(page) for code in line) == 1
    page.get_by_role("button", name="Undo").click()
    assert codes(page) == before


def test_the_sentence_follows_the_level(opened: Callable[..., Page]) -> None:
    """What was rewarded, how often the goal is reached as in training, and what each agent does on the level as it is."""
    page = opened()
    story = page.locator("#story")
    assert story.inner_text().startswith(
        "Both were rewarded for the coin. On new levels with the coin at the edge, A "
    )
    assert "On this level, with the coin off the path, A " in story.inner_text()
    for k in (0, 1):
        words = page.evaluate(f"didWords(S.boards[{k}])")
        assert f"{'AB'[k]} {words}" in story.inner_text()
    page.mouse.click(*cell_of(page, *free_cell(page)))
    until(page, "document.querySelector('#story').textContent.includes('On your level A ')")
    page.evaluate("S.codes = levels[0][0]; changed()")
    assert "On this level, with the coin at the edge, A " in story.inner_text()


def test_one_agent_fills_the_screen(visit: Callable[..., Page], tmp_path: Path) -> None:
    page = visit(
        write_live_page(live_page([live_run(tmp_path / "edge")]), tmp_path / "one.html"), viewport=LAPTOP
    )
    page.get_by_role("button", name="Skip").click()
    assert (
        page.locator("#story")
        .inner_text()
        .startswith("The agent was trained with the coin at the edge, and rewarded for the coin.")
    )
    board, beside = page.locator("#board-0").bounding_box(), page.locator("#story").bounding_box()
    assert board is not None
    assert beside is not None
    assert beside["x"] >= board["x"] + board["width"]
    assert beside["x"] + beside["width"] > LAPTOP["width"] - 60


def test_brushes_for_everything_that_the_world_has(opened: Callable[..., Page]) -> None:
    names = opened().locator(".brush span").all_inner_texts()
    assert {
        "coin",
        "second coin",
        "invisible coin",
        "decoy",
        "wall",
        "lava",
        "spikes",
        "monster",
        "erase",
    } <= set(names)


def test_a_stroke_is_answered_within_150_ms(opened: Callable[..., Page]) -> None:
    page = opened()
    took = []
    for _ in range(7):
        page.evaluate("changed()")
        took.append(page.evaluate("S.took"))
    assert min(took) < 150, took  # the least: other work on the machine adds to the rest


def test_a_drag_computes_and_draws_only_what_changes(opened: Callable[..., Page]) -> None:
    """Counts of one drag against those of whole boards, so that a busy machine does not matter; the words wait for their turn."""
    page = opened()
    counts = page.evaluate("""async () => {
        const cells = [], count = { thoughts: 0, cells: 0, words: 0 }, think = consider, draw = drawCell;
        S.codes.forEach((row, r) => row.forEach((code, c) => { if (code === 0 && inside(r, c)) cells.push([r, c]); }));
        consider = (...given) => { count.thoughts++; return think(...given); };
        drawCell = (...given) => { count.cells++; return draw(...given); };
        minds.clear();
        S.boards.forEach(({ canvas }) => grounds.delete(canvas));
        changed();
        const whole = { ...count };
        stroke = cells[0];
        performance.now = () => worded; // no time passes
        const move = (k) => { S.codes = painted(S.codes, ...cells[k], brushes[0]); changed(); };
        move(0);
        await new Promise((resolve) => setTimeout(resolve));
        Object.assign(count, { thoughts: 0, cells: 0 });
        const observer = new MutationObserver((records) => { count.words += records.length; });
        observer.observe(root, { subtree: true, childList: true, characterData: true, attributes: true });
        for (let k = 1; k <= 20; k++) move(k);
        await new Promise((resolve) => setTimeout(resolve));
        const dragged = { thoughts: count.thoughts / 20, cells: count.cells / 20, words: count.words };
        delete performance.now;
        stroke = null;
        showWords();
        await new Promise((resolve) => setTimeout(resolve));
        observer.disconnect();
        return { whole, dragged, atTheEnd: count.words };
    }""")
    whole, dragged = counts["whole"], counts["dragged"]
    assert dragged["thoughts"] < 0.75 * whole["thoughts"], counts
    assert dragged["cells"] < 0.75 * whole["cells"], counts
    assert dragged["words"] == 0
    assert counts["atTheEnd"] > 0


def test_arrows_are_pale_where_the_agent_cannot_stay(opened: Callable[..., Page]) -> None:
    """In CoinRun: in the air."""
    page = opened()
    start, cols = page.evaluate("[Array.from(startOf(world, S.level).slice(0, 2)), S.level.cols]")
    air = page.evaluate("Array.from(S.boards[0].air)")
    row, col = free_cell(page)
    assert page.evaluate(f"!solidAt({row} + 1, {col})")
    assert (air[row * cols + col], air[start[0] * cols + start[1]]) == (1, 0)
    marks = page.evaluate("Array.from(S.boards[0].marks)")
    assert marks[row * cols + col] > page.evaluate("AIR") >= marks[start[0] * cols + start[1]]
    assert page.locator("#pale").is_visible()


def test_the_chart_of_the_value_shows_the_reward(opened: Callable[..., Page]) -> None:
    page = opened()
    low = float(page.locator("#curve-low").inner_text())
    values = page.evaluate("S.boards.flatMap((board) => board.run.thoughts.map((thought) => thought.v))")
    assert low <= min(values)
    assert page.locator("#curve .reward").count() == 1
    assert "dotted: 1, the most" in page.locator("#curve-says").inner_text()


def test_the_rim_and_the_start_stay(opened: Callable[..., Page]) -> None:
    page = opened()
    before = codes(page)
    page.mouse.click(*cell_of(page, 0, 3))
    assert "rim" in page.locator("#notice").inner_text()
    start = page.evaluate("Array.from(startOf(world, S.level).slice(0, 2))")
    page.mouse.click(*cell_of(page, *start))
    assert "start" in page.locator("#notice").inner_text()
    assert codes(page) == before


def test_everything_works_by_keyboard(opened: Callable[..., Page]) -> None:
    page = opened()
    page.locator("#board-0").focus()
    row, col = page.evaluate("S.cursor")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    lava = page.evaluate("brushes.findIndex((brush) => brush.name === 'lava')")
    page.keyboard.press(str(lava + 1))
    assert page.evaluate("S.brush.name") == ("lava" if lava < 9 else "coin")
    page.keyboard.press("1")
    page.keyboard.press("Space")
    until(page, f"S.codes[{row - 2}][{col}] === codeOf.get('C')")
    page.keyboard.press("b")
    assert page.locator("#blind").is_checked()
    page.keyboard.press("v")
    assert page.locator("[value=matters]").is_checked()
    page.keyboard.press(".")
    assert page.evaluate("S.time") == 1
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.name || document.activeElement.className"
            )
        )
    buttons = {"undo", "another", "link", "save", "again", "theme", "play"}
    assert buttons | {"brush", "blind", "layer", "board-0", "board-1", "time", "take"} <= reached
    page.locator("#board-0").focus()
    page.keyboard.press("u")
    assert page.evaluate(f"S.codes[{row - 2}][{col}] !== codeOf.get('C')")


def test_the_address_keeps_the_state_and_opens_it_again(opened: Callable[..., Page], live: Path) -> None:
    page = opened()
    row, col = free_cell(page)
    page.mouse.click(*cell_of(page, row, col))
    page.locator("#blind").check()
    page.get_by_role("button", name="Copy link").click()
    painted, address = codes(page), page.evaluate("location.href")
    page.goto("about:blank")
    page.goto(address)
    assert codes(page) == painted
    assert page.locator("#blind").is_checked()
    assert not page.locator("#scene").is_visible()


def test_an_address_that_holds_no_level_does_no_harm(opened: Callable[..., Page]) -> None:
    page = opened(skip=False)
    for level in ("", "#" * 20, "x\ny", "##\n##", "A" * 300, "#####\n#AAA#\n#####"):
        page.evaluate(
            "level => { location.hash = new URLSearchParams({ level, show: '<img>', step: '-4' }); }", level
        )
        page.reload()
        assert len(codes(page)) > 4
        assert page.locator("#board-0").is_visible()


def test_a_saved_level_opens_as_a_level_file(opened: Callable[..., Page], tmp_path: Path) -> None:
    page = opened()
    page.mouse.click(*cell_of(page, *free_cell(page)))
    page.wait_for_timeout(50)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as level file").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert world_of(path) == "CoinRun"
    assert load_levels(path)[0].tiles.tolist() == codes(page)


def test_the_worker_searches_and_maps(opened: Callable[..., Page]) -> None:
    page = opened()
    until(page, "document.querySelector('#meter').textContent.startsWith('Solvable')")
    assert "Distinguishing: yes" in page.locator("#meter").inner_text()
    page.locator("[value=map]").check(force=True)
    until(page, "S.map && S.map.cells.size > 3")
    for found in page.evaluate("[...S.map.cells.values()][0]"):
        assert sum(found.values()) == pytest.approx(1)


@pytest.mark.slow
def test_the_answer_waits_for_the_guess(opened: Callable[..., Page]) -> None:
    page = opened(skip=False)
    end = "document.querySelectorAll('#scene-choices button').length === 2"
    until(page, end)
    assert not page.locator("#says-0").is_visible()
    page.emulate_media(reduced_motion="no-preference")
    shown = page.evaluate("(document.querySelectorAll('#scene-choices button')[1].click(), S.layer)")
    assert shown == "plain"  # the path first, then the arrows
    assert page.locator("#says-0").is_visible()
    assert page.locator("#ask").inner_text().split(":")[0] in ("Right", "No")
    until(page, "S.layer === 'policy'")
    assert page.locator("[value=policy]").is_checked()
    page.locator("#another").click()
    assert page.locator("#ask").inner_text().startswith("Paint the level")


def test_teachers_mode_hides_what_the_agents_do_until_it_is_shown(
    opened: Callable[..., Page], live: Path
) -> None:
    page = opened()
    page.goto(f"{live.as_uri()}?teacher")
    page.get_by_role("button", name="Skip").click()
    assert page.evaluate("S.hidden")
    for part in ("#says-0", "#next-0", "#split-0"):
        assert page.locator(part).evaluate("part => getComputedStyle(part).visibility") == "hidden"
    page.get_by_role("button", name="Show the answers").click()
    assert not page.evaluate("S.hidden")
    assert page.locator("#says-0").is_visible()
    page.get_by_role("button", name="Hide the answers").click()
    assert page.evaluate("S.hidden")


def test_a_laptop_and_a_phone_show_both_boards_at_once(opened: Callable[..., Page]) -> None:
    for viewport in (LAPTOP, PHONE):
        page = opened(viewport=viewport)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        for name in ("#board-0", "#board-1", "#says-0", "#says-1", "#time", "#curve"):
            box = page.locator(name).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= viewport["height"], (viewport, name)


def test_nothing_moves_when_the_answer_comes(opened: Callable[..., Page]) -> None:
    """The introduction takes the room above the boards that the sentences and switches will need."""
    boards = "[...document.querySelectorAll('.screen canvas, .timeline')].map((part) => JSON.stringify(part.getBoundingClientRect()))"
    for viewport in (LAPTOP, PHONE):
        page = opened(skip=False, viewport=viewport)
        playing = page.evaluate(boards)
        page.evaluate("(intro.stopped = true, intro.wake(), ask(levels[S.number][1]))")
        asked = page.evaluate(boards)
        page.locator("#scene-choices button").first.click()
        assert not page.locator("#scene").is_visible()
        assert playing == asked == page.evaluate(boards), viewport


@pytest.mark.slow
def test_axe_finds_nothing_serious(opened: Callable[..., Page]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        found = axe.Axe().run(page).response["violations"]
        assert [
            (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
        ] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", known_worlds())
def test_every_world_is_live_in_the_browser(opened: Callable[..., Page], tmp_path: Path, name: str) -> None:
    """Every brush and every layer in turn, without errors."""
    path = write_live_page(live_page([live_run(tmp_path / "run", world=name)]), tmp_path / "live.html")
    page = opened(path=path)
    until(page, "document.querySelector('#meter').textContent.startsWith('Solvable')")
    for k in range(page.locator(".brush").count()):
        page.locator(".brush").nth(k).click()
        page.mouse.click(*cell_of(page, *free_cell(page)))
        page.wait_for_timeout(40)
    for layer in ("matters", "map", "plain", "policy"):
        page.locator(f"[value={layer}]").check(force=True)
        page.wait_for_timeout(150)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as level file").click()
    waiting.value.save_as(tmp_path / "painted.txt")
    assert load_levels(tmp_path / "painted.txt", name)[0].tiles.tolist() == codes(page)


@pytest.mark.slow
@pytest.mark.parametrize("name", known_worlds())
def test_a_hundred_thousand_transitions_in_chromium(browser: Browser, name: str) -> None:
    world = get_world(name)
    levels = generate(world, world.default_condition("shift"), seed=21, count=64)
    page = browser.new_page()
    found = replayed_in(page, world, record(world, levels, some_agent(world, "view"), 1600, seed=1))
    page.close()
    assert found["transitions"] >= 100_000
    assert (found["observations"], found["ends"], found["outcomes"]) == (0, 0, 0), found["first"]
    assert found["probability"] < 1e-3
