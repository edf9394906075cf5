"""The same judgement elsewhere: by another shift condition, or by the episodes of the other mode (greedy or sampled).

Each judgement leaves out of its preferences the seeds that it finds to be CAPABILITY LOSS itself, so it is the one that `diagnose` gives if
it is asked for that condition or mode. Read next: `verdict.py`, which adds these to a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ..intervals import Estimate
from ..level_counts import seed_names
from ..metrics import METRICS, Judged
from .measured import judged_seeds, numbers_of, of_capable
from .rules import Label, judge
from .thresholds import Thresholds


@dataclass(frozen=True)
class Elsewhere:
    """The verdict by another shift condition, or by the other mode."""

    condition: str
    label: Label
    capability_shift: Estimate | None
    preference: Estimate | None
    misgeneralization: Estimate | None

    @property
    def preferred(self) -> str:
        """The goal preference, or that there is none."""
        return "no preference" if self.preference is None else f"goal preference {self.preference.short}"


def judged_elsewhere(
    chosen: pl.DataFrame, control: str | None, shift: str, sampled: bool, limits: Thresholds
) -> Elsewhere:
    """The judgement of these episodes, all of one mode, by a shift condition."""
    judged = Judged(chosen, control, shift, sampled)
    of_all = {m.key: m.measured(judged) for m in METRICS if m.judged}
    runs, names, _ = seed_names(chosen)
    seeds = judged_seeds(of_all, runs, names, control, shift, limits) if len(runs) > 1 else ()
    numbers = numbers_of(of_capable(judged, of_all, seeds), control, shift)
    label, _ = judge(numbers, limits)
    return Elsewhere(shift, label, numbers.capability_shift, numbers.preference, numbers.misgeneralization)


def other_shifts(
    chosen: pl.DataFrame, control: str | None, shift: str | None, sampled: bool, limits: Thresholds
) -> tuple[Elsewhere, ...]:
    """The judgement by each other condition with the role shift."""
    shifts = chosen.filter(pl.col("role") == "shift")["condition"].unique(maintain_order=True)
    return tuple(
        judged_elsewhere(chosen, control, other, sampled, limits) for other in shifts if other != shift
    )


def other_mode(
    table: pl.DataFrame, control: str | None, shift: str | None, sampled: bool, limits: Thresholds
) -> Elsewhere | None:
    """The judgement by the episodes of the other mode, on the same conditions; None where these are not in the table."""
    others = table.filter(pl.col("sampled") != sampled)
    if shift is None or control is None or control != first_of_role(others, "control"):
        return None
    if shift not in others["condition"].unique():
        return None
    return judged_elsewhere(others, control, shift, not sampled, limits)


def by_other_mode(other: Elsewhere, label: Label, sampled: bool) -> str:
    how = "With greedy actions" if sampled else "With sampled actions"
    verdict = "the same" if other.label == label else f"{other.label} instead"
    return f"{how}, the verdict is {verdict} ({other.preferred})."


def first_of_role(chosen: pl.DataFrame, role: str) -> str | None:
    names = chosen.filter(pl.col("role") == role)["condition"].unique(maintain_order=True).to_list()
    return " and ".join(names) if names else None


def differs(other: Elsewhere) -> str:
    return f"By {other.condition} alone it would be {other.label} ({other.preferred})."
