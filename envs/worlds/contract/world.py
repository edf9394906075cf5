"""What a world is: pictures, rules, goals, conditions. The contract that every world fulfils and everything else reads.

A world is one `World` value. Its rules are numba functions on plain arrays, without chance, faces or pictures:

    prepare(tiles, facts)                what of the level the rules need at every step; facts[0:2] are rows, columns
    start(facts, state)                  the state at the start; state[0:2] are the agent's row and column
    step(tiles, facts, state, action)    one action: changes `state`, returns the events as a bit mask
    radices(facts, out)                  how many values each entry of the state can take (the planner counts states)
    objects(facts, state, canvas)        shows what moves, the agent and monsters, by `marks.mark(canvas, row, col, plane bits)`
    limit(facts)                         steps after which an episode is cut off
    layout(stream, layout_params, tiles)         draws a layout onto zeroed tiles, returns (rows, columns)
    paint(tiles, facts, grid)            optional: ORs more plane bits into the level's grid uint16[rows, columns]

and one of two ways to put the goal objects (`envs/generation/placement.py`); the layout alone, without them, must be a level that the
rules can play:

    place(stream, placement, variant, tiles, facts, reach) -> bool     puts them all; then the planner proves the level
    admits(placement, f, tiles, facts, row, col) -> bool, with         where one goal object may stand, when the goal is one cell
    furnish(variant, tiles, facts, row, col, row2, col2)         and the proxy lies in the layout; much quicker

Says what a world is, does not run one. docs/worlds.md tells how to write one. Read next: `envs/worlds/coinrun/rules.py` (an
example), `envs/generation/placement.py`, `envs/engine/engine.py` (where time passes).
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
from .condition_names import parse_condition

# Events of a step, as bits. A world may declare more targets from bit 4 upwards.
GOAL, PROXY, DEATH, DONE = 1, 2, 4, 8
FIRST_FREE_BIT = 4

# Placements that mean the same in every world: goal and proxy together, as in training; the goal anywhere; goal and
# proxy apart, so that the planner proves the level distinguishing; ANYWHERE in a share f of the levels, else TOGETHER;
# no goal. 3, 4 and all from 7 upwards are a world's own.
TOGETHER, ANYWHERE, APART, MIXTURE, NOWHERE = 0, 1, 2, 5, 6

Camera = tuple[int, int, int, int] | None
Role = Literal["train", "control", "shift", "probe"]
Split = Literal["train", "test"]


# Old name of a condition's field: new name.
OLD_NAMES = {"law": "placement", "tells": "distinguishes", "dials": "layout_params"}


def warn_renamed(old: str, new: str) -> None:
    """Warn the caller's caller that a name has changed."""
    warnings.warn(f"{old} is now {new}", DeprecationWarning, stacklevel=3)


class WorldError(UserError, ValueError):
    """An unknown world or condition, or a use of one that its rules do not allow."""


@dataclass(frozen=True)
class Target:
    """Something an agent may be after: a predicate on what happens in a step, told by one event bit."""

    name: str
    mask: int
    sentence: str


@dataclass(frozen=True)
class Condition:
    """A named distribution of levels. `layout_params` are the world's own whole numbers for its generator."""

    name: str
    role: Role
    placement: int
    distinguishes: str  # one sentence: which explanations this condition distinguishes
    variant: int = 0
    layout_params: tuple[int, ...] = ()
    parameter: float | None = None  # an example, where the name takes one, as in mixture(0.1)
    hidden: str = ""  # what the agent cannot see here
    fits_full: bool = False  # its levels fit the world's `full` (those of train and control always do)
    absent: Literal["", "goal", "proxy"] = ""  # what its levels do not have, and so need not be reached
    phrase: str = (
        ""  # how its levels are, as a clause after "levels": "with the coin at the edge"; {x} the parameter
    )
    dial: str = ""  # what the parameter is, in words, unless `condition.PARAMETERS` says it

    def phrase_of(self) -> str:
        """The phrase, with the parameter in percent; empty where there is none."""
        return self.phrase.replace("{x}", f"{100 * (self.parameter or 0):g}%")

    @property
    def split(self) -> Split:
        """Training conditions draw train layouts, all others test layouts."""
        return "train" if self.role == "train" else "test"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in OLD_NAMES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            warn_renamed(f"Condition.{name}", OLD_NAMES[name])
            return getattr(self, OLD_NAMES[name])


def _accept_old_names(init: Callable[..., None]) -> Callable[..., None]:
    """Let a world's author go on writing the names that the fields of a condition once had."""

    @wraps(init)
    def accepting(self: Condition, *args: Any, **fields: Any) -> None:
        for old in OLD_NAMES.keys() & fields.keys():  # `replace` gives the new name as well
            warn_renamed(f"Condition({old}=…)", OLD_NAMES[old])
            fields[OLD_NAMES[old]] = fields.pop(old)
        init(self, *args, **fields)

    return accepting


Condition.__init__ = _accept_old_names(Condition.__init__)


@dataclass(frozen=True)
class Action:
    """An action, and the key that stands for it in tests, `ansi` and play."""

    name: str
    key: str


prepare: Any = None  # specialized for each world by kernels.specialize
radices: Any = None


@njit(inline="always")
def paint_nothing(tiles, facts, grid):
    """The planes of a level are those of its tiles."""


def read_level(tiles, facts, sizes):
    """Fill in the facts of a level and how many values each entry of its state can take."""
    facts[0], facts[1] = tiles.shape
    prepare(tiles, facts)
    radices(facts, sizes)


