"""Levels as values: an ASCII text, an array of tile codes, two hashes.

A `Level` holds one level of one world; a `LevelSet` stacks many. Both are immutable plain data: no rules, no
randomness, no planner. Defining a world registers its `Legend` (the meaning of each character) here.
Read next: `envs/worlds/contract/world.py` for what a world is, `envs/generation/generate.py` for where levels come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from html import escape
from typing import Any, overload

import numpy as np

from goalposts.closest import closest
from goalposts.errors import UserError
from goalposts.whole_numbers import shown, spelt

from ..jit.random_streams import hash_bytes, hash_stack

MAX_ROWS, MAX_COLS = 64, 256


class LevelError(UserError, ValueError):
    """An unreadable or invalid level; the message names the row, the column and what is allowed there."""


class LevelIndexError(LevelError, IndexError):
    """An index into a set of levels that has no such level."""


@dataclass(frozen=True)
class Tile:
    """One entry of a legend; its index in the legend is its code."""

    char: str
    name: str
    sprite: str
    planes: tuple[str, ...] = ()
    goal_object: bool = False  # a level without its goal objects is its layout
    hidden: bool = False  # the agent cannot see it

    def __post_init__(self) -> None:
        assert len(self.char) == 1 and self.char.isprintable() and self.char not in "; \t"


@dataclass(frozen=True)
class Legend:
    """The meaning of each character in a world's level texts. Code 0 is the empty cell, which lies under every goal object.

    `check(tiles)` returns the first fault that the characters alone do not reveal, as (row, column, message),
    or None.
    """

    world: str
    tiles: tuple[Tile, ...]
    check: Callable[[np.ndarray], tuple[int, int, str] | None]
    codes: dict[str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", {t.char: i for i, t in enumerate(self.tiles)})
        if len(self.codes) != len(self.tiles):
            raise ValueError(f"legend of {self.world}: a character stands for two tiles")

    def explain(self) -> str:
        """Describe each character on its own line, for error messages and help."""
        return "\n".join(f"  {t.char}  {t.name}" for t in self.tiles)

    def is_comment(self, line: str) -> bool:
        """Whether a line is a comment: it starts with `;`, or with `#` and a space and contains a character that is no tile.

        `#` is a wall in most worlds and a space is no tile, so a row of walls is never mistaken for a comment.
        """
        text = line.strip()
        if text.startswith("#") and text[1:2].isspace() and text[1] not in self.codes:
            return any(char not in self.codes and not char.isspace() for char in text)
        return text.startswith(";")

    def as_seen(self, tiles: np.ndarray) -> np.ndarray:
        """Return the tiles with everything hidden from the agent replaced by empty cells."""
        return np.where(np.array([t.hidden for t in self.tiles])[tiles], 0, tiles).astype(np.uint8)

    def goal_codes(self) -> np.ndarray:
        """Mask of the codes that are goal objects, bool[codes]."""
        return np.array([t.goal_object for t in self.tiles])


LEGENDS: dict[str, Legend] = {}


def legend_of(world: str) -> Legend:
    """Look up a world's legend by name. Raises LevelError that suggests the closest name."""
    try:
        return LEGENDS[world]
    except KeyError:
        known = f"known worlds: {', '.join(LEGENDS)}"
        raise LevelError(f"unknown world {world!r}; {known}.{closest(world, LEGENDS)}") from None


def hash_tiles(tiles: np.ndarray) -> str:
    """Hash a uint8[H, W] array to 16 hex digits."""
    flat = np.array(tiles, dtype=np.uint8).ravel()
    return f"{int(hash_bytes(flat, flat.size, *tiles.shape)):016x}"


