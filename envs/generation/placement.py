"""Place a condition's goal objects on a layout and verify the level: the second half of the generator.

Each world uses one of two methods. `place_one` is for a one-cell goal with a proxy that is part of the layout: it answers
every question on the bare layout's graph, which is fast. `place_proven` is for all other worlds: the world's rule `place`
places anything, and the planner searches the finished level. Both refuse a layout on which any placement of the world
is impossible, even one that the current condition does not use, so that conditions share their layouts. Both
return PLACED, REFUSED, or the number of states for which the arrays need room.

Draws no layouts. Read next: `generate.py`, which calls one of them; `envs/planner/planner.py`, the searches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..jit.random_streams import GOAL_CELL, OFF_PATH, PLACING, draw_below, draw_unit, key_of
from ..planner.flood import FloodArrays, flood_arrays
from ..planner.planner import planner_kernel
from ..planner.search import MAX_ROOM, first_hit, first_hit_avoiding, forget
from ..worlds.contract.world import ANYWHERE, APART, GOAL, MIXTURE, NOWHERE, PROXY, TOGETHER, World

PLACED, REFUSED = 0, -1
NOTHING, THE_GOAL, THE_PROXY = range(3)  # what a condition declares absent
STATES_PER_TIME = 32  # at least, in the largest layout of a world with `spread`; else the arrays grow
TRIES = 64  # maximum number of off-path cells or placements to try

N_ACTIONS = 0  # specialized for each world by kernels.specialize
NEEDED: Any = ()  # placements that every layout must admit, int64[k]
limit: Any = None
open_level: Any = None
explore: Any = None
admits: Any = None
furnish: Any = None
place: Any = None
candidates: Any = None
steps_to_proxy: Any = None
is_off_path: Any = None
proven: Any = None


class Request(NamedTuple):
    """A request for levels: seed, split (index into `SPLITS`), and the numbers of a `Condition`.

    placement, f, variant, layout_params: see `envs/worlds/contract/world.py`; absent: NOTHING, THE_GOAL or THE_PROXY.
    """

    seed: int
    placement: int
    f: float
    variant: int
    absent: int
    split: int
    layout_params: np.ndarray


class PlacingArrays(NamedTuple):
    """Arrays of generator and placement, in addition to those of the search.

    stream uint64[1]; first_step int32[H, W]: fewest steps to each cell of the layout, −1 if the agent cannot reach it.
    Scratch: flat uint8[H · W], bare uint8[H, W], cells int32[H · W, 2], queue and dist int32[room]. flood: of a world with `spread`.
    """

    stream: np.ndarray
    first_step: np.ndarray
    flat: np.ndarray
    bare: np.ndarray
    cells: np.ndarray
    queue: np.ndarray
    dist: np.ndarray
    flood: FloodArrays


def placing_arrays(world: World, room: int, rows: int, cols: int) -> PlacingArrays:
    """Allocate arrays for layouts of a world of up to rows × cols cells with room for up to `room` states."""
    return PlacingArrays(
        np.empty(1, np.uint64),
        np.empty((rows, cols), np.int32),
        np.empty(rows * cols, np.uint8),
        np.empty((rows, cols), np.uint8),
        np.empty((rows * cols, 2), np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        flood_arrays(world.rules.get("N_SETS", 0), rows, room // STATES_PER_TIME),
    )


def list_cells(placement, f, tiles, facts, first_step, enough, out):
    """Collect the reachable, empty cells that a placement admits, until a row ends with `enough`; returns their number.

    out int32[≥ cells, 2].
    """
    most = limit(facts) // 2
    n = 0
    for r in range(np.int64(facts[0])):
        if n >= enough:
            break
        for c in range(np.int64(facts[1])):
            if 0 < first_step[r, c] <= most and tiles[r, c] == 0 and admits(placement, f, tiles, facts, r, c):
                out[n, 0], out[n, 1] = r, c
                n += 1
    return n


def place_one(request, index, tiles, n, search, placing):
    """Place the single goal object and, depending on the variant, a second thing off the path.

    n, search: those of the layout, see `layout_search.py`. Off the path: neither a shortest path to the proxy nor one to the goal
    needs to touch the other.
    """
    facts, stream, first_step, cells = search.facts, placing.stream, placing.first_step, placing.cells
    # A constant has a separate type in numba, which would compile each callee again.
    apart, fewest, every = np.int64(APART), np.int64(1), np.int64(len(cells))
    shortest = steps_to_proxy(n, search, placing)
    if shortest < 0 or shortest > limit(facts) // 2:
        return REFUSED
    # Every placement must be possible, so that the conditions share their layouts.
    for k in range(len(NEEDED)):
        if candidates(NEEDED[k], 0.0, tiles, facts, first_step, fewest, cells) == 0:
            return REFUSED
    stream[0] = key_of(request.seed, index, OFF_PATH, 0)
    wanted = draw_unit(stream)
    n_cells = candidates(apart, 0.0, tiles, facts, first_step, every, cells)
    off_row, off_col = -1, -1
    for _ in range(TRIES if n_cells > 0 else 0):
        k = draw_below(stream, n_cells)
        r, c = cells[k, 0], cells[k, 1]
        if is_off_path(r, c, shortest, n, search, placing):
            off_row, off_col = r, c
            break
    if off_row < 0:
        return REFUSED
    if request.placement == NOWHERE:
        return PLACED
    chosen = request.placement
    if request.placement == MIXTURE:
        chosen = ANYWHERE if wanted < request.f else TOGETHER
    row, col = off_row, off_col
    if chosen != APART:
        n_cells = candidates(chosen, request.f, tiles, facts, first_step, every, cells)
        if n_cells == 0:  # only a placement that is missing from the world's `needed`
            return REFUSED
        stream[0] = key_of(request.seed, index, GOAL_CELL, 0)
        k = draw_below(stream, n_cells)
        row, col = cells[k, 0], cells[k, 1]
    furnish(request.variant, tiles, facts, row, col, off_row, off_col)
    return PLACED


def proves(tiles, room, search, placing, apart, absent):
    """Whether goal and proxy are each reachable within half the step limit and, with `apart`, the level is distinguishing.

    room: see `search.open_level`. absent: NOTHING, THE_GOAL or THE_PROXY, which must then be unreachable.
    """
    ids, _, depth, succ, events = search.graph
    queue, dist = placing.queue, placing.dist
    n = explore(tiles, search)
    forget(ids, room)
    most = limit(search.facts) // 2
    goal, proxy = np.int64(GOAL), np.int64(PROXY)
    to_goal, to_proxy = first_hit(n, depth, events, goal), first_hit(n, depth, events, proxy)
    if not (to_goal < 0 if absent == THE_GOAL else 0 < to_goal <= most):
        return False
    if not (to_proxy < 0 if absent == THE_PROXY else 0 < to_proxy <= most):
        return False
    if apart and absent == NOTHING:
        return (
            first_hit_avoiding(n, succ, events, proxy, goal, queue, dist) == to_proxy
            and first_hit_avoiding(n, succ, events, goal, proxy, queue, dist) == to_goal
        )
    return True


def place_proven(request, index, tiles, n, search, placing):
    """Let the world place its goal objects until the planner verifies the level, or refuse; overwrites the layout's graph.

    The stream of the n-th attempt is the same for every placement, so conditions place common objects identically.
    """
    stream, bare, facts = placing.stream, placing.bare, search.facts
    rows, cols = np.int64(facts[0]), np.int64(facts[1])
    stream[0] = key_of(request.seed, index, OFF_PATH, 0)
    chosen = request.placement
    if request.placement == MIXTURE:
        chosen = ANYWHERE if draw_unit(stream) < request.f else TOGETHER
    for r in range(rows):
        for c in range(cols):
            bare[r, c] = tiles[r, c]
    for k in range(len(NEEDED) + 1):
        last = k == len(NEEDED)
        wanted = chosen if last else NEEDED[k]
        if not last and wanted == chosen:
            continue
        done = False
        for attempt in range(TRIES):
            for r in range(rows):
                for c in range(cols):
                    tiles[r, c] = bare[r, c]
            stream[0] = key_of(request.seed, index, PLACING, attempt)
            if not place(stream, wanted, request.variant if last else 0, tiles, facts, placing.first_step):
                continue
            room = open_level(tiles, rows, cols, facts, search.radix)
            if room > MAX_ROOM:
                continue
            if room > len(placing.dist):
                return room
            absent = request.absent if last else NOTHING
            if proven(tiles, room, search, placing, wanted == APART, absent):
                done = True
                break
        if not done:
            return REFUSED
    return PLACED


def placer_of(world: World, steps_to_proxy: Any, is_off_path: Any) -> Any:
    """Compiled placement of a world: `place_proven` if it has a rule `place`, else `place_one`, with answers of `layout_search.py`."""
    needed = np.array(world.needed, np.int64)
    if "place" in world.rules:
        proof = planner_kernel(world, proves)
        return planner_kernel(world, place_proven, proven=proof, NEEDED=needed)
    kernel = world.kernel(list_cells, allocates=False, within=True)
    answers = {"steps_to_proxy": steps_to_proxy, "is_off_path": is_off_path}
    return world.kernel(place_one, allocates=False, within=True, candidates=kernel, NEEDED=needed, **answers)
