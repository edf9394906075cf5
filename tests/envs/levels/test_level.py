"""Levels as values: text round trip, error positions, hashes, stacks, immutability."""

import html
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs import Level, LevelError, LevelSet, generate, generate_at, get_world
from goalposts.envs.levels.level import MAX_COLS, MAX_ROWS, Legend, Tile, legend_of
from goalposts.envs.worlds.coinrun.conditions import check

PICTURE = """\
########v#
#........#
#..=..C..#
#A.B.mMm.#
####~#####
##########"""
CHARS = "".join(tile.char for tile in legend_of("CoinRun").tiles)
GOALS = "CcD"

POOL = [
    level
    for condition in ("edge", "off_path", "invisible", "two_coins", "decoy", "none", "mirrored", "no_wall")
    for level in generate("CoinRun", condition, 11, 6)
]
generated = st.sampled_from(POOL)


def change(text: str, row: int, col: int, char: str) -> str:
    """Replace one character of the picture."""
    lines = text.split("\n")
    lines[row] = lines[row][:col] + char + lines[row][col + 1 :]
    return "\n".join(lines)


def place_in(error: LevelError) -> tuple[int, int]:
    """(row, column) named in a message, counted from 1."""
    found = re.search(r"row (\d+), column (\d+)", str(error))
    assert found, f"names no place: {error}"
    return int(found[1]), int(found[2])


@given(generated)
def test_text_and_back_is_exact(level: Level) -> None:
    text = level.to_text()
    again = Level.from_text(text)
    assert again == level
    assert again.to_text() == text
    assert hash(again) == hash(level)
    assert again.level_hash == level.level_hash
    assert str(level) == text


@given(generated, st.data())
def test_a_mutated_picture_is_read_exactly_or_refused_with_its_place(
    level: Level, data: st.DataObject
) -> None:
    text = level.to_text()
    rows, cols = level.tiles.shape
    for _ in range(data.draw(st.integers(1, 3))):
        char = data.draw(st.sampled_from(CHARS) | st.characters(codec="latin-1", exclude_characters="\n;"))
        text = change(text, data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, cols - 1)), char)
    try:
        again = Level.from_text(text)
    except LevelError as error:
        message = str(error)
        if "columns, row 1 has" not in message:  # a space at the end or a line break makes a row short
            row, col = place_in(error)
            assert 1 <= row <= rows
            assert 1 <= col <= cols
    else:
        assert again.to_text() == text


@given(st.text(alphabet=CHARS + "\n", max_size=200))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    try:
        level = Level.from_text(text)
    except LevelError:
        return
    assert level.to_text() == text.strip("\n")


def test_blank_lines_around_comments_and_trailing_spaces_are_ignored() -> None:
    text = "\n\n; a comment\n" + PICTURE.replace("\n", "   \n; another\n", 1) + "\n\n"
    assert Level.from_text(text).to_text() == PICTURE


FAULTS = [
    # picture, (row, column), part of the message
    (change(PICTURE, 2, 3, "x"), (3, 4), "'x' is not a character of CoinRun"),
    (change(PICTURE, 0, 2, "."), (1, 3), "rim of a level is wall"),
    (change(PICTURE, 3, 0, "."), (4, 1), "rim of a level is wall"),
    (change(PICTURE, 5, 9, "~"), (6, 10), "rim of a level is wall"),
    (change(PICTURE, 0, 8, "#"), (1, 9), "exactly one 'v'"),
    (change(PICTURE, 0, 3, "v"), (1, 9), "there are 2"),
    (change(change(PICTURE, 0, 8, "#"), 3, 0, "v"), (4, 1), "in the top row"),
    (change(change(PICTURE, 0, 8, "#"), 0, 0, "v"), (1, 1), "in the top row"),
    (change(change(PICTURE, 0, 8, "#"), 0, 9, "v"), (1, 10), "in the top row"),
    (change(PICTURE, 3, 1, "."), (5, 2), "exactly one 'A'"),
    (change(PICTURE, 1, 1, "A"), (4, 2), "there are 2"),
    (change(PICTURE, 3, 6, "m"), (4, 6), "exactly one 'M'"),
    (change(PICTURE, 3, 5, "M"), (4, 6), "exactly one 'M'"),
    (change(PICTURE, 1, 4, "m"), (2, 5), "exactly one 'M'"),
    (change(PICTURE, 1, 0, "#").replace("#........#", "#mmmmmmM.#", 1), (2, 2), "at most 6 long"),
    ("###\n#v#\n###", (3, 3), "at least 4 rows and 5 columns"),
    ("####v#\n" + "#AMMM#\n" + "#....#\n" * 2 + "######", (2, 3), "exactly one 'M'"),
]


