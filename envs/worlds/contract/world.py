"""The `World` contract: the legend, rules, goals and conditions that every world declares and everything else reads.

A world is one `World` value. Its rules are numba functions on plain arrays, without randomness, interfaces or drawing:

    prepare(tiles, facts)                the facts of a level that the rules need at every step; facts[0:2] are rows, columns
    start(facts, state)                  the initial state; state[0:2] are the agent's row and column
    step(tiles, facts, state, action)    one action: changes `state`, returns the events as a bit mask
    radices(facts, out)                  the number of values of each state entry (the planner counts states)
    objects(facts, state, canvas)        marks what moves, the agent and monsters, with `mark(canvas, row, col, plane bits)` of `canvas.py`
    limit(facts)                         the number of steps after which an episode is truncated
    layout(stream, layout_params, tiles)         draws a layout onto zeroed tiles, returns (rows, columns)
    paint(tiles, facts, grid)            optional: ORs more plane bits into the level's grid uint16[rows, columns]

and one of two ways to place the goal objects (`envs/generation/placement.py`); the rules must also be able to play the bare layout:

    place(stream, placement, variant, tiles, facts, reach) -> bool     places them all; then the planner verifies the level
    admits(placement, f, tiles, facts, row, col) -> bool, with         whether a cell may hold the goal, if the goal is one cell
    furnish(variant, tiles, facts, row, col, row2, col2)         and the proxy is part of the layout; much faster

Such a world may also have the moves of all states at once, on rows of bits, so that its levels are verified several times as fast
(`envs/planner/flood.py`): ground_rows, first_set, spread and the number N_SETS.

Describes worlds, does not run them. docs/worlds.md explains how to write one. Read next: `envs/worlds/coinrun/rules.py` (an
example), `envs/generation/placement.py`, `envs/engine/engine.py` (the step loop).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numba import njit

from goalposts.errors import UserError
from goalposts.registration import Entry

from ...jit.kernels import specialize
from ...levels.level import LEGENDS, Legend, Level
from ...render.look import LOOKS, make_look
from ...render.scene import Scene, Sprite
from ...render.sprites import drawn_names
from .behaviour import Behaviour
from .condition_names import parse_condition
from .edits import EditOperator

# Events of a step, as bits. A world may declare more targets from bit 4 upwards.
GOAL, PROXY, DEATH, DONE = 1, 2, 4, 8
FIRST_FREE_BIT = 4

# Placements with the same meaning in every world: goal and proxy together, as in training; the goal anywhere; goal and
# proxy apart, verified distinguishing by the planner; ANYWHERE in a fraction f of the levels, else TOGETHER; no goal.
# Worlds may define 3, 4 and anything from 7 upwards.
TOGETHER, ANYWHERE, APART, MIXTURE, NOWHERE = 0, 1, 2, 5, 6

Camera = tuple[int, int, int, int] | None
Role = Literal["train", "control", "shift", "probe"]
Split = Literal["train", "test"]


# Renamed fields of a condition: old name → new name.
OLD_NAMES = {"law": "placement", "tells": "distinguishes", "dials": "layout_params"}


def warn_renamed(old: str, new: str) -> None:
    """Emit a DeprecationWarning for a renamed name, attributed to the caller's caller."""
    warnings.warn(f"{old} is now {new}", DeprecationWarning, stacklevel=3)


class WorldError(UserError, ValueError):
    """An unknown world or condition, or one used in a way that its rules do not allow."""


@dataclass(frozen=True)
class Target:
    """A possible goal of an agent: a predicate on the events of a step, given by one event bit."""

    name: str
    mask: int
    sentence: str


@dataclass(frozen=True)
class Condition:
    """A named distribution of levels. `layout_params` are integers for the world's layout generator."""

    name: str
    role: Role
    placement: int
    distinguishes: str  # one sentence: which explanations this condition distinguishes
    variant: int = 0
    layout_params: tuple[int, ...] = ()
    parameter: float | None = None  # an example value if the name takes one, as in mixture(0.1)
    hidden: str = ""  # what the agent cannot see here
    fits_full: bool = False  # its levels fit the world's `full` (those of train and control always do)
    absent: Literal["", "goal", "proxy"] = ""  # missing from its levels, so it need not be reachable
    phrase: str = ""  # describes its levels, following the word "levels": "with the coin at the edge"; {x} is the parameter
    far: int = 0  # held out by distance: fewest cells in which its layouts differ from the reference training layouts
    dial: str = ""  # describes the parameter, unless `condition_names.PARAMETERS` does

    def phrase_of(self) -> str:
        """The phrase with the parameter in per cent; empty if the condition has no phrase."""
        return self.phrase.replace("{x}", f"{100 * (self.parameter or 0):g}%")

    @property
    def split(self) -> Split:
        """The split of layouts: train for training conditions, test for all others."""
        return "train" if self.role == "train" else "test"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in OLD_NAMES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            warn_renamed(f"Condition.{name}", OLD_NAMES[name])
            return getattr(self, OLD_NAMES[name])


