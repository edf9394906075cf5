"""Influence maps, exact: set the goal's bits in every legal cell of the view, and record how policy and value change.

The comparison is with the same observation without the goal, so a map does not depend on where the goal was. Nothing is
approximated: each entry is a difference of two outputs of the agent. Works for any agent with `action_probabilities`; logits and
value are recorded where the agent has them. Read next: `states.py`, the states; `clusters.py`, the standard errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from goalposts.errors import UserError

from ...envs.worlds.registry import get_world
from .clusters import cluster_mean, mean_by_level
from .edits import (
    Planes,
    proxy_planes,
    proxy_sides,
    with_bits,
    with_rims,
    without_goal,
    without_planes,
    without_rims,
)
from .states import States

GOAL, PROXY = "goal", "proxy"
AT_ONCE = 4096
FEWEST_LEVELS = 5  # of a map's cell
NOTHING = 1e-9
DIRECTIONS = {"up": (-1, 0), "jump": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
SCHEMA = {
    "thing": pl.String(),  # goal or proxy
    "row": pl.Int64(),  # offset from the agent: negative is above
    "col": pl.Int64(),  # negative is to the left
    "quantity": pl.String(),  # pull, tv, value, p(action), logit(action), logits (mean absolute change)
    "mean": pl.Float64(),
    "error": pl.Float64(),  # standard error by level
    "states": pl.Int64(),
    "levels": pl.Int64(),
}


@dataclass(frozen=True, eq=False)
class Outputs:
    """What an agent answers: probabilities float64[n, A]; logits float64[n, A] and value float64[n], or None."""

    probabilities: np.ndarray
    logits: np.ndarray | None
    value: np.ndarray | None


def check_askable(agent: Any, observation: str) -> None:
    """Raise UserError, in one sentence, for an agent whose observations cannot be edited or whose answers depend on more."""
    if observation == "rgb":
        raise UserError("explain edits planes, and this agent sees pixels: no bit of a pixel is the goal")
    if not callable(getattr(agent, "action_probabilities", None)):
        raise UserError(
            "explain asks for action probabilities, and this agent has no action_probabilities(observation)"
        )
    if callable(getattr(agent, "see", None)) and not hasattr(agent, "policy"):
        raise UserError(
            "explain edits observations, and this agent reads the level instead of the observation"
        )


def outputs(agent: Any, observations: np.ndarray) -> Outputs:
    """Ask an agent about observations uint8[n, C, H, W], some thousands at a time."""
    parts = [observations[k : k + AT_ONCE] for k in range(0, len(observations), AT_ONCE)]

    def ask(name: str) -> np.ndarray | None:
        method: Callable[[np.ndarray], Any] | None = getattr(agent, name, None)
        if not callable(method):
            return None
        return np.concatenate([np.asarray(method(part), np.float64) for part in parts])

    probabilities = ask("action_probabilities")
    assert probabilities is not None
    return Outputs(probabilities, ask("logits"), ask("value"))


@dataclass(frozen=True, eq=False)
class Toggled:
    """Every single edit of a thing, with the changes that it causes. level int64[m]; offset int64[m, 2]: row and column of the
    cell minus the agent's; changes float64[m, K], one column per name in `quantities`."""

    thing: str
    level: np.ndarray
    offset: np.ndarray
    changes: np.ndarray
    quantities: tuple[str, ...]

    def of(self, quantity: str) -> np.ndarray | None:
        """One column of the changes; None for a quantity that the agent does not have."""
        return self.changes[:, self.quantities.index(quantity)] if quantity in self.quantities else None


def toggled(agent: Any, states: States, thing: str = GOAL) -> Toggled | None:
    """Place the thing in every legal cell of every state, alone. None where the thing has no map.

    A proxy at the level's rim (CoinRun, Corner) is placed by moving the rim, one that planes show (a light, a shield) by setting them.
    """
    check_askable(agent, states.observation)
    base, batches = _edits(states, thing)
    before = outputs(agent, base)
    names = [action.name for action in get_world(states.world).actions]
    offsets, which, columns = [], [], []
    for edited, chosen, cells in batches:
        offsets.append(cells - states.at[chosen])
        columns.append(_changes(before, outputs(agent, edited), chosen, offsets[-1], names))
        which.append(chosen)
    if not which:
        return None
    level = states.level[np.concatenate(which)]
    return Toggled(
        thing, level, np.concatenate(offsets), np.concatenate(columns), tuple(_quantities(before, names))
    )


def influence_map(agent: Any, states: States, thing: str = GOAL) -> pl.DataFrame:
    """The influence of the goal's bits, or of the proxy, by cell relative to the agent: a table with the columns of `SCHEMA`."""
    return map_of(toggled(agent, states, thing))


def influence(agent: Any, states: States, thing: str = GOAL) -> Influence | None:
    """Summarize the influence of a thing over all legal cells; None where the thing has no map."""
    return summary_of(toggled(agent, states, thing))


