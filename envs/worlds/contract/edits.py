"""Edit operators of a world: single changes that turn one level into another, for methods that evolve levels.

    EditOperator("add crate", ".", "B")     an empty cell becomes a crate
    EditOperator("remove crate", "B", ".")  a crate becomes an empty cell
    EditOperator("move coin", "C")          a coin goes to an empty cell

Every operator changes inner cells only and must give valid levels; whether they are solvable is for the planner to say. Operators on goal
objects are *free*: they may separate goal and proxy. The others are *identity-preserving*, since the goal objects stay where they were.
A world declares its operators as `World.edits`; without any, `default_edits` derives them. Read next: `envs/generation/edit_levels.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

HAZARDS = ("deadly", "hazard", "monster")  # planes whose tiles are hazards


@dataclass(frozen=True)
class EditOperator:
    """An operator by characters of the legend: `old` becomes `new`; without `new`, `old` swaps places with an empty cell."""

    name: str
    old: str
    new: str = ""


def default_edits(world: Any) -> tuple[EditOperator, ...]:
    """Operators from a world's tiles: add and remove what also lies outside the level, move hazards, move goal objects."""
    empty, *tiles = world.legend.tiles
    operators: list[EditOperator] = []
    for tile in tiles:
        if tile.goal_object:
            operators.append(EditOperator(f"move {tile.name}", tile.char))
        elif tile.planes and set(tile.planes) <= set(world.outside):
            operators += [EditOperator(f"add {tile.name}", empty.char, tile.char)]
            operators += [EditOperator(f"remove {tile.name}", tile.char, empty.char)]
        elif set(tile.planes) & set(HAZARDS):
            operators.append(EditOperator(f"move {tile.name}", tile.char))
    return tuple(operators)


def edits_of(world: Any, free: bool) -> tuple[EditOperator, ...]:
    """The operators of a world; free False: only the identity-preserving ones."""
    goals = {tile.char for tile in world.legend.tiles if tile.goal_object}
    every = world.edits or default_edits(world)
    return tuple(edit for edit in every if free or not {edit.old, edit.new} & goals)


def coded_edits(world: Any, edits: tuple[EditOperator, ...]) -> np.ndarray:
    """Operators as codes int64[k, 2]: old, new; −1 for a move. Raises KeyError for a character that is no tile."""
    codes = world.legend.codes
    return np.array(
        [(codes[edit.old], codes[edit.new] if edit.new else -1) for edit in edits], np.int64
    ).reshape(-1, 2)
