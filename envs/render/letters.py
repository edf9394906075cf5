"""Letter tiles: fallback appearance of things without a drawing, distinct at any size, for people and agents.

A tile shows its legend character on a colour that is unique within the legend; the top left pixel
always has that colour. A moving thing shows the first letter of its name on a dark colour derived from the name.
Read next: `sprites.py`, which falls back to these.
"""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Colour = tuple[int, int, int]

GLYPH_ROWS, GLYPH_COLUMNS = 5, 3
EMPTY: Colour = (222, 220, 214)  # colour of the empty cell, which is everywhere
INK, CHALK = (16, 18, 28), (255, 255, 255)
LIGHTEST_DARK = 95  # limit of a moving thing's channels; every tile exceeds it in some channel

# Characters of 3 by 5 pixels: one digit per row from the top, whose bits are the pixels from the left.
FONT = {
    "A": "25755", "B": "65656", "C": "34443", "D": "65556", "E": "74647", "F": "74644", "G": "34553", "H": "55755",
    "I": "72227", "J": "11152", "K": "55655", "L": "44447", "M": "57755", "N": "65555", "O": "25552", "P": "65644",
    "Q": "25573", "R": "65655", "S": "34216", "T": "72222", "U": "55557", "V": "55552", "W": "55775", "X": "55255",
    "Y": "55222", "Z": "71247",
    "a": "03553", "b": "44656", "c": "00343", "d": "11353", "e": "02743", "f": "12722", "g": "03531", "h": "44655",
    "i": "20222", "j": "10152", "k": "44565", "l": "62227", "m": "00575", "n": "00655", "o": "00252", "p": "06564",
    "q": "03531", "r": "00344", "s": "03616", "t": "27221", "u": "00553", "v": "00552", "w": "00575", "x": "00525",
    "y": "05531", "z": "07247",
    "0": "25752", "1": "26227", "2": "61247", "3": "61216", "4": "55711", "5": "74616", "6": "34652", "7": "71222",
    "8": "25252", "9": "25316",
    ".": "00002", ",": "00024", ":": "02020", "!": "22202", "?": "61202", "#": "57575", "=": "07070", "-": "00700",
    "+": "02720", "*": "05250", "~": "00360", "^": "25000", "_": "00007", "/": "11244", "\\": "44211", "|": "22222",
    "(": "12221", ")": "42224", "[": "32223", "]": "62226", "{": "12421", "}": "42124", "<": "12421", ">": "42124",
    "$": "36276", "%": "51245", "&": "25365", "@": "25743", "'": "22000", '"': "55000", "`": "42000",
}  # fmt: skip


@dataclass(frozen=True)
class Letter:
    """A character and its background colour."""

    character: str
    paper: Colour

    @property
    def ink(self) -> Colour:
        """Text colour: dark on a light background, white on a dark one."""
        red, green, blue = self.paper
        return INK if 299 * red + 587 * green + 114 * blue > 128_000 else CHALK


def letters_of(characters: Sequence[str]) -> list[Letter]:
    """Assign each tile of a legend, whose first is the empty cell, a letter with a unique colour, in order."""
    colours: list[Colour] = [EMPTY][: len(characters)]
    for k in range(len(characters) - 1):
        hue, shift = k * 0.618_033_988_75 % 1, 0
        while True:
            value = (1.0, 0.8, 0.62)[(k + shift) % 3]
            red, green, blue = colorsys.hsv_to_rgb(hue, (0.75, 0.5)[k // 3 % 2], value)
            colour = (round(255 * red), round(255 * green), round(255 * blue))
            if colour not in colours:
                break
            hue, shift = (hue + 0.01) % 1, shift + 1
        colours.append(colour)
    return [Letter(character, colour) for character, colour in zip(characters, colours, strict=True)]


def letter_of_name(name: str) -> Letter:
    """Derive a letter from a name, for things that no legend lists, such as moving ones."""
    character = next((char for char in name if char.isalnum()), "?")
    red, green, blue = hashlib.sha256(name.encode()).digest()[:3]
    return Letter(character, tuple(value * LIGHTEST_DARK // 255 for value in (red, green, blue)))  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def image_of(letter: Letter, height: int, width: int) -> np.ndarray:  # uint8[height, width, 4], read-only
    """Draw the letter centred and as large as fits without touching the left edge; only the background if it does not fit."""
    image = np.empty((height, width, 4), np.uint8)
    image[:] = (*letter.paper, 255)
    tall = max((height - 2) // GLYPH_ROWS, int(height >= GLYPH_ROWS))  # with a margin if there is room
    times = min(tall, (width - 2) // GLYPH_COLUMNS)
    if times > 0:
        glyph = _glyph(letter.character).repeat(times, 0).repeat(times, 1)
        top, left = (height - glyph.shape[0]) // 2, (width - glyph.shape[1] + 1) // 2
        image[top : top + glyph.shape[0], left : left + glyph.shape[1]][glyph] = (*letter.ink, 255)
    image.setflags(write=False)
    return image


def _glyph(character: str) -> np.ndarray:  # bool[5, 3]
    """Glyph from the font, or a pattern derived from the code of any other character."""
    if character in FONT:
        rows = [int(digit) for digit in FONT[character]]
    else:
        rows = [byte % 7 + 1 for byte in hashlib.sha256(character.encode()).digest()[:GLYPH_ROWS]]
    return np.array([[row >> (2 - column) & 1 for column in range(3)] for row in rows], bool)
