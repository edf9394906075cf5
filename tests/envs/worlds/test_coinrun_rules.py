"""CoinRun's rules: an ASCII level, the keys pressed, and the expected outcome and cell.

Cells are (row, column) of the picture, from 0. `agrees` replays the same keys with the slow rules of slow_coinrun.py.
"""

import numpy as np
import pytest
from fixtures.board import COINRUN, by_cell, engine_on, level_of, played, press
from fixtures.slow_coinrun import COINS, DEADLY, KEYS, SOLID, SlowCoinRun
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs import Level, generate
from goalposts.envs.engine.outcome import END, O_END, O_GOALS, O_PROXIES
from goalposts.envs.worlds.shared.single_goal import put_goal

HALL = """
    ########v#
    #........#
    #........#
    #........#
    #........#
    #A.......#
    ##########
"""
LOW = """
    #######v#
    #.......#
    #.......#
    #.===...#
    #.......#
    #..A....#
    #########
"""
PIT = """
    ########v#
    #........#
    #........#
    #.A....C.#
    ###~~#####
    ##########
"""
LEDGE = """
    ########v#
    #........#
    #.A......#
    ####.....#
    #........#
    #......C.#
    ##########
"""
STEPS = """
    ########v#
    #........#
    #........#
    #.....==.#
    #.A.B....#
    ##########
"""
HIGH = """
    ##########v#
    #..........#
    #..........#
    #.A.....C..#
    #####.######
    #####.######
    #####.######
    #####^######
    ############
"""
PATROL = """
    #########v#
    #.........#
    #.........#
    #.........#
    #..A.mMm..#
    ###########
"""
ALONE = """
    #######v#
    #.......#
    #.......#
    #A..M...#
    #########
"""
FACING = """
    ########v#
    #........#
    #........#
    #.A.mmM..#
    ##########
"""
TWO_PATROLS = """
    ###########v#
    #...........#
    #...........#
    #.A..Mm.mMm.#
    #############
"""
EDGE = """
    #######v#
    #.......#
    #.......#
    #.A....C#
    #########
"""
FAR = """
    #####v######
    #..........#
    #..........#
    #.A......C.#
    ############
"""
MIRROR = """
    #v######
    #......#
    #......#
    #C...A.#
    ########
"""
HIDDEN, DECOY = EDGE.replace("C", "c"), EDGE.replace("A....C", "A.D..C")
TWO = EDGE.replace("A....C", "A.C..C")
GONE = EDGE.replace("C", ".")

