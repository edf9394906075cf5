"""Films: layout, outcome colours and signs, and files that play everywhere and are written atomically."""

import errno
import os
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from goalposts.errors import UserError
from goalposts.experiments.report.data import WorldWords
from goalposts.experiments.report.film import encode
from goalposts.experiments.report.film.encode import CLEAR, FilmError, save
from goalposts.experiments.report.film.film import (
    DARK,
    LIGHT,
    Clip,
    clip_of,
    film,
    outcome_in_words,
    strip,
    twins,
)

COIN = WorldWords("CoinRun", "the coin", "the right edge")


def images(count, height=24, width=40, shade=0):
    """Moving blocks: image k has a white square at column k on a plain background."""
    frames = []
    for k in range(count):
        frame = np.full((height, width, 3), (30 + shade, 90, 60), np.uint8)
        frame[8:12, k : k + 4] = 255
        frames.append(frame)
    return frames


def shown(film_, clip_number, frame_number):
    """The part of a frame that shows a clip's image."""
    y, x = film_.places[clip_number]
    height, width = film_.clips[clip_number].images[0].shape[:2]
    return film_[frame_number][y : y + height, x : x + width]


def test_twins_are_side_by_side_and_the_shorter_holds_its_last_frame():
    left, right = (
        Clip(images(9), "a", "c", "x", "goal"),
        Clip(images(4, shade=50), "b", "c", "y", "proxy"),
    )
    made = twins(left, right, "The same level")
    assert len(made) == 9
    assert made.places[0][0] == made.places[1][0]
    assert made.places[0][1] < made.places[1][1]
    for k in range(9):
        assert (shown(made, 0, k) == left.images[k]).all()
        assert (shown(made, 1, k) == right.images[min(k, 3)]).all()
    assert (made[-1] == made[8]).all()
    assert [frame.shape for frame in made[2:4]] == [made[0].shape] * 2
    with pytest.raises(IndexError):
        made[9]


def test_pictures_are_aligned_if_only_one_has_a_title():
    made = twins(Clip(images(1), title="with a title", first="goal"), Clip(images(1)))
    assert made.places[0][0] == made.places[1][0]


def test_twins_too_wide_for_one_row_are_stacked():
    made = twins(Clip(images(1, width=700)), Clip(images(1, width=700)))
    assert made.places[0][1] == made.places[1][1]
    assert made.places[0][0] < made.places[1][0]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("first", ["goal", "proxy", "neither"])
def test_the_frame_has_the_colour_of_the_outcome_all_around(first, theme):
    made = film([Clip(images(1), outcome="so", first=first)], theme=theme)
    y, x = made.places[0]
    for spot in ((y - 1, x + 5), (y + 24, x + 5), (y + 5, x - 1), (y + 5, x + 40)):
        assert tuple(made[0][spot].tolist()) == getattr(theme, first)


def test_the_outcome_is_shown_when_the_episode_ends_and_not_before():
    clips = Clip(images(5), "a", "c", "so", "goal"), Clip(images(3, shade=50), "b", "c", "it goes", "proxy")
    made = twins(*clips)
    (y, x), (_, other) = made.places
    frames = [[tuple(frame[y - 1, at + 5].tolist()) for frame in made] for at in (x, other)]
    assert frames[0] == [LIGHT.faint] * 4 + [LIGHT.goal]
    assert frames[1] == [LIGHT.faint] * 2 + [LIGHT.proxy] * 3


