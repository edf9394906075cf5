"""Policy against value: what moves the actor, and what moves the critic; and whether the critic notices a failure.

Two outputs of one agent under the same erasures: the goal, the proxy's walls (or its planes), each other plane. Progress is the rank
correlation of the value with the steps left, in states that show neither goal nor proxy. The drop: does the value fall below
its usual range in the episodes that fail under the shift? Read next: `influence.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from ...agents.rollout import play
from ...envs.engine.outcome import ENDED_BY_GOAL, O_END, O_STEPS
from ...envs.generation.generate import generate
from ..evaluation.evaluate import Subject
from ..measurement.intervals import wilson
from .clusters import mean_by_level
from .edits import Planes, proxy_planes, proxy_sides, without_goal, without_planes, without_rims
from .influence import outputs
from .states import States

SCHEMA = {
    "erased": pl.String(),
    "policy": pl.Float64(),  # mean total variation
    "policy_error": pl.Float64(),
    "value": pl.Float64(),  # mean change, in standard deviations of the value over all states
    "value_error": pl.Float64(),
    "states": pl.Int64(),  # that show it
    "levels": pl.Int64(),
}
GOAL, PROXY = "goal", "proxy"
LAST, QUANTILE = 10, 0.05
FEWEST = 20
DROP_LEVELS = 200


def erasures(states: States) -> dict[str, np.ndarray]:
    """Observations without the goal, without the proxy, and without each other plane that is not the goal's, by name."""
    planes = Planes.of(states)
    sides, own = proxy_sides(states), proxy_planes(states)
    observations = {GOAL: without_goal(states, planes)}
    if sides:
        observations[PROXY] = without_rims(states, planes, sides)
    elif own:
        observations[PROXY] = without_planes(states, planes, own)
    for name, numbers in planes.others.items():
        if len(numbers) and not set(numbers) & set(planes.goal) and name not in own:
            observations[f"all of plane {name}"] = without_planes(states, planes, (name,))
    return observations


def policy_and_value(agent: Any, states: States) -> pl.DataFrame:
    """The change of policy and value by what is erased, over the states that show it. The value is null where there is none."""
    before = outputs(agent, states.observations)
    spread = None if before.value is None else float(before.value.std())
    rows = []
    for name, observations in erasures(states).items():
        shows = (observations != states.observations).any(axis=(1, 2, 3))
        if not shows.any():
            rows.append([name, None, None, None, None, 0, 0])
            continue
        after, level = outputs(agent, observations[shows]), states.level[shows]
        variation = 0.5 * np.abs(after.probabilities - before.probabilities[shows]).sum(axis=1)
        value: tuple[float | None, float | None] = (None, None)
        if after.value is not None and before.value is not None and spread:
            value = mean_by_level((after.value - before.value[shows]) / spread, level)
        rows.append([name, *mean_by_level(variation, level), *value, int(shows.sum()), len(np.unique(level))])
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@dataclass(frozen=True)
class ValueProgress:
    """Rank correlation of the value with the steps left (−1: it rises as the end nears), in n states that show neither goal nor proxy."""

    correlation: float
    n: int


def progress(agent: Any, states: States) -> ValueProgress | None:
    """None without a value, or where fewer than `FEWEST` states show neither goal nor proxy, or the value is constant."""
    observations = erasures(states)
    shows = [
        (observations[name] != states.observations).any(axis=(1, 2, 3))
        for name in (GOAL, PROXY)
        if name in observations
    ]
    hidden = ~np.any(shows, axis=0)
    value = outputs(agent, states.observations[hidden]).value if hidden.sum() >= FEWEST else None
    if value is None or np.ptp(value) < 1e-6:
        return None
    return ValueProgress(float(spearmanr(value, states.left[hidden])[0]), int(hidden.sum()))  # type: ignore[arg-type]


@dataclass(frozen=True)
class ValueDrop:
    """How often the value falls below its usual range: (k, n) of the failures and of the other episodes under the shift, and
    (k, n) of control episodes other than those that set the range, which should be near `QUANTILE`.

    threshold: the 5th percentile over control episodes of the value's median over the last 10 steps.
    """

    threshold: float
    failures: tuple[int, int]
    successes: tuple[int, int]
    control: tuple[int, int]

    def words(self) -> str:
        """One sentence."""
        parts = []
        for (k, n), name in (
            (self.failures, "failures"),
            (self.successes, "successes"),
            (self.control, "control episodes"),
        ):
            rate = "none played" if not n else f"{k} of {n} ({wilson(k, n).short})"
            parts.append(f"{name} {rate}")
        return f"value below its usual range at the end: {'; '.join(parts)}"


def value_drop(
    subject: Subject, control: str, shift: str, seed: int = 1, levels: int = DROP_LEVELS
) -> ValueDrop | None:
    """Play sampled episodes and compare the value at their end with control episodes; None for an agent without a value."""
    if not callable(getattr(subject.agent, "value", None)):
        return None
    usual, reached = _last_values(subject, control, seed, levels)
    moved, took = _last_values(subject, shift, seed, levels)
    halves = np.arange(len(usual)) % 2 == 0
    sets = usual[halves & reached]
    if len(sets) < FEWEST:  # no range
        return None
    limit = float(np.quantile(sets, QUANTILE))
    below, rest = moved < limit, usual[~halves & reached]
    return ValueDrop(
        limit,
        (int((below & ~took).sum()), int((~took).sum())),
        (int((below & took).sum()), int(took.sum())),
        (int((rest < limit).sum()), len(rest)),
    )


class _Watched:
    """The agent, which also records its value at every step of every level."""

    def __init__(self, agent: Any) -> None:
        self.agent, self.values = agent, {}
        self.inner = agent if callable(getattr(agent, "see", None)) else None

    def begin(self, levels: Any) -> None:
        self.values = {i: [] for i in range(len(levels))}
        if self.inner is not None:
            self.inner.begin(levels)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        self.which = which
        if self.inner is not None:
            self.inner.see(which, states)

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        for i, value in zip(self.which, self.agent.value(observation), strict=True):
            self.values[int(i)].append(float(value))
        return self.agent.action_probabilities(observation)

    def predict(self, observation: np.ndarray, deterministic: bool = False) -> tuple[np.ndarray, None]:
        return self.action_probabilities(observation).argmax(axis=1), None


def _last_values(subject: Subject, condition: str, seed: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Per episode, the median of the value over its last steps, and whether it took the goal."""
    drawn = generate(subject.world, condition, seed, levels)
    watched = _Watched(subject.agent)
    played = play(
        watched, drawn, subject.observation, noise_seed=seed, max_steps=subject.max_steps, batch=levels
    )
    steps = played.outcome[:, O_STEPS]
    ends = [float(np.median(watched.values[i][: steps[i]][-LAST:])) for i in range(levels)]
    return np.array(ends), played.outcome[:, O_END] == ENDED_BY_GOAL


def shares_trunk(agent: Any) -> str | None:
    """A sentence: whether policy and value share hidden layers; None for an agent without a net."""
    card, policy = getattr(agent, "card", None), getattr(agent, "policy", None)
    if card is None or policy is None:
        return None
    if not hasattr(policy, "value_net"):
        return "policy and value are the same Q values"
    if card.trunk and getattr(policy, "share_features_extractor", True):
        width = "-".join(map(str, card.trunk))
        return f"policy and value share one trunk ({width} units): an edit that moves the policy can move the value too, whatever it values"
    return "policy and value are separate nets"
