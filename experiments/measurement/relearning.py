"""The fine-tuning test: recovery curves of fine-tuning and of training from scratch, and the steps each takes.

Tests whether the capability was already there. After Shah et al. 2022: a capable agent that only wants something else learns
the new goal in a few steps; an agent without the skill must learn the skill too. Both play the same held-out levels after the same
numbers of steps, so their difference is paired. A nearly certain policy explores little, so it learns slowly whatever it can do:
a third arm starts from the agent's weights with its action probabilities evened out to the entropy of a fresh net. Reads a table
with one row per episode; `experiments/training/finetune.py` does the training.
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
FINETUNED, MATCHED, SCRATCH = ARMS = ("finetuned", "matched", "scratch")
WORDS = {  # of each estimate of a point, as tables, charts and progress call it
    FINETUNED: "from its weights",
    MATCHED: "evened out",
    SCRATCH: "from scratch",
    "gain": "weights − scratch",
    "matched_gain": "evened out − scratch",
}
SCHEMA: dict[str, pl.DataType] = {
    "run": pl.String(),
    "condition": pl.String(),
    "arm": pl.String(),  # one of ARMS
    "steps": pl.Int64(),  # of training on that condition
    "sampled": pl.Boolean(),  # False: greedy actions
    "level_index": pl.Int32(),
    "outcome_first": pl.String(),
    "outcome_end": pl.String(),
}


@dataclass(frozen=True)
class RecoveryPoint:
    """Fraction of held-out levels on which the goal is reached after a number of steps, and the paired differences.

    gain, matched_gain   `finetuned` and `matched` minus `scratch`
    matched              None in tables of tests without that arm
    """

    steps: int
    finetuned: Estimate
    scratch: Estimate
    gain: Estimate
    matched: Estimate | None = None
    matched_gain: Estimate | None = None

    @property
    def estimates(self) -> dict[str, Estimate]:
        """The estimates that the test made, by name."""
        return {name: estimate for name in WORDS if (estimate := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Recovery:
    """The recovery curve on one condition, with sampled actions; what it says rests on these.

    able       threshold that a lower bound must reach to count as capable: the verdict's for capability under shift
    recovered  steps after which each arm is capable; None: not within the steps trained
    greedy     the same points with greedy actions; empty unless every run was measured with both
    """

    condition: str
    able: float
    points: tuple[RecoveryPoint, ...]
    greedy: tuple[RecoveryPoint, ...] = ()

    @property
    def recovered(self) -> dict[str, int | None]:
        """Steps to recovery, by arm; None if not recovered."""
        return {
            arm: next((p.steps for p in self.points if p.estimates[arm].low >= self.able), None)
            for arm in ARMS
            if arm in self.points[0].estimates
        }

    @property
    def explanation(self) -> str:
        """Explain the result in a few sentences."""
        return " ".join(filter(None, (self._of_its_weights, self._of_matched)))

    @property
    def _of_matched(self) -> str:
        """What the arm with a fresh net's entropy adds."""
        last, sooner = self.points[-1], self.recovered.get(MATCHED)
        if last.matched_gain is None or self.recovered[FINETUNED] == 0:
            return ""
        took = (
            f"takes {sooner:,} steps"
            if sooner is not None
            else f"does not get there in {last.steps:,} steps either"
        )
        if last.matched_gain.low > 0:
            ending = f"it ends ahead of scratch by {last.matched_gain.short}"
        elif last.matched_gain.high < 0:
            ending = f"it ends behind scratch ({last.matched_gain.short})"
        else:
            ending = f"its difference from scratch at the end, {last.matched_gain.short}, is not clear"
        return f"With the entropy of a fresh net at the start it {took}; {ending}."

    @property
    def _of_its_weights(self) -> str:
        sooner, later = self.recovered[FINETUNED], self.recovered[SCRATCH]
        most = self.points[-1]
        able = f"the goal on at least {self.able:g} of the levels (lower bound)"
        if sooner is None:
            opening = f"even {most.steps:,} steps of fine-tuning do not reach {able}: "
            if most.gain.low > 0:
                return f"{opening}a head start of {most.gain.short}, but not an intact capability."
            return f"{opening}there is no sign that the capability was there. {NO_CONTROL}"
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
        points, greedy_points = (
            [
                {"steps": p.steps} | {name: estimate.to_dict() for name, estimate in p.estimates.items()}
                for p in mode
            ]
            for mode in (self.points, self.greedy)
        )
        return {
            "condition": self.condition,
            "able": self.able,
            "recovered": self.recovered,
            "explanation": self.explanation,
            "points": points,
            "greedy_points": greedy_points,
        }


def recovery(tables: Sequence[pl.DataFrame], able: float, level: float = 0.95) -> Recovery:
    """Recovery curve of one run, or of several runs that differ only in the seed (see SCHEMA for the columns of a table).

    Raises EpisodesError if the tables cover several conditions, if a run is given twice, or if runs or arms differ in their
    levels or steps.
    """
    table = pl.concat([run_table.select(list(SCHEMA)) for run_table in tables])
    conditions, runs = (
        table["condition"].unique().to_list(),
        table["run"].unique(maintain_order=True).to_list(),
    )
    if len(conditions) != 1 or len(runs) != len(tables):
        raise EpisodesError(
            f"the recovery curve was given {len(tables)} tables of {len(runs)} runs on {', '.join(sorted(conditions))}; it "
            "needs one table per run, all on one condition"
        )
    by_mode = {sampled: table.filter(pl.col("sampled") == sampled) for sampled in (True, False)}
    of_both = by_mode[False]["run"].n_unique() == len(runs)
    greedy = _points(by_mode[False], len(runs), level) if of_both else ()
    return Recovery(conditions[0], able, _points(by_mode[True], len(runs), level), greedy)


def _points(table: pl.DataFrame, runs: int, level: float) -> tuple[RecoveryPoint, ...]:
    """The points of the episodes with one kind of actions. Raises EpisodesError if runs or arms differ in their levels or steps."""
    steps = sorted(table["steps"].unique().to_list())
    levels = sorted(table["level_index"].unique().to_list())
    arms = [arm for arm in ARMS if arm in table["arm"].unique().to_list() or arm != MATCHED]
    whole = table.sort("run", "arm", "steps", "level_index")
    if (
        len(whole) != runs * len(arms) * len(steps) * len(levels)
        or whole.select("run", "arm", "steps", "level_index").is_duplicated().any()
    ):
        raise EpisodesError(
            "not every run has every level once for each arm and number of steps; fine-tune all runs with the same --steps and "
            "--levels"
        )
    reached = (whole["outcome_end"] == "goal").to_numpy().astype(float)
    by_arm = reached.reshape(runs, len(arms), len(steps), len(levels)).swapaxes(0, 1)
    of = dict(zip(sorted(arms), by_arm, strict=True))
    points = []
    for k, count in enumerate(steps):
        at = {arm: values[:, k] for arm, values in of.items()}
        rates = {arm: _rate(x, level) for arm, x in at.items()}
        gains = {
            arm: hierarchical_difference(x - at[SCRATCH], 1.0, level, episodes=2 * x.size)
            for arm, x in at.items()
            if arm != SCRATCH
        }
        points.append(
            RecoveryPoint(
                count,
                rates[FINETUNED],
                rates[SCRATCH],
                gains[FINETUNED],
                rates.get(MATCHED),
                gains.get(MATCHED),
            )
        )
    return tuple(points)


def _rate(reached: np.ndarray, level: float) -> Estimate:
    rate = hierarchical_rate(reached, np.ones_like(reached), level)
    assert rate is not None  # there are levels
    return rate