RULES = (
    "prepare",
    "start",
    "step",
    "radices",
    "objects",
    "limit",
    "layout",
    "paint",
    "place",
    "admits",
    "furnish",
)


def rules_of(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The rules among the names of a module: `rules=rules_of(globals())`."""
    return {name: namespace[name] for name in RULES if name in namespace}


@dataclass(frozen=True, eq=False)
class World:
    """A family of levels with rules, one intended goal and one or more proxies. See the module's docstring."""

    name: str
    summary: str
    legend: Legend
    planes: tuple[str, ...]
    outside: tuple[str, ...]  # the planes that are set beyond the level's edge
    actions: tuple[Action, ...]
    goal: Target
    proxies: tuple[Target, ...]
    targets: tuple[Target, ...]  # further hypotheses of what an agent may be after
    conditions: tuple[Condition, ...]
    rules: Mapping[str, Any]
    n_state: int
    n_facts: int
    view: tuple[int, int]  # rows, columns of the camera around the agent, both odd
    full: tuple[int, int]  # rows, columns of the largest level of the training conditions
    largest: tuple[int, int]  # of any condition
    sprites: Callable[..., tuple[Sprite, ...]]  # (tiles, facts, state, last action)
    source: str
    story: str  # two or three sentences under the headline of a report
    words: Mapping[
        str, str
    ]  # how a report speaks of it: goal, proxy, reaches_goal, reaches_proxy, lets_goal_be
    outside_sprite: str = "wall"
    needed: tuple[int, ...] = (TOGETHER,)  # placements that every layout must have room for
    counted: bool = False  # the goal can be reached several times; each time pays
    preference: str = "touches the goal before the proxy"  # what "prefers the goal" means here, of an episode
    pair: tuple[str, str] | None = (
        None  # configs of the demo: the agent that should misgeneralize, its control
    )
    evaluated: tuple[
        str, ...
    ] = ()  # conditions of an evaluation whose config names none; () means `usual_evaluation`
    drawings: Mapping[str, Any] = field(
        default_factory=dict
    )  # by sprite name: text or RGBA, see docs/worlds.md
    seen_as: Mapping[str, str] = field(default_factory=dict)  # by sprite name: what the agent sees instead

    def __post_init__(self) -> None:
        LEGENDS.setdefault(self.name, self.legend)  # the first of a name stays, as in the registry
        LOOKS.setdefault(self.name, make_look(self.legend, self.drawings, self.seen_as, drawn_names()))
        unknown = {p for t in self.legend.tiles for p in t.planes} - set(self.planes)
        if unknown or len(self.planes) > 16:
            raise ValueError(f"{self.name}: unknown planes {sorted(unknown)}, or more than 16 planes")
        object.__setattr__(self, "_kernels", {})
        object.__setattr__(self, "_tile_sprites", np.array([t.sprite for t in self.legend.tiles], object))

    def __copy__(self) -> World:
        """Itself: a world is a value. How it is pickled: `envs/worlds/registry.py`."""
        return self

    def __deepcopy__(self, memo: Any) -> World:
        return self

    @property
    def plane_bits(self) -> np.ndarray:
        """uint8[codes], or uint16 where there are more than eight planes: the planes that a tile sets, as bits."""
        kind = np.uint8 if len(self.planes) <= 8 else np.uint16
        return np.array([self.bits(*t.planes) for t in self.legend.tiles], kind)

    def bits(self, *planes: str) -> int:
        """The bit mask of some planes by name."""
        return sum(1 << self.planes.index(p) for p in planes)

    def condition(self, name: str) -> Condition:
        """A condition by its name, such as `off_path` or `mixture(0.03)`. Raises ConditionError."""
        parameters = {c.name: c.dial for c in self.conditions if c.dial}
        base, parameter = parse_condition(name, [c.name for c in self.conditions], parameters)
        for condition in self.conditions:
            if condition.name == base:
                if parameter is None:
                    return condition
                return Condition(**{**condition.__dict__, "name": name, "parameter": parameter})
        raise AssertionError("parse_condition lets only known names pass")

    def condition_or_own(self, name: str) -> Condition:
        """A condition by its name; a name that the world does not know stands for levels of one's own, a probe."""
        try:
            return self.condition(name)
        except UserError:
            return Condition(name, "probe", NOWHERE, "levels of one's own, from a file")

    def default_condition(self, role: Role) -> str:
        """The name of the condition that stands for a role where none is named: the first in the world's own order."""
        return next(c.name for c in self.conditions if c.role == role)

    def usual(self, role: Role) -> str:
        """Deprecated: the old name of `default_condition`."""
        warn_renamed("World.usual", "default_condition")
        return self.default_condition(role)

    def entry(self, place: str) -> Entry:
        """What can be said of the world without loading it; `place` is where it is found."""
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
        """A template compiled with this world's rules (once a process, cached on disk).

        variant: names what differs in `more`, where a template is compiled in several ways. allocates, within: see `kernels.specialize`.
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
        """What a picture of one moment needs: int32[F] facts, int32[S] state, the action that led here."""
        names = self._tile_sprites[level.tiles]  # type: ignore[attr-defined]
        return Scene(
            self.name,
            tuple(map(tuple, names.tolist())),
            self.sprites(level.tiles, facts, state, last_action),
            camera,
            outside=self.outside_sprite,
        )

    def read(self, tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(facts int32[n_facts], sizes int64[n_state]) of one level's tiles uint8[H, W]."""
        facts, sizes = np.zeros(self.n_facts, np.int32), np.empty(self.n_state, np.int64)
        self.kernel(read_level)(np.array(tiles), facts, sizes)
        return facts, sizes
