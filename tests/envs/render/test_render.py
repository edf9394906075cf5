"""Rendering of scenes: golden images, purity, information in the agent's image, and speed.

`pytest tests/envs/render/test_render.py --update-golden` redraws the golden images.
"""

import re
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fixtures.places import GOLDEN, ROOT
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from goalposts.envs import get_world
from goalposts.envs.render import art_8px, art_16px, art_topdown, render, sprites
from goalposts.envs.render.scene import Scene, Sprite
from goalposts.errors import UserError

NAMES = {"#": "wall", "B": "crate", "=": "platform", "~": "lava", "^": "spikes", "o": "saw", "C": "coin"} | {
    "c": "coin_invisible",
    "D": "decoy",
}
PICTURE = """
    ################
    #..............#
    #....==..D...c.#
    #.......B#.....#
    #..o...BB##...C#
    #####~~###^^####
    #####~~#########
"""


def scene_of(picture: str, *things: Sprite, **more) -> Scene:
    rows = [line.strip() for line in picture.split("\n") if line.strip()]
    return Scene("CoinRun", tuple(tuple(NAMES.get(c, "sky") for c in row) for row in rows), things, **more)


def everything() -> Scene:
    return scene_of(
        PICTURE,
        Sprite("monster", 4, 12),
        Sprite("agent_jump_right", 2, 3),
        camera=(0, -4, 5, 15),
        trail=((4, 1), (4, 2), (3, 3), (2, 3)),
    )


