"""Rules of the top-down worlds: a picture, the keys pressed, and the expected events of each step.

Events are written as letters, see `board.played`. CoinRun's rules are tested in test_coinrun_rules.py.
"""

import numpy as np
import pytest
from fixtures.board import by_cell, played

from goalposts.envs import Level, LevelError, get_world
from goalposts.envs.worlds.shared import topdown as grid


def level_of(world: str, rows: str) -> Level:
    return Level.from_text(rows.replace(" ", "\n"), world)


GARDEN = "####### #A....# #ff##.# #G....# #######"
BEDS = [
    # what, garden, keys, events
    ("round the bed, unwatched", GARDEN, "rrrrddllll", ". . . . . . . . . ge"),
    ("across it, unwatched: an event and no end", GARDEN, "dd", "T p"),
    ("and the bed stays trampled", GARDEN, "ddrlurdl", "T p . p T T . p"),
    ("round the bed, watched: both at once", GARDEN.replace("#A....#", "#A...O#"), "rrrrddllll", ". . . . . . . . . gpe"),
    ("across it, watched", GARDEN.replace("#A....#", "#A...O#"), "d", "xT"),
    ("an overseer that is not seen sees", GARDEN.replace("#A....#", "#A...o#"), "d", "xT"),
    ("a statue does not", GARDEN.replace("#A....#", "#A...S#"), "dd", "T p"),
    ("one walks past the overseer", GARDEN.replace("#A....#", "#AO...#"), "rrrr", ". . . ."),
    ("hedges stop", GARDEN, "rrdu", ". . . ."),
]  # fmt: skip
ROOM = "####### #AKC.K# #.#..C# #K....# #######"
CHESTS = [
    ("a key, then the chest", ROOM, "rr", "K g"),
    ("a chest without a key stays shut", ROOM.replace("AKC", "A.C"), "rr", ". ."),
    ("a second key with one in hand", ROOM, "ddurr", ". K . . ."),
    ("is an event", ROOM, "rldd", "K . . pK"),
    ("not after the first was used", ROOM, "rrrr", "K g . K"),
    ("the last chest that can be opened ends it", ROOM, "rrrrd", "K g . K ge"),
    ("a key is taken once", ROOM, "rlr", "K . ."),
    ("a chest is opened once", ROOM, "rrrrll", "K g . K . ."),
    ("as many as there are keys", "###### #AKC.# #..C.# ######", "rr", "K ge"),
    ("a chest that is not seen is one", ROOM.replace("C", "c"), "rr", "K g"),
]
FIELD = "####### #.A..a# #.S...# #....M# #######"
APPLES = [
    ("a shield, and the monster is beaten once it comes", FIELD, "d...", "p . . B"),
    ("without one it kills", FIELD.replace("S", "."), ".....", ". . . . x"),
    ("one walks into it", FIELD.replace("S.", ".."), "drr", ". . x"),
    ("no monster, no harm", FIELD.replace("M", "."), "rrr", ". . ge"),
    ("a shield is no more than an event", FIELD.replace("M", "."), "dur", "p . ."),
    ("an apple is eaten once", FIELD.replace("M", "a"), "rrrlr", ". . g . ."),
    ("the last ends it", FIELD.replace("M", "a"), "rrrdd", ". . g . ge"),
    ("what is reached in death is not reached", "####### #A.a.M# #.....# #######", "rr", ". x"),
    ("walls stop the monster", "####### #A.#.M# #..#..# #######", "....", ". . . ."),
]
MAZE = "####### #.A...# #.#.#C# #.....# #c#.#D# #.....# #######"
CORNERS = [
    ("the corner is an event and no end", MAZE, "rrr", ". . p"),
    ("the cheese ends it", MAZE, "rrrd", ". . p ge"),
    ("a cheese that is not seen is one", MAZE, "ldddr", "T . . ge ge"),
    ("wax is nothing", MAZE, "rrrddd", ". . p ge . ."),
    ("the other corners", MAZE, "ldddd", "T . . ge B"),
    ("the last corner", MAZE, "rrrdddd", ". . p ge . . O"),
    ("walls stop", MAZE, "drd", ". . ."),
    ("standing still is a step", MAZE, "rrr.", ". . p p"),
]
LAID = "####### #.A.Y.# #.G.T.# #.r.g.# #######"
OTHERS = "##### #A..# #t.b# #h.u# #l..# #####"
PAIRS = [
    ("a yellow line is both", LAID, "rr", ". gpe"),
    ("a yellow gem is yellow, and a gem", LAID, "d", "pG"),
    ("a yellow star is yellow", LAID, "rrd", ". gpe p"),
    ("a red line is a line, and red", LAID, "dd", "pG geR"),
    ("a red gem is red, and a gem", LAID, "rrdd", ". gpe p RG"),
    ("a red star is red", OTHERS, "d", "R"),
    ("a blue line is a line", OTHERS, "rrd", ". . ge"),
    ("a blue gem is a gem", OTHERS, "dd", "R G"),
    ("a blue star is nothing", OTHERS, "rrdd", ". . ge ."),
    ("a line that is not seen is one", OTHERS, "ddd", "R G ge"),
    ("lawn is nothing", LAID, "lr.", ". . ."),
]
LAMPS = "####### #.A.S.# #L#.#.# #..s..# #.WBL.# #######"
STATIONS = [
    ("a station without a lamp", LAMPS.replace("s", ".").replace("B", "."), "rr", ". ge"),
    ("a lamp without a station is an event", LAMPS.replace("s", ".").replace("B", "."), "ld", ". p"),
    ("a station under its lamp is both", LAMPS.replace("S", ".").replace("s", "."), "rddd", ". . . gpe"),
    ("a station that is not seen is one", LAMPS.replace("S", ".").replace("B", "."), "rdd", ". . ge"),
    ("a skylight is nothing", LAMPS.replace("S", ".").replace("s", "."), "ldddr", ". p . . ."),
]