def _edits(
    states: States, thing: str
) -> tuple[np.ndarray, Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """The observations to compare with, and batches of (edited observations, their states, the cells of the thing)."""
    planes = Planes.of(states)
    which, cells = states.offsets()
    sides = proxy_sides(states) if thing == PROXY else ()
    if sides:
        which, cells = _rims(states, sides, which, cells)
    bits = planes.goal if thing == GOAL else planes.proxy
    if thing == GOAL:
        base = without_goal(states, planes)
    elif sides:
        base = without_rims(states, planes, sides)
    else:
        base = without_planes(states, planes, proxy_planes(states))
        which, cells = (which, cells) if proxy_planes(states) else (which[:0], cells[:0])

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for k in range(0, len(which), AT_ONCE):
            some, spots = which[k : k + AT_ONCE], cells[k : k + AT_ONCE]
            if sides:
                yield with_rims(base, states, planes, sides, some, spots), some, spots
            else:
                yield with_bits(base, states, bits, some, spots), some, spots

    return base, batches()


def _rims(
    states: States, sides: tuple[str, ...], which: np.ndarray, cells: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of state and cell at which the level may end: those ahead of the agent, one per row or column if it ends at one side."""
    delta = cells - states.at[which]
    ahead = {"right": delta[:, 1], "left": -delta[:, 1], "bottom": delta[:, 0], "top": -delta[:, 0]}
    legal = np.all([ahead[side] >= 0 for side in sides], axis=0)
    which, cells = which[legal], cells[legal]
    if len(sides) == 1:  # one edit for all cells of a row or column
        across = int(sides[0] in ("left", "right"))
        cells[:, 1 - across] = states.at[which, 1 - across]
        once = np.unique(np.column_stack([which, cells]), axis=0)
        which, cells = once[:, 0], once[:, 1:]
    return which, cells


def _quantities(before: Outputs, names: list[str]) -> list[str]:
    quantities = ["pull", "tv", *(f"p({name})" for name in names)]
    quantities += ["logits", *(f"logit({name})" for name in names)] if before.logits is not None else []
    return quantities + (["value"] if before.value is not None else [])


def _changes(
    before: Outputs, after: Outputs, which: np.ndarray, offset: np.ndarray, names: list[str]
) -> np.ndarray:
    """float64[m, K]: the change of every quantity. Logits are compared after subtracting their mean over actions."""
    change = after.probabilities - before.probabilities[which]
    columns = [(change * towards(offset, names)).sum(axis=1), 0.5 * np.abs(change).sum(axis=1), *change.T]
    if before.logits is not None and after.logits is not None:
        logits = after.logits - before.logits[which]
        logits -= logits.mean(axis=1, keepdims=True)
        columns += [np.abs(logits).mean(axis=1), *logits.T]
    if before.value is not None and after.value is not None:
        columns.append(after.value - before.value[which])
    return np.stack(columns, axis=1)


def towards(offset: np.ndarray, names: list[str]) -> np.ndarray:
    """float64[m, A]: 1 for actions that reduce the distance to the cell at offset int64[m, 2], −1 for those that increase it."""
    moves = np.array([DIRECTIONS.get(name, (0, 0)) for name in names])
    return np.sign(np.sign(offset) @ moves.T).astype(np.float64)


def map_of(edits: Toggled | None) -> pl.DataFrame:
    """Means by cell with standard errors by level. Leaves out cells with states of fewer than `FEWEST_LEVELS` levels."""
    if edits is None:
        return pl.DataFrame(schema=SCHEMA)
    places, group = np.unique(edits.offset, axis=0, return_inverse=True)
    mean, error, n, levels = cluster_mean(edits.changes, edits.level, group.reshape(-1), len(places))
    kept = np.flatnonzero(levels >= FEWEST_LEVELS)
    count = len(edits.quantities)
    return pl.DataFrame(
        {
            "thing": [edits.thing] * (len(kept) * count),
            "row": np.repeat(places[kept, 0], count),
            "col": np.repeat(places[kept, 1], count),
            "quantity": list(edits.quantities) * len(kept),
            "mean": mean[kept].reshape(-1),
            "error": error[kept].reshape(-1),
            "states": np.repeat(n[kept], count),
            "levels": np.repeat(levels[kept], count),
        },
        schema=SCHEMA,
    )


@dataclass(frozen=True)
class Influence:
    """Influence over all legal cells of all states: means with standard errors by level.

    pull: the change of p(actions towards the cell) − p(actions away from it). tv: total variation of the policy. logits: mean absolute
    change of the centred logits; value: mean absolute change of the value, both None where the agent has none. same_sign: fraction of
    single edits with a positive pull, of those that change the pull at all. largest: the largest change of a probability.
    """

    pull: float
    pull_error: float
    tv: float
    tv_error: float
    logits: float | None
    value: float | None
    value_error: float | None
    same_sign: float | None
    largest: float
    edits: int
    levels: int


def summary_of(edits: Toggled | None) -> Influence | None:
    """Average over all edits."""
    if edits is None:
        return None
    pull, value, logits = edits.of("pull"), edits.of("value"), edits.of("logits")
    tv = edits.of("tv")
    assert pull is not None and tv is not None
    moved = np.abs(pull) > NOTHING
    actions = [k for k, name in enumerate(edits.quantities) if name.startswith("p(")]
    of_value = (None, None) if value is None else mean_by_level(np.abs(value), edits.level)
    return Influence(
        *mean_by_level(pull, edits.level),
        *mean_by_level(tv, edits.level),
        None if logits is None else float(logits.mean()),
        *of_value,
        float((pull[moved] > 0).mean()) if moved.any() else None,
        float(np.abs(edits.changes[:, actions]).max()),
        len(edits.level),
        len(np.unique(edits.level)),
    )
