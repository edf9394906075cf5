"""What the tests of windows share: players without agents, and events as SDL sends them."""

import numpy as np

from goalposts.envs import Level, generate, get_world, solve
from goalposts.envs.window import Window
from goalposts.envs.window_canvas import pygame
from goalposts.envs.window_model import Course, Decisions, Player
from goalposts.envs.world import GOAL

PLAIN = """\
##########v#
#..........#
#....C.....#
#..........#
#.A........#
############"""


def course(world: str = "CoinRun", count: int | None = None) -> Course:
    """Generated levels: the control and the shift."""
    of = get_world(world)
    names = (of.usual("control"), of.usual("shift"))
    return Course(
        of, names, lambda name, k: generate(of, name, 1, 1, k)[0], count, dict.fromkeys(names, "so")
    )


def planner(level: Level, number: int, sampled: bool) -> Decisions:
    """Goes the shortest way to the goal."""
    plan = solve(level)
    actions = np.array(plan.path(GOAL), np.int64)
    return Decisions(actions, np.eye(len(plan.world.actions))[actions])


def idler(level: Level, number: int, sampled: bool) -> Decisions:
    """Does the first action for ever, and tells nothing."""
    return Decisions(np.zeros(2000, np.int64))


def column(level: Level, states: np.ndarray) -> np.ndarray:
    """A critic that likes it on the right."""
    return states[:, 1].astype(float)


PLANNER, IDLER = Player("planner", planner, column), Player("idler", idler)


def key(window: Window, name: str, typed: str = "", mod: int = 0) -> None:
    """A key goes down, as SDL tells it; the window takes it and paints."""
    event = pygame.event.Event(pygame.KEYDOWN, key=pygame.key.key_code(name), unicode=typed, mod=mod)
    pygame.event.post(event)
    window.frame(0)


def click(window: Window, cell: tuple[int, int], button: int = 1, kind: str = "both") -> None:
    """A mouse button on the middle of a cell of the level."""
    board = window.view._board  # type: ignore[attr-defined]
    place = (
        board.place.x + cell[1] * board.px + board.px // 2,
        board.place.y + cell[0] * board.px + board.px // 2,
    )
    if kind in ("both", "down"):
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=place, button=button))
    if kind in ("both", "up"):
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONUP, pos=place, button=button))
    window.frame(0)


def picture(window: Window) -> np.ndarray:  # uint8[h, w, 3]
    return pygame.surfarray.array3d(window.surface).swapaxes(0, 1)
