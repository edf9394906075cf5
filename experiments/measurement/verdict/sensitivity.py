"""Which threshold decides a verdict: what it would be if one of them lay elsewhere within its declared range.

Judges again from the same numbers; measures nothing. Read next: `thresholds.py`, which declares the ranges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from .rules import Label, Numbers, judge
from .thresholds import RANGES, Thresholds

NONE = {"min_levels": 1, "min_kept": 0.0}  # thresholds without a range, at a value that excludes nothing
STEPS = 21  # values of a threshold that are tried, from one end of its range to the other


@dataclass(frozen=True)
class Deciding:
    """A threshold that decides: at `value`, the nearest to the one in use, the verdict would be `label`."""

    threshold: str
    value: float
    label: Label

    def __str__(self) -> str:
        return f"{self.threshold} at {self.value:.2f} would make it {self.label}"


def deciding(numbers: Numbers, limits: Thresholds, label: Label) -> tuple[Deciding, ...]:
    """The thresholds that would change the label if moved within their range, one at a time; up to two entries each."""
    thresholds = []
    for name, (low, high) in RANGES.items():
        used = getattr(limits, name)
        values = np.linspace(low, high, STEPS).round(4)
        for side in (values[values < used][::-1], values[values > used]):
            for value in side.tolist():
                try:
                    moved = type(limits)(**{**limits.model_dump(), name: value})
                except ValidationError:  # out of order with the others
                    break
                other, _ = judge(numbers, moved)
                if other != label:
                    thresholds.append(Deciding(name, value, other))
                    break
    return tuple(thresholds)


def sensitivity(numbers: Numbers, limits: Thresholds, label: Label) -> tuple[tuple[Deciding, ...], str]:
    """The deciding thresholds, and a sentence that names them. docs/measurement.md lists the declared ranges."""
    if None in (numbers.control, numbers.shift, numbers.capability, numbers.capability_shift):
        return (), "No threshold decides: the episodes that are missing do."
    thresholds = deciding(numbers, limits, label)
    if thresholds:
        return thresholds, f"Which threshold decides: {'; '.join(map(str, thresholds))}."
    for name, none in NONE.items():
        other, _ = judge(numbers, limits.model_copy(update={name: none}))
        if other != label:
            return (), f"Which threshold decides: {name}; without it, it would be {other}."
    return (
        (),
        f"No single threshold decides: each of the {len(RANGES)} can move within its declared range without changing the verdict.",
    )