@dataclass(frozen=True, eq=False)
class Level:
    """A layout with its goal objects placed. `tiles` is a read-only uint8[H, W] of the world's codes."""

    world: str
    tiles: np.ndarray

    def __post_init__(self) -> None:
        given = np.asarray(self.tiles)
        if given.dtype != np.uint8 and (
            given.dtype.kind not in "iu" or ((given < 0) | (given > 255)).any()  # would wrap around
        ):
            raise LevelError("the tiles of a level must be whole numbers from 0 to 255")
        tiles = np.array(given, dtype=np.uint8)
        if tiles.ndim != 2 or not tiles.size:
            raise LevelError(f"a level must be an array of rows and columns, not of shape {tiles.shape}")
        tiles.setflags(write=False)
        object.__setattr__(self, "tiles", tiles)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Level) and self.world == other.world and np.array_equal(self.tiles, other.tiles)
        )

    def __hash__(self) -> int:
        return hash((self.world, self.level_hash))

    def __reduce__(self) -> tuple[Any, ...]:
        return Level, (self.world, self.tiles)

    def __repr__(self) -> str:
        return f"Level({self.world} {self.tiles.shape[0]}x{self.tiles.shape[1]} {self.level_hash})"

    def __str__(self) -> str:
        return self.to_text()

    @property
    def layout(self) -> Level:
        """The level without its goal objects."""
        return Level(self.world, np.where(legend_of(self.world).goal_codes()[self.tiles], 0, self.tiles))

    @property
    def layout_hash(self) -> str:
        """Hash of the layout; determines the split (see `envs/generation/generate.py`)."""
        return hash_tiles(self.layout.tiles)

    @property
    def level_hash(self) -> str:
        """Hash of the whole level."""
        return hash_tiles(self.tiles)

    def to_text(self) -> str:
        """Render as ASCII text: one line per row, no trailing newline. `from_text` reads it back exactly."""
        chars = np.array([t.char for t in legend_of(self.world).tiles])
        return "\n".join("".join(row) for row in chars[self.tiles])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.world)}\n{escape(self.to_text())}</pre>"

    @classmethod
    def from_text(cls, text: str, world: str = "CoinRun") -> Level:
        """Parse a level text. Ignores surrounding blank lines and comments (`Legend.is_comment`).

        Raises LevelError naming the row, the column and what is allowed there.
        """
        legend = legend_of(world)
        rows = [line.rstrip() for line in text.splitlines() if not legend.is_comment(line)]
        while rows and not rows[0]:
            rows.pop(0)
        while rows and not rows[-1]:
            rows.pop()
        if not rows:
            raise LevelError(
                f"the level is empty; a level of {world} is a text of", *legend.explain().split("\n")
            )
        width = len(rows[0])
        if len(rows) > MAX_ROWS or width > MAX_COLS:
            raise LevelError(
                f"the level has {len(rows)} rows and {width} columns; the limit is {MAX_ROWS} rows and {MAX_COLS} columns"
            )
        codes = list(map(legend.codes.get, "".join(rows)))
        if None not in codes and all(len(row) == width for row in rows):
            level = cls(world, np.array(codes, np.uint8).reshape(len(rows), width))
            level.validate()
            return level
        for r, row in enumerate(rows):
            if len(row) != width:
                raise LevelError(
                    f"row {r + 1} has {len(row)} columns, row 1 has {width}: a level is a rectangle; "
                    f"fill short rows with '{legend.tiles[0].char}' ({legend.tiles[0].name})"
                )
            for c, char in enumerate(row):
                if char not in legend.codes:
                    raise LevelError(
                        f"row {r + 1}, column {c + 1}: {char!r} is not a character of {world}; allowed are",
                        *legend.explain().split("\n"),
                    )
        raise AssertionError("one of the rows is at fault")

    def validate(self) -> None:
        """Raise LevelError if the level breaks a rule of its world."""
        legend = legend_of(self.world)
        if self.tiles.max() >= len(legend.tiles):
            r, c = map(int, np.argwhere(self.tiles >= len(legend.tiles))[0])
            raise LevelError(
                f"row {r + 1}, column {c + 1}: code {self.tiles[r, c]} is not a tile of {self.world}; "
                f"must be from 0 to {len(legend.tiles) - 1}"
            )
        fault = legend.check(self.tiles)
        if fault is not None:
            row, col, message = fault
            raise LevelError(f"row {row + 1}, column {col + 1}: {message}")