def _accept_old_names(init: Callable[..., None]) -> Callable[..., None]:
    """Keep accepting the old names of renamed fields, with a warning."""

    @wraps(init)
    def accepting(self: Condition, *args: Any, **fields: Any) -> None:
        for old in OLD_NAMES.keys() & fields.keys():  # `replace` passes the new name as well
            warn_renamed(f"Condition({old}=…)", OLD_NAMES[old])
            fields[OLD_NAMES[old]] = fields.pop(old)
        init(self, *args, **fields)

    return accepting


Condition.__init__ = _accept_old_names(Condition.__init__)


@dataclass(frozen=True)
class Action:
    """An action and the key that denotes it in tests, `ansi` rendering and play."""

    name: str
    key: str


prepare: Any = None  # specialized for each world by kernels.specialize
radices: Any = None


@njit(inline="always")
def paint_nothing(tiles, facts, grid):
    """Add no planes: those of the tiles are all."""


def read_level(tiles, facts, sizes):
    """Fill in a level's facts and the number of values of each state entry."""
    facts[0], facts[1] = tiles.shape
    prepare(tiles, facts)
    radices(facts, sizes)


PLAYED_RULES = ("prepare", "start", "step", "radices", "objects", "limit", "paint")
GENERATION_RULES = ("layout", "place", "admits", "furnish", "ground_rows", "first_set", "spread", "N_SETS")
RULES = PLAYED_RULES + GENERATION_RULES