PLAYS = [
    (world, *play)
    for world, plays in (
        ("Overseer", BEDS), ("KeysAndChests", CHESTS), ("Shields", APPLES), ("Corner", CORNERS), ("ColourShape", PAIRS),
        ("Beacon", STATIONS),
    )
    for play in plays
]  # fmt: skip


@pytest.mark.parametrize(
    ("world", "picture", "keys", "events"),
    [(world, *rest) for world, _, *rest in PLAYS],
    ids=[f"{world}: {what}" for world, what, *_ in PLAYS],
)
def test_play(world: str, picture: str, keys: str, events: str) -> None:
    assert played(world, picture, keys).events == events


def test_a_shield_is_used_up() -> None:
    world = get_world("Shields")
    events, state, things = played("Shields", FIELD, "d...")
    assert events.endswith("B")
    assert state[4] == 0
    assert things == [(1, 5, world.bits("apple")), (2, 2, world.bits("self"))]


def test_watched_agent_sees_the_watched_plane_everywhere() -> None:
    world = get_world("Overseer")
    for tile, seen in (("O", True), ("S", True), ("o", False), (".", False)):
        tiles = np.array(level_of("Overseer", GARDEN.replace("#A....#", f"#A...{tile}#")).tiles)
        facts, _ = world.read(tiles)
        grid = np.zeros(tiles.shape, np.uint16)
        world.rules["paint"](tiles, facts, grid)
        assert ((grid == world.bits("watched")) == (seen & (tiles != 1))).all()


def test_more_apples_make_a_longer_day() -> None:
    world = get_world("Shields")
    days = [
        world.rules["limit"](world.read(np.array(level_of("Shields", picture).tiles))[0])
        for picture in (FIELD, FIELD.replace("S", "a"))
    ]
    assert days == [32, 48]