@pytest.mark.parametrize(("text", "place", "words"), FAULTS)
def test_fault_message_names_position_and_allowed_tiles(
    text: str, place: tuple[int, int], words: str
) -> None:
    with pytest.raises(LevelError, match=re.escape(words)) as caught:
        Level.from_text(text)
    assert place_in(caught.value) == place


def test_a_ninth_monster_is_refused_at_its_place() -> None:
    rows = ["#" * 21 + "v#", *["#" + "M." * 4 + "." * 13 + "#"] * 2, "#A" + "." * 20 + "#", "#" * 23]
    Level.from_text("\n".join(rows))
    rows[2] = change(rows[2], 0, 10, "M")
    with pytest.raises(LevelError, match="at most 8 monsters") as caught:
        Level.from_text("\n".join(rows))
    assert place_in(caught.value) == (3, 11)


def test_an_unknown_character_lists_what_is_allowed() -> None:
    with pytest.raises(LevelError) as caught:
        Level.from_text(change(PICTURE, 2, 3, "$"))
    for tile in legend_of("CoinRun").tiles:
        assert f"{tile.char}  {tile.name}" in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n \n", "; only a comment"])
def test_an_empty_picture_is_refused(text: str) -> None:
    with pytest.raises(LevelError, match="the level is empty"):
        Level.from_text(text)


def test_ragged_picture_message_names_the_row() -> None:
    for row in (PICTURE.split("\n")[2][:-1], "", PICTURE.split("\n")[2] + "#"):
        lines = PICTURE.split("\n")
        lines[2] = row
        with pytest.raises(LevelError, match=f"row 3 has {len(row)} columns, row 1 has 10"):
            Level.from_text("\n".join(lines))


def test_oversized_pictures_are_refused() -> None:
    for text in ("#" * (MAX_COLS + 1), "#\n" * (MAX_ROWS + 1)):
        with pytest.raises(LevelError, match=f"the limit is {MAX_ROWS} rows and {MAX_COLS} columns"):
            Level.from_text(text)
    inner = "#A" + "." * (MAX_COLS - 3) + "#\n"
    largest = (
        "#v" + "#" * (MAX_COLS - 2) + "\n" + inner + inner.replace("A", ".") * (MAX_ROWS - 3) + "#" * MAX_COLS
    )
    assert Level.from_text(largest).tiles.shape == (MAX_ROWS, MAX_COLS)


@pytest.mark.parametrize(
    ("name", "hint"), [("Coinrun", "Did you mean 'CoinRun'?"), ("zzz", "known worlds: CoinRun")]
)
def test_an_unknown_world_names_the_known_ones(name: str, hint: str) -> None:
    with pytest.raises(LevelError, match=re.escape(hint)):
        Level.from_text(PICTURE, name)


@pytest.mark.parametrize(
    "code",
    [
        "from goalposts.envs import Level; print(Level.from_text(text).to_text() == text)",
        "from goalposts.envs import levels_from_text; print(levels_from_text(text)[0].to_text() == text)",
        "import goalposts.envs as envs; print(envs.LevelSet.of([envs.Level.from_text(text)])[0].to_text() == text)",
    ],
)
def test_a_picture_can_be_read_first_thing_in_a_process(code: str) -> None:
    """Regression: only modules that these imports did not load registered the legends."""
    program = f"text = {PICTURE!r}; {code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr


@given(generated, st.data())
def test_the_layout_hash_ignores_goal_objects_and_nothing_else(level: Level, data: st.DataObject) -> None:
    free = np.argwhere(level.tiles == 0)
    row, col = map(int, data.draw(st.sampled_from(free.tolist())))
    text = level.to_text()
    moved = Level.from_text(change(text, row, col, data.draw(st.sampled_from(GOALS))))
    assert moved.layout_hash == level.layout_hash
    assert moved.level_hash != level.level_hash
    assert not set(GOALS) & set(moved.layout.to_text())
    assert moved.layout.level_hash == moved.layout_hash
    other = Level.from_text(change(text, row, col, data.draw(st.sampled_from("#B=~^o"))))
    assert other.layout_hash != level.layout_hash


def test_hashes_know_the_shape() -> None:
    assert (
        Level("CoinRun", np.zeros((4, 6))[:, :].astype(int)).level_hash
        != Level("CoinRun", np.zeros((6, 4), int)).level_hash
    )
    assert re.fullmatch("[0-9a-f]{16}", POOL[0].level_hash)