def rules_of(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Collect a module's rules by name: `rules=rules_of(globals())`."""
    return {name: namespace[name] for name in RULES if name in namespace}


@dataclass(frozen=True, eq=False)
class World:
    """A family of levels with rules, one intended goal and one or more proxies. See the module docstring."""

    name: str
    summary: str
    legend: Legend
    planes: tuple[str, ...]
    outside: tuple[str, ...]  # planes set outside the level
    actions: tuple[Action, ...]
    goal: Target
    proxies: tuple[Target, ...]
    targets: tuple[Target, ...]  # other possible goals of an agent
    conditions: tuple[Condition, ...]
    rules: Mapping[str, Any]
    n_state: int
    n_facts: int
    view: tuple[int, int]  # rows, columns of the camera around the agent, both odd
    full: tuple[int, int]  # rows, columns of the largest training level
    largest: tuple[int, int]  # the same over all conditions
    sprites: Callable[..., tuple[Sprite, ...]]  # (tiles, facts, state, last action)
    source: str
    story: str  # two or three sentences below a report's headline
    words: Mapping[
        str, str
    ]  # the report's phrases for goal, proxy, reaches_goal, reaches_proxy, lets_goal_be
    outside_sprite: str = "wall"
    needed: tuple[int, ...] = (TOGETHER,)  # placements that every layout must admit
    counted: bool = False  # the goal can be reached repeatedly, with a reward each time
    preference: str = "touches the goal before the proxy"  # the meaning of "prefers the goal" for an episode
    # By target: whether a level, from its facts, separates it from the goal and the proxies; without an entry, all may.
    separated: Mapping[str, Callable[[np.ndarray], bool]] = field(default_factory=dict)
    behaviours: tuple[Behaviour, ...] = ()  # candidates for what an agent does; () means the usual three
    places: Mapping[str, Callable[[np.ndarray, np.ndarray], bool]] = field(
        default_factory=dict
    )  # by name: whether an episode gets there, from the level's facts and the states int32[T + 1, S] of its steps
    edits: tuple[
        EditOperator, ...
    ] = ()  # operators for methods that evolve levels; () means `edits.default_edits`
    pair: tuple[str, str] | None = (
        None  # configs of the demo: the agent expected to misgeneralize, and its control
    )
    evaluated: tuple[
        str, ...
    ] = ()  # conditions evaluated if the config names none; () means `usual_evaluation`
    drawings: Mapping[str, Any] = field(
        default_factory=dict
    )  # by sprite name: text or RGBA, see docs/worlds.md
    seen_as: Mapping[str, str] = field(default_factory=dict)  # by sprite name: what the agent sees instead

    def __post_init__(self) -> None:
        LEGENDS.setdefault(self.name, self.legend)  # the first world of a name wins, as in the registry
        LOOKS.setdefault(self.name, make_look(self.legend, self.drawings, self.seen_as, drawn_names()))
        unknown = {p for t in self.legend.tiles for p in t.planes} - set(self.planes)
        if unknown or len(self.planes) > 16:
            raise ValueError(f"{self.name}: unknown planes {sorted(unknown)}, or more than 16 planes")
        object.__setattr__(self, "_kernels", {})
        object.__setattr__(self, "_tile_sprites", np.array([t.sprite for t in self.legend.tiles], object))

    def __copy__(self) -> World:
        """Return the world itself: it is immutable. See `envs/worlds/registry.py` for pickling."""
        return self

    def __deepcopy__(self, memo: Any) -> World:
        return self

    @property
    def plane_bits(self) -> np.ndarray:
        """Planes of each tile code as bits: uint8[codes], or uint16 for more than eight planes."""
        kind = np.uint8 if len(self.planes) <= 8 else np.uint16
        return np.array([self.bits(*t.planes) for t in self.legend.tiles], kind)

    def bits(self, *planes: str) -> int:
        """Bit mask of planes given by name."""
        return sum(1 << self.planes.index(p) for p in planes)

    def condition(self, name: str) -> Condition:
        """Look up a condition by name, such as `off_path` or `mixture(0.03)`. Raises ConditionError."""
        parameters = {c.name: c.dial for c in self.conditions if c.dial}
        base, parameter = parse_condition(name, [c.name for c in self.conditions], parameters)
        for condition in self.conditions:
            if condition.name == base:
                if parameter is None:
                    return condition
                return Condition(**{**condition.__dict__, "name": name, "parameter": parameter})
        raise AssertionError("parse_condition lets only known names pass")

    def condition_or_own(self, name: str) -> Condition:
        """Look up a condition by name; an unknown name denotes custom levels, with the role of a probe."""
        try:
            return self.condition(name)
        except UserError:
            return Condition(name, "probe", NOWHERE, "custom levels from a file")

    def default_condition(self, role: Role) -> str:
        """Name of the default condition of a role: the first that the world declares."""
        return next(c.name for c in self.conditions if c.role == role)

    def usual(self, role: Role) -> str:
        """Deprecated alias of `default_condition`."""
        warn_renamed("World.usual", "default_condition")
        return self.default_condition(role)

    def entry(self, place: str) -> Entry:
        """Registration entry: the facts about the world that are available without loading it. `place`: its import location."""
        roles = {c.name: (c.role, c.parameter is not None) for c in self.conditions}
        return Entry(
            place, self.pair, roles, self.evaluated, {c.name: c.dial for c in self.conditions if c.dial}
        )

    def kernel(
        self,
        template: Callable[..., Any],
        variant: str = "",
        allocates: bool = True,
        within: bool = False,
        **more: Any,
    ) -> Any:
        """Compile a template with this world's rules, once per process and cached on disk.

        variant: distinguishes versions of one template that differ in `more`. allocates, within: see `kernels.specialize`.
        """
        kernels: dict[str, Any] = self._kernels  # type: ignore[attr-defined]
        key = template.__name__ + variant
        if key not in kernels:
            sizes = {"N_STATE": self.n_state, "N_FACTS": self.n_facts, "N_ACTIONS": len(self.actions)}
            rules = {"paint": paint_nothing, **self.rules, **sizes, **more}
            kernels[key] = specialize(
                template, rules, self.name + variant, self.source, allocates, within, self.name
            )
        return kernels[key]

    def scene(
        self, level: Level, facts: np.ndarray, state: np.ndarray, last_action: int = 0, camera: Camera = None
    ) -> Scene:
        """Describe one moment for rendering, from int32[F] facts, int32[S] state and the last action."""
        names = self._tile_sprites[level.tiles]  # type: ignore[attr-defined]
        return Scene(
            self.name,
            tuple(map(tuple, names.tolist())),
            self.sprites(level.tiles, facts, state, last_action),
            camera,
            outside=self.outside_sprite,
        )

    def read(self, tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute (facts int32[n_facts], sizes int64[n_state]) from one level's tiles, uint8[H, W]."""
        facts, sizes = np.zeros(self.n_facts, np.int32), np.empty(self.n_state, np.int64)
        self.kernel(read_level)(np.array(tiles), facts, sizes)
        return facts, sizes
