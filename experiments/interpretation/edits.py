"""Edits of states: the goal's bits set in a cell, and the proxy moved to a cell; batches of observations.

The planes that show goal and proxy are found in the world's levels (`agents/shown_planes.py`). A proxy is either a place at the
level's rim, such as the right edge (then an edit moves the walls beyond it), or has planes, such as a light. A rim is the proxy's if the
proxy lies at it in every level. Knows no agent. Read next: `influence.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goalposts.errors import UserError

from ...agents.shown_planes import shown_planes
from ...envs.engine.observe import observation_layout
from ...envs.worlds.registry import get_world
from .states import States

TOP, BOTTOM, LEFT, RIGHT = "top", "bottom", "left", "right"


@dataclass(frozen=True, eq=False)
class Planes:
    """Positions of planes in the observation. goal: those that show the goal; object: all planes of the things that are placed on cells,
    which are cleared where the goal was; proxy: those of the proxy, () if it is a place; wall: those set outside of a level.

    others: every plane by its name, except the agent's own.
    """

    goal: np.ndarray
    object: np.ndarray
    proxy: np.ndarray
    wall: np.ndarray
    others: dict[str, np.ndarray]

    @classmethod
    def of(cls, states: States) -> Planes:
        """The planes of the states' observation. Raises UserError for enlarged planes, whose cells overlap."""
        world = get_world(states.world)
        layout = observation_layout(world, states.observation, states.facts[0].size)
        if layout.reach.any():
            raise UserError(
                f"{states.observation} draws cells larger than one; explain needs planes whose cells are drawn as one"
            )
        bits = layout.bits.astype(np.int64)

        def at(*names: str) -> np.ndarray:
            return np.flatnonzero(bits & world.bits(*names))

        shown = shown_planes(world)
        objects = {name for tile in world.legend.tiles if tile.goal_object for name in tile.planes}
        others = {name: at(name) for name in world.planes if name != "self"}
        things = at(*sorted(objects | set(shown.goal)))
        return cls(at(*shown.goal), things, at(*shown.with_proxy), at(*world.outside), others)


def without_goal(states: States, planes: Planes) -> np.ndarray:
    """uint8[n, C, H, W]: the observations without any goal: its bits, and those of its looks, cleared where a goal is."""
    observations = states.observations.copy()
    rows, cols = observations.shape[2:]
    for i, level in enumerate(states.level):
        for cell in states.facts[level].goals:
            row, col = cell - states.corner[i]
            if 0 <= row < rows and 0 <= col < cols:
                observations[i, planes.object, row, col] = 0
    return observations


def with_bits(
    base: np.ndarray, states: States, planes: np.ndarray, which: np.ndarray, cells: np.ndarray
) -> np.ndarray:
    """uint8[m, C, H, W]: copies of base[which] with the bits of planes int64[k] set at cells int64[m, 2] of the level."""
    copies = base[which]
    row, col = (cells - states.corner[which]).T
    copies[np.arange(len(which))[:, None], planes[None], row[:, None], col[:, None]] = 1
    return copies


def with_goal(
    base: np.ndarray, states: States, planes: Planes, which: np.ndarray, cells: np.ndarray
) -> np.ndarray:
    """uint8[m, C, H, W]: copies of base[which] with the goal's bits set at cells int64[m, 2] of the level."""
    return with_bits(base, states, planes.goal, which, cells)


def proxy_sides(states: States) -> tuple[str, ...]:
    """The rims of the level at which the proxy lies in every level: `("right",)` in CoinRun; () if it lies at none."""
    sides = dict.fromkeys((TOP, BOTTOM, LEFT, RIGHT), True)
    for level in states.facts:
        rows, cols = level.size
        if not len(level.proxies):
            return ()
        row, col = level.proxies.T
        sides[TOP] &= bool((row <= 1).all())
        sides[BOTTOM] &= bool((row >= rows - 2).all())
        sides[LEFT] &= bool((col <= 1).all())
        sides[RIGHT] &= bool((col >= cols - 2).all())
    return tuple(side for side, always in sides.items() if always)


def proxy_planes(states: States) -> tuple[str, ...]:
    """The planes that are 1 at the proxy in every level and seldom elsewhere: Beacon's brightest light."""
    return shown_planes(get_world(states.world)).proxy


def without_rims(states: States, planes: Planes, sides: tuple[str, ...]) -> np.ndarray:
    """uint8[n, C, H, W]: the observations without the walls at and beyond these rims of the level."""
    observations = states.observations.copy()
    for i, level in enumerate(states.level):
        for beyond in _beyond(
            observations.shape, states.corner[i], np.array(states.facts[level].size) - 1, sides
        ):
            observations[(i, planes.wall, *beyond)] = 0
    return observations


def with_rims(
    base: np.ndarray,
    states: States,
    planes: Planes,
    sides: tuple[str, ...],
    which: np.ndarray,
    cells: np.ndarray,
) -> np.ndarray:
    """uint8[m, C, H, W]: copies of base[which] in which the level ends right after cells int64[m, 2], at these sides."""
    copies = base[which]
    for k, i in enumerate(which):
        last = np.where([BOTTOM in sides, RIGHT in sides], cells[k] + 1, 0)
        first = np.where([TOP in sides, LEFT in sides], cells[k] - 1, -(10**6))
        for beyond in _beyond(copies.shape, states.corner[i], last, sides, first):
            copies[(k, slice(None), *beyond)] = 0
            copies[(k, planes.wall, *beyond)] = 1
    return copies


def _beyond(
    shape: tuple[int, ...],
    corner: np.ndarray,
    last: np.ndarray,
    sides: tuple[str, ...],
    first: np.ndarray | None = None,
) -> list[tuple[slice, slice]]:
    """Parts of the window at and beyond the rims, as slices of rows and columns; last, first: cells of the rims in the level."""
    rows, cols = shape[2:]
    every = slice(None)
    first = np.zeros(2, np.int64) if first is None else first
    low, high = np.clip(last - corner, 0, (rows, cols)), np.clip(first - corner + 1, 0, (rows, cols))
    parts = {
        BOTTOM: (slice(int(low[0]), rows), every),
        RIGHT: (every, slice(int(low[1]), cols)),
        TOP: (slice(0, int(high[0])), every),
        LEFT: (every, slice(0, int(high[1]))),
    }
    return [parts[side] for side in sides]


def without_planes(states: States, planes: Planes, names: tuple[str, ...]) -> np.ndarray:
    """uint8[n, C, H, W]: the observations with these planes cleared."""
    observations = states.observations.copy()
    for name in names:
        observations[:, planes.others[name]] = 0
    return observations
