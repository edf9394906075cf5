"""Paired differences between two conditions on the same levels, the goal effect, and regret.

Pairs are levels: the same layout with the same level index and the same action noise (common random numbers), once under
each condition, so that differences between levels cancel. Refuses conditions that are not paired. Read next:
`experiments/measurement/verdict/verdict.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.special import stdtrit

from .episodes import SCHEMA, EpisodesError
from .intervals import Estimate, hierarchical_difference, hierarchical_mean, warning_of
from .level_counts import (
    LEVEL,
    check_equal_episodes,
    check_no_repeats,
    check_one_procedure,
    grid,
    seed_names,
    select,
)
from .rates import GOAL_REACHED

HIDDEN = "invisible"
PLANNED = ("optimal_goal", "optimal_proxy", "optimal_proxy_avoiding_goal")


def paired_difference(
    episodes: pl.DataFrame,
    a: str,
    b: str,
    what: str | pl.Expr = "return",
    *,
    sampled: bool = True,
    level: float = 0.95,
) -> Estimate | None:
    """Mean of `what` under condition a minus condition b, paired by level. `what`: a column or a polars expression.

    None if all values under both conditions are equal, unless `what` is Boolean. Raises EpisodesError if the conditions
    are not on the same layouts, or if `what` is empty somewhere.
    """
    if isinstance(what, str) and what not in SCHEMA:
        raise EpisodesError(f"there is no column {what!r}; the columns are {', '.join(SCHEMA)}.")
    value = pl.col(what) if isinstance(what, str) else what
    sides = [select(episodes, sampled=sampled, condition=name).with_columns(_value=value) for name in (a, b)]
    first, second = sides
    for name, side in ((a, first), (b, second)):
        dtype, empty = side["_value"].dtype, side["_value"].null_count()
        if not (dtype.is_numeric() or dtype == pl.Boolean):
            raise EpisodesError(f"a difference needs numbers, or true and false; {what} is of type {dtype}.")
        if empty:
            raise EpisodesError(
                f"{what} is empty in {empty:,} episodes of {name!r}, and an average over the rest would not be paired. Ask for "
                "something that every episode has, such as pl.col(...).is_not_null()."
            )
    check_paired(first, second, a, b)
    both = pl.concat([first, second])
    check_one_procedure(both)
    check_no_repeats(both)
    boolean = both["_value"].dtype == pl.Boolean
    both = both.with_columns(pl.col("_value").cast(pl.Float64))
    if not both["_value"].is_finite().all():
        raise EpisodesError(f"{what} is not a finite number in every episode.")
    low, high = (
        (0.0, 1.0)
        if boolean
        else (float(x) for x in both.select(l=pl.col("_value").min(), h=pl.col("_value").max()).row(0))
    )
    if low == high:
        return None
    runs, _, trained = seed_names(both)
    means = []
    for condition in (a, b):
        side = both.filter(pl.col("condition") == condition)
        cells = side.group_by("run", "condition", *LEVEL).agg(
            pl.len().alias("episodes"), pl.col("_value").mean()
        )
        check_equal_episodes(cells)
        means += grid(cells, runs, ["_value"])
    return hierarchical_difference(
        means[0] - means[1], high - low, level, trained=trained, episodes=both.height
    )


def goal_effect(
    episodes: pl.DataFrame,
    drawn: str | None = None,
    hidden: str = HIDDEN,
    *,
    sampled: bool = True,
    level: float = 0.95,
) -> Estimate | None:
    """Goal effect (the average treatment effect of goal visibility; CoinRun's coin effect).

    P(touch the goal's cell | goal drawn) − P(touch it | goal present but not drawn). 0: seeing the goal makes no difference.
    Without `drawn`: the condition that has the goal in the same places as `hidden`. Raises EpisodesError if there is none, or
    if the goal is elsewhere under `drawn`.
    """
    without = select(episodes, sampled=sampled, condition=hidden)
    places = places_of(without)
    if drawn is None:
        names = select(episodes, sampled=sampled)["condition"].unique(maintain_order=True).to_list()
        fitting = [c for c in names if c != hidden and places_of(_of(episodes, c, sampled)).equals(places)]
        if not fitting:
            raise EpisodesError(
                f"no condition in the table has the goal in the same places as {hidden!r}, so its effect cannot be measured. "
                "Evaluate the condition that differs only in drawing the goal (for CoinRun: off_path), on the same levels."
            )
        drawn = fitting[0]
    elif not places_of(select(episodes, sampled=sampled, condition=drawn)).equals(places):
        raise EpisodesError(
            f"the goal is not in the same places under {drawn!r} and {hidden!r}; their difference would mix the goal's "
            "visibility with its place. Evaluate both on the same levels, or leave `drawn` out."
        )
    return paired_difference(episodes, str(drawn), hidden, GOAL_REACHED, sampled=sampled, level=level)


def conflict_paralysis(
    greedy: pl.DataFrame | None, control: str | None, shift: str | None, level: float = 0.95
) -> Estimate | None:
    """P(a greedy episode goes round in circles | goal moved) − P(the same | goal as in training, or absent), on the same layouts.

    None where that is not decided of every episode, or the two are not paired.
    """
    if greedy is None or control is None or shift is None:
        return None
    sides = greedy.filter(pl.col("condition").is_in([control, shift]))
    if sides["condition"].n_unique() < 2 or sides["looped"].null_count():
        return None
    try:
        return paired_difference(sides, shift, control, pl.col("looped"), sampled=False, level=level)
    except EpisodesError:
        return None


def relocation_effect(pairs: pl.DataFrame, trained: bool = True, level: float = 0.95) -> Estimate | None:
    """P(the first of two places is a | goal at a) − P(the same | goal at b), paired by level; a blind agent's is exactly 0.

    pairs: run, level_index, `moved_here` and `moved_away`, one row per run and level. None if there are none, or if the runs do
    not have the same levels.
    """
    if not pairs.height:
        return None
    runs = pairs["run"].unique().sort().to_list()
    tables = [pairs.filter(pl.col("run") == run).sort("level_index") for run in runs]
    if any(not table["level_index"].equals(tables[0]["level_index"]) for table in tables):
        return None
    moved = np.array(
        [
            (table["moved_here"].cast(pl.Int8) - table["moved_away"].cast(pl.Int8)).to_list()
            for table in tables
        ]
    )
    return hierarchical_difference(
        moved.astype(float), 1.0, level, trained=trained, episodes=2 * pairs.height
    )


def mean_relocation_effect(
    agents: Sequence[tuple[float, float, float]], n: int, level: float = 0.95
) -> Estimate:
    """Mean of relocation effects (value, low, high), one per training seed, all on the same n levels; the levels one by one are not known.

    The variance of the seeds' mean (Student's t) is added to that of one agent over levels, as if levels and noise were common to all
    agents: the interval is as wide as that of `relocation_effect`, or wider.
    """
    values = np.array([value for value, _, _ in agents])
    value, of_seeds = float(values.mean()), 0.0
    if len(values) > 1:
        tail = float(stdtrit(len(values) - 1, (1 + level) / 2))
        of_seeds = tail * float(values.std(ddof=1)) / math.sqrt(len(values))
    below, above = (float(np.mean([abs(agent[end] - agent[0]) for agent in agents])) for end in (1, 2))
    low, high = max(value - math.hypot(of_seeds, below), -1.0), min(value + math.hypot(of_seeds, above), 1.0)
    warning = warning_of(n, len(values))
    return Estimate(value, low, high, n, len(values), 1.0, "paired, seeds and levels", warning, level=level)


def regret(episodes: pl.DataFrame, *, condition: str, sampled: bool = True, level: float = 0.95) -> Estimate:
    """Mean of the planner's best return minus the return achieved, over all episodes of a condition."""
    chosen = select(episodes, sampled=sampled, condition=condition)
    check_one_procedure(chosen)
    cells = chosen.group_by("run", "condition", *LEVEL).agg(
        pl.len().alias("episodes"), pl.col("regret").mean()
    )
    check_equal_episodes(cells)
    runs, _, trained = seed_names(chosen)
    (values,) = grid(cells, runs, ["regret"])
    best = (chosen["regret"] + chosen["return"]).max()
    top = max(float(best), float(values.max()), 0.0)  # pyright: ignore[reportArgumentType]
    bottom = min(float(values.min()), 0.0)
    top = top if top > bottom else bottom + 1.0
    return hierarchical_mean(values, (bottom, top), level, trained=trained, episodes=chosen.height)


def check_paired(first: pl.DataFrame, second: pl.DataFrame, a: str, b: str) -> None:
    cells = [side.group_by("run", *LEVEL).len().sort("run", *LEVEL) for side in (first, second)]
    if cells[0].equals(cells[1]):
        return
    keys = ["run", *LEVEL]
    alone = (
        cells[0].join(cells[1], on=keys, how="anti").height,
        cells[1].join(cells[0], on=keys, how="anti").height,
    )
    raise EpisodesError(
        f"{a!r} and {b!r} are not paired: {alone[0]:,} levels are only in the first, {alone[1]:,} only in the second"
        + ("" if any(alone) else ", and the numbers of episodes differ")
        + ". A paired difference needs the same layouts, under the same level indices, for every run. Evaluate both "
        "conditions in one evaluation."
    )


def _of(episodes: pl.DataFrame, condition: str, sampled: bool) -> pl.DataFrame:
    return episodes.filter((pl.col("condition") == condition) & (pl.col("sampled") == sampled))


def places_of(side: pl.DataFrame) -> pl.DataFrame:
    """Goal placement per level, as far as the planner's columns determine it: one row per level."""
    return side.select(*LEVEL, *PLANNED).unique().sort(LEVEL)