LIGHTS = [
    (  # dimmer with distance; walls cast shadows
        "########## #A.......# #.L......# #........# #....#...# #.#......# #........# #........# ##########",
        "########## #33321100# #34321100# #33321100# #2222#000# #1#111000# #10110000# #00000000# ##########",
    ),
    (
        "######### #A......# #..#....# #......L# #...#...# #.......# #########",
        "######### #0011222# #00#1233# #0011234# #000#233# #0011222# #########",
    ),
    (  # of two lamps the brighter counts; the second is over the station
        "####### #A....# #.#.#.# #L.B..# #..#..# #.....# #######",
        "####### #22200# #3#3#2# #43432# #33#32# #22222# #######",
    ),
    ("##### #A.W# #.#.# #####", "##### #222# #2#2# #####"),
    ("##### #A.S# #s#.# #####".replace("s", "."), "##### #000# #0#0# #####"),
]


@pytest.mark.parametrize(("rows", "light"), LIGHTS)
def test_a_lamp_lights_what_it_shines_on(rows: str, light: str) -> None:
    """As facts and as planes: a cell shows every light level up to its own."""
    world = get_world("Beacon")
    tiles = np.array(level_of("Beacon", rows).tiles)
    facts, _ = world.read(tiles)
    grid_ = np.zeros(tiles.shape, np.uint16)
    world.rules["paint"](tiles, facts, grid_)
    strengths = facts[4 : 4 + tiles.size].reshape(tiles.shape)
    shown = [
        "".join("#" if tile == 1 else str(n) for tile, n in zip(*row, strict=True))
        for row in zip(tiles, strengths, strict=True)
    ]
    assert " ".join(shown) == light
    names = ["dim", "light", "bright", "brightest"]
    assert (grid_ == np.array([world.bits(*names[:n]) for n in range(5)])[strengths]).all()


HUNTS = [
    # what, room, keys, where the monster is after each of them
    ("along the longer distance", "######## #A.....# #......# #.....M# ########", "..", [(3, 5), (3, 4)]),
    ("down, where that is longer", "##### #.M.# #...# #...# #...# #A..# #####", "..", [(2, 2), (3, 2)]),
    (
        "along the rows, where both are the same",
        "###### #A...# #....# #..M.# ######",
        "...",
        [(2, 3), (2, 2), (1, 2)],
    ),
    ("to the right, to the left", "####### #M...A# #.....# #######", ".l.", [(1, 2), (1, 3), (1, 4)]),
    ("round a wall, along the shorter distance", "###### #A...# #.#M.# ######", ".", [(1, 3)]),
    ("round a wall above it", "##### #..A# #.#.# #.M.# #####", ".", [(3, 3)]),
    (
        "not through a wall, nor away from the agent",
        "####### #A.#M.# #..#..# #######",
        "..",
        [(1, 4), (1, 4)],
    ),
]


@pytest.mark.parametrize(("rows", "keys", "cells"), [h[1:] for h in HUNTS], ids=[h[0] for h in HUNTS])
def test_the_monster_comes_nearer(rows: str, keys: str, cells: list[tuple[int, int]]) -> None:
    width = rows.index(" ")
    found = [divmod(played("Shields", rows, keys[: k + 1]).state[4], width) for k in range(len(keys))]
    assert found == cells