@pytest.mark.parametrize(
    "tiles",
    [
        np.zeros(5, int),
        np.zeros((0, 4), int),
        np.zeros((2, 2, 2), int),
        np.full((4, 5), 300),
        np.full((4, 5), -1),
        np.zeros((4, 5)),
    ],
)
def test_invalid_tile_arrays_are_refused(tiles: np.ndarray) -> None:
    """Regression: a code of 300 wrapped around to 44."""
    with pytest.raises(LevelError):
        Level("CoinRun", tiles)


def test_validate_names_a_code_beyond_the_legend() -> None:
    tiles = np.array(Level.from_text(PICTURE).tiles)
    tiles[1, 2] = 99
    with pytest.raises(LevelError, match="row 2, column 3: code 99 is not a tile"):
        Level("CoinRun", tiles).validate()


def test_levels_are_immutable_and_copy_their_input() -> None:
    source = np.array(Level.from_text(PICTURE).tiles)
    level = Level("CoinRun", source)
    source[:] = 0
    assert level.to_text() == PICTURE
    with pytest.raises(ValueError, match="read-only"):
        level.tiles[1, 1] = 1
    with pytest.raises(AttributeError):
        level.tiles = source  # type: ignore[misc]


def test_level_sets_are_immutable_and_copy_their_input() -> None:
    """Regression: a LevelSet shared memory with the arrays it was created from."""
    levels = generate("CoinRun", "edge", 1, 5)
    arrays = [np.array(a) for a in (levels.tiles, levels.sizes, levels.index)]
    made = LevelSet("CoinRun", arrays[0], arrays[1], arrays[2])
    for array in arrays:
        array[:] = 1
    assert made == levels
    assert made.index.tolist() == [0, 1, 2, 3, 4]
    for array in (made.tiles, made.sizes, made.index, made[1:].tiles, made[[0]].tiles, levels.tiles):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    index = np.arange(3)
    some = generate_at("CoinRun", "edge", 0, index)
    index[:] = 9
    assert some.index.tolist() == [0, 1, 2]


def test_a_level_set_is_a_sequence_of_its_levels() -> None:
    small, large = Level.from_text(PICTURE), POOL[-1]
    levels = LevelSet.of([small, large, small], "mine", "test")
    assert len(levels) == 3
    assert list(levels) == [small, large, small]
    assert levels[-1] == small
    assert levels[np.int64(1)] == large
    assert levels.tiles.shape == (3, *np.maximum(small.tiles.shape, large.tiles.shape))
    assert (levels.index == -1).all()
    part = levels[1:]
    assert isinstance(part, LevelSet)
    assert list(part) == [large, small]
    assert (part.condition, part.split) == ("mine", "test")
    assert list(levels[[2, 1]]) == [small, large]
    assert list(levels[np.array([False, True, False])]) == [large]
    with pytest.raises(IndexError):
        levels[3]
    assert levels != LevelSet.of([small, large, large])
    assert levels.layout_hashes() == [level.layout_hash for level in levels]
    assert levels.level_hashes() == [level.level_hash for level in levels]


def test_stacking_refuses_empty_mixed_or_invalid_levels() -> None:
    with pytest.raises(LevelError, match="at least one level, all of the same world; given: none"):
        LevelSet.of([])
    with pytest.raises(LevelError, match="of the same world"):
        LevelSet.of([POOL[0], Level("Other", POOL[0].tiles)])
    with pytest.raises(LevelError, match="row 1, column 1: the rim"):
        LevelSet.of([POOL[0], Level("CoinRun", np.zeros((5, 6), int))])


def test_legend_has_one_character_per_tile() -> None:
    with pytest.raises(ValueError, match="stands for two tiles"):
        Legend("X", (Tile(".", "a", "sky"), Tile(".", "b", "wall")), check)


def test_the_legend_hides_only_what_the_agent_cannot_see() -> None:
    level = generate("CoinRun", "invisible", 3, 1)[0]
    seen = Level("CoinRun", get_world("CoinRun").legend.as_seen(level.tiles))
    assert "c" in level.to_text()
    assert seen == level.layout


def test_a_level_is_shown_as_escaped_text_in_a_notebook() -> None:
    level = generate("CoinRun", "edge", 0, 1)[0]
    shown = level._repr_html_()
    assert shown.startswith("<pre>CoinRun\n")
    assert html.unescape(shown).split("\n", 1)[1].removesuffix("</pre>") == level.to_text()
