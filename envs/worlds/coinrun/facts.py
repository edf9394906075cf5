"""The facts of a CoinRun level, the entries of a state, what is solid, and where a monster is at a time.

Read next: `rules.py`, which fills the facts in; `spread.py`, which uses them for all states at once.
"""

import numpy as np

from ...jit.kernels import inlined
from .layouts import PLATFORM, WALL

# Indices into a level's facts and into the state.
ROWS, COLS, SPAWN_ROW, SPAWN_COL, EDGE_COL, N_MONSTERS, PERIOD = range(7)
FIRST_MONSTER = 7  # then four numbers each: row, first column, length, phase at the start
ROW, COL, RISING, PHASE = range(4)


@inlined
def solid(code):
    """Whether a tile supports and blocks the agent: walls, the edge's mark, crates and platforms do."""
    return int(WALL <= code <= PLATFORM)


@inlined
def monster_col(facts, m, phase):
    """Column of monster m, which patrols its track back and forth, one cell per step."""
    first, length, offset = facts[m + 1], facts[m + 2], facts[m + 3]
    turn = max(length - 1, 1)
    q = np.int64(np.uint32(phase + offset) % np.uint32(2 * turn))
    return first + (length > 1) * (turn - abs(q - turn))