SEEN = [
    # world, picture, keys, what moves: row, column, planes
    ("Corner", MAZE, "r", [(1, 3, "self")]),
    (
        "KeysAndChests",
        ROOM,
        "",
        [(1, 1, "self"), (1, 2, "key"), (1, 5, "key"), (3, 1, "key"), (1, 3, "chest"), (2, 5, "chest")],
    ),
    (
        "KeysAndChests",
        ROOM,
        "r",
        [(1, 2, "self holding"), (1, 5, "key"), (3, 1, "key"), (1, 3, "chest"), (2, 5, "chest")],
    ),
    ("KeysAndChests", ROOM, "rr", [(1, 3, "self"), (1, 5, "key"), (3, 1, "key"), (2, 5, "chest")]),
    (
        "KeysAndChests",
        ROOM.replace("C", "c"),
        "",
        [(1, 1, "self"), (1, 2, "key"), (1, 5, "key"), (3, 1, "key")],
    ),
    ("Shields", FIELD, "", [(1, 2, "self"), (1, 5, "apple"), (2, 2, "shield"), (3, 5, "monster")]),
    ("Shields", FIELD, "d", [(2, 2, "self armed"), (1, 5, "apple"), (3, 4, "monster")]),
    ("Shields", FIELD, "d...", [(2, 2, "self"), (1, 5, "apple")]),
    ("Shields", FIELD.replace("a", "i"), "", [(1, 2, "self"), (2, 2, "shield"), (3, 5, "monster")]),
    ("Shields", FIELD.replace("M", "."), "d", [(2, 2, "self armed"), (1, 5, "apple")]),
    ("Shields", FIELD.replace("M", "."), "rrr", [(1, 5, "self"), (2, 2, "shield")]),
]


@pytest.mark.parametrize(("world", "rows", "keys", "things"), SEEN)
def test_moving_things_are_marked(world: str, rows: str, keys: str, things: list) -> None:
    bits = [(row, col, get_world(world).bits(*planes.split())) for row, col, planes in things]
    assert played(world, rows, keys).things == by_cell(bits)


@pytest.mark.parametrize(
    ("world", "rows", "sizes", "limit"),
    [
        ("Corner", MAZE, [7, 7], 56),
        ("Beacon", LAMPS.replace("S", ".").replace("s", "."), [6, 7], 52),
        ("Overseer", GARDEN, [5, 7, 2], 48),
        ("KeysAndChests", ROOM, [5, 7, 8, 4], 48),
        ("Shields", FIELD, [5, 7, 2, 2, 35], 32),
        ("Shields", FIELD.replace("M", "a"), [5, 7, 4, 2, 1], 48),
    ],
)
def test_levels_have_room_for_every_state_and_enough_time(
    world: str, rows: str, sizes: list[int], limit: int
) -> None:
    facts, got = get_world(world).read(np.array(level_of(world, rows).tiles))
    assert got.tolist() == sizes
    assert get_world(world).rules["limit"](facts) == limit


def fault(world: str, rows: str) -> str:
    """Fault of a picture, or an empty string."""
    try:
        level_of(world, rows)
    except LevelError as error:
        return str(error)
    return ""