PICTURES = {
    "draw_8": lambda: render.draw(everything(), 8),
    "draw_16": lambda: render.draw(everything(), 16),
    "draw_32_camera_trail": lambda: render.draw(everything(), 32, camera=True, trail=True),
    "draw_16_camera_trail": lambda: render.draw(everything(), camera=True, trail=True),
    "rgb64": lambda: render.rgb64(everything()),
    "sheet_8": lambda: sprites.sheet(8)[0],
    "sheet_16": lambda: sprites.sheet(16)[0],
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_are_the_golden_ones(name, update_golden):
    picture, file = PICTURES[name](), GOLDEN / f"{name}.png"
    if update_golden:
        Image.fromarray(picture).save(file, optimize=True)
    with Image.open(file) as golden:
        wanted = np.asarray(golden)
    assert picture.dtype == np.uint8
    assert picture.shape == wanted.shape
    different = np.argwhere((picture != wanted).any(2))
    assert not len(different), f"{len(different)} pixels differ from {file.name}, the first at {different[0]}"


DRAWINGS = [(art_16px.STRIPS, 16), (art_topdown.STRIPS, 16), (art_8px.STRIPS, 8), (art_topdown.SMALL, 8)]


@pytest.mark.parametrize(("strips", "size"), DRAWINGS)
def test_every_drawing_is_square_and_uses_the_palette(strips, size):
    for heads, text in strips:
        lines = [line.split() for line in text.strip().split("\n")]
        assert len(lines) == size, heads
        for line in lines:
            assert [len(piece) for piece in line] == [size] * len(heads.split()), (heads, line)
            assert set("".join(line)) <= set(art_16px.PALETTE), (heads, line)


def test_both_sizes_draw_the_same_things():
    drawn = [" ".join(heads for heads, _ in strips).split() for strips, _ in DRAWINGS]
    assert drawn[0] == drawn[2]
    assert drawn[1] == drawn[3]


def test_everything_in_coinrun_has_a_drawing_and_a_character():
    shown = {tile.sprite for tile in get_world("CoinRun").legend.tiles}
    shown |= {"monster", "agent_dead"} | {
        f"agent_{way}" for way in ("right", "left", "jump_right", "jump_left")
    }
    shown |= {"agent_fall_right", "agent_fall_left"}
    assert shown <= set(sprites.names())
    assert shown == set(render.CHARACTERS)
    assert len(set(render.CHARACTERS.values())) == len(render.CHARACTERS)


@pytest.mark.parametrize("px", [8, 16])
def test_no_two_sprites_look_alike(px):
    pictures = {name: sprites.sprite(name, px).tobytes() for name in (*sprites.names(), "no such sprite")}
    assert len(set(pictures.values())) == len(pictures)


def test_sprites_are_distinguishable_in_the_agents_image():
    """Averaged down to 7 x 4 pixels, any two things still differ by a mean of at least 8 of 255."""
    cells = {
        name: render._cell(name, 7, 4).astype(int) for name in sprites.names() if name not in sprites.SEEN_AS
    }
    del cells["wall_top"], cells["lava_top"]
    for a, first in cells.items():
        for b, second in cells.items():
            assert a == b or np.abs(first - second).mean() >= 8, (a, b)


def test_top_down_sprites_are_drawn_on_the_floor():
    """Regression: the sky showed through around them."""
    scene = Scene("Corner", (("block", "floor"), ("cheese", "floor")), ())
    for picture, px in ((render.draw(scene, 16), 16), (render.rgb64(scene), 32)):
        floor = picture[:px, px : 2 * px]
        assert (picture[px, 0] == floor[0, 0]).all()  # the cheese does not cover the top left corner
        assert not (picture[px : 2 * px, :px] == floor).all()


def test_left_is_the_mirror_image_of_right():
    assert (sprites.sprite("agent_left", 16) == sprites.sprite("agent_right", 16)[:, ::-1]).all()


@pytest.mark.parametrize(("px", "master"), [(32, 16), (48, 16), (24, 8)])
def test_larger_sizes_repeat_the_pixels_of_a_drawing(px, master):
    small, times = sprites.sprite("coin", master), px // master
    assert (sprites.sprite("coin", px) == small.repeat(times, 0).repeat(times, 1)).all()


def test_sprites_cannot_be_spoilt_by_their_reader():
    with pytest.raises(ValueError, match="read-only"):
        sprites.sprite("coin", 16)[0, 0] = 0


def test_the_sheet_holds_every_sprite_where_it_says():
    picture, places = sprites.sheet(16)
    assert set(places) == set(sprites.names())
    for name, (x, y) in places.items():
        assert (picture[y : y + 16, x : x + 16] == sprites.sprite(name, 16)).all(), name


@pytest.mark.parametrize("px", [0, -8, 7, 12, 16.0, "16", True])
def test_unsupported_sprite_size_is_refused(px):
    with pytest.raises(UserError, match=re.escape(f"{px!r} pixels: give a positive multiple of 8")):
        render.draw(everything(), px)


def luck_of_numpy() -> np.ndarray:
    """The state of numpy's global generator."""
    state: Any = np.random.get_state()
    return state[1].copy()


def test_the_same_scene_gives_the_same_pixels_and_no_randomness_is_touched():
    before = luck_of_numpy()
    first = render.draw(everything(), camera=True, trail=True), render.rgb64(everything())
    for picture in first:
        picture[:] = 0  # the caller's array: the next image must not be affected
    second = render.draw(everything(), camera=True, trail=True), render.rgb64(everything())
    third = render.draw(everything(), camera=True, trail=True), render.rgb64(everything())
    for a, b in zip(second, third, strict=True):
        assert a.any()
        assert (a == b).all()
    assert (luck_of_numpy() == before).all()


def test_grass_grows_on_open_ground_only():
    tiles = render.dressed(scene_of("###\n#.#\n~~#\n~##").tiles)
    assert tiles[0] == ("wall", "wall", "wall")
    assert tiles[1] == ("wall", "sky", "wall")
    assert tiles[2] == ("lava_top", "lava_top", "wall")
    assert tiles[3] == ("lava", "wall_top", "wall")


def test_sprites_outside_the_level_are_omitted():
    scene = scene_of(PICTURE, Sprite("monster", 99, 1), Sprite("monster", -1, 1), Sprite("monster", 1, 16))
    assert (render.draw(scene) == render.draw(replace(scene, sprites=()))).all()
    assert render.ansi(scene) == render.ansi(replace(scene, sprites=()))


def test_camera_dims_everything_outside_it():
    scene = replace(everything(), camera=(1, 2, 4, 6))
    plain, framed = render.draw(scene), render.draw(scene, camera=True)
    inside, outside = np.zeros(plain.shape[:2], bool), np.ones(plain.shape[:2], bool)
    inside[17 : 5 * 16 - 1, 33 : 8 * 16 - 1] = True  # the frame takes one pixel on each side
    outside[15 : 5 * 16 + 1, 31 : 8 * 16 + 1] = False
    assert (framed[inside] == plain[inside]).all()
    assert (framed[outside] != plain[outside]).any(1).all()


@pytest.mark.parametrize("camera", [(-9, -9, 4, 4), (20, 40, 9, 15), (0, 0, 7, 16), (-3, -3, 30, 60)])
def test_camera_may_extend_beyond_the_level(camera):
    scene = replace(everything(), camera=camera)
    assert render.draw(scene, camera=True).shape == (7 * 16, 16 * 16, 3)
    assert render.rgb64(scene).shape == (64, 64, 3)


def test_the_agent_sees_no_invisible_coin_and_no_difference_between_coin_and_decoy():
    seen = [render.rgb64(scene_of(f"#####\n#.{c}.#\n#####")) for c in ".cCD"]
    assert (seen[0] == seen[1]).all()
    assert (seen[2] == seen[3]).all()
    assert (seen[0] != seen[2]).any()
    as_sprite = [
        render.rgb64(scene_of("#####\n#...#\n#####", Sprite(name, 1, 2)))
        for name in ("coin_invisible", "decoy")
    ]
    assert (as_sprite[0] == seen[0]).all()
    assert (as_sprite[1] == seen[2]).all()


@given(seed=st.integers(0, 2**32 - 1), row=st.integers(-5, 12), col=st.integers(-8, 18))
def test_agents_image_depends_only_on_visible_cells(seed, row, col):
    rng = np.random.default_rng(seed)
    kinds = np.array(["sky", "wall", "lava", "crate", "coin"])
    tiles, others = rng.choice(kinds, (12, 20)), rng.choice(kinds, (12, 20))
    rows, cols = np.indices(tiles.shape)
    in_sight = (rows >= row) & (rows < row + 5) & (cols >= col) & (cols < col + 7)
    pictures = [
        render.rgb64(Scene("CoinRun", tuple(map(tuple, cells.tolist())), camera=(row, col, 5, 7)))
        for cells in (tiles, np.where(in_sight, tiles, others))
    ]
    assert (pictures[0] == pictures[1]).all()


def test_sprites_look_the_same_to_the_agent_in_every_cell():
    scene = scene_of("." * 20 + "\n" + "....C..##..~..o....." + "\n" + "." * 20)
    width, margin = 7, 0  # 64 // 9, and half of the remaining pixel
    columns = []
    for left in range(5):
        x = margin + (4 - left) * width
        columns.append(render.rgb64(replace(scene, camera=(0, left, 3, 9)))[:, x : x + width])
    assert len({column.tobytes() for column in columns}) == 1
    assert (columns[0] != render.rgb64(replace(scene, camera=(0, 0, 3, 9)))[:, :width]).any()


def test_cells_outside_the_level_show_the_outside_tile():
    scene = scene_of("..\n..", camera=(-1, -1, 4, 4))
    picture = render.rgb64(scene).reshape(4, 16, 4, 16, 3)
    wall, sky = render._cell("wall", 16, 16), render._cell("sky", 16, 16)
    assert (picture[0, :, 0] == wall).all()
    assert (picture[1, :, 1] == sky).all()
    assert (picture[3, :, 2] == wall).all()


def test_a_camera_that_needs_more_than_64_pixels_is_refused():
    with pytest.raises(ValueError, match="65 x 4 cells does not fit in 64 x 64"):
        render.rgb64(replace(everything(), camera=(0, 0, 65, 4)))


def test_text_without_colour_has_one_character_per_cell():
    assert render.ansi(everything(), colour=False).split("\n") == [
        "################",
        "#..............#",
        "#../.==..D...c.#",
        "#.......B#.....#",
        "#..o...BB##.M.C#",
        "#####~~###^^####",
        "#####~~#########",
    ]
    assert render.ansi(scene_of("..", Sprite("a thing from another world", 0, 1)), colour=False) == ".a"


def test_text_with_colour_has_two_columns_per_cell_and_resets_each_line():
    lines = render.ansi(everything()).split("\n")
    assert len(lines) == 7
    for line in lines:
        assert line.endswith("\x1b[0m")
        assert len(re.sub(r"\x1b\[[0-9;]*m", "", line)) == 32


def test_at_least_2000_agent_images_per_second():
    things = {(row, col): Sprite("agent_right", row, col) for row in range(1, 5) for col in range(1, 15)}
    scenes = [
        replace(everything(), sprites=(thing, Sprite("monster", 4, 12)), camera=(row - 4, col - 7, 9, 15))
        for (row, col), thing in things.items()
    ]
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        for scene in scenes:
            render.rgb64(scene)
        best = min(best, time.perf_counter() - start)
    assert len(scenes) / best >= 2000


def test_the_sheet_is_written_by_a_command_that_needs_no_torch(tmp_path):
    out = tmp_path / "sheet.png"
    code = (
        "import runpy, sys; sys.argv = ['sprites', sys.argv[1], '8']\n"
        "try: runpy.run_module('goalposts.envs.render.sprites', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "assert not {'torch', 'pygame', 'matplotlib'} & set(sys.modules)"
    )
    root = ROOT
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    with Image.open(out) as picture:
        assert (np.asarray(picture) == sprites.sheet(8)[0]).all()
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["a.png", "8", "9"], ["{tmp}/a.png", "12"], ["{tmp}/none/a.png"]]
)
def test_wrong_use_of_the_command_ends_with_2_and_leaves_nothing(arguments, tmp_path, capsys):
    assert sprites.main([argument.format(tmp=tmp_path) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
