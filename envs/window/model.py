"""The data model of a window: courses of levels, players, and an episode moment by moment.

Knows neither pygame nor agents: the caller passes players as functions. Read next: `overlays.py`, the layers
over the cells; `window.py`, the window itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ..engine.engine import Engine
from ..engine.observe import observation_layout
from ..engine.outcome import END, FIRST, O_END, O_FIRST, O_STEPS
from ..levels.level import Level, LevelSet
from ..render.look import look_of
from ..render.scene import Scene, Sprite
from ..render.sprites import seen_as
from ..worlds.contract.world import World
from ..worlds.registry import get_world


@dataclass(frozen=True)
class Course:
    """A source of levels: number k ≥ 0 of a condition. `count`: the number of levels; None: unlimited."""

    world: World
    conditions: tuple[str, ...]
    level: Callable[[str, int], Level]
    count: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)  # condition → its description

    def number(self, k: int) -> int:
        """Wrap k into the range of the course."""
        return max(k, 0) if self.count is None else k % self.count


@dataclass(frozen=True, eq=False)
class Decisions:
    """A player's decisions on a level, from start to end: actions int64[T].

    probabilities float64[T, A]: action probabilities before each step; None if the player does not report them.
    """

    actions: np.ndarray
    probabilities: np.ndarray | None = None


@dataclass(frozen=True)
class Player:
    """A player of levels, such as an agent.

    decide(level, number, sampled)   decides the whole episode; the level's number keys its action noise
    value(level, states int32[n, S]) float[n]: the critic's value of each state; None: the player has no critic
    """

    label: str
    decide: Callable[[Level, int, bool], Decisions]
    value: Callable[[Level, np.ndarray], np.ndarray] | None = None
    observation: str = "view"
    max_steps: int | None = None


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of an episode: state int32[S], its scene, and what was touched so far."""

    state: np.ndarray
    scene: Scene
    first: str  # goal, proxy, neither
    end: str  # running, goal, death, timeout
    steps: int


class Episode:
    """A level being played, with all moments so far. `actions[t]` leads from moment t to moment t + 1."""

    def __init__(
        self,
        level: Level,
        observation: str = "view",
        max_steps: int | None = None,
        actions: Sequence[int] | np.ndarray = (),
    ) -> None:
        self.level, self.world = level, get_world(level.world)
        levels = LevelSet.of([level])
        self.window = observation_layout(
            self.world, "view" if observation == "rgb" else observation, levels.tiles.shape[1:]
        )
        self._engine = Engine(self.world, 1, levels, "view", max_steps, direct=True)
        self._engine.load(0, 0)
        self.limit = int(self._engine.limits[0])
        self.reward = 0.0
        self.actions: list[int] = []
        self.moments = [self._moment(0)]
        for action in actions:
            if not self.over:
                self.act(int(action))

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return self.moments[-1].end != "running"

    @property
    def outcome(self) -> np.ndarray:
        """Outcome row so far, int32[8]; see `envs/engine/outcome.py`."""
        return self._engine.outcome[0].copy()

    def act(self, action: int) -> Moment:
        """Take a step; returns the new moment. Must not be called after the end of the episode."""
        reward, _ = self._engine.step_active(np.array([action]), np.ones(1, np.bool_))
        self.reward += float(reward[0])
        self.actions.append(action)
        self.moments.append(self._moment(action))
        return self.moments[-1]

    def trail(self, at: int) -> tuple[tuple[int, int], ...]:
        """Cells (row, column) that the agent occupied before moment `at`."""
        return tuple((int(m.state[0]), int(m.state[1])) for m in self.moments[:at])

    def _moment(self, action: int) -> Moment:
        engine = self._engine
        state, outcome = engine.state[0].copy(), engine.outcome[0]
        camera = self.window.camera(int(state[0]), int(state[1]))
        scene = self.world.scene(self.level, engine.facts[0], state, action, camera)
        end = END[outcome[O_END]]
        things = tuple(_dead(thing) if end == "death" else thing for thing in scene.sprites)
        scene = replace(scene, sprites=things[::-1])  # drawn in this order, with the agent last, on top
        return Moment(state, scene, FIRST[outcome[O_FIRST]], end, int(outcome[O_STEPS]))


@dataclass(frozen=True, eq=False)
class ShownEpisode:
    """An episode that is ready to be shown, or the reason why it is not."""

    level: Level
    episode: Episode
    probabilities: np.ndarray | None
    trouble: str = ""


@dataclass(frozen=True)
class Turn:
    """A level for a person to play, with the actions played before the window was last closed."""

    condition: str
    number: int
    level: Level
    actions: tuple[int, ...] = ()


class Game(Protocol):
    """Interface of a store for the episodes that a person plays."""

    name: str
    course: Course

    def turn(self) -> Turn | None:
        """Next level to play; None when all are played."""
        ...

    def keep(self, turn: Turn, episode: Episode) -> None:
        """Store an episode, finished or not. Called after every step."""
        ...

    def tally(self) -> dict[str, dict[str, int]]:
        """Number of episodes by condition and first touch: goal, proxy or neither."""
        ...


def as_the_agent_sees(scene: Scene) -> Scene:
    """Crop a scene to its camera and hide what the agent cannot distinguish, for people who play."""
    top, left, rows, cols = scene.camera or (0, 0, len(scene.tiles), len(scene.tiles[0]))
    look = look_of(scene.world)

    def tile(row: int, col: int) -> str:
        inside = 0 <= row < len(scene.tiles) and 0 <= col < len(scene.tiles[0])
        name = scene.tiles[row][col] if inside else scene.outside
        return seen_as(name, look)

    tiles = tuple(tuple(tile(top + r, left + c) for c in range(cols)) for r in range(rows))
    things = tuple(
        Sprite(seen_as(s.name, look), s.row - top, s.col - left)
        for s in scene.sprites
        if 0 <= s.row - top < rows and 0 <= s.col - left < cols
    )
    return Scene(scene.world, tiles, things, None, (), scene.outside)


def unmasked(scene: Scene) -> Scene:
    """The whole scene, with everything hidden that the agent cannot distinguish."""
    look = look_of(scene.world)
    tiles = tuple(tuple(seen_as(name, look) for name in row) for row in scene.tiles)
    return replace(scene, tiles=tiles, camera=None)


def _dead(thing: Sprite) -> Sprite:
    return Sprite("agent_dead", thing.row, thing.col) if thing.name.startswith("agent") else thing
