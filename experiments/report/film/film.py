"""Films of rollouts: single, twins side by side, or a grid, each framed in its outcome's colour.

Adds titles, captions and outcomes to images drawn elsewhere (`envs.render.draw`); draws no level and chooses no episode.
Outcomes differ in colour, sign and text, so the films work without colour vision. Read next: `encode.py`, which writes files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import overload

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from goalposts.outcome_words import as_label

from ..data import RolloutLike, WorldWords

Pixels = np.ndarray  # uint8[height, width, 3]
Colour = tuple[int, int, int]

WIDEST = 1100  # pixels; clips that would make a film wider go below each other


@dataclass(frozen=True)
class FilmTheme:
    """Colours around the images; outcomes use Okabe and Ito's palette."""

    page: Colour
    ink: Colour
    faint: Colour
    goal: Colour
    proxy: Colour
    neither: Colour


LIGHT = FilmTheme((255, 255, 255), (24, 28, 40), (92, 99, 115), (0, 114, 178), (213, 94, 0), (128, 128, 128))
DARK = FilmTheme(
    (27, 30, 40), (240, 243, 248), (170, 178, 194), (86, 180, 233), (240, 150, 40), (160, 164, 172)
)


@dataclass(frozen=True)
class Clip:
    """One rollout of a film: its images, all of one size, and the text around them.

    `title` (the agent) is above, `caption` (the condition) below, `outcome` under that with its sign. `first` is the first
    touch: goal, proxy or neither; empty for a plain frame. Raises ValueError.
    """

    images: Sequence[Pixels]
    title: str = ""
    caption: str = ""
    outcome: str = ""
    first: str = ""

    def __post_init__(self) -> None:
        shapes = {(np.shape(image), getattr(image, "dtype", None)) for image in self.images}
        if len(shapes) != 1 or not all(len(s) == 3 and s[2] == 3 and t == np.uint8 for s, t in shapes):
            raise ValueError(
                f"a clip needs images uint8[h, w, 3] of one size, at least one; given: {shapes or 'none'}"
            )
        if self.first not in ("", "goal", "proxy", "neither"):
            raise ValueError(f"unknown outcome {self.first!r}; allowed: goal, proxy, neither")


def clip_of(
    rollout: RolloutLike, images: Sequence[Pixels], title: str = "", words: WorldWords | None = None
) -> Clip:
    """Make the clip of a rollout from one image per frame. Raises ValueError."""
    if len(images) != len(rollout.frames):
        raise ValueError(f"{len(images)} images for the {len(rollout.frames)} frames of a rollout")
    outcome = outcome_in_words(rollout.outcome_first, rollout.outcome_end, words)
    return Clip(images, title, rollout.caption or rollout.condition, outcome, rollout.outcome_first)


def outcome_in_words(first: str, end: str, words: WorldWords | None = None) -> str:
    """Describe an episode's outcome in a short phrase: 'the coin first', 'the right edge first, then time out'."""
    words = words or WorldWords("")
    return as_label(first, end, words.goal, words.proxy)


@dataclass(frozen=True)
class Film(Sequence[Pixels]):
    """The frames of a film, composed on access. Shorter clips hold their last image."""

    clips: tuple[Clip, ...]
    places: tuple[tuple[int, int], ...]  # upper left corner (y, x) of each clip's images on the page
    page: Pixels = field(repr=False)  # the static part of a frame before any episode has ended
    ended: Pixels = field(repr=False)  # the same, with all outcomes
    panels: tuple[tuple[slice, slice], ...] = field(repr=False)  # the part of the page of each clip

    def __len__(self) -> int:
        return max(len(clip.images) for clip in self.clips)

    @overload
    def __getitem__(self, index: int) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pixels]: ...
    def __getitem__(self, index: int | slice) -> Pixels | list[Pixels]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        frame = self.page.copy()
        for clip, (y, x), panel in zip(self.clips, self.places, self.panels, strict=True):
            if number >= len(clip.images) - 1:  # an outcome is shown when its episode ends
                frame[panel] = self.ended[panel]
            image = clip.images[min(number, len(clip.images) - 1)]
            frame[y : y + image.shape[0], x : x + image.shape[1]] = image
        return frame


