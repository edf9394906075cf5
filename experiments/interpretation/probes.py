"""Linear probes with controls: is the goal's side (left or right of the agent) decodable, and would it be without any training?

A factorial set: every background (a held-out state without the goal) gets the goal in cells left and right of the agent, equally
many. Closed-form ridge regression with a fixed penalty; half of the levels train it, the other half test it. Controls: the raw
observation, untrained nets, shuffled labels, and the control task of Hewitt & Liang 2019 (a random label per cell), whose
accuracy subtracted gives the selectivity. A high accuracy alone says nothing: the goal's side is a linear function of the input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ...agents.policy.policy_agent import PolicyAgent
from .activations import hidden_layer, read_layer
from .clusters import mean_by_level
from .edits import Planes, with_goal, without_goal
from .states import States

PENALTY = 1.0  # on standardized features, per training example times 1e-3: see `ridge`
PER_SIDE = 4
SCHEMA = {
    "row": pl.String(),
    "accuracy": pl.Float64(),
    "error": pl.Float64(),  # standard error by level
    "shuffled": pl.Float64(),
    "control_task": pl.Float64(),
    "selectivity": pl.Float64(),
    "minus_untrained": pl.Float64(),
    "untrained": pl.Float64(),  # mean of the untrained nets
    "untrained_low": pl.Float64(),
    "untrained_high": pl.Float64(),
}
RAW, OWN, FRESH = "raw observation", "this agent", "untrained"


@dataclass(frozen=True, eq=False)
class Factorial:
    """Backgrounds × goal cells. observations uint8[m, C, H, W]; base: without the goal; right bool[m]: the goal is to the right of the
    agent; cell int64[m]: a number per offset; direction int64[m]: one of nine; level int64[m]."""

    observations: np.ndarray
    base: np.ndarray
    right: np.ndarray
    cell: np.ndarray
    direction: np.ndarray
    level: np.ndarray


def factorial(states: States, seed: int = 0, per_side: int = PER_SIDE) -> Factorial:
    """Put the goal into equally many cells to the left and to the right of the agent, in every state that has enough."""
    rng, planes = np.random.default_rng(seed), Planes.of(states)
    base = without_goal(states, planes)
    which, cells = states.offsets()
    delta = cells - states.at[which]
    chosen = []
    for i in range(len(states)):
        mine = np.flatnonzero(which == i)
        sides = [mine[delta[mine, 1] < 0], mine[delta[mine, 1] > 0]]
        if min(map(len, sides)) >= per_side:
            chosen += [rng.choice(side, per_side, replace=False) for side in sides]
    picked = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
    offset, state = delta[picked], which[picked]
    return Factorial(
        with_goal(base, states, planes, state, cells[picked]),
        base[state],
        offset[:, 1] > 0,
        np.unique(offset, axis=0, return_inverse=True)[1].reshape(-1),
        (np.sign(offset) + 1) @ np.array([3, 1]),
        states.level[state],
    )


def ridge(x: np.ndarray, y: np.ndarray, penalty: float = PENALTY) -> np.ndarray:
    """Weights float64[D + 1] (the last is the constant) of ridge regression on x float[n, D], y float[n]; penalty times n/1,000."""
    ones = np.column_stack([x, np.ones(len(x))])
    weight = np.full(ones.shape[1], penalty * len(x) / 1000)
    weight[-1] = 0
    return np.linalg.solve(ones.T @ ones + np.diag(weight) + 1e-9 * np.eye(len(weight)), ones.T @ y)


def accuracy(
    x: np.ndarray, label: np.ndarray, trains: np.ndarray, label_trained: np.ndarray | None = None
) -> np.ndarray:
    """bool[tests]: which test examples a probe labels correctly. trains bool[n]; label_trained: other labels to train it on."""
    mean, spread = x[trains].mean(axis=0), x[trains].std(axis=0)
    scaled = (x - mean) / np.where(spread > 1e-6, spread, 1.0)
    taught = label if label_trained is None else label_trained
    weights = ridge(scaled[trains], 2.0 * taught[trains] - 1)
    return (scaled[~trains] @ weights[:-1] + weights[-1] > 0) == label[~trains]


def probe_table(
    layers: Mapping[str, np.ndarray], fresh: Sequence[np.ndarray], states: Factorial, seed: int = 0
) -> pl.DataFrame:
    """One row per representation float[m, D] in `layers`, then the untrained nets (`fresh`: theirs). Columns of `SCHEMA`."""
    rng = np.random.default_rng(seed)
    trains = states.level % 4 < 2  # even and odd levels are of different scripted agents
    mixed = rng.permutation(states.right)
    task = rng.integers(0, 2, states.cell.max() + 1).astype(bool)[states.cell]
    untrained = [float(accuracy(x, states.right, trains).mean()) for x in fresh]
    rows = []
    for name, x in {**layers, FRESH: fresh[0]}.items():
        right = accuracy(x, states.right, trains)
        mean, error = mean_by_level(right.astype(float), states.level[~trains])
        if name == FRESH:
            mean = float(np.mean(untrained))
        control = float(accuracy(x, task, trains).mean())
        rows.append(
            [
                name,
                mean,
                error,
                float(accuracy(x, states.right, trains, mixed).mean()),
                control,
                mean - control,
                mean - float(np.mean(untrained)),
                float(np.mean(untrained)),
                min(untrained),
                max(untrained),
            ]
        )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def probe_agent(agent: PolicyAgent, untrained: Sequence[PolicyAgent], states: States) -> pl.DataFrame:
    """Probe the raw observation, the agent's last hidden layer, and that of untrained nets. Raises UserError without a layer."""
    design, layer = factorial(states), hidden_layer(agent)
    layers = {
        RAW: design.observations.reshape(len(design.level), -1).astype(np.float64),
        OWN: read_layer(agent, layer, design.observations),
    }
    return probe_table(layers, [read_layer(net, layer, design.observations) for net in untrained], design)
