"""Interventions: exact edits of an agent's observations, by planes of 0 and 1.

    edit = Edits("CoinRun", "view")
    seen = edit.set(observations, "coin", row=4, col=2)          # a coin two columns from the left edge of the view
    change = agent.action_probabilities(seen) - agent.action_probabilities(observations)
    blind = Edited(agent, lambda seen: edit.clear(seen, "coin"))  # an agent like any other: play it, evaluate it

Coordinates are those of the observation: rows from the top, columns from the left; in `view` the agent is in the middle. Every edit
returns a copy. An edit knows where the planes are, so results with edits must say that they know the goal's plane. Read next:
`agents/policy/policy_agent.py`, which has `logits`, `value` and `activations`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from goalposts.closest import closest
from goalposts.errors import UserError

from ..envs.engine.observation_spec import PlaneDisplay, parse_observation
from ..envs.levels.level import LevelSet
from ..envs.worlds.contract.world import World
from ..envs.worlds.registry import get_world


class EditError(UserError, ValueError):
    """An invalid edit of an observation: an unknown plane, a position outside it, or pixels."""


class Edits:
    """Edits of observations uint8[n, C, H, W] of a world, by the names of its planes."""

    def __init__(self, world: str | World, observation: str = "view") -> None:
        self.world = get_world(world)
        asked = parse_observation(observation, self.world.planes)
        if asked.kind == "rgb":
            raise EditError("pixels have no planes to edit; give view or full")
        self.planes: dict[str, list[int]] = {}
        at = 0
        for name in self.world.planes:
            how = asked.shown.get(name, PlaneDisplay())
            if how.size > 1:
                raise EditError(
                    f"{name} is drawn {how.size} cells wide; edits take planes whose cells are drawn as one"
                )
            self.planes[name] = list(range(at, at + how.count))
            at += how.count
        self.shape = (at, *(self.world.view if asked.kind == "view" else self.world.full))

    def set(self, observations: np.ndarray, plane: str, row: Any, col: Any) -> np.ndarray:
        """Return a copy with the bit at (row, col) set to 1; row and col are numbers, or int[n] with one per observation."""
        return self._put(observations, plane, row, col, 1)

    def clear(self, observations: np.ndarray, plane: str, row: Any = None, col: Any = None) -> np.ndarray:
        """Return a copy with the bit at (row, col) set to 0, or with the whole plane cleared if no position is given."""
        if row is None and col is None:
            copies = self._copy(observations)
            copies[:, self._numbers(plane)] = 0
            return copies
        return self._put(observations, plane, row, col, 0)

    def move(self, observations: np.ndarray, plane: str, row: Any, col: Any) -> np.ndarray:
        """Return a copy with the plane's only bit moved to (row, col); empty planes stay empty."""
        shows = self.count(observations, plane) > 0
        copies = self.clear(observations, plane)
        moved = self._put(copies, plane, row, col, 1)
        return np.where(shows[:, None, None, None], moved, copies)

    def count(self, observations: np.ndarray, plane: str) -> np.ndarray:
        """int64[n]: how many bits of the plane are 1."""
        numbers = self._numbers(plane)
        return self._checked(observations)[:, numbers[0]].sum(axis=(1, 2), dtype=np.int64)

    def places(self, observations: np.ndarray, plane: str) -> list[np.ndarray]:
        """Per observation, the places int64[k, 2] (row, column) at which the plane is 1."""
        number = self._numbers(plane)[0]
        return [np.argwhere(observation[number]) for observation in self._checked(observations)]

    def every_place(self, observation: np.ndarray, plane: str, empty: bool = True) -> np.ndarray:
        """uint8[H · W, C, H, W]: one observation uint8[C, H, W] with the plane's bit moved to every place, row by row.

        empty: first clear the plane, so that each copy has this one bit; else set it in addition.
        """
        _, rows, cols = self.shape
        many = np.repeat(np.asarray(observation)[None], rows * cols, axis=0)
        base = self.clear(many, plane) if empty else many
        row, col = np.divmod(np.arange(rows * cols), cols)
        return self.set(base, plane, row, col)

    def _put(self, observations: np.ndarray, plane: str, row: Any, col: Any, value: int) -> np.ndarray:
        numbers, copies = self._numbers(plane), self._copy(observations)
        rows, cols = (np.broadcast_to(np.asarray(coordinate), (len(copies),)) for coordinate in (row, col))
        if rows.dtype.kind not in "iu" or cols.dtype.kind not in "iu":
            raise EditError(f"row {row!r}, col {col!r}: give whole numbers, one or one per observation")
        _, height, width = self.shape
        if len(copies) and (rows.min() < 0 or rows.max() >= height or cols.min() < 0 or cols.max() >= width):
            raise EditError(
                f"row {row}, col {col} is outside of the observation; rows are 0 to {height - 1}, columns 0 to {width - 1}"
            )
        for number in numbers:
            copies[np.arange(len(copies)), number, rows, cols] = value
        return copies

    def _numbers(self, plane: str) -> list[int]:
        numbers = self.planes.get(plane, [])
        if not numbers:
            why = "is hidden from this agent" if plane in self.planes else "does not exist"
            shown = [name for name, own in self.planes.items() if own]
            raise EditError(
                f"the plane {plane!r} {why}; planes are {', '.join(shown)}.{closest(plane, shown)}"
            )
        return numbers

    def _copy(self, observations: np.ndarray) -> np.ndarray:
        return np.array(self._checked(observations))

    def _checked(self, observations: np.ndarray) -> np.ndarray:
        observations = np.asarray(observations)
        if observations.shape[1:] != self.shape:
            raise EditError(
                f"observations have shape {observations.shape}; it must be (n, {', '.join(map(str, self.shape))}) of "
                f"{self.world.name}"
            )
        return observations


class Edited:
    """An agent that acts on edited observations: it can be played, evaluated and diagnosed like the agent itself.

    edit: a function of observations uint8[n, C, H, W].
    """

    def __init__(self, agent: Any, edit: Callable[[np.ndarray], np.ndarray], name: str = "") -> None:
        self.agent, self.edit = agent, edit
        self.name = name or f"{getattr(agent, 'name', type(agent).__name__)} (edited)"
        for method in ("action_probabilities", "logits", "value", "activations"):
            if callable(getattr(agent, method, None)):
                setattr(self, method, self._on_edited(getattr(agent, method)))
        if callable(getattr(agent, "begin", None)) and callable(getattr(agent, "see", None)):
            self.begin, self.see = agent.begin, agent.see

    def predict(self, observation: Any, deterministic: bool = False, **memory: Any) -> tuple[np.ndarray, Any]:
        """Forward the edited observation to the agent."""
        return self.agent.predict(self._edited(observation), deterministic=deterministic, **memory)

    def _on_edited(self, method: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
        return lambda observation: method(self._edited(observation))

    def _edited(self, observation: np.ndarray) -> np.ndarray:
        return self.edit(observation) if len(observation) else observation


def play_edited(
    agent: Any, levels: LevelSet, edit: Callable[[np.ndarray], np.ndarray], **options: Any
) -> Any:
    """Play levels with an edit at every step; takes the options of `agents.play` and returns its result."""
    from .rollout import play

    return play(Edited(agent, edit), levels, **options)
