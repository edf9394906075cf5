"""The search by sets of states gives the same answers as the search of single states, on layouts and on random levels."""

from typing import Any

import numpy as np
import pytest

from goalposts.envs import Level, generate, get_world
from goalposts.envs.generation import layout_search
from goalposts.envs.generation.placement import placing_arrays
from goalposts.envs.levels.level import LevelError
from goalposts.envs.planner.planner import planner_kernel
from goalposts.envs.planner.search import open_level, search_arrays
from goalposts.envs.worlds.coinrun.layouts import (
    CRATE,
    LAVA,
    MARK,
    MONSTER,
    PLATFORM,
    SPAWN,
    SPIKES,
    TRACK,
    WALL,
)

pytestmark = (
    pytest.mark.slow
)  # the fast suite holds the levels themselves: tests/envs/generation/test_levels_stay.py

ROWS, COLS, CELLS = 12, 22, 6
SKY = 0

search: Any = None  # specialized for the world by its kernels
to_proxy: Any = None
off_path: Any = None


def answers(tiles, sizes, picks, search_graph, placing, steps, out):
    """Per level: fewest steps to every cell, to the proxy, and whether the picked cells are off the path.

    tiles uint8[N, H, W]; picks: numbers that choose cells among those reached within half the limit; steps int32[N, H, W];
    out int64[N, 1 + picks]. Returns False if the arrays have no room for a level.
    """
    for i in range(len(tiles)):
        rows, cols = np.int64(sizes[i, 0]), np.int64(sizes[i, 1])
        room = open_level(tiles[i], rows, cols, search_graph.facts, search_graph.radix)
        n = search(tiles[i], room, search_graph, placing)
        if n < 0:
            return False
        out[i, 0] = to_proxy(n, search_graph, placing)
        most = limit(search_graph.facts) // 2
        reached = 0
        for r in range(rows):
            for c in range(cols):
                step = placing.first_step[r, c]
                steps[i, r, c] = step if step <= most else -1
                if 0 < step <= most:
                    placing.cells[reached, 0], placing.cells[reached, 1] = r, c
                    reached += 1
        if out[i, 0] > most:
            out[i, 0] = -1
        for k in range(len(picks)):
            out[i, 1 + k] = -1
            if reached and out[i, 0] > 0:
                cell = placing.cells[picks[k] % reached]
                out[i, 1 + k] = off_path(cell[0], cell[1], out[i, 0], n, search_graph, placing)
    return True


limit: Any = None


def compared(tiles: np.ndarray, sizes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Assert that both searches agree on levels uint8[N, H, W]; returns their answers."""
    world = get_world("CoinRun")
    picks = np.random.default_rng(seed).integers(0, 1 << 30, CELLS)
    flooded = layout_search.search_of(world)
    parts = (layout_search.by_graph, layout_search.to_proxy_by_graph, layout_search.off_path_by_graph)
    stepped = [planner_kernel(world, one) for one in parts]
    opened = world.kernel(open_level, allocates=False, within=True)
    found = []
    for which, kernels in (("-sets", flooded), ("-graph", stepped)):
        named = dict(zip(("search", "to_proxy", "off_path"), kernels, strict=True))
        answer = world.kernel(answers, which, allocates=False, open_level=opened, **named)
        steps, out = np.zeros(tiles.shape, np.int32), np.zeros((len(tiles), 1 + CELLS), np.int64)
        room = 1 << 17
        arrays = search_arrays(room, world.n_facts, world.n_state, len(world.actions))
        assert answer(tiles, sizes, picks, arrays, placing_arrays(world, room, *tiles.shape[1:]), steps, out)
        found.append((steps, out))
    (steps, out), (steps_again, out_again) = found
    assert np.array_equal(steps, steps_again)
    assert np.array_equal(out, out_again)
    return steps, out


def random_levels(count: int, seed: int) -> np.ndarray:
    """Levels uint8[count, ROWS, COLS] of scattered walls, hazards and patrols, valid but not always solvable."""
    random = np.random.default_rng(seed)
    tiles = np.zeros((count, ROWS, COLS), np.uint8)
    codes = np.array([SKY, WALL, CRATE, PLATFORM, LAVA, SPIKES])
    for level, thin in zip(tiles, random.uniform(0.5, 0.95, count), strict=True):
        level[:] = random.choice(
            codes, (ROWS, COLS), p=[thin, *[(1 - thin) * x for x in (0.4, 0.2, 0.2, 0.1, 0.1)]]
        )
        ground = random.integers(5, ROWS)
        level[ground:] = np.where(random.random((ROWS - ground, COLS)) < 0.8, WALL, level[ground:])
        rows = random.choice(np.arange(1, ROWS - 1), random.integers(0, 4), replace=False)
        for row in rows:  # one patrol per row
            length = random.integers(1, 7)
            first = random.integers(1, COLS - 1 - length)
            level[row, first : first + length] = TRACK
            level[row, first + random.integers(0, length)] = MONSTER
        level[:, [0, -1]] = level[[0, -1], :] = WALL
        level[0, random.integers(1, COLS - 1)] = MARK
        free = np.argwhere((level == SKY) | (level == WALL))
        inner = free[(free > 0).all(1) & (free[:, 0] < ROWS - 1) & (free[:, 1] < COLS - 1)]
        level[tuple(random.choice(inner))] = SPAWN
    return tiles


def sizes_of(tiles: np.ndarray) -> np.ndarray:
    return np.full((len(tiles), 2), tiles.shape[1:], np.int32)


def compare_random_levels(count: int, seed: int) -> None:
    tiles = random_levels(count, seed)
    for level in tiles[:200]:
        try:
            Level("CoinRun", level).validate()
        except LevelError as error:
            raise AssertionError(str(error)) from error
    _steps, out = compared(tiles, sizes_of(tiles), seed)
    assert (out[:, 0] < 0).mean() > 0.1, "too few levels without a path"
    assert (out[:, 0] > 0).mean() > 0.1, "too few levels with one"
    off = out[:, 1:]
    assert min((off == 0).sum(), (off == 1).sum()) > count // 20


def test_both_searches_agree_on_a_hundred_thousand_random_levels() -> None:
    for seed in range(10):
        compare_random_levels(10_000, 100 + seed)


@pytest.mark.parametrize("condition", ["none", "longer", "no_wall", "mirrored"])
def test_both_searches_agree_on_layouts(condition: str) -> None:
    levels = generate("CoinRun", condition, 5, 300)
    tiles = np.array(levels.tiles)
    tiles[tiles > SPAWN] = SKY  # without coins
    compared(tiles, np.array(levels.sizes), 3)
