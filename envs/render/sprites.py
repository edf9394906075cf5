"""Sprites: convert names to pixel art at any multiple of 8 pixels.

Knows names and drawings only, no levels, rules or worlds. A world may add custom drawings (`look.py`); a
name without a drawing gets a letter on a colour (`letters.py`). The drawings are in `art_16px.py`, `art_8px.py` and
`art_topdown.py`; `render.py` combines them. To write the sprite sheet: `python -m goalposts.envs.render.sprites OUT.png`.
"""

import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from goalposts.errors import UserError
from goalposts.safe_write import write_whole

from . import art_8px, art_16px, art_topdown
from .letters import Letter, image_of, letter_of_name
from .look import PLAIN, Look

SEEN_AS = {
    "coin_invisible": "sky",
    "decoy": "coin",
    "cheese_invisible": "floor",
    "wax": "cheese",
    "station_invisible": "floor",
    "line_invisible": "floor",
    "overseer_invisible": "lawn",
    "skylight": "floor",
    "statue": "overseer",
}
"""Things that people can distinguish and the agent cannot: name → name shown to the agent."""

VEILS = frozenset({"light_1", "light_2", "light_3", "light_4"})
"""Translucent sprites, which tint what is below them."""

_STRIPS = {16: art_16px.STRIPS + art_topdown.STRIPS, 8: art_8px.STRIPS + art_topdown.SMALL}
_FLAT = {"sky": "b", "floor": "t", "light_1": "1", "light_2": "2", "light_3": "3", "light_4": "4"}
"""Sprites of a single colour: name → palette character."""
_RED, _BLUE = {"y": "r", "Y": "x", "A": "R", "D": "k"}, {"y": "a", "Y": "X", "A": "Z", "D": "k"}
_TINTED = {  # recoloured sprites: name → original name, palette character → palette character
    f"{thing}_{colour}": (f"{thing}_yellow", palette)
    for colour, palette in (("red", _RED), ("blue", _BLUE))
    for thing in ("line", "gem", "star")
} | {"statue": ("overseer", {"w": "P", "a": "q", "k": "G"})}
_TURNED = {  # mirrored sprites: name → original name
    "agent_left": "agent_right",
    "agent_jump_left": "agent_jump_right",
    "agent_fall_left": "agent_fall_right",
}


def sprite(name: str, px: int, look: Look = PLAIN) -> np.ndarray:  # uint8[px, px, 4]
    """Draw `name` as read-only RGBA; a name without a drawing gives a letter on a colour.

    A multiple of 16 as `px` enlarges the 16 pixel drawing, any other multiple of 8 enlarges the 8 pixel
    drawing. Raises UserError for any other size.
    """
    check_px(px)
    return _sprite(name, px, look)


def letter_of(name: str, look: Look = PLAIN) -> Letter | None:
    """Letter that represents a name; None if the name has a drawing."""
    if name in look.drawings or name in drawn_names():
        return None
    return look.letters.get(name) or letter_of_name(name)


def seen_as(name: str, look: Look = PLAIN) -> str:
    """Name shown to the agent in place of `name`."""
    return look.seen_as.get(name) or SEEN_AS.get(name, name)


def names() -> tuple[str, ...]:
    """All names that have a drawing, in the order of the sheet."""
    drawn = [name for heads, _ in _STRIPS[16] for name in heads.split()]
    return (*_FLAT, *drawn, *_TINTED, *_TURNED)


@lru_cache(maxsize=1)
def drawn_names() -> frozenset[str]:
    """Names that have a drawing, as a set."""
    return frozenset(names())


