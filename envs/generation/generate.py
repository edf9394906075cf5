"""Level generator: a pure function (world, condition, seed, index) → Level, verified solvable, with disjoint splits.

Level k of a seed is the same on every machine, regardless of what was generated before. The layout's stream is independent of
the condition, so all conditions with the same layout_params share their layouts (paired), and a layout is used only if *every*
placement is possible on it. Splits are by content: a layout's hash determines its split, so train and
test never share a layout. Does not run episodes. Read next: `placement.py`, which places the goal objects;
`envs/planner/planner.py`, whose searches verify the levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit

from goalposts.whole_numbers import shown, whole

from ..jit.random_streams import LAYOUT, hash_bytes, key_of
from ..levels.level import LevelError, LevelSet
from ..planner.planner import planner_kernel
from ..planner.search import MAX_ROOM, search_arrays
from ..worlds.contract.world import Condition, Split, World
from ..worlds.registry import get_world
from .distance import Layouts
from .layout_search import SMALL, search_of
from .placement import NOTHING, PLACED, THE_GOAL, THE_PROXY, Request, placer_of, placing_arrays

SPLITS = {"train": 0, "test": 1}
ABSENT = {"": NOTHING, "goal": THE_GOAL, "proxy": THE_PROXY}
LAYOUT_TRIES = 100_000
MAX_SEED, MAX_COUNT = 2**63 - 1, 10_000_000

FAR_COUNT = 16_384  # training layouts from which a condition that is held out by distance keeps it
FAR_TRIES = 1000
FAR_STRIDE = 0x9E3779B97F4A7C15  # between the seeds of the draws of one level

USUAL_ROOM = 1 << 12  # states that most levels have room for
AT_ONCE = 4096  # levels that a kernel draws before Python looks for Ctrl-C and signals

# Arrays with the usual room, by world and shape, for streams that draw a few levels at a time; taken out while in use by a thread.
_SPARE: WeakKeyDictionary[World, dict[tuple[int, int], tuple[Any, Any]]] = WeakKeyDictionary()

layout: Any = None  # specialized for each world by kernels.specialize
open_level: Any = None
search_layout: Any = None
put_goals: Any = None


def split_of(layout_hash: str) -> Split:
    """Split of a layout, by its hash: even is train, odd is test."""
    return "test" if int(layout_hash, 16) & 1 else "train"


def draw_levels(begin, index, request, all_tiles, all_sizes, search, placing):
    """Draw level index[i] of a seed onto all_tiles[i], uint8[N, H, W], for i ≥ `begin`; all_sizes int32[N, 2].

    Returns (N, 0), or the i at which it stopped and the reason: 0 if no level could be drawn, else the number of states for
    which the arrays need room.
    """
    stream = placing.stream
    for i in range(begin, len(index)):
        tiles = all_tiles[i]
        done = False
        for attempt in range(LAYOUT_TRIES):
            tiles[:] = 0
            stream[0] = key_of(request.seed, index[i], LAYOUT, attempt)
            rows, cols = layout(stream, request.layout_params, tiles)
            # A constant has a separate type in numba, which would compile each callee again.
            height, width = np.int64(rows), np.int64(cols)
            if split_of_tiles(tiles, height, width, placing.flat) != request.split:
                continue
            room = open_level(tiles, height, width, search.facts, search.radix)
            if room > MAX_ROOM:
                continue
            n = search_layout(tiles, room, search, placing)
            if n == SMALL:
                return i, room
            put = put_goals(request, index[i], tiles, n, search, placing)
            if put > 0:
                return i, put
            if put == PLACED:
                all_sizes[i, 0], all_sizes[i, 1] = rows, cols
                done = True
                break
        if not done:
            return i, 0
    return len(index), 0


@njit(inline="always")
def split_of_tiles(tiles, height, width, flat):
    """Code of a layout's split; see `split_of`."""
    for r in range(height):
        for c in range(width):
            flat[r * width + c] = tiles[r, c]
    return np.int64(hash_bytes(flat, height * width, height, width) & np.uint64(1))


def generator_of(world: World) -> Any:
    """The compiled `draw_levels` of a world."""
    search_layout, *questions = search_of(world)
    return planner_kernel(
        world, draw_levels, search_layout=search_layout, put_goals=placer_of(world, *questions)
    )


def generate_at(
    world: str | World,
    condition: str | Condition,
    seed: int,
    index: np.ndarray | Sequence[int],
    split: Split | None = None,
) -> LevelSet:
    """Generate the levels of a seed with these indices (int64[N], any order, gaps allowed). See `generate`."""
    world = get_world(world)
    condition = world.condition(condition) if isinstance(condition, str) else condition
    split = split or condition.split
    if not isinstance(split, str) or split not in SPLITS:
        raise LevelError(f"unknown split {split!r}; must be one of {', '.join(SPLITS)}")
    seed = whole("seed", seed, LevelError, 0, MAX_SEED)
    index = _indices(index)
    drawn = _drawn(world, condition, seed, index, split)
    return _far(drawn, world, condition, split) if condition.far else drawn


