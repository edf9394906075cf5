"""The watch view: keys change episode, level, condition and agent; overlays match the planner."""

from itertools import pairwise

import numpy as np
import pytest
from fixtures.windows import IDLER, PLAIN, PLANNER, click, course, key, picture
from hypothesis import given, settings
from hypothesis import strategies as st

from goalposts.envs import Level, generate, known_worlds, solve
from goalposts.envs.window.canvas import pygame
from goalposts.envs.window.overlays import shortest_way, steps_layer, value_layer
from goalposts.envs.window.watch import Watch
from goalposts.envs.window.window import Window, WindowError
from goalposts.envs.worlds.contract.world import GOAL, PROXY


def watching(world: str = "CoinRun") -> Window:
    """Two agents, of which one is shown; `test_opening.py` watches both side by side."""
    view = Watch(course(world), [PLANNER, IDLER])
    view.two = False
    window = Window(view)
    window.frame(0)
    return window


@pytest.mark.parametrize("world", tuple(known_worlds()))
def test_every_world_can_be_watched_with_all_overlays(world: str) -> None:
    with watching(world) as window:
        before = picture(window)
        for name in ("g", "x", "f", "v", "v", "v", "d", "right", "c", "a", "?"):
            assert window.press(name)
            window.frame(0)
        assert (picture(window) != before).any()


def test_keys_move_through_the_episode() -> None:
    with watching() as window:
        view = window.view
        assert isinstance(view, Watch)
        last = len(view.shown.episode.actions)
        key(window, "right")
        assert (view.at, view.playing) == (1, False)
        key(window, "left")
        key(window, "left")
        assert view.at == 0
        key(window, "end")
        assert view.at == last
        assert view.shown.episode.moments[last].end == "goal"
        key(window, "space", " ")  # replay from the start
        assert (view.at, view.playing) == (0, True)
        window.frame(1000)
        assert view.at == min(4, last)
        key(window, "=", "+", pygame.KMOD_SHIFT)
        window.frame(1000)
        assert view.at == min(12, last)


def test_time_plays_the_level_and_then_the_next_one() -> None:
    with watching() as window:
        view = window.view
        assert isinstance(view, Watch)
        for _ in range(200):
            window.frame(200)
            if view.number:
                break
        assert (view.number, view.at) == (1, 0)


def test_keys_choose_level_condition_and_agent() -> None:
    with watching() as window:
        view = window.view
        assert isinstance(view, Watch)
        first = view.shown.level
        key(window, "c", "c")
        assert view.shown.level != first
        assert view.shown.level.layout == first.layout, "the same layout with the goal moved"
        key(window, "n", "n")
        assert view.shown.level.layout != first.layout
        key(window, "b", "b")
        key(window, "c", "c")
        assert view.shown.level == first
        key(window, "a", "a")
        assert view.who.label == "idler"
        assert view.shown.episode.moments[-1].end in ("timeout", "death")


def test_a_key_in_the_bar_can_be_clicked_and_the_line_dragged() -> None:
    with watching() as window:
        view = window.view
        assert isinstance(view, Watch)
        box, _ = next((box, found) for box, found in window._chips if found.label == "camera")
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=box.center, button=1))
        window.frame(0)
        assert view.camera
        line = view._line()
        pygame.event.post(
            pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(line.right - 1, line.centery), button=1)
        )
        window.frame(0)
        assert view.at == len(view.shown.episode.actions)


def test_any_key_closes_the_help() -> None:
    with watching() as window:
        view = window.view
        assert isinstance(view, Watch)
        key(window, "/", "?", pygame.KMOD_SHIFT)
        assert window.help
        window.frame(5000)
        assert view.at == 0, "time stands still"
        key(window, "c", "c")
        assert (window.help, view.condition) == (False, 0)


def test_help_key_closes_the_help_even_if_it_needs_shift() -> None:
    """A real keyboard sends Shift before ?; if Shift counted as a key, it would close the help and ? would reopen it."""
    with watching() as window:
        for shown in (True, False):
            key(window, "left shift", "", pygame.KMOD_SHIFT)
            key(window, "/", "?", pygame.KMOD_SHIFT)
            assert window.help == shown


def test_closing_the_last_view_ends_the_window() -> None:
    window = watching()
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    window.run()
    assert not window.open
    window.close()
    with watching() as other:
        key(other, "q", "q")
        assert not other.open


def test_a_small_window_scrolls() -> None:
    with Window(Watch(course(), [PLANNER]), (640, 420)) as window:
        for _ in range(8):
            window.press("right")
            window.frame(0)
        pygame.event.post(pygame.event.Event(pygame.VIDEORESIZE, size=(300, 200), w=300, h=200))
        window.frame(0)
        assert window.surface.get_size() == (640, 420)


def test_missing_screen_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(WindowError, match="there is no screen here"):
        Window(Watch(course(), [PLANNER]))


def test_overlays_match_hand_computed_values() -> None:
    plan = solve(Level.from_text(PLAIN))
    start = plan.states[0]
    steps = steps_layer(plan, start, PROXY)
    assert steps[4, 2] == plan.steps_to_proxy == 8
    assert [steps[4, c] for c in range(1, 10)] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert np.isnan(steps[0, 0])
    values = value_layer(plan, start, lambda states: states[:, 1] * 1.0)
    assert (values[4, 1:11] == np.arange(1, 11)).all()
    way = shortest_way(plan, start, PROXY, GOAL)
    assert way == [(4, c) for c in range(2, 11)]


@settings(max_examples=25)
@given(number=st.integers(0, 500), steps=st.integers(0, 12))
def test_displayed_paths_are_as_short_as_the_planners(number: int, steps: int) -> None:
    level = generate("CoinRun", "off_path", 3, 1, number)[0]
    plan = solve(level)
    here = plan.states[min(steps, len(plan.states) - 1)]
    for wanted, other in ((GOAL, PROXY), (PROXY, GOAL)):
        to_go = plan.steps_to_go(wanted)[plan.state_id(here)]
        way = shortest_way(plan, here, wanted, other)
        assert len(way) == (0 if to_go < 0 else to_go + 1)
        assert all(max(abs(a - c), abs(b - d)) <= 1 for (a, b), (c, d) in pairwise(way))


def test_clicks_outside_the_level_are_ignored() -> None:
    with watching() as window:
        before = window.view.__dict__.copy()
        click(window, (-3, 2))
        assert window.view.__dict__ == before
