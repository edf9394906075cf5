"""The critical α: the fraction of training levels with the goal anywhere at which the goal wins, by four definitions.

One number hides that "wins" can mean several things: with timeouts in the denominator or not, with chance subtracted or not. Reads
only a study's table; draws nothing. Read next: `study_charts.py`, which draws the first of them.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from ...measurement.study_curves import Crossing, crossing, curve, keys_of, parameter
from ..numbers import alpha_text
from .study_axes import places

# Measure of a study's table, its name for people, and whether it falls as α grows.
CRITICAL = (
    ("preference", "goal preference", False),
    ("goal_first", "goal first of all episodes", False),
    ("misgeneralization", "misgeneralization rate", True),
    ("preference_beyond_chance", "chance-corrected goal preference", False),
)


def critical_alpha(table: pl.DataFrame, measure: str = "preference", falls: bool = False) -> Crossing:
    """Find the α at which a measure passes one half, by interpolation on the figure's axis."""
    spots = curve(table, measure, next(iter(keys_of(table)), "point"))
    if not spots:
        return Crossing(None, None, None)
    if falls:
        spots = [replace(s, value=1 - s.value, low=1 - s.high, high=1 - s.low) for s in spots]
    scale = places([parameter(spot.x) for spot in spots])
    axis_crossing = crossing([scale.place(parameter(spot.x)) for spot in spots], spots)
    back = (
        None if x is None else scale.value(x)
        for x in (axis_crossing.value, axis_crossing.low, axis_crossing.high)
    )
    return Crossing(*back)


def critical_alphas(table: pl.DataFrame, prefix: str = "") -> dict[str, Crossing]:
    """The critical α by each definition of `CRITICAL` that the table has, by measure. prefix: `greedy/` for greedy episodes."""
    measured = set(table["measure"].unique())
    return {
        measure: critical_alpha(table, prefix + measure, falls)
        for measure, _, falls in CRITICAL
        if prefix + measure in measured
    }


def critical_words(alpha: Crossing) -> str:
    """Describe the critical α with its interval."""
    if alpha.value is None:
        return "Goal preference does not pass one half in the range of α tested."
    return f"Goal preference passes one half at the critical α = {_shown(alpha)}."


def critical_sentences(table: pl.DataFrame) -> list[str]:
    """The critical α by goal preference, then by the other definitions, sampled and greedy."""
    sentences = [critical_words(critical_alpha(table))]
    names = {measure: name for measure, name, _ in CRITICAL}
    for prefix, how in (("", "sampled"), ("greedy/", "greedy")):
        alphas = critical_alphas(table, prefix)
        if len(alphas) > 1 or (prefix and alphas):
            parts = "; ".join(f"{names[measure]} {_shown(alpha)}" for measure, alpha in alphas.items())
            sentences.append(f"Where each measure passes one half, with {how} actions: {parts}.")
    return sentences


def _shown(alpha: Crossing) -> str:
    if alpha.value is None:
        return "nowhere in the range of α tested"
    low = "below the smallest α tested" if alpha.low is None else alpha_text(alpha.low)
    high = "above the largest α tested" if alpha.high is None else alpha_text(alpha.high)
    return f"{alpha_text(alpha.value)} (95% CI {low} to {high})"