def sheet(
    px: int, look: Look = PLAIN, more: Iterable[str] = ()
) -> tuple[np.ndarray, dict[str, tuple[int, int]]]:
    """Draw all sprites on one sheet, uint8[h, w, 4]; also returns the top left corner (x, y) of each name.

    Includes the sprites of the look's world, and `more` names.
    """
    columns = 8
    every = list(dict.fromkeys([*names(), *look.names, *more]))
    rows = -(-len(every) // columns)
    image = np.zeros((rows * px, columns * px, 4), np.uint8)
    places = {}
    for number, name in enumerate(every):
        y, x = number // columns * px, number % columns * px
        image[y : y + px, x : x + px] = sprite(name, px, look)
        places[name] = (x, y)
    return image, places


def squeezed(
    name: str, height: int, width: int, look: Look = PLAIN
) -> np.ndarray:  # float64[height, width, 4]
    """Resize `name` to any size by area averaging; colours premultiplied by alpha, all values in 0..1.

    Letters are drawn at that size instead, which preserves their colour.
    """
    if letter := letter_of(name, look):
        return image_of(letter, height, width) / 255.0
    master = _sprite(name, 16, look) / 255.0
    master[..., :3] *= master[..., 3:]
    return np.einsum("ya,xb,abc->yxc", _shares(height), _shares(width), master)


def check_px(px: int) -> None:
    """Raise UserError unless `px` is a valid tile size: a positive multiple of 8."""
    if not isinstance(px, (int, np.integer)) or isinstance(px, bool) or px <= 0 or px % 8:
        raise UserError(
            f"cannot draw tiles of {px!r} pixels: give a positive multiple of 8, for example 8, 16 or 32"
        )


@lru_cache(maxsize=512)
def _sprite(name: str, px: int, look: Look) -> np.ndarray:
    size = 16 if px % 16 == 0 else 8
    if name in look.drawings:
        image = _enlarged(look.drawings[name], px)
    elif name in _TURNED:
        image = _sprite(_TURNED[name], px, look)[:, ::-1]
    elif name in _FLAT:
        image = np.full((px, px, 4), _colours()[ord(_FLAT[name])], np.uint8)
    elif name in _masters(size):
        image = _enlarged(_masters(size)[name], px)
    else:
        letter = letter_of(name, look)
        assert letter is not None  # names without a drawing have a letter
        image = _enlarged(image_of(letter, size, size), px)
    image = np.ascontiguousarray(image)
    image.setflags(write=False)
    return image


def _enlarged(master: np.ndarray, px: int) -> np.ndarray:
    """Enlarge a drawing of 8 or 16 pixels to a multiple of 8; a 16 pixel drawing is first halved for odd multiples."""
    if px % len(master):
        master = master[::2, ::2]
    times = px // len(master)
    return master.repeat(times, 0).repeat(times, 1)


@lru_cache(maxsize=2)
def _masters(size: int) -> dict[str, np.ndarray]:
    """Read the drawings from the strips: name → uint8[size, size, 4]."""
    drawings: dict[str, np.ndarray] = {}
    for heads, text in _STRIPS[size]:
        lines = np.array([[list(piece) for piece in line.split()] for line in text.strip().split("\n")])
        for column, name in enumerate(heads.split()):
            drawings[name] = lines[:, column]
    for name, (base, palette) in _TINTED.items():
        drawings[name] = np.vectorize(lambda c, palette=palette: palette.get(c, c))(drawings[base])
    return {name: _colours()[np.vectorize(ord)(drawing)] for name, drawing in drawings.items()}


@lru_cache(maxsize=1)
def _colours() -> np.ndarray:  # uint8[128, 4], by character code
    table = np.zeros((128, 4), np.uint8)
    for character, colour in art_16px.PALETTE.items():
        table[ord(character)] = tuple(bytes.fromhex(colour[1:]))
    return table


def _shares(size: int) -> np.ndarray:  # float64[size, 16]
    """Weights of area averaging: the fraction of each of `size` output pixels covered by each of 16 input pixels."""
    edges = np.linspace(0, 16, size + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(16)[None]
    return np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None) / (high - low)


def main(arguments: list[str]) -> int:
    """Write the sprite sheet as PNG, at 16 pixels per sprite or the size given as second argument."""
    from PIL import Image

    if not 1 <= len(arguments) <= 2 or arguments[0].startswith("-"):
        print("usage: python -m goalposts.envs.render.sprites OUT.png [PX]", file=sys.stderr)
        return 2
    out = Path(arguments[0])
    try:
        px = int(arguments[1]) if len(arguments) == 2 else 16
        image, _ = sheet(px)
        write_whole(out, lambda file: Image.fromarray(image).save(file, format="PNG"))
    except (UserError, ValueError, OSError) as error:
        print(f"cannot write the sprite sheet to {out}: {error}", file=sys.stderr)
        return 2
    print(f"{out}: {len(names())} sprites of {px} x {px} pixels")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
