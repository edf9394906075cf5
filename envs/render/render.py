"""Render scenes as images and text. Pure: the same scene always gives the same pixels, without randomness.

There are two kinds of image. `draw` and `ansi` are for people: grass on the ground, hills behind it, a
ghost outline for things that the agent cannot see. `rgb64` is for the agent: each cell depends only on its own
name, not on its position or on neighbours out of sight, and things that the agent cannot distinguish look
identical (`sprites.seen_as`), so the pixels carry exactly the information of the camera's cells.

The names and their drawings are in `sprites.py`; `envs/engine/pixels.py` creates the scenes.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from ..levels.level import LEGENDS
from .backdrop import backdrop
from .letters import INK
from .look import PLAIN, Look, look_of
from .proxy_mark import mark_proxy
from .scene import Scene
from .sprites import VEILS, check_px, letter_of, seen_as, sprite, squeezed

Tiles = tuple[tuple[str, ...], ...]
Layer = tuple[np.ndarray, np.ndarray]  # uint16: colour * alpha * 255 [h, w, 3] and 255 - alpha [h, w, 1]

GROUND = "sky"  # shows through tiles that do not fill their cell, unless the level contains one of these
FLOORS = ("floor", "lawn")
_TOPPED = {"wall": "wall_top", "lava": "lava_top"}  # used if the tile above is of another kind
_BORDER = (31, 34, 51)  # fills the rest of the 64 x 64 pixels or of a frame
_FRAME = ((31, 34, 51), (255, 255, 255))  # the camera's frame: outer and inner line
_DIM = (70, 76, 104)  # blended over cells that the agent does not see
_TRAIL = ((31, 34, 51), (255, 255, 255))  # rim and centre of a dot


def draw(scene: Scene, px: int = 16, camera: bool = False, trail: bool = False) -> np.ndarray:
    """Draw the whole level for people, uint8[H*px, W*px, 3]; the caller owns the array.

    `px`, the size of a tile, must be a multiple of 8. `camera` frames what the agent sees and dims the rest;
    `trail` marks the scene's trail with dots; the scene's proxy has a mark. Sprites outside the level are omitted. Raises
    UserError for any other size.
    """
    check_px(px)
    look = look_of(scene.world)
    image = _background(scene.tiles, px, look).copy()
    if trail:
        _show_trail(image, scene.trail, px)
    mark_proxy(image, scene.proxy, px)
    for thing in scene.sprites:
        _lay(image, _layer(thing.name, px, look), thing.row * px, thing.col * px)
    if camera and scene.camera is not None:
        _show_camera(image, scene.camera, px)
    return image


def framed(scene: Scene, rows: int, cols: int, px: int = 16) -> np.ndarray:
    """Draw the level centred in an image of rows × cols tiles, uint8[rows*px, cols*px, 3], so that levels of any size
    up to that give images of the same size; the caller owns the array.
    """
    image = draw(scene, px)
    height, width = image.shape[:2]
    if (height, width) == (rows * px, cols * px):
        return image
    whole = np.empty((rows * px, cols * px, 3), np.uint8)
    whole[:] = _BORDER
    top, left = (rows * px - height) // 2, (cols * px - width) // 2
    whole[top : top + height, left : left + width] = image
    return whole


def rgb64(scene: Scene) -> np.ndarray:
    """Draw the agent's pixel observation, uint8[64, 64, 3]; the caller owns the array.

    Every cell is 64 // rows pixels high and 64 // columns wide, so that a thing looks the same in every
    cell; the rest is a plain dark border. Cells outside the level show `scene.outside`. Raises ValueError
    for a camera of more than 64 rows or columns.
    """
    height, width = len(scene.tiles), len(scene.tiles[0])
    top, left, rows, cols = scene.camera or (0, 0, height, width)
    if not (1 <= rows <= 64 and 1 <= cols <= 64):
        raise ValueError(
            f"a camera of {rows} x {cols} cells does not fit in 64 x 64 pixels (limit: 64 rows and columns)"
        )
    h, w = 64 // rows, 64 // cols
    look = look_of(scene.world)
    image = np.empty((64, 64, 3), np.uint8)
    image[:] = _BORDER
    y, x = (64 - rows * h) // 2, (64 - cols * w) // 2
    view = image[y : y + rows * h, x : x + cols * w]
    if top < 0 or left < 0 or top + rows > height or left + cols > width:
        view.reshape(rows, h, cols, w, 3)[:] = _cell(scene.outside, h, w, GROUND, look)[None, :, None]
    r0, r1 = max(top, 0), max(min(top + rows, height), 0)
    c0, c1 = max(left, 0), max(min(left + cols, width), 0)
    if r0 < r1 and c0 < c1:
        seen = _plain(scene.tiles, h, w, look)[r0 * h : r1 * h, c0 * w : c1 * w]
        view[(r0 - top) * h : (r1 - top) * h, (c0 - left) * w : (c1 - left) * w] = seen
    for thing in scene.sprites:
        name = seen_as(thing.name, look)
        if name != GROUND:
            _lay(view, _small_layer(name, h, w, look), (thing.row - top) * h, (thing.col - left) * w)
    return image


CHARACTERS = {
    "sky": ".",
    "wall": "#",
    "crate": "B",
    "platform": "=",
    "lava": "~",
    "spikes": "^",
    "saw": "o",
    "coin": "C",
    "coin_invisible": "c",
    "decoy": "D",
    "monster": "M",
    "agent_right": ">",
    "agent_left": "<",
    "agent_jump_right": "/",
    "agent_jump_left": "\\",
    "agent_fall_right": ")",
    "agent_fall_left": "(",
    "agent_dead": "X",
}
"""Sprite name → its character in a text image; other names use their world's character or their first letter."""

