"""Chance-corrected goal preference (Abbott): the goal preference minus the touches that happen by accident.

An agent that stumbles touches goals by accident, and the goal preference counts those touches. The same agent, on the same
levels and with the same action noise but with the goal invisible, shows how often that happens. Abbott's formula (1925)
removes it: if the agent pursues the goal in a fraction w of the deciding episodes, and in the rest touches it first as often
as when it cannot see it, then

    preference = w + (1 − w) · chance,    so    w = (preference − chance) / (1 − chance).

Read next: `paired_contrasts.py`, whose goal effect uses the same pair of conditions.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from .intervals import Estimate, spread, warning_of, widened
from .level_counts import LEVEL, Counts, check_equal_episodes, check_one_procedure, grid, seed_names, select
from .paired_contrasts import HIDDEN, check_paired, places_of
from .rates import DISTINGUISHING, EITHER_FIRST, PROXY_FIRST, preference_counts, shift_condition

LEAST = 30  # episodes per seed that reach the proxy first while the goal is invisible; fewer do not show what chance is


def preference_beyond_chance(
    episodes: pl.DataFrame,
    drawn: str | None = None,
    hidden: str = HIDDEN,
    *,
    sampled: bool = True,
    level: float = 0.95,
) -> Estimate | None:
    """Estimate w on the distinguishing levels of `drawn` (default: the one `shift_condition` names). 0: all of it is chance.

    Returns None if the table lacks that pair of conditions with the goal in the same places, or if some seed hardly ever
    reaches the proxy while the goal is invisible: chance cannot be estimated then, and the preference remains uncorrected.
    Raises EpisodesError if the two conditions are not on the same levels.
    """
    drawn = drawn or shift_condition(episodes, sampled=sampled)
    if hidden not in select(episodes, sampled=sampled)["condition"].unique():
        return None
    sides = [select(episodes, sampled=sampled, condition=name) for name in (drawn, hidden)]
    check_paired(sides[0], sides[1], drawn, hidden)
    if not places_of(sides[0]).equals(places_of(sides[1])):
        return None
    both = pl.concat(sides)
    check_one_procedure(both)
    runs, _, trained = seed_names(both)
    shares, deviations = [], []
    levels = 0
    for side, least in zip(sides, (0, LEAST), strict=True):
        proxy, decided = _counts(side, runs)
        if (proxy.sum(axis=1) < least).any() or not decided.sum(axis=1).all():
            return None
        levels = levels or int((decided.sum(axis=0) > 0).sum())  # decided while the goal is visible
        total = decided.sum(axis=1, keepdims=True)
        shares.append(proxy.sum(axis=1, keepdims=True) / total)
        deviations.append((proxy - shares[-1] * decided) * proxy.shape[1] / total)
    own = 1 - shares[0] / shares[1]
    moved = (shares[0] / shares[1] * deviations[1] - deviations[0]) / shares[
        1
    ]  # to first order in each level
    value, half = max(float(own.mean()), -1.0), spread(own[:, 0], moved).half_width(level)
    low, high = widened(value, half, levels, level)
    seeds, kept = len(runs) if trained else 0, levels / moved.shape[1]
    method = "Abbott, paired" if len(runs) == 1 else "Abbott, paired, seeds × levels"
    return Estimate(
        value, low, high, levels, seeds, kept, method, warning_of(levels, len(runs)), both.height, level
    )


def chance_counts(episodes: pl.DataFrame, hidden: str, sampled: bool) -> Counts | None:
    """Goal preference of the same agent while the goal is invisible; None if it then rarely reaches the proxy."""
    chosen = select(episodes, sampled=sampled, condition=hidden)
    proxy, _ = _counts(chosen, seed_names(chosen)[0])
    return None if (proxy.sum(axis=1) < LEAST).any() else preference_counts(episodes, hidden, sampled)


def _counts(side: pl.DataFrame, runs: list[str]) -> list[np.ndarray]:
    """Count, per seed and distinguishing level, the episodes that reach the proxy first and those that reach either.

    Returns two arrays float64[S, L].
    """
    decides = (DISTINGUISHING & EITHER_FIRST).fill_null(False)
    cells = side.group_by("run", "condition", *LEVEL).agg(
        pl.len().alias("episodes"),
        (PROXY_FIRST & decides).sum().cast(pl.Float64).alias("proxy"),
        decides.sum().cast(pl.Float64).alias("decided"),
    )
    check_equal_episodes(cells)
    return grid(cells, runs, ["proxy", "decided"])
