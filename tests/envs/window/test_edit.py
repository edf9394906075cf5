"""The level editor: strokes, undo, unique tiles that move, immediate planner results, and valid level files."""

from pathlib import Path

import numpy as np
import pytest
from fixtures.windows import IDLER, PLAIN, PLANNER, click, key, picture
from hypothesis import given, settings
from hypothesis import strategies as st

from goalposts.envs import Level, generate, get_world, known_worlds, load_levels
from goalposts.envs.levels.level_file import world_of
from goalposts.envs.window.canvas import pygame
from goalposts.envs.window.draft_level import Sketch
from goalposts.envs.window.edit import Edit
from goalposts.envs.window.watch import Watch
from goalposts.envs.window.window import Window

CODES = get_world("CoinRun").legend.codes


def drawing(path: Path, *levels: Level) -> tuple[Window, Edit]:
    view = Edit(levels or [Level.from_text(PLAIN)], path, [PLANNER, IDLER])
    window = Window(view)
    window.frame(0)
    return window, view


def test_the_coin_is_moved_by_a_click_and_judged_at_once(tmp_path: Path) -> None:
    window, view = drawing(tmp_path / "mine.txt")
    with window:
        assert view.sketch.plan.distinguishing
        click(window, (4, 10))
        assert (view.sketch.tiles == CODES["C"]).sum() == 1
        assert view.sketch.tiles[4, 10] == CODES["C"]
        assert not view.sketch.plan.distinguishing
        key(window, "z", "z", pygame.KMOD_CTRL)
        assert view.sketch.plan.distinguishing
        assert not view.changed
        view._warned = True


def test_walls_and_hazards_are_drawn_and_erased_in_one_stroke(tmp_path: Path) -> None:
    window, view = drawing(tmp_path / "mine.txt")
    with window:
        view.tile = CODES["^"]
        for column in (5, 6, 7):
            click(window, (4, column), kind="down")
        click(window, (4, 7), kind="up")
        assert (view.sketch.tiles[4, 5:8] == CODES["^"]).all() or view.sketch.tiles[4, 7] == CODES["^"]
        click(window, (4, 7), button=3)
        assert view.sketch.tiles[4, 7] == 0
        view.sketch.undo()
        while view.sketch.undo():
            pass
        assert not view.changed


def test_unsolvable_level_is_reported(tmp_path: Path) -> None:
    window, view = drawing(tmp_path / "mine.txt")
    with window:
        before = picture(window)
        view.tile = CODES["#"]
        for row in range(1, 5):
            click(window, (row, 7))
        assert view.sketch.fault is None
        assert not view.sketch.plan.solvable
        assert (picture(window) != before).any()
        view._warned = True


def test_the_keyboard_draws_too(tmp_path: Path) -> None:
    window, view = drawing(tmp_path / "mine.txt")
    with window:
        window.press_all("right*2 down return")
        assert view.sketch.tiles[2, 3] == CODES["C"]
        window.press_all("right delete s")
        assert load_levels(tmp_path / "mine.txt")[0] == view.sketch.level


def test_unique_tiles_move_and_invalid_tiles_are_refused(tmp_path: Path) -> None:
    sketch = Sketch(Level.from_text(PLAIN))
    sketch.draw((4, 5), CODES["A"])
    assert sketch.fault is None
    assert sketch.tiles[4, 2] == 0
    sketch.lift()
    sketch.draw((0, 6), CODES["v"])
    assert sketch.fault is None
    assert sketch.tiles[0, 10] == CODES["#"]
    sketch.lift()
    sketch.draw((2, 7), CODES["C"], more=True)
    assert (sketch.tiles == CODES["C"]).sum() == 2
    sketch.lift()
    sketch.draw((4, 5), 0)
    assert sketch.fault is not None
    view = Edit([sketch.level], tmp_path / "bad.txt", [PLANNER])
    with Window(view) as window:
        window.frame(0)
        view.sketch.draw((1, 1), CODES["B"])
        assert not view.save()
        assert not (tmp_path / "bad.txt").exists()
        window.press("space")
        assert window.view is view, "agents need a valid level"
    assert view.rescued == tmp_path / "bad.unsaved.txt"


def test_agent_replays_the_drawn_level_and_the_editor_returns(tmp_path: Path) -> None:
    window, view = drawing(tmp_path / "mine.txt")
    with window:
        click(window, (3, 8))
        key(window, "space", " ")
        assert isinstance(window.view, Watch)
        assert window.view.shown.level == view.sketch.level
        assert window.view.shown.episode.moments[-1].first == "goal"
        key(window, "escape")
        assert window.view is view
        assert window.open
        view.save()


def test_leaving_asks_once_and_keeps_unsaved_levels(tmp_path: Path) -> None:
    window, view = drawing(tmp_path / "mine.txt")
    click(window, (3, 8))
    key(window, "q", "q")
    assert window.open
    key(window, "q", "q")
    assert not window.open
    drawn = view.sketch.level
    window.close()
    assert not (tmp_path / "mine.txt").exists()
    assert load_levels(tmp_path / "mine.unsaved.txt")[0] == drawn
    assert world_of(tmp_path / "mine.unsaved.txt") == "CoinRun"


@pytest.mark.parametrize("world", tuple(known_worlds()))
def test_every_world_can_be_edited_and_its_file_names_it(world: str, tmp_path: Path) -> None:
    of = get_world(world)
    levels = list(generate(of, of.default_condition("shift"), 2, 2))
    window, view = drawing(tmp_path / "own.txt", *levels)
    with window:
        window.press_all("r ] ] right down n b s ?")
        assert world_of(tmp_path / "own.txt") == world
        assert list(load_levels(tmp_path / "own.txt", world)) == levels
        assert not view.changed


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 11), st.integers(0, 13), st.booleans()), max_size=25)
)
def test_any_strokes_are_undone_exactly(strokes: list[tuple[int, int, int, bool]]) -> None:
    sketch = Sketch(Level.from_text(PLAIN))
    for row, col, code, lift in strokes:
        if row % 3 == 2 and lift:
            sketch.resize(
                (min(row, sketch.tiles.shape[0] - 1), min(col, sketch.tiles.shape[1] - 1)),
                code % 2,
                code % 3 - 1 or 1,
            )
        elif row < sketch.tiles.shape[0] and col < sketch.tiles.shape[1]:
            sketch.draw((row, col), code)
        if lift:
            sketch.lift()
    after = sketch.tiles.copy()
    n = 0
    while sketch.undo():
        n += 1
    assert not sketch.changed
    for _ in range(n):
        assert sketch.redo()
    assert np.array_equal(sketch.tiles, after)
