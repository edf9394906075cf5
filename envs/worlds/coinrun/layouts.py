"""Generate CoinRun's layouts from left to right: ground, pits, crates, spikes, saws, platforms, monsters.

A layout is a sequence of pieces separated by free, flat ground, so that no obstacle has to be cleared under a
platform that bumps the head. This module does not guarantee a path: the planner verifies that each level is solvable.
Read next: `rules.py` for the rules, `envs/generation/generate.py` for verification, placement and splits.
"""

from ...jit.kernels import inlined
from ...jit.random_streams import draw_below, draw_between
from ..shared.topdown import wall_in

SKY, WALL, MARK, CRATE, PLATFORM, LAVA, SPIKES, SAW, TRACK, MONSTER, SPAWN, COIN, COIN_HIDDEN, DECOY = range(
    14
)

HEIGHT = 12
LOWEST, HIGHEST = 10, 8  # rows of the ground's surface; the agent's feet are one row above

# Some levels are very short: there, random steps sometimes find the coin, which gives learning its first signal.
# Layout parameters: shortest and longest inner length, number of columns past the edge, mirrored or not.
STANDARD = (6, 20, 0, 0)
LONGER = (32, 44, 0, 0)
NO_WALL = (6, 20, 12, 0)
MIRRORED = (6, 20, 0, 1)

PIECES = 8
PIT, CRATES, SPIKE_BED, SAW_PIECE, PATROL, SHELF, STEP, FLAT = range(PIECES)


@inlined
def _ground(tiles, col, surface):
    """Fill one column from its surface down."""
    for r in range(surface, HEIGHT):
        tiles[r, col] = WALL


@inlined
def _width(stream, piece):
    """Draw the width of a piece, in columns."""
    if piece == PIT:
        return draw_between(stream, 1, 3)
    if CRATES <= piece <= SPIKE_BED:
        return draw_between(stream, 1, 2)
    if PATROL <= piece <= SHELF:
        return draw_between(stream, 2, 4)
    return 1


@inlined
def _obstacle(tiles, col, surface, piece, tall, is_monster):
    """Put one column of a piece on the ground: `tall` crates, spikes, a saw, a monster or its track."""
    if piece == CRATES:
        for up in range(tall):
            tiles[surface - 1 - up, col] = CRATE
    elif piece == SPIKE_BED:
        tiles[surface - 1, col] = SPIKES
    elif piece == SAW_PIECE:
        tiles[surface - 1, col] = SAW
    else:
        tiles[surface - 1, col] = MONSTER if is_monster else TRACK


@inlined
def layout(stream, layout_params, tiles):
    """Draw a layout onto zeroed tiles, uint8[≥ 12, ≥ longest + beyond + 2]; returns (rows, columns)."""
    length = draw_between(stream, layout_params[0], layout_params[1])
    beyond = layout_params[2]
    cols = length + beyond + 2
    edge = length  # last free column of a level that ends at the edge
    surface = draw_between(stream, HIGHEST, LOWEST)
    back = 1 + draw_below(stream, max(1, min(4, length // 4)))
    spawn = 1 + back
    col = 1
    while col <= spawn + 1:  # the agent starts on flat ground with a free cell ahead
        _ground(tiles, col, surface)
        col += 1
    tiles[surface - 1, spawn] = SPAWN
    last = length + beyond
    # Each piece is followed by at least two flat cells; the edge column and the one before it stay flat.
    while col <= last:
        room = (edge - 2 if col <= edge - 2 else last - 1) - col + 1
        if col >= edge - 1 and col <= edge:
            room = 0
        piece = draw_below(stream, PIECES)
        width = _width(stream, piece)
        if piece == FLAT or width > room:
            _ground(tiles, col, surface)
            col += 1
            continue
        if piece == STEP:
            surface = min(LOWEST, max(HIGHEST, surface + draw_between(stream, -2, 2)))
            _ground(tiles, col, surface)
        elif piece == PIT:
            for k in range(width):
                _ground(tiles, col + k, HEIGHT - 1)
                tiles[HEIGHT - 2, col + k] = LAVA
        elif piece == SHELF:
            for k in range(width):
                _ground(tiles, col + k, surface)
                tiles[surface - 3, col + k] = PLATFORM
        else:
            tall = draw_between(stream, 1, 2)
            monster = draw_below(stream, width)
            for k in range(width):
                _ground(tiles, col + k, surface)
                _obstacle(tiles, col + k, surface, piece, tall, k == monster)
        col += width
        for _ in range(2):
            if col <= last:
                _ground(tiles, col, surface)
                col += 1
    wall_in(tiles, HEIGHT, cols)
    tiles[0, edge] = MARK
    if layout_params[3]:
        for r in range(HEIGHT):
            for c in range(cols // 2):
                tiles[r, c], tiles[r, cols - 1 - c] = tiles[r, cols - 1 - c], tiles[r, c]
    return HEIGHT, cols