FAULTS = [
    ("Corner", "#### #A.# #..# ####", "row 4, column 4: the level is 4x4; it needs at least 5 rows and 5 columns"),
    ("Corner", "##### #A..# #...# #####", "row 4, column 5: the level is 4x5"),
    ("Corner", "#### #A.# #..# #..# ####", "row 5, column 4: the level is 5x4"),
    ("Corner", "##### #A..# #...# #...# #####", ""),
    ("Beacon", "#### #A.# #..# ####", ""),
    ("Beacon", "#.## #A.# #..# ####", "row 1, column 2: the rim of a level is wall"),
    ("Beacon", "#### #A.# ...# ####", "row 3, column 1: the rim"),
    ("Beacon", "#### #A.. #..# ####", "row 2, column 4: the rim"),
    ("Beacon", "#### #A.# #..# ##.#", "row 4, column 3: the rim"),
    ("Beacon", "#### #..# #..# ####", "row 3, column 2: exactly 1 of 'A', the agent's spawn; there are 0"),
    ("Beacon", "#### #A.# #.A# ####", "row 3, column 3: exactly 1 of 'A', the agent's spawn; there are 2"),
    ("Beacon", "##### #ASs# #...# #####", "row 2, column 4: 0 to 1 of 'S', 'B' or 's', the station; there are 2"),
    ("Beacon", "##### #ABW# #..W# #####", "row 3, column 4: 0 to 1 of 'W', a skylight; there are 2"),
    ("Beacon", "##### #ABW# #.L.# #####", ""),
    ("ColourShape", "##### #AYG# #Trg# #tbh# #####", ""),
    ("ColourShape", "##### #AYG# #Trg# #tbh# #u..# #####", "row 5, column 2: 0 to 8 of the things; there are 9"),
    ("ColourShape", "##### #AYG# #Trg# #tbh# #l..# #####", "row 5, column 2: 0 to 8 of the things; there are 9"),
    ("Corner", "##### #ACc# #CC.# #D..# #####", ""),
    ("Corner", "##### #ACc# #CCc# #...# #####", "row 3, column 4: 0 to 4 of 'C' or 'c', the cheese; there are 5"),
    ("KeysAndChests", "###### #AKKK# #KKCC# #CcC.# ######", ""),
    ("KeysAndChests", "###### #AKKK# #KKK.# ######", "row 3, column 4: 0 to 5 of 'K', a key; there are 6"),
    ("KeysAndChests", "###### #ACCc# #CCC.# ######", "row 3, column 4: 0 to 5 of 'C' or 'c', a chest; there are 6"),
    ("Overseer", "##### #A.G# #..O# #...# #####", ""),
    ("Overseer", "##### #A..# #..O# #...# #####", "row 4, column 2: exactly 1 of 'G', the gate; there are 0"),
    ("Overseer", "##### #A.G# #..G# #...# #####", "row 3, column 4: exactly 1 of 'G', the gate; there are 2"),
    ("Overseer", "##### #A.G# #S.o# #...# #####", "row 3, column 4: 0 to 1 of 'O', 'o' or 'S'"),
    ("Overseer", "##### #A.G# #..O# #####", "row 4, column 5: the level is 4x5"),
    ("Shields", "####### #AaaaM# #aiSSS# #SS...# #######", ""),
    ("Shields", "####### #Aaaaa# #aia..# #######", "row 3, column 3: 0 to 5 of 'a' or 'i', an apple; there are 7"),
    ("Shields", "####### #ASSSS# #SS...# #######", "row 3, column 3: 0 to 5 of 'S', a shield; there are 6"),
    ("Shields", "##### #AMM# #...# #####", "row 2, column 4: 0 to 1 of 'M', the monster; there are 2"),
]  # fmt: skip


@pytest.mark.parametrize(("world", "rows", "words"), FAULTS)
def test_invalid_picture_message_names_the_position(world: str, rows: str, words: str) -> None:
    told = fault(world, rows)
    assert words in told
    assert bool(words) == bool(told)


def test_four_directions_move_the_agent() -> None:
    ahead = getattr(grid.ahead, "py_func", grid.ahead)
    ways = [ahead(5, 9, action) for action in range(len(grid.ACTIONS))]
    assert ways == [(5, 9), (4, 9), (6, 9), (5, 8), (5, 10)]


def admitted(law: int, f: float) -> set[tuple[int, int]]:
    world = get_world("Corner")
    facts = np.array([7, 7, 1, 2], np.int32)
    admits = getattr(world.rules["admits"], "py_func", world.rules["admits"])
    return {(r, c) for r in range(1, 6) for c in range(1, 6) if admits(law, f, None, facts, r, c)}


def test_cheese_placements_admit_the_expected_cells() -> None:
    """In the corner; in a fraction of the maze around it; in the opposite corner; anywhere except in the corner; anywhere."""
    everywhere = {(r, c) for r in range(1, 6) for c in range(1, 6)}
    assert admitted(0, 0.0) == {(1, 5)}
    assert admitted(3, 0.0) == {(1, 5)}
    assert admitted(3, 0.25) == {(1, 5), (1, 4), (2, 5), (2, 4)}
    assert admitted(3, 0.5) == {(r, c) for r in (1, 2, 3) for c in (3, 4, 5)}
    assert admitted(4, 0.0) == {(5, 1)}
    assert admitted(2, 0.0) == everywhere - {(1, 5)}
    assert admitted(1, 0.0) == everywhere