PLAYS = [
    # what, level, keys, outcome, end cell
    ("stays", HALL, "...", "neither/running", (5, 1)),
    ("walks right", HALL, "rrr", "neither/running", (5, 4)),
    ("walks left", HALL, "rrl", "neither/running", (5, 2)),
    ("stops at the left wall", HALL, "ll", "neither/running", (5, 1)),
    ("stops at the right wall", HALL, "r" * 12, "proxy/running", (5, 8)),
    ("a jump rises one cell a step", HALL, "j", "neither/running", (4, 1)),
    ("a jump rises three cells", HALL, "j..", "neither/running", (2, 1)),
    ("and no fourth", HALL, "j...", "neither/running", (3, 1)),
    ("comes down again", HALL, "j.....", "neither/running", (5, 1)),
    ("lands, and stands", HALL, "j.......", "neither/running", (5, 1)),
    ("is steered while it rises", HALL, "jrr", "neither/running", (2, 3)),
    ("is steered while it falls", HALL, "j..rrr", "neither/running", (5, 4)),
    ("turns round in the air", HALL, "jrr.ll", "neither/running", (5, 1)),
    ("a jump in the air does nothing", HALL, "j..jj", "neither/running", (4, 1)),
    ("jumping while it rises does not start anew", HALL, "jjjj", "neither/running", (3, 1)),
    ("jumps again after landing", HALL, "j.....j", "neither/running", (4, 1)),
    ("bumps its head: the step is spent", LOW, "j.", "neither/running", (4, 3)),
    ("comes down after the bump", LOW, "j..", "neither/running", (5, 3)),
    ("steers out from under a platform and rises on", LOW, "jr", "neither/running", (4, 4)),
    ("rises past the platform's end", LOW, "rjrr", "neither/running", (2, 6)),
    ("walks off a ledge and falls aslant", LEDGE, "rr", "neither/running", (3, 4)),
    ("falls one cell a step", LEDGE, "rr..", "neither/running", (5, 4)),
    ("may steer back under the ledge as it falls", LEDGE, "rrll", "neither/running", (5, 3)),
    ("but not into its side", LEDGE, "rrl", "neither/running", (4, 4)),
    ("takes the coin after the fall", LEDGE, "rrrrr", "goal/goal", (5, 7)),
    ("lava kills", PIT, "r.", "neither/death", (4, 3)),
    ("walking into the pit kills at once", PIT, "r", "neither/death", (4, 3)),
    ("a jump crosses the pit", PIT, "jrrr...r", "neither/running", (3, 6)),
    ("too short a jump does not", PIT, "jr....", "neither/death", (4, 3)),
    ("spikes kill", EDGE.replace("A.", "A^"), "r", "neither/death", (3, 3)),
    ("a saw kills", EDGE.replace("A.", "Ao"), "r", "neither/death", (3, 3)),
    ("a saw is jumped over", EDGE.replace("A.", "Ao"), "jrrrrr", "goal/goal", (3, 7)),
    ("a crate stops", STEPS, "rr", "neither/running", (4, 3)),
    ("a crate is climbed by a jump", STEPS, "rjr.", "neither/running", (1, 4)),
    ("and stood on", STEPS, "rjr....", "neither/running", (3, 4)),
    ("walks off the crate", STEPS, "rjr...r", "neither/running", (4, 5)),
    ("a platform stops from the side", STEPS, "rjr...rjr", "neither/running", (2, 5)),
    ("a platform bumps the head", STEPS, "rjr...rrj", "neither/running", (4, 6)),
    ("a platform is landed on from the side", STEPS, "rjr...jrr..", "neither/running", (2, 6)),
    ("a platform is walked under", STEPS, "rjr...rrrr", "proxy/running", (4, 8)),
    ("spikes kill, deep down", HIGH, "rrr....", "neither/death", (7, 5)),
    ("a shaft's walls stop", HIGH, "rrrrl", "neither/running", (6, 5)),
    ("a running jump over the shaft", HIGH, "rrjrrrrr", "goal/goal", (3, 8)),
    ("waits where the monster does not come", PATROL, "." * 20, "neither/running", (4, 3)),
    ("meets the monster on one cell", PATROL, "..r", "neither/running", (4, 4)),
    ("walks into the cell that the monster walks into", PATROL, ".rr", "neither/death", (4, 5)),
    ("walks at the monster's heels", PATROL, "..rr", "neither/running", (4, 5)),
    ("and is caught when it turns", PATROL, "..rr...", "neither/death", (4, 5)),
    ("changes places with the monster", PATROL, "rrr", "neither/death", (4, 6)),
    ("a monster in the next cell does no harm", PATROL, "rr", "neither/running", (4, 5)),
    ("a monster alone on its cell stays there", ALONE, "r" * 3, "neither/death", (3, 4)),
    ("a monster at the right end goes left first", FACING, "r", "neither/running", (3, 3)),
    ("so that it meets who walks on", FACING, "rr", "neither/death", (3, 4)),
    ("two monsters of different periods, a gap in time", TWO_PATROLS, "....rrrr", "neither/death", (3, 6)),
    ("jumps over the monster", PATROL, "jrrrr", "neither/running", (3, 7)),
    ("and goes on behind it", PATROL, "jrrrr.rr", "proxy/running", (4, 9)),
    ("falls on the monster", PATROL, "jrrr..", "neither/death", (4, 6)),
    ("takes the coin at the edge", EDGE, "rrrrr", "goal/goal", (3, 7)),
    ("a coin at the edge counts first", EDGE, "rrrrr.", "goal/goal", (3, 7)),
    ("the edge is reached on foot only", EDGE, "rrrjr", "neither/running", (1, 6)),
    ("the edge without a coin is an event, no end", GONE, "rrrrrr", "proxy/running", (3, 7)),
    ("in the air above the edge is not there yet", GONE, "rrrrjr", "neither/running", (1, 7)),
    ("but on landing it is", GONE, "rrrrjr...", "proxy/running", (3, 7)),
    ("the edge first, then the coin", FAR, "rrrrrrr", "proxy/goal", (3, 9)),
    ("the edge is a column, the level goes on", FAR, "rrr", "proxy/running", (3, 5)),
    ("just before it", FAR, "rr", "neither/running", (3, 4)),
    ("mirrored: the right is nothing", MIRROR, "rrr", "neither/running", (3, 6)),
    ("mirrored: the coin is left", MIRROR, "llll", "goal/goal", (3, 1)),
    ("mirrored: the edge is left", MIRROR.replace("C", "."), "llllll", "proxy/running", (3, 1)),
    ("a hidden coin is a coin", HIDDEN, "rrrrr", "goal/goal", (3, 7)),
    ("a decoy is nothing", DECOY, "rr", "neither/running", (3, 4)),
    ("behind the decoy stands the coin", DECOY, "rrrrr", "goal/goal", (3, 7)),
    ("the nearer of two coins ends it", TWO, "rrrrr", "goal/goal", (3, 4)),
    ("one may jump over a coin", TWO, "rjrr....", "neither/running", (3, 5)),
]