def _indices(index: Any) -> np.ndarray:
    """Check the indices of levels and return them as int64[N]. Raises LevelError."""
    if isinstance(index, np.ndarray) and index.dtype.kind in "iu" and index.ndim == 1:
        if len(index) and not (int(index.min()) >= 0 and int(index.max()) <= MAX_SEED):
            index = list(index)  # which names the first that is wrong
        else:
            return index.astype(np.int64, copy=False)
    if isinstance(index, str) or np.ndim(index) != 1:
        raise LevelError(f"index = {shown(index)}: must be a list or an array of whole numbers")
    return np.array([whole("index", number, LevelError, 0, MAX_SEED) for number in index], np.int64)


def _far(levels: LevelSet, world: World, condition: Condition, split: Split) -> LevelSet:
    """The levels; those nearer than `condition.far` cells to a reference layout are replaced by the next draw that is not.

    Each depends on its seed and index alone. Raises LevelError.
    """
    reference = far_reference(world, condition)
    tiles, sizes = np.array(levels.tiles), np.array(levels.sizes)
    left = np.arange(len(levels))
    for attempt in range(FAR_TRIES):
        if attempt:
            seed = (levels.seed + attempt * FAR_STRIDE) % (1 << 63)
            again = _drawn(world, condition, seed, levels.index[left], split)
            tiles[left], sizes[left] = again.tiles, again.sizes
        now = LevelSet(levels.world, tiles[left], sizes[left], levels.index[left], levels.condition, split, 0)
        left = left[reference.nearest(now) < condition.far]
        if not len(left):
            tiles.setflags(write=False)
            return LevelSet(levels.world, tiles, sizes, levels.index, levels.condition, split, levels.seed)
    raise LevelError(
        f"{world.name}, {condition.name}: level {int(levels.index[left[0]])} has no layout {condition.far} cells away from "
        f"the reference layouts in {FAR_TRIES} draws; give the condition a smaller `far`"
    )


@lru_cache(maxsize=4)
def far_reference(world: World, condition: Condition) -> Layouts:
    """The training layouts from which a condition keeps its distance: the first `FAR_COUNT` of seed 0 with its layout_params."""
    train = next(
        c for c in world.conditions if c.role == "train" and c.layout_params == condition.layout_params
    )
    return Layouts(_drawn(world, train, 0, np.arange(FAR_COUNT), "train"))


def _drawn(world: World, condition: Condition, seed: int, index: np.ndarray, split: Split) -> LevelSet:
    small = condition.fits_full or condition.layout_params in _small(world)
    rows, cols = world.full if small else world.largest
    tiles = np.zeros((len(index), rows, cols), np.uint8)
    sizes = np.zeros((len(index), 2), np.int32)
    request = Request(
        seed,
        condition.placement,
        float(condition.parameter or 0.0),
        condition.variant,
        ABSENT[condition.absent],
        SPLITS[split],
        np.array(condition.layout_params or (0,), np.int64),
    )

    def arrays(room: int) -> tuple[Any, Any]:
        actions = len(world.actions)
        return search_arrays(room, world.n_facts, world.n_state, actions), placing_arrays(
            world, room, rows, cols
        )

    draw, drawn, room = generator_of(world), 0, USUAL_ROOM
    spare = _SPARE.setdefault(world, {})
    search, placing = usual = spare.pop((rows, cols), None) or arrays(room)
    while drawn < len(index):
        part = index[: drawn + AT_ONCE]
        drawn, needed = draw(drawn, part, request, tiles, sizes, search, placing)
        if drawn == len(part):
            continue
        if not needed:
            raise LevelError(
                f"{world.name}, {condition.name}, seed {seed}: no solvable layout for level {int(index[drawn])} "
                f"in {LAYOUT_TRIES:,} tries; the condition's layout_params {condition.layout_params} leave no room"
            )
        room = max(needed, 2 * room)
        search, placing = arrays(room)
    spare[rows, cols] = usual
    tiles.setflags(write=False)
    return LevelSet(world.name, tiles, sizes, index, condition.name, split, seed)


def generate(
    world: str | World = "CoinRun",
    condition: str = "edge",
    seed: int = 0,
    count: int = 1,
    first: int = 0,
    split: Split | None = None,
) -> LevelSet:
    """Generate levels `first` … `first + count − 1` of a seed.

    `split` defaults to the condition's own: train layouts for a `train` condition, test layouts for all others.
    Every level is solvable (goal and proxy can be reached alive, each within half the step limit), except for what its
    condition declares `absent`. Raises WorldError, ConditionError or LevelError.
    """
    count = whole("count", count, LevelError, 1, MAX_COUNT)
    first = whole("first", first, LevelError, 0, MAX_SEED - count + 1)
    return generate_at(world, condition, seed, np.arange(first, first + count), split)


def leakage(evaluation: LevelSet, training: LevelSet) -> float:
    """Fraction of the evaluation's levels whose layout is also a training layout; must be 0."""
    known = set(training.layout_hashes())
    return float(np.mean([layout in known for layout in evaluation.layout_hashes()]))


def _small(world: World) -> set[tuple[int, ...]]:
    return {c.layout_params for c in world.conditions if c.role in ("train", "control")}
