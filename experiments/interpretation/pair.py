"""Two nets of one architecture: what happens between their weights, and does the goal move with a block of them?

Interpolation goes straight from the first net's weights to the second's. A graft puts one block of weights of one net into the other;
next to it are random changes of the same block by the same norm. Both play real episodes, and are scored on goal preference and
capability, as in `use.py`. The value's own layers are left out: they choose no action.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import polars as pl
import torch

from goalposts.errors import UserError

from ...agents.policy.policy_agent import PolicyAgent, RecurrentAgent
from .edits import Planes
from .states import States
from .support import first_layer
from .use import RANDOM, Arena, Score

POINTS = (0.0, 0.25, 0.5, 0.75, 1.0)
FIRST, SECOND = "first", "second"
SCHEMA = {
    "change": pl.String(),  # interpolated, or grafted
    "what": pl.String(),  # the second net's fraction of the weights, or the block
    "into": pl.String(),  # the net that gets the block: first or second; "" for interpolation
    "preference": pl.Float64(),
    "capability": pl.Float64(),
    "random_preference": pl.Float64(),  # mean over the random changes; null where there are none
    "random_preference_low": pl.Float64(),
    "random_preference_high": pl.Float64(),
    "random_capability": pl.Float64(),
    "norm": pl.Float64(),  # of the block's difference, as a fraction of the norm of the first net's block
}
Weights = dict[str, torch.Tensor]


def pair_table(
    first: PolicyAgent, second: PolicyAgent, states: States, arena: Arena, random: int = RANDOM
) -> pl.DataFrame:
    """One row per point of the line and per graft, columns of `SCHEMA`. Raises UserError for nets of different architectures."""
    ends = {FIRST: weights_of(first), SECOND: weights_of(second)}
    check_pair(first, second, ends)
    rng = np.random.default_rng(arena.seed)

    def score(weights: Weights) -> Score:
        return arena.scores(with_weights(first, weights))[0]

    rows = [
        ["interpolated", f"{t:g}", "", point.preference, point.capability, *[None] * 5]
        for t in POINTS
        for point in [
            score({name: (1 - t) * ends[FIRST][name] + t * ends[SECOND][name] for name in ends[FIRST]})
        ]
    ]
    for block, masks in blocks(first, states).items():
        for into, source in ((FIRST, SECOND), (SECOND, FIRST)):
            own, difference = ends[into], {name: ends[source][name] - ends[into][name] for name in masks}
            norm = _norm(difference, masks)
            changes = [_random_change(difference, masks, norm, rng) for _ in range(random)]
            grafted = score(_changed(own, difference, masks))
            controls = [score(_changed(own, change, masks)) for change in changes]
            relative = norm / max(_norm(ends[FIRST], masks), 1e-12)
            rows.append(
                ["grafted", block, into, grafted.preference, grafted.capability, *_spans(controls), relative]
            )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def weights_of(agent: PolicyAgent) -> Weights:
    """Copies of the weights on the way from the observation to the action, by name. Raises UserError for an agent without a plain net."""
    if type(agent) is not PolicyAgent or isinstance(agent, RecurrentAgent):
        raise UserError("a pair diff needs two actor-critic nets without a memory")
    return {
        name: weight.detach().clone()
        for name, weight in agent.policy.named_parameters()
        if "value_net" not in name and not name.startswith("vf_")
    }


def check_pair(first: PolicyAgent, second: PolicyAgent, ends: Mapping[str, Weights]) -> None:
    """Raise UserError unless both nets see the same planes and have the same layers."""
    shapes = [{name: weight.shape for name, weight in weights.items()} for weights in ends.values()]
    if shapes[0] != shapes[1] or first.card.observation != second.card.observation:
        raise UserError(
            f"a pair diff needs two nets that see the same planes and have the same layers; {first.name} and {second.name} differ"
        )


def with_weights(agent: PolicyAgent, weights: Weights) -> PolicyAgent:
    """A copy of the agent with these weights."""
    policy: Any = deepcopy(agent.policy)
    policy.load_state_dict(weights, strict=False)
    return PolicyAgent(policy, agent.card)


def blocks(agent: PolicyAgent, states: States) -> dict[str, dict[str, torch.Tensor]]:
    """Masks bool by name of weight: the first layer's weights of the goal's plane, its other weights, and each later layer."""
    goal = torch.zeros(agent.card.shape, dtype=torch.bool)
    goal[Planes.of(states).goal] = True
    reads = first_layer(agent)
    parts: dict[str, dict[str, torch.Tensor]] = {
        "goal's plane in the first layer": {},
        "rest of the first layer": {},
    }
    for name, weight in weights_of(agent).items():
        if weight.shape == reads.shape and torch.equal(weight, reads):
            columns = goal.reshape(1, -1).expand(weight.shape)
            parts["goal's plane in the first layer"][name] = columns
            parts["rest of the first layer"][name] = ~columns
            parts["rest of the first layer"][_bias(name)] = torch.ones(len(weight), dtype=torch.bool)
    for name, weight in weights_of(agent).items():
        if not any(name in masks for masks in parts.values()):
            parts.setdefault(_title(name), {})[name] = torch.ones_like(weight, dtype=torch.bool)
    return {
        title: masks for title, masks in parts.items() if any(bool(mask.any()) for mask in masks.values())
    }


def _bias(name: str) -> str:
    return name.removesuffix("weight") + "bias"


def _title(name: str) -> str:
    layer = name.rsplit(".", 1)[0]
    return "action head" if layer == "action_net" else f"layer {layer}"


def _changed(own: Weights, change: Weights, masks: Mapping[str, torch.Tensor]) -> Weights:
    return {
        name: weight + torch.where(masks[name], change[name], 0.0) if name in masks else weight
        for name, weight in own.items()
    }


def _random_change(
    difference: Weights, masks: Mapping[str, torch.Tensor], norm: float, rng: np.random.Generator
) -> Weights:
    drawn = {
        name: torch.from_numpy(rng.normal(size=tuple(weight.shape))).to(weight.dtype)
        for name, weight in difference.items()
    }
    factor = norm / max(_norm(drawn, masks), 1e-12)
    return {name: factor * weight for name, weight in drawn.items()}


def _norm(weights: Weights, masks: Mapping[str, torch.Tensor]) -> float:
    return float(sum((weights[name][mask].double() ** 2).sum() for name, mask in masks.items())) ** 0.5


def _spans(controls: list[Score]) -> list[float | None]:
    preferences = [score.preference for score in controls if score.preference is not None]
    if not controls:
        return [None] * 4
    capability = float(np.mean([score.capability for score in controls]))
    if not preferences:
        return [None, None, None, capability]
    return [float(np.mean(preferences)), min(preferences), max(preferences), capability]