_INK, _WHITE, _SKY = 235, 231, 153
_PLAIN = (_WHITE, 127)  # default text and background colours in a terminal
_TERMINAL = {  # sprite name -> two characters, ink, paper (None: the sky's), in xterm's 256 colours
    "sky": ("  ", _INK, _SKY),
    "wall": ("  ", 95, 137),
    "wall_top": ("  ", 95, 71),
    "crate": ("[]", 94, 179),
    "platform": ("==", 240, 248),
    "lava": ("~~", 220, 202),
    "lava_top": ("~~", 226, 208),
    "spikes": ("^^", 240, None),
    "saw": ("**", 240, None),
    "coin": ("()", _INK, 220),
    "coin_invisible": ("::", 66, None),
    "decoy": ("()", _INK, 252),
    "monster": ("><", _WHITE, 92),
    "agent_right": (" >", _WHITE, 161),
    "agent_left": ("< ", _WHITE, 161),
    "agent_jump_right": ("/'", _WHITE, 161),
    "agent_jump_left": ("'\\", _WHITE, 161),
    "agent_fall_right": ("\\.", _WHITE, 161),
    "agent_fall_left": ("./", _WHITE, 161),
    "agent_dead": ("XX", _WHITE, _INK),
}


def ansi(scene: Scene, colour: bool = True) -> str:
    """Render the level as text, one line per row, without a trailing newline.

    With `colour`, two columns per cell in 256 terminal colours, reset at the end of each line; without, exactly
    one character per cell (`CHARACTERS`), like a level file with the agent drawn in.
    """
    names = [list(row) for row in (dressed(scene.tiles) if colour else scene.tiles)]
    for thing in scene.sprites:
        inside = 0 <= thing.row < len(names) and 0 <= thing.col < len(names[0])
        if inside and (thing.name not in VEILS or names[thing.row][thing.col] == "floor"):
            names[thing.row][thing.col] = thing.name
    look = look_of(scene.world)
    characters = {name: _character(scene.world, name, look) for row in names for name in row}
    if not colour:
        return "\n".join("".join(characters[name] for name in row) for row in names)
    lines = []
    for row in names:
        pieces, last = [], None
        for name in row:
            text, ink, paper = _in_terminal(name, characters[name], look)
            style = (ink, _SKY if paper is None else paper)
            pieces.append(text if style == last else f"\x1b[38;5;{style[0]};48;5;{style[1]}m{text}")
            last = style
        lines.append("".join(pieces) + "\x1b[0m")
    return "\n".join(lines)


def _character(world: str, name: str, look: Look) -> str:
    """Character of a thing: its world's legend character, else the shared one, else the first letter of its name."""
    legend = LEGENDS.get(world)
    written = next((tile.char for tile in legend.tiles if tile.sprite == name), None) if legend else None
    letter = letter_of(name, look)
    shared = ":" if name in VEILS else CHARACTERS.get(name)
    return written or shared or (letter.character if letter else "?")


def _in_terminal(name: str, character: str, look: Look) -> tuple[str, int, int | None]:
    """Terminal appearance: two characters, text colour, background colour."""
    letter = letter_of(name, look)
    if letter is None:
        return _TERMINAL.get(name) or (2 * character, *_PLAIN)
    red, green, blue = (round(value / 51) for value in letter.paper)
    return 2 * character, _INK if letter.ink == INK else _WHITE, 16 + 36 * red + 6 * green + blue


def dressed(tiles: Tiles) -> Tiles:
    """Replace the top tiles of ground by grass and of lava by its surface; all others are unchanged."""
    return tuple(
        tuple(
            _TOPPED[name] if row and name in _TOPPED and tiles[row - 1][col] != name else name
            for col, name in enumerate(line)
        )
        for row, line in enumerate(tiles)
    )


def _lay(image: np.ndarray, layer: Layer, y: int, x: int) -> None:
    """Blend a layer over the image at (y, x), in place; omitted if it is not entirely inside."""
    h, w = layer[0].shape[:2]
    if 0 <= y <= image.shape[0] - h and 0 <= x <= image.shape[1] - w:
        cell = image[y : y + h, x : x + w]
        cell[:] = (layer[0] + cell * layer[1]) // 255


