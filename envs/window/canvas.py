"""Drawing primitives of a window: theme, text, outcome signs, heat maps, keys. Knows appearance, not meaning.

Uses the report's colours: blue for the goal, orange for the proxy. Read next: `window.py`, which shows a canvas.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # keeps pygame's greeting out of command output
import pygame

from goalposts.text import plain

Colour = tuple[int, int, int]
Cells = list[tuple[int, int]]

TEXT, SMALL, HEADING = 15, 13, 20  # font sizes in pixels
MOST = 1_000  # characters of a line


@dataclass(frozen=True)
class WindowTheme:
    """Colours of a window, the same as the report's."""

    paper: Colour
    surface: Colour
    sunken: Colour
    ink: Colour
    muted: Colour
    rule: Colour
    goal: Colour
    proxy: Colour
    neither: Colour
    critic: Colour
    wrong: Colour


LIGHT = WindowTheme(
    (250, 249, 246),
    (255, 255, 254),
    (241, 239, 233),
    (29, 39, 51),
    (89, 100, 113),
    (223, 220, 212),
    (0, 103, 168),
    (181, 72, 6),
    (120, 126, 134),
    (107, 63, 160),
    (176, 30, 50),
)
DARK = WindowTheme(
    (17, 21, 26),
    (25, 31, 38),
    (12, 16, 20),
    (235, 232, 225),
    (159, 171, 183),
    (47, 56, 66),
    (99, 184, 242),
    (245, 155, 82),
    (150, 158, 168),
    (196, 161, 239),
    (255, 120, 130),
)


def font(size: int, bold: bool = False) -> pygame.font.Font:
    """DejaVu Sans, which ships with matplotlib; pygame's default font if it is missing. Cached until pygame quits."""
    if not pygame.font.get_init():
        pygame.font.init()
    face = _cached_font(size, bold)
    try:
        face.get_height()
    except pygame.error:  # pygame was quit and started again since
        _cached_font.cache_clear()
        face = _cached_font(size, bold)
    return face