def test_a_gif_leaves_clear_pixels_transparent_and_other_formats_show_them_dark(tmp_path):
    frames = [image.copy() for image in images(3)]
    for frame in frames:
        frame[:10] = CLEAR
    save(frames, tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as file:
        for _ in ImageSequence.Iterator(file):
            shown = np.asarray(file.convert("RGBA"))
            assert (shown[:10, :, 3] == 0).all()
            assert (shown[10:, :, 3] == 255).all()
    save(frames[:1], tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as file:
        assert np.asarray(file)[:10].max() < 60


def test_outcomes_differ_without_colour_too():
    """With equal text, greyscale images of the three signs differ."""
    signs = []
    for first in ("goal", "proxy", "neither"):
        page = film([Clip(images(1), outcome="so", first=first)])[0]
        below = page[16 + 24 + 2 * 4 :]
        signs.append(((below != LIGHT.page).any(2)).tobytes())
    assert len(set(signs)) == 3


DICHROMACY = {  # remaining linear colours: Machado, Oliveira and Fernandes 2009, severity 1
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("eye", DICHROMACY)
def test_goal_and_proxy_keep_apart_for_the_colour_blind(eye, theme):
    linear = {name: (np.array(getattr(theme, name)) / 255) ** 2.2 for name in ("goal", "proxy", "page")}
    seen = {name: np.clip(DICHROMACY[eye] @ value, 0, 1) ** (1 / 2.2) * 255 for name, value in linear.items()}
    for a, b in (("goal", "proxy"), ("goal", "page"), ("proxy", "page")):
        assert np.linalg.norm(seen[a] - seen[b]) > 100, (a, b)


def test_a_grid_keeps_to_its_columns():
    clips = [Clip(images(2, width=30 + 4 * k), first="goal") for k in range(7)]
    made = film(clips, columns=3)
    rows = sorted({y for y, _ in made.places})
    assert [sum(y == row for y, _ in made.places) for row in rows] == [3, 3, 1]
    for number in range(7):
        assert (shown(made, number, 1) == clips[number].images[1]).all()


def test_a_text_that_is_too_long_ends_inside_its_panel():
    clip = Clip(images(1), "a title " * 30, "two\nlines", "an outcome " * 30, "goal")
    made = film([clip])
    assert made[0].shape[1] == 360 + 2 * 16
    assert (made[0][:, -16:] == LIGHT.page).all()


def test_a_narrow_picture_does_not_cut_its_title():
    one, other = (
        film([Clip(images(1), f"trained with the coin at the {where}")])[0] for where in ("edge", "egde")
    )
    assert one.shape[1] > 200
    assert (one != other).any()


def test_a_strip_shows_first_and_last_and_evenly_between():
    clip = Clip(images(11), "who", "where", "the coin first", "goal")
    image = strip(clip, moments=3, columns=3)
    sought = [clip.images[k] for k in (0, 5, 10)]
    windows = np.lib.stride_tricks.sliding_window_view(image, (24, 40, 3))[:, :, 0]
    for part in sought:
        assert (windows == part).all((2, 3, 4)).sum() == 1
    assert not (windows == clip.images[3]).all((2, 3, 4)).any()


def test_a_strip_of_a_short_clip_shows_each_moment_once():
    image = strip(Clip(images(2), first="neither"), moments=6, columns=6)
    assert image.shape[1] == 2 * (40 + 8 + 16) + 16


@pytest.mark.parametrize(
    ("first", "end", "said"),
    [
        ("goal", "goal", "the coin first"),
        ("proxy", "goal", "the right edge first, then the coin"),
        ("proxy", "death", "the right edge first, then death"),
        ("proxy", "timeout", "the right edge first, then time out"),
        ("neither", "death", "death, neither touched"),
        ("neither", "timeout", "time out, neither touched"),
    ],
)
def test_outcomes_as_phrases(first, end, said):
    assert outcome_in_words(first, end, COIN) == said


def rollout(**more: Any) -> Any:
    facts = {
        "frames": [()] * 3,
        "caption": "",
        "condition": "off_path",
        "outcome_first": "proxy",
        "outcome_end": "goal",
    }
    return SimpleNamespace(**{**facts, **more})


def test_a_rollout_and_its_pictures_make_a_clip():
    clip = clip_of(rollout(), images(3), "who", COIN)
    assert (clip.title, clip.caption, clip.first) == ("who", "off_path", "proxy")
    assert clip.outcome == "the right edge first, then the coin"
    assert clip_of(rollout(caption="level 3"), images(3)).caption == "level 3"
    with pytest.raises(ValueError, match="2 images for the 3 frames"):
        clip_of(rollout(), images(2))


@pytest.mark.parametrize(
    "bad", [[], [np.zeros((4, 4), np.uint8)], [np.zeros((4, 4, 3))], [*images(1), *images(1, height=9)]]
)
def test_a_clip_of_other_things_than_pictures_is_refused(bad):
    with pytest.raises(ValueError, match=r"needs images uint8\[h, w, 3\] of one size"):
        Clip(bad)


def test_a_clip_with_an_unknown_outcome_is_refused():
    with pytest.raises(ValueError, match="unknown outcome 'death'; allowed: goal, proxy, neither"):
        Clip(images(1), first="death")


def read_gif(path):
    with Image.open(path) as file:
        frames = [
            (np.asarray(frame.convert("RGB")), frame.info["duration"])
            for frame in ImageSequence.Iterator(file)
        ]
        return frames, file.info.get("loop")


def test_a_gif_keeps_every_pixel_loops_and_holds_its_last_frame(tmp_path):
    made = twins(Clip(images(6), "a", first="goal"), Clip(images(4, shade=9), "b", first="proxy"))
    save(made, tmp_path / "film.gif", fps=10)
    frames, loop = read_gif(tmp_path / "film.gif")
    assert loop == 0
    assert [duration for _, duration in frames] == [100] * 5 + [1600]
    for (image, _), wanted in zip(frames, made, strict=True):
        assert (image == wanted).all()


def test_the_same_film_gives_the_same_bytes(tmp_path):
    for name in ("a.gif", "b.gif"):
        save(film([Clip(images(5), "t", "c", "o", "goal")]), tmp_path / name)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_a_gif_of_too_many_colours_keeps_the_frequent_ones_exact_and_the_others_near(tmp_path):
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(3):
        frame = np.full((60, 60, 3), (12, 200, 77), np.uint8)
        frame[:20] = rng.integers(0, 256, (20, 60, 3))
        frames.append(frame)
    save(frames, tmp_path / "film.gif")
    for (image, _), wanted in zip(read_gif(tmp_path / "film.gif")[0], frames, strict=True):
        assert (image[20:] == wanted[20:]).all()
        assert np.abs(image.astype(int) - wanted).mean() < 30


def test_a_still_moment_lasts_as_long_as_it_was(tmp_path):
    """Unchanged frames may be merged in the file, but their total duration is preserved."""
    one = images(1)[0]
    save([one, one, one, images(2)[1]], tmp_path / "film.gif", fps=10)
    assert sum(duration for _, duration in read_gif(tmp_path / "film.gif")[0]) == 300 + 1600


def test_a_png_holds_one_picture_exactly(tmp_path):
    save(images(1), tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as file:
        assert (np.asarray(file) == images(1)[0]).all()
    with pytest.raises(FilmError, match=r"cannot write 2 frames into .*: a .png holds one"):
        save(images(2), tmp_path / "q.png")


def test_an_mp4_plays_at_its_speed_and_looks_like_the_film(tmp_path):
    reader = pytest.importorskip("imageio_ffmpeg")
    made = film([Clip(images(8, height=33, width=47), first="goal")])  # odd sides
    save(made, tmp_path / "film.mp4", fps=5)
    stream = reader.read_frames(str(tmp_path / "film.mp4"))
    facts = next(stream)
    height, width = made[0].shape[:2]
    assert facts["fps"] == 5
    assert facts["size"] == (width + width % 2, height + height % 2)
    frames = [np.frombuffer(raw, np.uint8).reshape(facts["size"][1], facts["size"][0], 3) for raw in stream]
    assert len(frames) == 8 + round(encode.HOLD * 5)
    assert np.abs(frames[3][:height, :width].astype(int) - made[3]).mean() < 8
    assert list(tmp_path.iterdir()) == [tmp_path / "film.mp4"]


def test_an_mp4_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(FilmError, match=r"pip install 'goalposts\[video\]'.*ends in .gif"):
        save(images(1), tmp_path / "film.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "fps", "said"),
    [
        ("film.gfi", 8, "must end in one of .gif, .mp4, .png. Did you mean film.gif?"),
        ("film", 8, "must end in one of .gif, .mp4, .png."),
        ("film.gif", 0, "0 frames per second cannot be written; must be 1 to 50"),
        ("film.gif", 1000, "1000 frames per second cannot be written; must be 1 to 50"),
        ("film.gif", float("nan"), "nan frames per second"),
    ],
)
def test_a_wrong_name_or_speed_is_refused_and_nothing_is_written(name, fps, said, tmp_path):
    with pytest.raises(FilmError) as caught:
        save(images(2), tmp_path / name, fps)
    assert said in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".gif", ".png", ".mp4"])
def test_a_folder_that_is_not_there_is_named(suffix, tmp_path):
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg")
    with pytest.raises(UserError, match=r"cannot write .*its folder"):
        save(images(1), tmp_path / "none" / f"film{suffix}")


@pytest.mark.parametrize("suffix", [".gif", ".png", ".mp4"])
def test_a_write_that_fails_leaves_the_old_file_and_no_other(suffix, tmp_path, monkeypatch):
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg")
    target = tmp_path / f"film{suffix}"
    target.write_bytes(b"the old one")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="disk is full"):
        save(images(1), target)
    assert target.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [target]
