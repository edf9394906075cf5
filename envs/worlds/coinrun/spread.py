"""All of CoinRun's moves at once: from the set of states at one time to the set one step later, on rows of bits.

Bit c of a row is the cell in column c, so one shift moves the agent in every column. A set is three stacks of rows: the cells
where the agent can be if it will rise by 0, 1 or 2 more cells. The generator verifies levels with it, much faster than by single
steps. `rules.py` stays the manual, and tests/envs/planner/test_flood.py compares the two.
Read next: `envs/planner/flood.py`, which calls this.
"""

import numpy as np
from numba import njit

from ...jit.kernels import inlined
from .facts import (
    COLS,
    EDGE_COL,
    FIRST_MONSTER,
    N_MONSTERS,
    PERIOD,
    ROWS,
    SPAWN_COL,
    SPAWN_ROW,
    monster_col,
    solid,
)
from .layouts import LAVA, SAW

N_SETS = 3
SOLID, DEADLY, PROXY_CELLS = range(3)  # stacks of rows that describe the level
_ONE, _ALL = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)


@inlined
def _bit(col):
    return _ONE << np.uint64(col)


@inlined
def _aside(row, free):
    """The cells of a row, and those next to them that are free."""
    return row | ((row << _ONE | row >> _ONE) & free)


@njit(inline="always")
def ground_rows(tiles, facts, ground):
    """Fill in the stacks of rows that describe a level; returns after how many steps its monsters are where they were."""
    for r in range(ground.shape[1]):  # outside the level all is solid
        ground[SOLID, r], ground[DEADLY, r], ground[PROXY_CELLS, r] = _ALL, 0, 0
    cols = facts[COLS]
    for r in range(facts[ROWS]):
        blocks, kills = _ALL << np.uint64(cols), np.uint64(0)
        for c in range(cols):
            code = tiles[r, c]
            blocks |= np.uint64(solid(code)) << np.uint64(c)
            kills |= np.uint64(LAVA <= code <= SAW) << np.uint64(c)
        ground[SOLID, r], ground[DEADLY, r] = blocks, kills
    edge = facts[EDGE_COL]
    beyond = _ALL << np.uint64(edge) if edge > facts[SPAWN_COL] else (_bit(edge) << _ONE) - _ONE
    for r in range(facts[ROWS] - 1):
        ground[PROXY_CELLS, r] = beyond & ground[SOLID, r + 1]
    return np.int64(facts[PERIOD])


@njit(inline="always")
def first_set(facts, out):
    """Fill in the set at time 0: the spawn alone."""
    out[:] = 0
    out[0, facts[SPAWN_ROW]] = _bit(facts[SPAWN_COL])


@njit(inline="always")
def spread(ground, facts, time, now, after):
    """Fill in the living states after each action in each state of `now`, the set at `time`.

    ground, now, after: uint64[3, H], with two rows outside the level at the end.
    """
    walls, deadly = ground[SOLID], ground[DEADLY]
    falling, last, rising = now[0], now[1], now[2]  # cells still to rise: 0, 1, 2
    landed = after[0]
    end = ground.shape[1] - 2
    for r in range(1, end):  # a jump from the ground rises at once
        after[2, r] = falling[r + 1] & walls[r + 2] & ~walls[r] & ~deadly[r]
    for r in range(1, end):
        after[1, r] = _aside(rising[r + 1], ~walls[r + 1]) & ~walls[r] & ~deadly[r]
    for r in range(1, end):
        free, above, below = ~walls[r], walls[r - 1], walls[r + 1]
        arrives = (_aside(last[r + 1], ~below) | _aside(falling[r - 1], ~above)) & free
        bumps = _aside(rising[r] | last[r], free) & above
        walks = _aside(falling[r], free) & below
        landed[r] = (arrives | bumps | walks) & ~deadly[r]
    for k in range(facts[N_MONSTERS]):
        m = FIRST_MONSTER + 4 * k
        _meet(ground, facts, m, time, now, landed)
    for k in range(facts[N_MONSTERS]):
        m = FIRST_MONSTER + 4 * k
        gone = ~_bit(monster_col(facts, m, time + 1))
        for rest in range(N_SETS):
            after[rest, facts[m]] &= gone


@inlined
def _meet(ground, facts, m, time, now, landed):
    """Take out of the cell that monster m leaves an agent that comes from where the monster goes, in the same row."""
    r, cell, goal = facts[m], monster_col(facts, m, time), monster_col(facts, m, time + 1)
    if cell == goal:
        return
    walls = ground[SOLID]
    free, above, below = ~walls[r], walls[r - 1], walls[r + 1]
    air, foot = now[1, r] | now[2, r], now[0, r]
    if goal > cell:  # only from the other side, then
        air, foot = air << _ONE, foot << _ONE
    else:
        air, foot = air >> _ONE, foot >> _ONE
    arrives = _aside(now[1, r + 1], ~below) | _aside(now[0, r - 1], ~above)
    safe_bits = ((air & above) | (foot & below) | arrives) & free & ~ground[DEADLY, r]
    landed[r] = (landed[r] & ~_bit(cell)) | (safe_bits & _bit(cell))
