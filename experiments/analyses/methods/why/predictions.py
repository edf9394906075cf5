"""The agents and the six predictions of docs/results/methods-why-plan.md. Read next: `shows.py`, `page.py`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from ....study.design.plan import plan_study
from ....study.leaderboard.agents import agents_of
from ....study.leaderboard.curves import critical_ratio
from ....study.leaderboard.points import PLAIN, MethodPoint, planned_of
from ..comparison.bonus import minus, recorded_points
from ..comparison.controls import (
    FAILS,
    HOLDS,
    L1,
    OPEN,
    PARTLY,
    UNKNOWN,
    Checked,
    judge,
    judge_above,
    judge_within,
)
from .page import STUDY
from .shows import (
    HALVED,
    LONGER,
    POOL,
    RANDOMIZED,
    REPLAY,
    SHARE,
    SHUFFLED,
    Why,
    lead,
    longer,
    minus_point,
    negative_control,
)

STEP, CLOSE, MARGIN, RATIO = 0.4, 0.15, 0.1, 0.5  # of predictions 1, 2, 4 and 6, 5


def read_agents(rows: Path) -> pl.DataFrame:
    """The agents of this study, and those of `methods-l1` with the same seeds. Raises RunError.

    Of the instrument, `method` is `fixed_share 0.5`, with its fraction of the steps, and `parameter` the number of different levels.
    """
    agents = agents_of(_named(point) for study in (STUDY, L1) for point in recorded_points(rows, study))
    seeds = agents.filter(pl.col("study") == STUDY)["seed"].unique()
    wanted = (pl.col("study") == STUDY) | pl.col("method").is_in([REPLAY, RANDOMIZED, SHUFFLED, PLAIN])
    return agents.filter(wanted & pl.col("seed").is_in(seeds.to_list()))


def _named(point: MethodPoint) -> MethodPoint:
    method = point.config.method
    if point.study != STUDY or method is None or method.name != SHARE:
        return point
    options = method.options
    return replace(
        point, method=f"{SHARE} {float(str(options['share'])):g}", parameter=float(str(options["distinct"]))
    )


def judged(agents: pl.DataFrame) -> list[Checked]:
    """The six predictions of the plan."""
    levels = minus_point(agents, (f"{SHARE} 0.5", 3000), (f"{SHARE} 0.5", 30))
    share = minus_point(agents, (f"{SHARE} 0.5", 300), (f"{SHARE} 0.05", 300))
    pool = minus(agents, POOL, REPLAY)
    halved = minus(agents, SHUFFLED, HALVED)
    return [
        judge_above(
            "1. Number of levels", levels, STEP, "goal preference, m = 3,000 minus m = 30, with s = 0.5"
        ),
        judge_within(
            "2. Fraction of steps", share, CLOSE, "goal preference, s = 0.5 minus s = 0.05, with m = 300"
        ),
        judge_above("3. Pool", pool, 0, "PLR⊥ with 500,000 levels minus with 50,000"),
        _training(agents),
        _both(agents),
        judge_within(
            "6. Negative control",
            halved,
            MARGIN,
            "PLR⊥ with shuffled scores minus plain PPO with half the steps",
        ),
    ]


def why_of(rows: Path) -> Why:
    """Sentences of the study for the page of methods. Raises RunError, EpisodesError.

    The cause of the failed control counts as found, in part, if all agents of plain PPO with half the steps are recorded and prediction 6
    holds. This rule was written before any run of the study, but after five seeds of the control; the plan does not have it.
    """
    if not all((rows / f"{study}.parquet").exists() for study in (STUDY, L1)):
        return Why()
    agents = read_agents(rows)
    planned = planned_of(plan_study(STUDY)).filter(pl.col("method") == HALVED).height
    found, cause = judged(agents)[5], ""
    if found.found == HOLDS and agents.filter(pl.col("method") == HALVED).height >= planned:
        rule = f"{PARTLY}, by a rule that is not in the plan ([experiment](methods-why.md), CoinRun): "
        cause = rule + negative_control(agents)
    return Why(cause, longer(agents))


def _training(agents: pl.DataFrame) -> Checked:
    name = "4. Training"
    spans = [minus(agents, f"{method}{LONGER}", method) for method in (RANDOMIZED, REPLAY)]
    more = lead(agents)
    if more is None or any(span is None for span in spans):
        return Checked(name, UNKNOWN, "four times the steps minus one")
    known = [span for span in spans if span is not None]
    holds = all(span.low > 0 for span in known) and more.high < MARGIN
    fails = any(span.high < 0 for span in known) or more.low > MARGIN
    words = (
        f"four times the steps minus one: domain randomization {known[0].short}, PLR⊥ {known[1].short}; PLR⊥'s lead grows by {more.short} "
        f"({more.counted})"
    )
    return Checked(name, HOLDS if holds else FAILS if fails else OPEN, words)


def _both(agents: pl.DataFrame) -> Checked:
    pair = [agents.filter(pl.col("method") == name) for name in (f"{POOL}{LONGER}", f"{RANDOMIZED}{LONGER}")]
    span = critical_ratio(pair[0], pair[1], "preference") if all(part.height for part in pair) else None
    words = (
        "critical α of PLR⊥ with both changes over that of domain randomization with four times the steps: {}"
    )
    return judge("5. Both", span, lambda s: s.low >= RATIO, lambda s: s.high < RATIO, words)
