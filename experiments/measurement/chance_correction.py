"""Chance-corrected goal preference (Abbott): the goal preference minus the touches that happen by accident.

An agent that stumbles touches goals by accident, and the goal preference counts those touches. The same agent, on the same
levels and with the same action noise but with the goal invisible, shows how often that happens. Abbott's formula (1925)
removes it: if the agent pursues the goal in a fraction w of the deciding episodes, and in the rest touches it first as often
as when it cannot see it, then

    preference = w + (1 − w) · chance,    so    w = (preference − chance) / (1 − chance).

Read next: `paired_contrasts.py`, whose goal effect uses the same pair of conditions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from .intervals import Estimate, spread, warning_of, widened
from .level_counts import (
    LEVEL,
    Counts,
    check_equal_episodes,
    check_one_procedure,
    count,
    grid,
    seed_names,
    select,
)
from .paired_contrasts import HIDDEN, check_paired, places_of
from .rates import DISTINGUISHING, EITHER_FIRST, PROXY_FIRST, preference_counts, shift_condition

LEAST_MISSED = 10  # episodes per seed without an event while the goal is invisible; fewer do not show what seeing it adds
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
    proxy, decided = zip(*(_counts(side, runs) for side in sides), strict=True)
    if (proxy[1].sum(axis=1) < LEAST).any() or not all(of.sum(axis=1).all() for of in decided):
        return None
    levels = int((decided[0].sum(axis=0) > 0).sum())  # decided while the goal is visible
    value, half = _abbott(proxy, decided, level)
    return _estimate(value, half, levels, levels / proxy[0].shape[1], len(runs), trained, both.height, level)


def seen_effect(
    episodes: pl.DataFrame, drawn: str, hidden: str, event: pl.Expr, level: float = 0.95
) -> Estimate | None:
    """How often an event happens because the goal is seen: w of all episodes, from its rates under `drawn` and `hidden`.

    A blind agent's is 0: exactly, with the same action noise under both. If the event almost always happens without a goal in
    sight (fewer than 10 episodes of a seed in which it does not), nothing can be shown: 0 within ±1. `episodes` is of one mode.
    None if both conditions were not played with the goal in the same places. Raises EpisodesError.
    """
    sides = [episodes.filter(pl.col("condition") == name) for name in (drawn, hidden)]
    if not all(side.height for side in sides):
        return None
    check_paired(sides[0], sides[1], drawn, hidden)
    if not places_of(sides[0]).equals(places_of(sides[1])):
        return None
    counts = [count(side, ~event) for side in sides]
    missed, played = [one.events for one in counts], [one.trials for one in counts]
    runs, levels, height = len(counts[0].seeds), missed[0].shape[1], sides[0].height + sides[1].height
    if (missed[1].sum(axis=1) < LEAST_MISSED).any():
        value, half = 0.0, 1.0
    else:
        value, half = _abbott(missed, played, level)
    return _estimate(value, half, levels, 1.0, runs, counts[0].trained, height, level)


def _abbott(missed: Sequence[np.ndarray], counted: Sequence[np.ndarray], level: float) -> tuple[float, float]:
    """w and the half-width of its interval, from what was missed and counted while the goal is visible, and while it is not."""
    shares, deviations = [], []
    for without, of in zip(missed, counted, strict=True):
        total = of.sum(axis=1, keepdims=True)
        shares.append(without.sum(axis=1, keepdims=True) / total)
        deviations.append((without - shares[-1] * of) * of.shape[1] / total)
    own = 1 - shares[0] / shares[1]
    # To first order in each level:
    moved = (shares[0] / shares[1] * deviations[1] - deviations[0]) / shares[1]
    return max(float(own.mean()), -1.0), spread(own[:, 0], moved).half_width(level)


def _estimate(
    value: float,
    half: float,
    levels: int,
    kept: float,
    runs: int,
    trained: bool,
    episodes: int,
    level: float,
) -> Estimate:
    low, high = widened(value, half, levels, level)
    method = "Abbott, paired" if runs == 1 else "Abbott, paired, seeds × levels"
    warning = warning_of(levels, runs)
    return Estimate(value, low, high, levels, runs if trained else 0, kept, method, warning, episodes, level)


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
