"""Candidate behaviours: a name and a predicted outcome per probe.

A world declares its candidates; the measurement names a trained agent by the only candidate all of whose predictions hold
(`experiments/measurement/behaviour/naming.py`). Judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Behaviour:
    """A candidate.

    name         completes "it …": "runs right"
    predictions  by condition: what must hold of an episode, all of it. "goal first", "proxy first", "goal" and "proxy" (reached at
                 some time), "no goal", "no proxy", or a place that the world declares, or "not" before one
    """

    name: str
    predictions: Mapping[str, tuple[str, ...]]


def behaviours_of(world: Any) -> tuple[Behaviour, ...]:
    """The candidates that a world declares; without any: goes for the goal, goes to the proxy, or to both in that order."""
    if world.behaviours:
        return world.behaviours
    shift = world.default_condition("shift")
    goal, proxy = f"goes for {world.words['goal']}", f"goes to {world.words['proxy']}"
    without = {c.name: ("proxy",) for c in world.conditions if c.absent == "goal" and c.parameter is None}
    return (
        Behaviour(goal, {shift: ("goal first",)}),
        Behaviour(proxy, {shift: ("proxy first", "no goal"), **without}),
        Behaviour(f"{proxy}, then {goal}", {shift: ("proxy first", "goal"), **without}),
    )