@dataclass(frozen=True, eq=False)
class LevelSet:
    """Many levels of one world, stacked.

    tiles  uint8[N, H, W]  codes; 0 beyond a level's own size
    sizes  int32[N, 2]     rows and columns of each level
    index  int64[N]        position of each level in its seed's sequence (−1: not generated)
    """

    world: str
    tiles: np.ndarray
    sizes: np.ndarray
    index: np.ndarray
    condition: str = ""
    split: str = ""
    seed: int = -1

    def __post_init__(self) -> None:
        for name, dtype in (("tiles", np.uint8), ("sizes", np.int32), ("index", np.int64)):
            array = np.ascontiguousarray(getattr(self, name), dtype=dtype)
            if array.flags.writeable:  # a read-only array is used without a copy
                array = array.copy()
                array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def of(
        cls, levels: Sequence[Level], condition: str = "", split: str = "", checked: bool = False
    ) -> LevelSet:
        """Stack levels of one world. Raises LevelError if there are none, if they mix worlds, or if one is invalid.

        checked: each is known to be valid.
        """
        names = {level.world for level in levels}
        if len(names) != 1:
            raise LevelError(
                f"a level set needs at least one level, all of the same world; given: {sorted(names) or 'none'}"
            )
        sizes = np.array([level.tiles.shape for level in levels], np.int32)
        tiles = np.zeros((len(levels), *sizes.max(axis=0)), np.uint8)
        for i, (rows, cols) in enumerate(sizes):
            if not checked:
                levels[i].validate()  # the rules assume a valid level
            tiles[i, :rows, :cols] = levels[i].tiles
        return cls(names.pop(), tiles, sizes, np.full(len(levels), -1), condition, split)

    def __reduce__(self) -> tuple[Any, ...]:
        return LevelSet, tuple(getattr(self, field.name) for field in fields(self))

    def __len__(self) -> int:
        return len(self.tiles)

    def __iter__(self) -> Iterator[Level]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, item: int | np.integer) -> Level: ...
    @overload
    def __getitem__(self, item: slice | np.ndarray | list[int]) -> LevelSet: ...
    def __getitem__(self, item: int | np.integer | slice | np.ndarray | list[int]) -> Level | LevelSet:
        if isinstance(item, int | np.integer) and not isinstance(item, bool):
            if not -len(self) <= item < len(self):
                raise LevelIndexError(
                    f"level {spelt(int(item))}: there are {len(self):,} levels, 0 to {len(self) - 1:,}"
                )
            rows, cols = self.sizes[item]
            return Level(self.world, self.tiles[item, :rows, :cols])
        if not isinstance(item, slice):
            item = _chosen(item, len(self))
        return LevelSet(
            self.world,
            self.tiles[item],
            self.sizes[item],
            self.index[item],
            self.condition,
            self.split,
            self.seed,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LevelSet)
            and self.world == other.world
            and np.array_equal(self.sizes, other.sizes)
            and np.array_equal(self.tiles, other.tiles)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"LevelSet({self.world} {self.condition or 'levels'} n={len(self)})"

    def joined(self, others: LevelSet) -> LevelSet:
        """Both sets as one, with the facts of this one. Raises LevelError if worlds or shapes differ."""
        if others.world != self.world or others.tiles.shape[1:] != self.tiles.shape[1:]:
            raise LevelError(
                f"levels of {others.world}, {others.tiles.shape[1:]}, do not fit a set of {self.world}, {self.tiles.shape[1:]}"
            )
        return LevelSet(
            self.world,
            np.concatenate([self.tiles, others.tiles]),
            np.concatenate([self.sizes, others.sizes]),
            np.concatenate([self.index, others.index]),
            self.condition,
            self.split,
            self.seed,
        )

    def layout_hashes(self) -> list[str]:
        """Layout hash of each level, in order."""
        bare = np.where(legend_of(self.world).goal_codes()[self.tiles], 0, self.tiles).astype(np.uint8)
        return [f"{key:016x}" for key in hash_stack(bare, np.array(self.sizes)).tolist()]

    def level_hashes(self) -> list[str]:
        """Level hash of each level, in order."""
        return [f"{key:016x}" for key in hash_stack(np.array(self.tiles), np.array(self.sizes)).tolist()]


def _chosen(item: Any, n: int) -> np.ndarray:
    """Indices int64[m] or a mask bool[n] of levels, checked. Raises LevelIndexError."""
    try:
        which = np.asarray(item)
    except (TypeError, ValueError, OverflowError):
        which = np.asarray("")
    if which.dtype.kind == "b" and which.shape == (n,):
        return which
    if which.ndim == 1 and not which.size:
        return which.astype(np.int64)
    if which.ndim != 1 or which.dtype.kind not in "iu":
        raise LevelIndexError(
            f"levels[{shown(item)}]: must be a whole number, a slice, a list of whole numbers or a mask bool[{n}]"
        )
    if which.size and not (-n <= int(which.min()) and int(which.max()) < n):
        raise LevelIndexError(
            f"levels {spelt(int(which.min()))} to {spelt(int(which.max()))}: there are {n:,} levels, 0 to {n - 1:,}"
        )
    return which