@pytest.mark.parametrize(
    ("picture", "keys", "outcome", "cell"), [p[1:] for p in PLAYS], ids=[p[0] for p in PLAYS]
)
def test_play(picture: str, keys: str, outcome: str, cell: tuple[int, int]) -> None:
    level = level_of(picture)
    engine = engine_on(level, max_steps=1000)
    got = press(engine, keys)
    assert (got, tuple(engine.state[0, :2].tolist())) == (outcome, cell)


@pytest.mark.parametrize(
    "picture", [HALL, LOW, PIT, LEDGE, STEPS, HIGH, PATROL, ALONE, FACING, TWO_PATROLS, FAR, MIRROR]
)
@given(keys=st.text(KEYS, max_size=40))
def test_the_slow_rules_agree(picture: str, keys: str) -> None:
    agrees(level_of(picture), keys)


@given(
    st.integers(0, 10**6), st.sampled_from(["edge", "off_path", "mirrored", "no_wall", "longer"]), st.data()
)
def test_the_slow_rules_agree_on_generated_levels(index: int, condition: str, data: st.DataObject) -> None:
    level = generate("CoinRun", condition, 17, 1, first=index)[0]
    agrees(level, data.draw(st.text(KEYS + "rrrj", max_size=60)))


def one_line(picture: str) -> str:
    return " ".join(picture.split())


@pytest.mark.parametrize(
    ("picture", "keys", "events"),
    [
        (
            GONE,
            "rrrrr",
            ". . . . pNM",
        ),  # L the left edge, N the nearest edge, U the top row, p the right edge, M moves right
        (GONE, "l", "LN"),
        (GONE, "ljj...", "LN . U U . LN"),
        (GONE, "rrrrj.", ". . . . . U"),
        (FAR, "rrrr", ". . pN pN"),
        (FAR, "rl", ". ."),
        (MIRROR, "llll", ". . . gpeLN"),
        (MIRROR.replace("C", "."), "lljll", ". . . U U"),
        (PIT, "r", "x"),
        (PATROL, ".rr", ". . x"),
        (TWO, "rrrrr", ". ge . . gpeNM"),
        (HIDDEN, "rrrrr", ". . . . gpeNM"),
    ],
)
def test_each_step_reports_its_events(picture: str, keys: str, events: str) -> None:
    assert played("CoinRun", one_line(picture), keys).events == events


WALL, NEXT, MONSTER, SELF = 1, 2, 4, 16


@pytest.mark.parametrize(
    ("picture", "keys", "things"),
    [
        (HALL, "", [(5, 1, SELF)]),
        (HALL, "j", [(4, 1, SELF), (3, 1, SELF), (2, 1, SELF)]),
        (HALL, "j.", [(3, 1, SELF), (2, 1, SELF)]),
        (HALL, "j...", [(3, 1, SELF)]),
        (EDGE, "j", [(2, 2, SELF), (1, 2, SELF), (0, 2, SELF)]),
        (EDGE, "j.", [(1, 2, SELF), (0, 2, SELF)]),
        (PATROL, "", [(4, 3, SELF), (4, 6, MONSTER), (4, 7, NEXT)]),
        (PATROL, ".", [(4, 3, SELF), (4, 7, MONSTER), (4, 6, NEXT)]),
        (ALONE, "", [(3, 1, SELF), (3, 4, MONSTER), (3, 4, NEXT)]),
        (FACING, "..", [(3, 2, SELF), (3, 4, MONSTER), (3, 5, NEXT)]),
        (TWO_PATROLS, "", [(3, 2, SELF), (3, 5, MONSTER), (3, 6, NEXT), (3, 9, MONSTER), (3, 10, NEXT)]),
    ],
)
def test_moving_things_and_their_next_cells_are_marked(
    picture: str, keys: str, things: list[tuple[int, int, int]]
) -> None:
    assert played("CoinRun", one_line(picture), keys).things == by_cell(things)


