"""The first frame of a window is on the screen before anything is compiled, and stays alive meanwhile."""

import os
import subprocess
import sys
import time
from pathlib import Path

from fixtures.windows import IDLER, PLANNER, course, key, picture

from goalposts.envs import known_worlds
from goalposts.envs.window.canvas import pygame
from goalposts.envs.window.edit import Edit
from goalposts.envs.window.opening import Opening
from goalposts.envs.window.watch import Watch, halves
from goalposts.envs.window.window import Window

# --- the first frame


def test_a_frame_is_shown_before_numba_is_imported_or_anything_compiled() -> None:
    """Nothing was on the screen for 37 seconds while a world was compiled."""
    code = (
        "import sys, pygame\n"
        "flip = pygame.display.flip\n"
        "def first():\n"
        "    image = pygame.surfarray.array3d(pygame.display.get_surface())\n"
        "    print('numba' in sys.modules, 'torch' in sys.modules, image.min() < 100 < image.max())\n"
        "    sys.stdout.flush()\n"
        "    import os; os._exit(0)\n"
        "pygame.display.flip = first\n"
        "from goalposts.experiments.cli.main import main\n"
        "main(sys.argv[1:])\n"
    )
    for words in (["play", "Beacon"], ["edit", "new.txt"], ["watch", "GoToGoal"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SDL_VIDEODRIVER": "dummy"},
        )
        assert done.stdout.split() == ["False", "False", "True"], (words, done.stderr)


def test_the_window_lives_while_work_goes_on_and_can_be_closed() -> None:
    opening = Opening("play Beacon")
    before = pygame.surfarray.array3d(opening.surface)
    began = time.monotonic()
    assert opening.during("compiling …", lambda: time.sleep(0.3))
    assert time.monotonic() - began < 2
    assert (pygame.surfarray.array3d(opening.surface) != before).any()
    assert opening.during("compiling …", lambda: 1 // 0)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    assert not opening.during("compiling …", lambda: time.sleep(0.5))
    pygame.display.quit()


# --- two agents side by side


def test_two_agents_are_watched_side_by_side_on_the_same_level() -> None:
    with Window(Watch(course(), [PLANNER, IDLER])) as window:
        window.frame(0)
        view = window.view
        assert isinstance(view, Watch)
        key(window, "end")
        assert view.at == view.last == len(view._ready[1, 0, 0, True].episode.actions)  # the longer episode
        places = view._board.place, view._second.place
        assert places[0].size == places[1].size
        assert not places[0].colliderect(places[1])
        image = picture(window)
        boards = [image[p.top : p.bottom, p.left : p.right] for p in places]
        assert (boards[0] != boards[1]).any()  # the planner has taken the coin
        key(window, "home")
        image = picture(window)
        boards = [image[p.top : p.bottom, p.left : p.right] for p in places]
        assert (boards[0] == boards[1]).all()
        key(window, "o")
        assert view._board.place.width >= places[0].width
        assert view.at <= view.last
        key(window, "a")
        assert view.who is IDLER


def test_levels_are_placed_so_that_their_tiles_are_large() -> None:
    room = pygame.Rect(0, 0, 820, 580)
    tall, wide = halves(room, (20, 9)), halves(room, (9, 40))
    assert tall[0].y == tall[1].y
    assert wide[0].x == wide[1].x
    for first, second in (tall, wide):
        assert room.contains(first)
        assert room.contains(second)
        assert not first.colliderect(second)


# --- the palette of the editor


def test_no_tile_of_any_palette_is_blank(tmp_path: Path) -> None:
    """What the rules draw as an object, such as a monster or the start, had the picture of the bare floor."""
    for name, world in known_worlds().items():
        level = course(name).level(world.default_condition("shift"), 0)
        view = Edit([level], tmp_path / "level.txt", [PLANNER])
        bare, *others = (view._icon(tile) for tile in world.legend.tiles)
        blank = [
            t.char for t, icon in zip(world.legend.tiles[1:], others, strict=True) if (icon == bare).all()
        ]
        assert blank == [], name
