"""Shared parts of the top-down worlds: five actions, walled rooms and mazes, placement of things, level checks.

Not a world. A top-down world has floor as its code 0, a rim of wall, and one `A`, the agent's spawn; it adds
things and their effects. Read next: `envs/worlds/corner.py`, the simplest of them.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numba import njit

from ...jit.kernels import inlined
from ...jit.random_streams import draw_below, draw_between
from ...levels.level import Tile
from ...render.scene import Sprite
from ..contract.canvas import mark
from ..contract.world import Action

STAY, UP, DOWN, LEFTWARD, RIGHTWARD = range(5)
ACTIONS = (
    Action("stay", "."),
    Action("up", "u"),
    Action("down", "d"),
    Action("left", "l"),
    Action("right", "r"),
)

SELF = 1  # the first plane of every such world, as a bit
FLOOR, WALL, SPAWN = 0, 1, 2  # the first codes of every such world's legend
ENTERED = 128  # plus a direction: marks tiles while `maze` carves
GROUND = (
    Tile(".", "floor", "floor"),
    Tile("#", "wall", "block", ("wall",)),
    Tile("A", "agent's spawn", "floor"),
)

ROWS, COLS, SPAWN_ROW, SPAWN_COL = range(4)  # the first facts of every such world
ROW, COL = range(2)  # the first entries of every state

Fault = tuple[int, int, str]


@inlined
def prepare(tiles, facts):
    """Find the spawn."""
    for r in range(facts[ROWS]):
        for c in range(facts[COLS]):
            if tiles[r, c] == SPAWN:
                facts[SPAWN_ROW], facts[SPAWN_COL] = r, c


@njit(inline="always")
def start(facts, state):
    """Put the agent on its spawn and set all other state entries to 0."""
    state[:] = 0
    state[ROW], state[COL] = facts[SPAWN_ROW], facts[SPAWN_COL]


@njit(inline="always")
def radices(facts, out):
    """Number of values of each state entry: the agent's row and column."""
    out[ROW], out[COL] = facts[ROWS], facts[COLS]


@njit(inline="always")
def objects(facts, state, canvas):
    """Mark the agent, the only thing that moves."""
    mark(canvas, state[ROW], state[COL], SELF)


@njit(inline="always")
def limit(facts):
    """Step limit: twice the longest path that the generator admits."""
    return 4 * (facts[ROWS] + facts[COLS])


WALKER = {"prepare": prepare, "start": start, "radices": radices, "objects": objects, "limit": limit}
"""Rules of a world whose state is only the agent's cell and whose first plane is `self`. Add `step` and `layout`,
and `place`, or `admits` and `furnish`."""


@njit(inline="always")
def ahead(row, col, action):
    """Cell that an action leads to from (row, col)."""
    if action == UP:
        return row - 1, col
    if action == DOWN:
        return row + 1, col
    if action == LEFTWARD:
        return row, col - 1
    if action == RIGHTWARD:
        return row, col + 1
    return row, col


@njit(inline="always")
def walk(tiles, state, action):
    """Move one cell unless a wall blocks it; returns the code of the agent's cell."""
    row, col = ahead(state[ROW], state[COL], action)
    if tiles[row, col] != WALL:
        state[ROW], state[COL] = row, col
    return tiles[state[ROW], state[COL]]


@njit(inline="always")
def wall_in(tiles, rows, cols):
    """Draw a rim of wall."""
    for r in range(rows):
        tiles[r, 0] = WALL
        tiles[r, cols - 1] = WALL
    for c in range(cols):
        tiles[0, c] = WALL
        tiles[rows - 1, c] = WALL


@inlined
def maze(stream, tiles, rows, cols, openings):
    """Carve a maze into uint8[rows, cols], both odd: connects all cells with odd row and column, then removes `openings` walls.

    Depth-first carving, then openings for alternative paths. While a cell may have neighbours left to
    carve, its tile records the direction from which it was entered.
    """
    for r in range(rows):
        for c in range(cols):
            tiles[r, c] = WALL
    high, wide = (rows - 1) // 2, (cols - 1) // 2
    first = draw_below(stream, high * wide)
    r, c = first // wide, first % wide
    tiles[2 * r + 1, 2 * c + 1] = ENTERED
    while True:
        turn = draw_below(stream, 4)
        moved = False
        for k in range(4):
            way = 1 + (turn + k) % 4
            dr, dc = ahead(0, 0, way)
            if (
                0 <= r + dr < high
                and 0 <= c + dc < wide
                and tiles[2 * (r + dr) + 1, 2 * (c + dc) + 1] == WALL
            ):
                tiles[2 * r + 1 + dr, 2 * c + 1 + dc] = FLOOR
                r += dr
                c += dc
                tiles[2 * r + 1, 2 * c + 1] = ENTERED + way
                moved = True
                break
        if not moved:
            back = tiles[2 * r + 1, 2 * c + 1] - ENTERED
            tiles[2 * r + 1, 2 * c + 1] = FLOOR
            if back == 0:
                break
            dr, dc = ahead(0, 0, back)
            r -= dr
            c -= dc
    for _ in range(openings):
        r = draw_between(stream, 1, rows - 2)
        c = draw_between(stream, 1, cols - 2)
        if (r + c) % 2 == 1:  # between two cells, never a pillar
            tiles[r, c] = FLOOR


