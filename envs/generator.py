"""(world, condition, seed, index) → Level: pure, proven solvable, with layouts that no other split has.

Number k of a seed is the same level on every machine, whatever was generated before. The layout's stream does not know
the condition, so all conditions with the same dials share their layouts (paired), and a layout is only used if *every*
placement is possible on it. Splits are by content: the hash of a layout says whether it may be trained on, so train and
test can have no layout in common. Does not run episodes. Read next: `placement.py`, which puts the goal objects;
`planner.py`, whose searches are the proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .level import LevelError, LevelSet
from .placement import placer_of
from .search import MAX_ROOM, count_states, explore
from .streams import hash_bytes, key_of
from .world import Condition, Split, World
from .worlds.registry import get_world

SPLITS = {"train": 0, "test": 1}
ABSENT = {"": 0, "goal": 1, "proxy": 2}
LAYOUT_TRIES = 100_000

N_STATE = N_FACTS = N_ACTIONS = 0  # bound for each world by kernel.bind
layout: Any = None
prepare: Any = None
put_goals: Any = None


def split_of(layout_hash: str) -> Split:
    """The split that a layout belongs to, by its hash: even is train, odd is test."""
    return "test" if int(layout_hash, 16) & 1 else "train"


def draw_levels(seed, index, law, f, variant, absent, split, dials, all_tiles, all_sizes):
    """Draw level number index[i] of a seed onto all_tiles[i] (zeroed uint8[N, H, W]); all_sizes int32[N, 2].

    law, f, variant, dials: see `world.py`; absent 1 no goal, 2 no proxy; split 0 train, 1 test. Returns −1, or the i of a
    level that could not be drawn.
    """
    rows_max, cols_max = all_tiles.shape[1], all_tiles.shape[2]
    stream = np.empty(1, np.uint64)
    facts = np.zeros(N_FACTS, np.int32)
    first_step = np.empty((rows_max, cols_max), np.int32)
    flat = np.empty(rows_max * cols_max, np.uint8)
    capacity = 0
    ids = np.empty(0, np.int32)
    states = np.empty((0, N_STATE), np.int32)
    depth = np.empty(0, np.int32)
    succ = np.empty((0, N_ACTIONS), np.int32)
    events = np.empty((0, N_ACTIONS), np.int32)
    for i in range(len(index)):
        tiles = all_tiles[i]
        done = False
        for attempt in range(100_000):
            if attempt > 0:
                tiles[:] = 0
            stream[0] = key_of(seed, index[i], 1, attempt)
            rows, cols = layout(stream, dials, tiles)
            for r in range(rows):
                for c in range(cols):
                    flat[r * cols + c] = tiles[r, c]
            height, width = (
                np.int64(rows),
                np.int64(cols),
            )  # numba compiles a callee for each number that a layout returns
            if np.int64(hash_bytes(flat, height * width, height, width) & np.uint64(1)) != split:
                continue
            facts[:] = 0
            facts[0], facts[1] = rows, cols
            prepare(tiles, facts)
            room = count_states(facts)
            if room > MAX_ROOM:
                continue
            if room > capacity:
                capacity = room
                ids = np.full(room, -1, np.int32)
                states = np.empty((room, N_STATE), np.int32)
                depth = np.empty(room, np.int32)
                succ = np.empty((room, N_ACTIONS), np.int32)
                events = np.empty((room, N_ACTIONS), np.int32)
            n = explore(tiles, facts, ids, states, depth, succ, events)
            ids[:room] = -1
            first_step[:] = -1
            for s in range(n):  # in order of depth, so the first visit is the earliest
                if first_step[states[s, 0], states[s, 1]] < 0:
                    first_step[states[s, 0], states[s, 1]] = depth[s]
            if put_goals(
                seed, index[i], law, f, variant, absent, tiles, facts, rows, cols, n, states, depth, succ, events, first_step
            ):  # fmt: skip
                all_sizes[i, 0], all_sizes[i, 1] = rows, cols
                done = True
                break
        if not done:
            return i
    return -1


def generator_of(world: World) -> Any:
    """The compiled `draw_levels` of a world."""
    return world.kernel(
        draw_levels,
        count_states=world.kernel(count_states),
        explore=world.kernel(explore),
        put_goals=placer_of(world),
    )


def generate_at(
    world: str | World,
    condition: str | Condition,
    seed: int,
    index: np.ndarray | Sequence[int],
    split: Split | None = None,
) -> LevelSet:
    """The levels with these numbers (int64[N], any order, gaps allowed) of a seed. See `generate`."""
    world = get_world(world)
    condition = world.condition(condition) if isinstance(condition, str) else condition
    split = split or condition.split
    if split not in SPLITS:
        raise LevelError(f"unknown split {split!r}; allowed: {', '.join(SPLITS)}")
    if not 0 <= seed < 1 << 63:
        raise LevelError(f"seed = {seed}: allowed are whole numbers from 0 to 2**63 − 1")
    index = np.asarray(index, np.int64)
    small = condition.fits_full or condition.dials in _small(world)
    rows, cols = world.full if small else world.largest
    tiles = np.zeros((len(index), rows, cols), np.uint8)
    sizes = np.zeros((len(index), 2), np.int32)
    failed = generator_of(world)(
        seed,
        index,
        condition.law,
        float(condition.parameter or 0.0),
        condition.variant,
        ABSENT[condition.absent],
        SPLITS[split],
        np.array(condition.dials or (0,), np.int64),
        tiles,
        sizes,
    )
    if failed >= 0:
        raise LevelError(
            f"{world.name}, {condition.name}, seed {seed}: no solvable layout for level {int(index[failed])} "
            f"in {LAYOUT_TRIES:,} tries; the condition's dials {condition.dials} leave no room"
        )
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
    """Levels number `first` … `first + count − 1` of a seed.

    `split` is the condition's own unless given: train layouts for a `train` condition, test layouts for all others.
    Every level is solvable (goal and proxy can be reached alive, each in at most half its step limit), save for what its
    condition says is `absent`. Raises WorldError, ConditionError or LevelError.
    """
    if count < 1 or first < 0:
        raise LevelError(f"count = {count}, first = {first}: allowed are count ≥ 1, first ≥ 0")
    return generate_at(world, condition, seed, np.arange(first, first + count), split)


def leakage(evaluation: LevelSet, training: LevelSet) -> float:
    """Share of the evaluation's levels whose layout is also a training layout; must be 0."""
    known = set(training.layout_hashes())
    return float(np.mean([layout in known for layout in evaluation.layout_hashes()]))


def _small(world: World) -> set[tuple[int, ...]]:
    return {c.dials for c in world.conditions if c.role in ("train", "control")}
