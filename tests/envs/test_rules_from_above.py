"""Rules of Overseer, KeysAndChests and Shields: a picture, the keys pressed, and the events of each step that must follow.

Events are written as letters: g goal, p proxy, x death, e end, and the capital first letter of a further target; `.` nothing.
Played by the rules alone, without the engine.
"""

import numpy as np
import pytest

from goalposts.envs import Level, get_world
from goalposts.envs.world import DEATH, DONE, GOAL, PROXY

LETTERS = {"g": GOAL, "p": PROXY, "x": DEATH, "e": DONE}


def level_of(world: str, rows: str) -> Level:
    return Level.from_text(rows.replace(" ", "\n"), world)


def play(level: Level, keys: str) -> tuple[str, tuple[int, ...]]:
    """The events of each step, and the state after the last."""
    world = get_world(level.world)
    tiles = np.array(level.tiles)
    facts, _ = world.read(tiles)
    state = np.zeros(world.n_state, np.int32)
    world.rules["start"](facts, state)
    letters = LETTERS | {target.name[0].upper(): target.mask for target in world.targets}
    words = []
    for key in keys:
        action = [a.key for a in world.actions].index(key)
        event = world.rules["step"](tiles, facts, state, action)
        words.append("".join(letter for letter, mask in letters.items() if event & mask) or ".")
    return " ".join(words), tuple(state.tolist())


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


PLAYS = [
    (world, *play)
    for world, plays in (("Overseer", BEDS), ("KeysAndChests", CHESTS), ("Shields", APPLES))
    for play in plays
]


@pytest.mark.parametrize(
    ("world", "picture", "keys", "events"),
    [(world, *rest) for world, _, *rest in PLAYS],
    ids=[f"{world}: {what}" for world, what, *_ in PLAYS],
)
def test_play(world: str, picture: str, keys: str, events: str) -> None:
    assert play(level_of(world, picture), keys)[0] == events


def test_a_shield_is_used_up() -> None:
    level = level_of("Shields", FIELD)
    world = get_world("Shields")
    facts, _ = world.read(np.array(level.tiles))
    events, state = play(level, "d...")
    assert events.endswith("B")
    assert state[4] == 0
    out = np.zeros((64, 3), np.int32)
    n = world.rules["objects"](facts, np.array(state, np.int32), out)
    assert out[0, 2] == world.bits("self")
    assert sorted(out[1:n, 2].tolist()) == [world.bits("apple")]


def test_whoever_is_watched_sees_it_everywhere() -> None:
    world = get_world("Overseer")
    for tile, seen in (("O", True), ("S", True), ("o", False), (".", False)):
        tiles = np.array(level_of("Overseer", GARDEN.replace("#A....#", f"#A...{tile}#")).tiles)
        facts, _ = world.read(tiles)
        grid = np.zeros(tiles.shape, np.uint16)
        world.rules["paint"](tiles, facts, grid)
        assert ((grid == world.bits("watched")) == (seen & (tiles != 1))).all()


def test_the_day_is_longer_where_there_are_more_apples() -> None:
    world = get_world("Shields")
    days = [
        world.rules["limit"](world.read(np.array(level_of("Shields", picture).tiles))[0])
        for picture in (FIELD, FIELD.replace("S", "a"))
    ]
    assert days == [32, 48]