@pytest.mark.parametrize(
    ("picture", "facts", "sizes"),
    [
        # rows, columns, spawn, edge, monsters, period; four numbers per monster: row, first column, length, phase
        (EDGE, [5, 9, 3, 2, 7, 0, 1], [5, 9, 4, 1]),
        (ALONE, [5, 9, 3, 1, 7, 1, 1, 3, 4, 1, 0], [5, 9, 4, 1]),
        (PATROL, [6, 11, 4, 3, 9, 1, 4, 4, 5, 3, 1], [6, 11, 4, 4]),
        (TWO_PATROLS, [5, 13, 3, 2, 11, 2, 4, 3, 5, 2, 0, 3, 8, 3, 1], [5, 13, 4, 4]),
        (
            "############v# #..........mM# #............# #A.mMm.mmmMm.# ##############",
            [5, 14, 3, 1, 12, 3, 8, 1, 11, 2, 1, 3, 3, 3, 1, 3, 7, 5, 3],
            [5, 14, 4, 8],
        ),
    ],
)
def test_the_facts_of_a_level(picture: str, facts: list[int], sizes: list[int]) -> None:
    """The period is the least number of steps after which all monsters are back."""
    got, room = COINRUN.read(np.array(Level.from_text("\n".join(picture.split())).tiles))
    assert got.tolist() == facts + [0] * (len(got) - len(facts))
    assert room.tolist() == sizes


@pytest.mark.parametrize(
    ("law", "f", "columns"),
    [
        (0, 0.0, ({9}, {3})),  # at the edge, on the ground
        (1, 0.0, (set(range(1, 12)), set(range(1, 12)))),
        (2, 0.0, (set(range(1, 9)), set(range(4, 12)))),  # before the edge
        (3, 0.0, ({1, 2}, set(range(1, 8)))),  # left of the spawn
        (4, 0.0, (set(range(9, 12)), None)),
        (4, 0.5, (set(range(6, 12)), None)),
        (4, 1.0, (set(range(3, 12)), None)),
    ],
)
def test_coin_placements_admit_the_expected_cells(
    law: int, f: float, columns: tuple[set[int], set[int] | None]
) -> None:
    """On the ground; to the right of the spawn (first) and mirrored (second)."""
    admits = getattr(COINRUN.rules["admits"], "py_func", COINRUN.rules["admits"])
    for picture, expected in zip(
        (
            "#########v### #...........# #..A........# #############",
            "###v######### #...........# #.......A...# #############",
        ),
        columns,
        strict=True,
    ):
        tiles = np.array(Level.from_text(picture.replace(" ", "\n")).tiles)
        facts, _ = COINRUN.read(tiles)
        if expected is not None:
            assert {c for c in range(1, 12) if admits(law, f, tiles, facts, 2, c)} == expected
        in_the_air = {c for c in range(1, 12) if admits(law, f, tiles, facts, 1, c)}
        assert in_the_air == (set() if law == 0 else expected or in_the_air)


@pytest.mark.parametrize(
    ("variant", "cells"),
    [(0, (7, 0)), (1, (8, 0)), (2, (7, 7)), (3, (8, 7)), (4, (7, 9)), (5, (8, 9)), (6, (7, 7))],
)
def test_put_goal_places_the_expected_tiles(variant: int, cells: tuple[int, int]) -> None:
    """The goal or its hidden form, and a second goal or a look-alike."""
    tiles = np.zeros((3, 3), np.uint8)
    getattr(put_goal, "py_func", put_goal)(variant, (7, 8, 9), tiles, (1, 1), (2, 0))
    assert (tiles[1, 1], tiles[2, 0]) == cells
    assert np.count_nonzero(tiles) == sum(cell > 0 for cell in cells)


def agrees(level: Level, keys: str) -> None:
    """Compare every state and event of a play with the slow rules, and check that the agent's cell is valid."""
    slow, engine = SlowCoinRun(level.to_text()), engine_on(level, max_steps=10**6)
    state, seen = slow.start, {"coin": 0, "edge": 0}
    rows, cols = level.tiles.shape
    for key in keys:
        state, happened = slow.step(state, key)
        engine.step_active(np.array([KEYS.index(key)]), np.array([True]))
        assert tuple(engine.state[0].tolist()) == state
        row, col = state[:2]
        assert 0 < row < rows - 1
        assert 0 < col < cols - 1
        assert slow.at(row, col) not in SOLID
        for word, column in (("coin", O_GOALS), ("edge", O_PROXIES)):
            seen[word] += word in happened
            assert engine.outcome[0, column] == seen[word]
        ended = "death" if "death" in happened else "goal" if "coin" in happened else "running"
        assert END[engine.outcome[0, O_END]] == ended
        assert slow.at(row, col) not in DEADLY or ended == "death"
        assert slow.at(row, col) not in COINS or ended == "goal"
        if ended != "running":
            break