def film(
    clips: Sequence[Clip], columns: int | None = None, heading: str = "", theme: FilmTheme = LIGHT
) -> Film:
    """Arrange clips in rows of `columns` (None: as many as fit `WIDEST`), synchronized, under one heading."""
    if not clips:
        raise ValueError("a film needs at least one clip")
    width = max(_Panel(clip).room for clip in clips)
    columns = columns or max(1, min(len(clips), (WIDEST - _MARGIN) // (width + _MARGIN)))
    rows = [clips[start : start + columns] for start in range(0, len(clips), columns)]
    parts = [_parts_of_row(row) for row in rows]
    heading_height = _line(_HEADING) + _GAP if heading else 0
    columns_width = min(columns, len(clips)) * (width + _MARGIN) + _MARGIN
    total_width = max(columns_width, min(_length(heading, _HEADING), 2 * _READABLE) + 2 * _MARGIN)
    heights = [max(panel.height for panel in row) for row in parts]
    size = (total_width, heading_height + sum(heights) + _MARGIN * (len(rows) + 1))
    pages = [Image.new("RGB", size, theme.page) for _ in range(2)]
    pens = [ImageDraw.Draw(page) for page in pages]
    if heading:
        for pen in pens:
            text = _fit(heading, _HEADING, total_width - 2 * _MARGIN)
            pen.text((_MARGIN, _MARGIN - 2), text, theme.ink, _font(_HEADING))
    places, panels, top = [], [], _MARGIN + heading_height
    for row, height in zip(parts, heights, strict=True):
        for number, panel in enumerate(row):
            x = _MARGIN + number * (width + _MARGIN)
            replace(panel, clip=replace(panel.clip, outcome="", first="")).draw(pens[0], top, x, width, theme)
            places.append(panel.draw(pens[1], top, x, width, theme))
            panels.append((slice(top, top + height), slice(x, x + width)))
        top += height + _MARGIN
    before, ended = map(np.asarray, pages)
    return Film(tuple(clips), tuple(places), before, ended, tuple(panels))


def twins(left: Clip, right: Clip, heading: str = "", theme: FilmTheme = LIGHT) -> Film:
    """Arrange two clips, synchronized, side by side; one above the other if the level is too wide."""
    return film((left, right), None, heading, theme)


def strip(clip: Clip, moments: int = 6, columns: int = 3, theme: FilmTheme = LIGHT) -> Pixels:
    """Combine evenly spaced moments of a clip, including the first and the last, in one image."""
    last = len(clip.images) - 1
    chosen = sorted({round(last * k / max(moments - 1, 1)) for k in range(max(moments, 1))} | {last})
    shown = [
        replace(clip, images=[clip.images[k]], title="", caption=f"step {k}", outcome="") for k in chosen
    ]
    shown[-1] = replace(shown[-1], outcome=clip.outcome)
    heading = " · ".join(text for text in (clip.title, clip.caption) if text)
    return film(shown, columns, heading, theme)[0]


_MARGIN, _GAP, _BORDER, _SIGN = 16, 5, 4, 22
_HEADING, _TITLE, _TEXT = 19, 16, 14
_READABLE = 360  # pixels for a text if the image is narrower; longer text is truncated


@dataclass(frozen=True)
class _Panel:
    """A clip with its texts and its frame. `lines` says for which texts the panel's row reserves room."""

    clip: Clip
    lines: tuple[bool, bool, bool] = (True, True, True)  # title, caption, outcome

    @property
    def width(self) -> int:
        return self.clip.images[0].shape[1] + 2 * _BORDER

    @property
    def room(self) -> int:
        """Width in pixels: that of the image, or more for the texts of a narrow one."""
        texts = (
            (self.clip.title, _TITLE, 0),
            (self.clip.caption, _TEXT, 0),
            (self.clip.outcome, _TEXT, _SIGN),
        )
        return max(self.width, min(max(_length(text, size) + more for text, size, more in texts), _READABLE))

    @property
    def height(self) -> int:
        room = [
            _line(size) + _GAP for size, used in zip((_TITLE, _TEXT, _TEXT), self.lines, strict=True) if used
        ]
        return self.clip.images[0].shape[0] + 2 * _BORDER + sum(room)

    def draw(self, pen: ImageDraw.ImageDraw, y: int, x: int, room: int, theme: FilmTheme) -> tuple[int, int]:
        """Draw everything except the images, with texts up to `room` wide; return the images' position (y, x)."""
        clip = self.clip
        colour = getattr(theme, clip.first) if clip.first else theme.faint
        if self.lines[0]:
            pen.text((x, y), _fit(clip.title, _TITLE, room), theme.ink, _font(_TITLE))
            y += _line(_TITLE) + _GAP
        height = clip.images[0].shape[0] + 2 * _BORDER
        pen.rectangle((x, y, x + self.width - 1, y + height - 1), colour)
        below = y + height + _GAP
        if self.lines[1]:
            pen.text((x, below), _fit(clip.caption, _TEXT, room), theme.faint, _font(_TEXT))
            below += _line(_TEXT) + _GAP
        if self.lines[2] and clip.outcome:
            size = _SIGN - 2 * _GAP
            _sign(pen, clip.first, x + 1, below + (_line(_TEXT) - size) // 2, size, colour)
            pen.text((x + _SIGN, below), _fit(clip.outcome, _TEXT, room - _SIGN), theme.ink, _font(_TEXT))
        return y + _BORDER, x + _BORDER


def _parts_of_row(clips: Sequence[Clip]) -> list[_Panel]:
    """Make panels that reserve room for the same lines, so that the images of a row are aligned."""
    lines = (any(c.title for c in clips), any(c.caption for c in clips), any(c.outcome for c in clips))
    return [_Panel(clip, lines) for clip in clips]


def _sign(pen: ImageDraw.ImageDraw, first: str, x: int, y: int, size: int, colour: Colour) -> None:
    """Draw the outcome's sign: a disc for the goal, an arrow for the proxy, a cross for neither."""
    if first == "goal":
        pen.ellipse((x, y, x + size - 1, y + size - 1), colour)
    elif first == "proxy":
        pen.polygon(((x, y), (x + size - 1, y + (size - 1) / 2), (x, y + size - 1)), colour)
    elif first == "neither":
        pen.line((x, y, x + size - 1, y + size - 1), colour, 3)
        pen.line((x, y + size - 1, x + size - 1, y), colour, 3)


def _fit(text: str, size: int, width: int) -> str:
    """Truncate a text to a width, with an ellipsis; line breaks become spaces."""
    text = _one_line(text)
    if _length(text, size) <= width:
        return text
    while text and _length(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _length(text: str, size: int) -> int:
    return math.ceil(_font(size).getlength(_one_line(text)))


def _one_line(text: str) -> str:
    return " ".join(text[:500].split())  # more would never fit


def _line(size: int) -> int:
    return round(size * 1.25)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Load Pillow's built-in font; needs no file and no network."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this build of Pillow has no FreeType; install the pillow wheel from PyPI")
    return font