@inlined
def room(stream, tiles, rows, cols, pieces, longest):
    """Draw a walled room with `pieces` straight pieces of wall in it, each up to `longest` cells."""
    wall_in(tiles, rows, cols)
    for _ in range(pieces):
        r, c = draw_between(stream, 1, rows - 2), draw_between(stream, 1, cols - 2)
        way = draw_between(stream, UP, RIGHTWARD)
        for _ in range(draw_between(stream, 1, longest)):
            if tiles[r, c] == WALL:
                break
            tiles[r, c] = WALL
            r, c = ahead(r, c, way)


@inlined
def spawn_anywhere(stream, tiles, rows, cols):
    """Put the agent's spawn on a free cell, of which there must be one."""
    while True:
        r, c = draw_between(stream, 1, rows - 2), draw_between(stream, 1, cols - 2)
        if tiles[r, c] == FLOOR:
            tiles[r, c] = SPAWN
            return


@inlined
def walled_room(stream, layout_params, tiles):
    """Draw a layout: a room with pieces of wall and the agent anywhere; returns (rows, columns).

    layout_params: fewest and most inner rows and columns, and the number of inner cells per piece of wall.
    """
    rows, cols = (
        draw_between(stream, layout_params[0], layout_params[1]) + 2,
        draw_between(stream, layout_params[0], layout_params[1]) + 2,
    )
    room(stream, tiles, rows, cols, (rows - 2) * (cols - 2) // layout_params[2], 3)
    spawn_anywhere(stream, tiles, rows, cols)
    return rows, cols


@inlined
def pick(stream, tiles, facts, reach):
    """Draw a free reachable cell uniformly: (row, column), or (0, 0) if there is none.

    reach int32[H, W]: fewest steps to each cell of the layout, −1 if unreachable.
    """
    n = 0
    for r in range(facts[ROWS]):
        for c in range(facts[COLS]):
            if reach[r, c] > 0 and tiles[r, c] == FLOOR:
                n += 1
    if n == 0:
        return 0, 0
    k = draw_below(stream, n)
    for r in range(facts[ROWS]):
        for c in range(facts[COLS]):
            if reach[r, c] > 0 and tiles[r, c] == FLOOR:
                if k == 0:
                    return r, c
                k -= 1
    return 0, 0


@inlined
def put(stream, tiles, facts, reach, code):
    """Put a thing on a free reachable cell; False if there is none."""
    row, col = pick(stream, tiles, facts, reach)
    if row > 0:
        tiles[row, col] = code
    return row > 0


def agent_sprite(state: np.ndarray, last_action: int) -> Sprite:
    """Sprite of the agent, facing the direction of its last step."""
    side = "left" if last_action == LEFTWARD else "right"
    return Sprite(f"agent_{side}", int(state[ROW]), int(state[COL]))


def checker(least: tuple[int, int], more: Callable[[np.ndarray], Iterable[Fault | None]] = lambda tiles: ()):
    """Build a legend's `check`: size, rim, one spawn, then the world's own checks, each a fault or None."""

    def check(tiles: np.ndarray) -> Fault | None:
        rows, cols = tiles.shape
        if rows < least[0] or cols < least[1]:
            allowed = f"it needs at least {least[0]} rows and {least[1]} columns"
            return rows - 1, cols - 1, f"the level is {rows}x{cols}; {allowed}"
        open_rim = tiles != WALL
        open_rim[1:-1, 1:-1] = False
        if open_rim.any():
            r, c = np.argwhere(open_rim)[0]
            return int(r), int(c), "the rim of a level is wall: '#'"
        faults = [amount(tiles, SPAWN, "'A', the agent's spawn", 1, 1), *more(tiles)]
        return next((fault for fault in faults if fault is not None), None)

    return check


def amount(tiles: np.ndarray, codes: int | tuple[int, ...], what: str, low: int, high: int) -> Fault | None:
    """Fault of a level text with too few or too many of some tiles, or None."""
    cells = np.argwhere(np.isin(tiles, codes))
    if low <= len(cells) <= high:
        return None
    r, c = cells[high] if len(cells) > high else (tiles.shape[0] - 2, 1)
    allowed = f"exactly {low}" if low == high else f"{low} to {high}"
    return int(r), int(c), f"{allowed} of {what}; there are {len(cells)}"