def _show_trail(image: np.ndarray, trail: tuple[tuple[int, int], ...], px: int) -> None:
    """Draw a dot in every cell of the trail and a small one halfway to the next cell if it is a neighbour."""
    for (row, col), (row2, col2) in dict.fromkeys(pairwise(trail)):
        if max(abs(row - row2), abs(col - col2)) == 1:
            _lay(image, _dot(px, False), (row + row2) * px // 2, (col + col2) * px // 2)
    for row, col in dict.fromkeys(trail):
        _lay(image, _dot(px, True), row * px, col * px)


def _show_camera(image: np.ndarray, camera: tuple[int, int, int, int], px: int) -> None:
    """Dim everything outside the camera and draw its frame; sides beyond the level's edge are omitted."""
    height, width = image.shape[:2]
    top, left, rows, cols = (px * cells for cells in camera)
    bottom, right = top + rows, left + cols
    inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)].copy()
    image[:] = (image.astype(np.uint16) * 2 + np.array(_DIM, np.uint16) * 3) // 5
    image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = inside
    line = max(1, px // 16)
    for inset, colour in ((-line, _FRAME[0]), (0, _FRAME[1])):
        y0, x0, y1, x1 = top + inset, left + inset, bottom - inset, right - inset
        for edge in (y0, y1 - line):
            if 0 <= edge < height:
                image[edge : edge + line, max(x0, 0) : max(x1, 0)] = colour
        for edge in (x0, x1 - line):
            if 0 <= edge < width:
                image[max(y0, 0) : max(y1, 0), edge : edge + line] = colour


@lru_cache(maxsize=32)
def _background(tiles: Tiles, px: int, look: Look = PLAIN) -> np.ndarray:  # uint8[H*px, W*px, 3], read-only
    """Draw everything static, for people."""
    height, width = len(tiles), len(tiles[0])
    image = backdrop(height, width, px).copy()
    ground = _ground_of(tiles)
    for row, line in enumerate(dressed(tiles)):
        for col, name in enumerate(line):
            if ground != GROUND:
                _lay(image, _layer(ground, px, look), row * px, col * px)
            if name != GROUND:
                _lay(image, _layer(name, px, look), row * px, col * px)
    image.setflags(write=False)
    return image


@lru_cache(maxsize=256)
def _plain(tiles: Tiles, h: int, w: int, look: Look = PLAIN) -> np.ndarray:  # uint8[H*h, W*w, 3], read-only
    """Draw everything static, for the agent."""
    kinds = sorted({name for line in tiles for name in line})
    ground = _ground_of(tiles)
    table = np.stack([_cell(name, h, w, ground, look) for name in kinds])
    number = {name: index for index, name in enumerate(kinds)}
    grid = np.array([[number[name] for name in line] for line in tiles])
    image = table[grid].transpose(0, 2, 1, 3, 4).reshape(grid.shape[0] * h, grid.shape[1] * w, 3)
    image.setflags(write=False)
    return image


@lru_cache(maxsize=4096)
def _cell(
    name: str, h: int, w: int, ground: str = GROUND, look: Look = PLAIN
) -> np.ndarray:  # uint8[h, w, 3]: the tile on the ground
    colours, rest = _small_layer(seen_as(name, look), h, w, look)
    below, _ = _small_layer(ground, h, w, look)
    return ((colours + below // 255 * rest) // 255).astype(np.uint8)


def _ground_of(tiles: Tiles) -> str:
    """Background tile: the floor of a top-down level, else the sky."""
    return next((floor for floor in FLOORS if any(floor in line for line in tiles)), GROUND)


@lru_cache(maxsize=4096)
def _small_layer(name: str, h: int, w: int, look: Look) -> Layer:
    return _as_layer(squeezed(name, h, w, look))


@lru_cache(maxsize=512)
def _layer(name: str, px: int, look: Look) -> Layer:
    image = sprite(name, px, look) / 255.0
    image[..., :3] *= image[..., 3:]
    return _as_layer(image)


def _as_layer(image: np.ndarray) -> Layer:
    """Convert float[h, w, 4], colours premultiplied by alpha, to the format of `_lay`."""
    values = np.rint(image * 255).astype(np.uint16)
    return values[..., :3] * np.uint16(255), np.uint16(255) - values[..., 3:]


@lru_cache(maxsize=16)
def _dot(px: int, large: bool) -> Layer:
    """Dot of the trail in the middle of a cell: dark, large ones with a light centre."""
    middle = (px - 1) / 2
    rows, cols = np.indices((px, px)) - middle
    distance = np.hypot(rows, cols)
    image = np.zeros((px, px, 4))
    for radius, colour in (
        ((px * 0.2, _TRAIL[0]), (px * 0.12, _TRAIL[1])) if large else ((px * 0.08, _TRAIL[0]),)
    ):
        image[distance <= radius] = (*(value / 255 for value in colour), 1.0)
    return _as_layer(image)
