"""Outcomes of an agent in the table of the foresight study: their columns, and their values from the measures of a run.

Read next: `agents.py`; `greedy.py`, for those of greedy episodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from ...study.design.measures import GREEDY

BOUNDS = ("", "_low", "_high")
Z = 1.959964  # standard errors on either side of a 95% interval
OUTCOMES = (  # of sampled and of greedy episodes
    "capability",
    "capability_shift",
    "preference",
    "chance",
    "preference_beyond_chance",
    "misgeneralization",
    "normalized_regret",
    "goal_first",
    "timeouts",
)
OF_GREEDY = (*OUTCOMES, "paralysis")
PREFIX = "greedy_"  # of the columns of greedy episodes
VERDICT = f"{PREFIX}verdict"


def columns_of(names: Iterable[str], prefix: str = "") -> dict[str, type[pl.DataType]]:
    """Columns of outcomes with their bounds, in order."""
    return {f"{prefix}{name}{bound}": pl.Float64 for name in names for bound in BOUNDS}


def values_of(
    known: Mapping[str, Mapping[str, Any]], names: Iterable[str], prefix: str = ""
) -> dict[str, Any]:
    """Values of these columns, from the measures of a run by name; None where a measure is missing."""
    of_actions = GREEDY if prefix else ""
    return {
        f"{prefix}{name}{bound}": known.get(of_actions + name, {}).get(bound.strip("_") or "value")
        for name in names
        for bound in BOUNDS
    }
