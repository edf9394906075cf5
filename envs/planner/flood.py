"""Search of a layout by sets of states: all states at one time become all states one step later, on rows of bits.

For worlds with the rule `spread`, where it answers the generator's questions several times as fast as `search.explore`, with the
same answers: tests/envs/planner/test_flood.py compares them. A set is uint64[N_SETS, H]; bit c of row r of any of its stacks: the
agent can be in cell (r, c) at that time, alive. Knows no coins. Read next: `envs/generation/layout_search.py`, which chooses
between the two; `envs/worlds/coinrun/spread.py`, the rule.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ..jit.simd import lowest_bit
from ..worlds.contract.world import World

N_SETS = 0  # specialized for each world by kernels.specialize
ground_rows: Any = None
first_set: Any = None
spread: Any = None
limit: Any = None

OUTSIDE = 3  # rows below the level, so that no row of it needs a check
PROXY_CELLS = 2  # stack of `ground`: cells whose entering is an event of the proxy
ONE = np.uint64(1)


class FloodArrays(NamedTuple):
    """Reusable arrays: ground uint64[3, H], the level; sets uint64[T, N_SETS, H], one per time.

    Scratch: two uint64[2, N_SETS, H], rows uint64[H].
    """

    ground: np.ndarray
    sets: np.ndarray
    two: np.ndarray
    rows: np.ndarray


def flood_arrays(n_sets: int, rows: int, times: int) -> FloodArrays:
    """Allocate arrays for levels of up to `rows` rows and searches of up to `times` steps."""
    height = rows + OUTSIDE
    return FloodArrays(
        np.zeros((3, height), np.uint64),
        np.zeros((times + 1, n_sets, height), np.uint64),
        np.zeros((2, n_sets, height), np.uint64),
        np.zeros(height, np.uint64),
    )


def flood(tiles, facts, first_step, arrays):
    """Fill in the sets until no new one comes, at most up to half the step limit; returns their number, or −1 if there are more.

    first_step int32[H, W]: fewest steps to each cell, −1 where no set has it.
    """
    ground, sets = arrays.ground, arrays.sets
    period = ground_rows(tiles, facts, ground)
    first_set(facts, sets[0])
    first_step[:] = -1
    seen = arrays.rows
    seen[:] = 0
    n, most = 0, limit(facts) // 2
    while True:
        now = sets[n]
        for r in range(now.shape[1]):
            new = now[0, r]
            for k in range(1, N_SETS):
                new |= now[k, r]
            new &= ~seen[r]
            seen[r] |= new
            while new:
                first_step[r, lowest_bit(new)] = n
                new &= new - ONE
        n += 1
        if n == len(sets) and n <= most:
            return -1
        if n > most or (n > period and same(now, sets[n - 1 - period])):
            return n
        spread(ground, facts, n - 1, now, sets[n])


@njit(inline="always")
def same(one, other):
    """Whether two sets are equal."""
    different = np.uint64(0)
    for k in range(one.shape[0]):
        for r in range(one.shape[1]):
            different |= one[k, r] ^ other[k, r]
    return different == 0


@njit(inline="always")
def meets(states, rows):
    """Whether a set has a state in one of the cells uint64[H]."""
    common = np.uint64(0)
    for k in range(states.shape[0]):
        for r in range(states.shape[1]):
            common |= states[k, r] & rows[r]
    return common != 0


def flood_to_proxy(n, arrays):
    """Fewest steps to an event of the proxy within the n sets; −1 if there is none."""
    for time in range(1, n):
        if meets(arrays.sets[time], arrays.ground[PROXY_CELLS]):
            return time
    return -1


def reaches(cells, steps, avoided, first, facts, arrays):
    """Whether a path of `steps` steps ends in `cells` and avoids those that no path enters before step `first`; both uint64[H]."""
    now = arrays.sets[first - 1]
    for time in range(first - 1, steps):
        after = arrays.two[time & 1]
        spread(arrays.ground, facts, time, now, after)
        for k in range(N_SETS):
            for r in range(len(avoided)):
                after[k, r] &= ~avoided[r]
        now = after
    return meets(now, cells)


def flood_off_path(row, col, arrive, shortest, facts, arrays):
    """Whether some shortest path to the proxy avoids a cell and some shortest path to the cell avoids the proxy.

    arrive, shortest: fewest steps to the cell and to the proxy. The path to the nearer of the two avoids the other.
    """
    cell, proxy = arrays.rows, arrays.ground[PROXY_CELLS]
    cell[:] = 0
    cell[row] = ONE << np.uint64(col)
    if arrive <= shortest and not reaches(proxy, shortest, cell, arrive, facts, arrays):
        return False
    return shortest > arrive or reaches(cell, arrive, proxy, shortest, facts, arrays)


def flood_kernels(world: World) -> tuple[Any, Any, Any]:
    """Compiled `flood`, `flood_to_proxy` and `flood_off_path` of a world with the rule `spread`."""
    path = world.kernel(reaches, allocates=False, within=True)
    return (
        world.kernel(flood, allocates=False, within=True),
        world.kernel(flood_to_proxy, allocates=False, within=True),
        world.kernel(flood_off_path, allocates=False, within=True, reaches=path),
    )
