"""The mark of the proxy in pictures for people: around the cells where an agent that stays has reached it, below the agent."""

from dataclasses import replace

import numpy as np
import pytest

from goalposts.envs import Level, get_world
from goalposts.envs.engine.proxy_cells import proxy_cells
from goalposts.envs.render.proxy_mark import DASH, FLAG
from goalposts.envs.render.render import draw
from goalposts.envs.render.scene import Scene, Sprite
from goalposts.experiments.evaluation.replay import replay

SKY = Scene("CoinRun", (("sky",) * 6,) * 5)
TEXT = """\
##########v#
#..........#
#....C.....#
#..........#
#.A........#
############"""


def changed(cells: tuple[tuple[int, int], ...], px: int = 16) -> set[tuple[int, int]]:
    """Cells of a plain scene that look different with the mark."""
    before, after = draw(SKY, px), draw(replace(SKY, proxy=cells), px)
    rows, cols = np.nonzero((before != after).any(axis=2))
    return {(int(r), int(c)) for r, c in zip(rows // px, cols // px, strict=True)}


@pytest.mark.parametrize("px", [8, 16, 32])
def test_the_mark_stays_in_its_cells(px: int) -> None:
    cells = ((2, 4), (3, 4))
    assert changed(cells, px) == set(cells)
    assert changed((), px) == set()


def test_a_line_around_the_region_none_inside_and_one_flag() -> None:
    image = draw(replace(SKY, proxy=((2, 4), (3, 4))), 16)
    region = image[32:64, 64:80]
    for edge in (region[0], region[-1], region[:, 0], region[:, -1]):
        assert {tuple(map(int, pixel)) for pixel in edge} == set(DASH)
    inner = {tuple(map(int, pixel)) for pixel in region[15:17, 1:-1].reshape(-1, 3)}
    assert not inner & set(DASH)
    flags = (region == FLAG).all(axis=2).any(axis=1)
    assert not flags[:16].any()
    assert flags[16:].any(), "in the lowest cell"


def test_the_agent_is_drawn_over_the_mark() -> None:
    agent = Scene("CoinRun", SKY.tiles, (Sprite("agent_right", 3, 4),))
    bare, marked = draw(agent), draw(replace(agent, proxy=((3, 4),)))
    empty, only = draw(SKY), draw(replace(SKY, proxy=((3, 4),)))
    covered = (bare != empty).any(axis=2)
    assert (marked[covered] == bare[covered]).mean() > 0.95
    assert (marked[~covered] == only[~covered]).all()


def test_films_mark_the_right_edge() -> None:
    level = Level.from_text(TEXT)
    cells = proxy_cells(get_world("CoinRun"), level)
    assert cells
    assert {col for _, col in cells} == {10}
    first = replay(level, [0]).images(16)[0]
    row, col = max(cells)
    below = first[row * 16 + 15, col * 16 : col * 16 + 16]
    assert {tuple(map(int, pixel)) for pixel in below} == set(DASH)
