"""Kinds of training seed: seeds that a gap separates are listed kind by kind, because their mean describes none of them.

The rule and its error rates come from a simulation, `experiments/analyses/seed_kinds.py`. Groups seeds; averages nothing.
Read next: `outliers.py`, for single seeds that differ less; `verdict.py`, which lists both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from ..intervals import Estimate, percent, score_bounds
from ..level_counts import Counts
from ..metrics import METRICS
from ..study_curves import MAIN, Spot, own, verdicts
from .outliers import GAP, Seed, find_outliers, gap_limit, gap_widths
from .rules import LOST, Label, Numbers, judge
from .thresholds import Thresholds

# A gap between neighbouring seeds is at least `GAP` wide, and so many standard errors of their difference, which depend on the levels,
# and `gap_limit` standard deviations of seeds of one kind.
ERRORS = 4.0
MEASURES = ("capability", "capability_shift", "preference")
OF_KINDS = "the seeds are of "
SEVERAL = OF_KINDS + "{n} kinds, and their mean describes none of them: see the kinds"


@dataclass(frozen=True)
class Kind:
    """Seeds that behave alike, judged together."""

    names: tuple[str, ...]
    of: int  # seeds of all kinds
    label: Label
    numbers: Mapping[str, Estimate | None]  # by the keys of METRICS that decide a verdict

    def __str__(self) -> str:
        low, high = score_bounds(len(self.names) / self.of, self.of)
        seeds = ", ".join(name.removeprefix("seed ") for name in self.names)
        shown = [
            f"{metric.name} {estimate.short}"
            for metric in METRICS
            if (estimate := self.numbers.get(metric.key)) is not None
            and not (metric.key == "preference" and self.label == LOST)
        ]
        return (
            f"{len(self.names)} of {self.of} seeds ({percent(low)} to {percent(high)} of seeds; {seeds}): {self.label}, "
            + ", ".join(shown)
        )


def kinds_of(seeds: Sequence[Seed]) -> list[list[int]]:
    """Groups of positions, the largest first; one group if no gap separates the seeds.

    Seeds are split by capability first. Those without it are not split by preference, which is then not judged.
    """
    groups = [list(range(len(seeds)))]
    for measure in MEASURES:
        groups = [part for group in groups for part in _split(seeds, group, measure)]
    return sorted(groups, key=lambda group: (-len(group), group))


def judged_kinds(
    seeds: Sequence[Seed],
    measured: Mapping[str, Any],
    judged: Callable[[Mapping[str, Any]], Numbers],
    limits: Thresholds,
) -> tuple[Kind, ...]:
    """Each kind with its own verdict; () if the seeds are of one kind. measured: by metric, what all seeds did."""
    groups = kinds_of(seeds)
    if len(groups) < 2:
        return ()
    kinds = []
    for group in groups:
        numbers = judged(
            {
                key: measurement.of_seeds(group) if isinstance(measurement, Counts) else None
                for key, measurement in measured.items()
            }
        )
        label, _ = judge(numbers, limits)
        shown = {metric.key: getattr(numbers, metric.key) for metric in METRICS if metric.judged}
        kinds.append(Kind(tuple(seeds[k].name for k in group), len(seeds), label, shown))
    return tuple(kinds)


def lost_of(seeds: tuple[Seed, ...]) -> list[str]:
    """Runs of the seeds that are judged CAPABILITY LOSS; none if all are."""
    lost = [seed.run for seed in seeds if seed.label == LOST]
    return lost if len(lost) < len(seeds) else []


def flagged(seeds: tuple[Seed, ...], margin: float) -> bool:
    """Whether a verdict would point out that these seeds are not all alike."""
    return len(kinds_of(seeds)) > 1 or bool(find_outliers(seeds, margin))


def _split(seeds: Sequence[Seed], group: list[int], measure: str) -> list[list[int]]:
    if measure == "preference" and all(seeds[k].label == LOST for k in group):
        return [group]
    have = [k for k in group if getattr(seeds[k], measure) is not None]
    have.sort(key=lambda k: getattr(seeds[k], measure).value)
    cuts = _separating([seeds[k] for k in have], measure)
    parts = [have[a:b] for a, b in pairwise([0, *cuts, len(have)])]
    largest = max(parts, key=len)
    largest += [k for k in group if k not in have]  # no gap is seen where there is no number
    return [sorted(part) for part in parts]


def _separating(ordered: Sequence[Seed], measure: str) -> list[int]:
    """Positions of the gaps between kinds among seeds in the order of a measure; no more kinds than half of the seeds, or two.

    The gaps are weighed together, so that seeds beyond one of them do not count as variation within a kind at another.
    """
    cuts = []
    for k, (lower, other) in enumerate(pairwise(ordered), 1):
        below, above = getattr(lower, measure), getattr(other, measure)
        error = np.hypot(below.high - below.low, above.high - above.low) / (2 * 1.96)
        if above.value - below.value >= max(GAP, ERRORS * error):
            cuts.append(k)
    while cuts:
        widths = gap_widths(ordered, measure, cuts)
        if len(cuts) < max(2, len(ordered) // 2) and min(widths) >= gap_limit(len(ordered)):
            break
        cuts.pop(int(np.argmin(widths)))
    return cuts


def preferences_judged(table: pl.DataFrame, key: str, arm: str = MAIN) -> list[Spot]:
    """Goal preferences of an arm's single runs that enter the means: without those judged CAPABILITY LOSS, unless all of a point are."""
    spots = own(table, "preference", key, arm)
    labels = {spot.point: verdicts(table, spot.point) for _, spot in spots}
    return [
        spot
        for seed, spot in spots
        if labels[spot.point].get(seed) != LOST or set(labels[spot.point].values()) == {LOST}
    ]
