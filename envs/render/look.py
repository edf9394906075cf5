"""The look of a world: its custom drawings, letters for things without one, and things that look identical to its agent.

Defining a `World` registers its look here, like its legend. Draws nothing.
Read next: `sprites.py`, which turns a name and a look into pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goalposts.errors import UserError

from ..levels.level import Legend
from .art_16px import PALETTE
from .letters import Letter, letters_of

SIZES = (8, 16)


class DrawingError(UserError, ValueError):
    """An invalid drawing of a world: not 8 by 8 or 16 by 16 pixels of known colours."""


@dataclass(frozen=True, eq=False)
class Look:
    """By sprite name: drawings (RGBA uint8[8, 8, 4] or [16, 16, 4]), letters of undrawn tiles, substitutes seen by the agent."""

    drawings: Mapping[str, np.ndarray] = field(default_factory=dict)
    letters: Mapping[str, Letter] = field(default_factory=dict)
    seen_as: Mapping[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()  # names of its tiles and drawings


PLAIN = Look()
LOOKS: dict[str, Look] = {}
"""Looks by world name; the first world of a name wins."""


def look_of(world: str) -> Look:
    """Look up a world's look by name; the default look if the world is not loaded."""
    return LOOKS.get(world, PLAIN)


def make_look(
    legend: Legend, drawings: Mapping[str, Any], seen_as: Mapping[str, str], drawn: Collection[str]
) -> Look:
    """Build a world's look from its declarations. drawn: names with a built-in drawing. Raises DrawingError."""
    own = {name: _read(name, drawing) for name, drawing in drawings.items()}
    first = {tile.sprite: tile.char for tile in reversed(legend.tiles)}
    names = list(dict.fromkeys(tile.sprite for tile in legend.tiles))
    letters = letters_of(
        [first[name] for name in names]
    )  # all tiles count, so that a drawing changes no other tile's colour
    undrawn = {
        name: letter
        for name, letter in zip(names, letters, strict=True)
        if name not in own and name not in drawn
    }
    ground, visible = legend.tiles[0].sprite, {tile.sprite for tile in legend.tiles if not tile.hidden}
    hidden = {tile.sprite: ground for tile in legend.tiles if tile.hidden and tile.sprite not in visible}
    return Look(own, undrawn, {**hidden, **seen_as}, tuple(dict.fromkeys([*own, *names])))


def _read(name: str, drawing: Any) -> np.ndarray:
    """Parse a drawing given as text, one character per pixel, or as RGBA; see docs/worlds.md."""
    if isinstance(drawing, str):
        lines = drawing.split()
        if len(lines) not in SIZES or {len(line) for line in lines} != {len(lines)}:
            raise DrawingError(
                f"the drawing of {name!r} must be 8 lines of 8 characters or 16 lines of 16; it has {len(lines)} lines of "
                f"{' and '.join(map(str, sorted({len(line) for line in lines})))} characters"
            )
        unknown = sorted(set("".join(lines)) - set(PALETTE))
        if unknown:
            raise DrawingError(
                f"the drawing of {name!r} has the characters {' '.join(unknown)}, which are not colours; "
                f"the colours are {''.join(PALETTE)} (goalposts.envs.render.art_16px.PALETTE)"
            )
        rows = [[tuple(bytes.fromhex(PALETTE[char][1:])) for char in line] for line in lines]
        image = np.array(rows, np.uint8)
    else:
        image = np.array(drawing)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape not in [(n, n, 4) for n in SIZES]:
            raise DrawingError(
                f"the drawing of {name!r} must be text, or an array uint8[8, 8, 4] or uint8[16, 16, 4] of RGBA; "
                f"it is {image.dtype}{list(image.shape)}"
            )
    image.setflags(write=False)
    return image
