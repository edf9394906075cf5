"""What is measured for a verdict, over all training seeds and for each alone: counts by metric, estimates, labels of seeds.

Preferences are means over the seeds that are not judged CAPABILITY LOSS under the same condition and mode. Read next:
`verdict.py`, which judges by these numbers; `elsewhere.py`, which judges by another condition or mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from ..intervals import Estimate
from ..level_counts import Counts
from ..metrics import METRICS, Judged
from ..rates import estimate
from .kinds import lost_of
from .outliers import Seed
from .rules import Numbers, judge
from .thresholds import Thresholds

Measured = Mapping[str, Counts | Estimate | None]


def of_capable(everything: Judged, measured: Measured, seeds: tuple[Seed, ...]) -> Measured:
    """The numbers, with preferences over the seeds that are not judged CAPABILITY LOSS, if there are both."""
    lost = lost_of(seeds)
    if not lost:
        return measured
    some = replace(everything, episodes=everything.episodes.filter(~pl.col("run").is_in(lost)))
    again = {m.key: m.measured(some) for m in METRICS if m.of_capable and measured.get(m.key) is not None}
    return {**measured, **again}


def estimated(number: Counts | Estimate | None) -> Estimate | None:
    return estimate(number) if isinstance(number, Counts) else number


def numbers_of(measured: Measured, control: str | None, shift: str | None) -> Numbers:
    return Numbers(control, shift, **{m.key: estimated(measured[m.key]) for m in METRICS if m.judged})


def judged_seeds(
    measured: Measured,
    runs: list[str],
    names: Sequence[str],
    control: str | None,
    shift: str | None,
    limits: Thresholds,
) -> tuple[Seed, ...]:
    judged = []
    for k, (run, name) in enumerate(zip(runs, names, strict=True)):
        alone = {
            m.key: estimate(counts.of_seed(k)) if isinstance(counts := measured[m.key], Counts) else None
            for m in METRICS
            if m.judged
        }
        label, _ = judge(Numbers(control, shift, **alone), limits)
        judged.append(Seed(name, run, label, **alone))
    return tuple(judged)