@lru_cache(maxsize=16)
def _cached_font(size: int, bold: bool) -> pygame.font.Font:
    beside = find_spec("matplotlib")  # locates it without importing it
    for place in (beside.submodule_search_locations or ()) if beside else ():
        file = Path(place, "mpl-data", "fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
        if file.is_file():
            return pygame.font.Font(str(file), size)
    return pygame.font.Font(None, size + 4)


class Canvas:
    """A pygame surface with methods for text and shapes."""

    def __init__(self, surface: pygame.Surface, theme: WindowTheme = LIGHT) -> None:
        self.surface, self.theme = surface, theme

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.surface.get_size()

    def fill(self, rect: pygame.Rect, colour: Colour, radius: int = 0) -> None:
        """Draw a filled box."""
        pygame.draw.rect(self.surface, colour, rect, border_radius=radius)

    def frame(self, rect: pygame.Rect, colour: Colour, width: int = 1, radius: int = 0) -> None:
        """Draw the outline of a box."""
        pygame.draw.rect(self.surface, colour, rect, width, border_radius=radius)

    def text(
        self,
        words: str,
        x: int,
        y: int,
        size: int = TEXT,
        colour: Colour | None = None,
        bold: bool = False,
        width: int | None = None,
        right: bool = False,
    ) -> int:
        """Write one line at (x, y), truncated with an ellipsis beyond `width`; returns its width in pixels."""
        face, words = font(size, bold), plain(words, MOST)
        if width is not None and face.size(words)[0] > width:
            while words and face.size(words + "…")[0] > width:
                words = words[:-1]
            words = words.rstrip() + "…"
        image = face.render(words, True, colour or self.theme.ink)
        self.surface.blit(image, (x - image.get_width() if right else x, y))
        return image.get_width()

    def paragraph(
        self,
        words: str,
        x: int,
        y: int,
        width: int,
        size: int = TEXT,
        colour: Colour | None = None,
        bold: bool = False,
    ) -> int:
        """Write text wrapped to `width`; returns the y below it."""
        for line in wrapped(words, font(size, bold), width):
            self.text(line, x, y, size, colour, bold)
            y += round(size * 1.38)
        return y

    def sign(self, first: str, x: int, y: int, size: int = 12) -> None:
        """Draw a disc for the goal, an arrow for the proxy or a cross for neither, as in the films."""
        colour = getattr(self.theme, first)
        if first == "goal":
            pygame.draw.aacircle(self.surface, colour, (x + size // 2, y + size // 2), size // 2)
        elif first == "proxy":
            pygame.draw.polygon(self.surface, colour, [(x, y), (x + size, y + size // 2), (x, y + size)])
        else:
            pygame.draw.line(self.surface, colour, (x, y), (x + size, y + size), 3)
            pygame.draw.line(self.surface, colour, (x, y + size), (x + size, y), 3)

    def bar(self, rect: pygame.Rect, share: float, colour: Colour) -> None:
        """Draw a progress bar, filled from the left to a fraction from 0 to 1."""
        self.fill(rect, self.theme.sunken, 3)
        full = rect.copy()
        full.width = round(rect.width * min(max(share, 0.0), 1.0))
        if full.width:
            self.fill(full, colour, 3)

    def key(self, name: str, label: str, x: int, y: int, lit: bool = False) -> pygame.Rect:
        """Draw a key and its label; returns their box. `lit`: the key's function is on."""
        theme, height = self.theme, 24
        cap = pygame.Rect(x, y, max(font(SMALL, True).size(name)[0] + 12, height), height)
        self.fill(cap, theme.goal if lit else theme.surface, 5)
        self.frame(cap, theme.goal if lit else theme.muted, 1, 5)
        ink = theme.paper if lit else theme.ink
        wide = font(SMALL, True).size(name)[0]
        self.text(name, cap.centerx - wide // 2, y + 4, SMALL, ink, True)
        wide = self.text(label, cap.right + 6, y + 4, SMALL, theme.ink if lit else theme.muted)
        return pygame.Rect(x, y, cap.width + 6 + wide, height)


def key_width(name: str, label: str) -> int:
    """Width of `Canvas.key` in pixels."""
    return max(font(SMALL, True).size(name)[0] + 12, 24) + 6 + font(SMALL).size(label)[0]


def wrapped(words: str, face: pygame.font.Font, width: int) -> list[str]:
    """Wrap text into lines of at most `width` pixels; a longer word gets its own line."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and face.size(longer)[0] > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def surface_of(image: np.ndarray) -> pygame.Surface:
    """Convert an image uint8[h, w, 3] to a surface."""
    height, width = image.shape[:2]
    return pygame.image.frombuffer(np.ascontiguousarray(image).tobytes(), (width, height), "RGB")


def lay_heat(
    target: pygame.Surface, layer: np.ndarray, px: int, colour: Colour, low: float, high: float
) -> None:
    """Draw values float[H, W] over the cells of a level's image: pale for `low`, `colour` for `high`; nan is left blank."""
    sheet = pygame.Surface(target.get_size(), pygame.SRCALPHA)
    span = (high - low) or 1.0
    face = font(11 if px < 40 else 13, True)
    for (row, col), value in np.ndenumerate(layer):
        if np.isnan(value):
            continue
        share = (value - low) / span
        shade = tuple(round(255 + (c - 255) * (0.08 + 0.92 * share)) for c in colour)
        sheet.fill((*shade, 205), pygame.Rect(col * px, row * px, px, px))
        if px >= 24:
            words = f"{value:.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:.2f}"
            words = words.replace("0.", ".", 1) if words.startswith(("0.", "-0.")) else words
            ink = (255, 255, 255) if sum(shade) < 400 else (20, 26, 34)
            number = face.render(words, True, ink)
            if number.get_width() <= px:
                place = number.get_rect(center=(col * px + px // 2, row * px + px // 2))
                sheet.blit(number, place)
    target.blit(sheet, (0, 0))


def lay_way(target: pygame.Surface, cells: Cells, px: int, colour: Colour, shift: int) -> None:
    """Draw a path through cells as a line with an arrow head, shifted by `shift` pixels so that two paths stay distinguishable."""
    points = [(col * px + px // 2 + shift, row * px + px // 2 + shift) for row, col in cells]
    if len(points) < 2:
        return
    for width, ink in ((7, (255, 255, 255)), (4, colour)):
        for a, b in pairwise(points):
            pygame.draw.line(target, ink, a, b, width)
            pygame.draw.circle(target, ink, b, width // 2)
    end = points[-1]
    for radius, ink in ((px // 4 + 3, (255, 255, 255)), (px // 4, colour)):
        pygame.draw.circle(target, ink, end, radius)
