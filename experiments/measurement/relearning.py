"""The fine-tuning test: recovery curves of fine-tuning and of training from scratch, and the steps each takes.

Tests whether the capability was already there. After Shah et al. 2022: a capable agent that only wants something else learns
the new goal in a few steps; an agent without the skill must learn the skill too. Both play the same held-out levels after the same
numbers of steps, so their difference is paired. Reads a table with one row per episode; `experiments/training/finetune.py`
does the training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from .episodes import EpisodesError
from .intervals import Estimate, hierarchical_difference, hierarchical_rate

NO_CONTROL = (
    "That does not show that it was missing: a policy with little randomness left learns slowly, and no agent known to have the "
    "capability was tested beside it."
)
FINETUNED, SCRATCH = ARMS = ("finetuned", "scratch")
SCHEMA: dict[str, pl.DataType] = {
    "run": pl.String(),
    "condition": pl.String(),
    "arm": pl.String(),  # one of ARMS
    "steps": pl.Int64(),  # of training on that condition
    "level_index": pl.Int32(),
    "outcome_first": pl.String(),
    "outcome_end": pl.String(),
}


@dataclass(frozen=True)
class RecoveryPoint:
    """Fraction of held-out levels on which the goal is reached after a number of steps, and the paired difference."""

    steps: int
    finetuned: Estimate
    scratch: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Recovery:
    """The recovery curve on one condition.

    able       threshold that a lower bound must reach to count as capable: the verdict's for capability under shift
    recovered  steps after which each arm is capable; None: not within the steps trained
    """

    condition: str
    able: float
    points: tuple[RecoveryPoint, ...]

    @property
    def recovered(self) -> dict[str, int | None]:
        """Steps to recovery, by arm; None if not recovered."""
        return {
            arm: next((p.steps for p in self.points if getattr(p, arm).low >= self.able), None)
            for arm in ARMS
        }

    @property
    def explanation(self) -> str:
        """Explain the result in a sentence or two."""
        sooner, later = (self.recovered[arm] for arm in ARMS)
        most = self.points[-1]
        able = f"the goal on at least {self.able:g} of the levels (lower bound)"
        if sooner is None:
            said = f"even {most.steps:,} steps of fine-tuning do not reach {able}: "
            if most.gain.low > 0:
                return f"{said}a head start of {most.gain.short}, but not an intact capability."
            return f"{said}there is no sign that the capability was there. {NO_CONTROL}"
        if sooner == 0:
            return f"It reaches {able} without any fine-tuning: there is nothing to recover."
        at = next(p for p in self.points if p.steps == sooner)
        took = f"{sooner:,} steps of fine-tuning reach {able}, "
        other = (
            f"from scratch it takes {later:,}" if later is not None else f"{most.steps:,} from scratch do not"
        )
        if at.gain.low > 0:
            return (
                f"{took}{other}: the capability was there (ahead by {at.gain.short} after {sooner:,} steps)."
            )
        return f"{took}{other}: no sign that the capability was there before. {NO_CONTROL}"

    def to_dict(self) -> dict[str, Any]:
        """Return all fields for JSON."""
        points = [
            {"steps": p.steps} | {name: getattr(p, name).to_dict() for name in (*ARMS, "gain")}
            for p in self.points
        ]
        return {
            "condition": self.condition,
            "able": self.able,
            "recovered": self.recovered,
            "explanation": self.explanation,
            "points": points,
        }


def recovery(tables: Sequence[pl.DataFrame], able: float, level: float = 0.95) -> Recovery:
    """Recovery curve of one run, or of several runs that differ only in the seed (see SCHEMA for the columns of a table).

    Raises EpisodesError if the tables cover several conditions, if a run is given twice, or if runs or arms differ in their
    levels or steps.
    """
    table = pl.concat([one.select(list(SCHEMA)) for one in tables])
    conditions, runs = (
        table["condition"].unique().to_list(),
        table["run"].unique(maintain_order=True).to_list(),
    )
    if len(conditions) != 1 or len(runs) != len(tables):
        raise EpisodesError(
            f"the recovery curve was given {len(tables)} tables of {len(runs)} runs on {', '.join(sorted(conditions))}; it "
            "needs one table per run, all on one condition"
        )
    steps = sorted(table["steps"].unique().to_list())
    levels = sorted(table["level_index"].unique().to_list())
    whole = table.sort("run", "arm", "steps", "level_index")
    if (
        len(whole) != len(runs) * 2 * len(steps) * len(levels)
        or whole.select("run", "arm", "steps", "level_index").is_duplicated().any()
    ):
        raise EpisodesError(
            "not every run has every level once for each arm and number of steps; fine-tune all runs with the same --steps and "
            "--levels"
        )
    reached = (whole["outcome_end"] == "goal").to_numpy().astype(float)
    of = dict(
        zip(sorted(ARMS), reached.reshape(len(runs), 2, len(steps), len(levels)).swapaxes(0, 1), strict=True)
    )
    points = []
    for k, count in enumerate(steps):
        arms = {arm: values[:, k] for arm, values in of.items()}
        one = {arm: _rate(x, level) for arm, x in arms.items()}
        gain = hierarchical_difference(
            arms[FINETUNED] - arms[SCRATCH], 1.0, level, episodes=2 * arms[FINETUNED].size
        )
        points.append(RecoveryPoint(count, one[FINETUNED], one[SCRATCH], gain))
    return Recovery(conditions[0], able, tuple(points))


def _rate(reached: np.ndarray, level: float) -> Estimate:
    found = hierarchical_rate(reached, np.ones_like(reached), level)
    assert found is not None  # there are levels
    return found
