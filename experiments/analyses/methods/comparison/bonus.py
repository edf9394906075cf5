"""Agents of the studies of methods in CoinRun, by method and entropy bonus: `PLR-regret 0.1` is replay by exact regret with 0.1.

The studies name an arm by its method and options; comparisons at equal bonus need the same name for the same arm, whichever study has it.
Read next: `../entropy/__main__.py`, `../finalists/choice.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from ....study.design.plan import plan_study
from ....study.leaderboard.curves import Span, differences
from ....study.leaderboard.points import PLAIN, MethodPoint, points_of, recorded
from ....system.atomic_files import RunError

STUDY = "methods-entropy"
REPLAY, RANDOMIZED, ACCEL, SHUFFLED = (
    "PLR-regret",
    "domain-randomization",
    "ACCEL-identity-regret",
    "PLR-shuffled",
)
SAME = {"plain-tuned": PLAIN}  # arms that differ from another one in the bonus only
FINALISTS = ("methods-finalists", "methods-finalists-corner", "methods-finalists-beacon")
# The method of a study's main runs, where it is not plain PPO.
MAIN_RUNS = {STUDY: REPLAY, "methods-why": "fixed_share"} | dict.fromkeys(FINALISTS, RANDOMIZED)


def named_points(rows: Path, studies: tuple[str, ...]) -> Iterator[MethodPoint]:
    """The points of studies, each method with its bonus. Raises RunError if rows are missing, EpisodesError."""
    for study in studies:
        for point in recorded_points(rows, study):
            yield replace(point, method=name_of(point))


def recorded_points(rows: Path, study: str) -> Iterator[MethodPoint]:
    """The points of one study. Raises RunError if its rows are missing, EpisodesError."""
    path = rows / f"{study}.parquet"
    if not path.exists():
        raise RunError(
            f"{path} is missing; record it with docs/results/regenerate.sh (its list names the part)"
        )
    return points_of(plan_study(study), recorded(path))


def name_of(point: MethodPoint) -> str:
    """Format as `plain 0.01`: the method, and the entropy bonus of its training."""
    method = MAIN_RUNS.get(point.study, PLAIN) if point.method == PLAIN else point.method
    return f"{SAME.get(method, method)} {point.config.train.ent_coef:g}"


def method_of(name: str) -> str:
    """The method of a name, without its bonus."""
    return name.rpartition(" ")[0]


def change(after: pl.DataFrame, before: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    """The goal preference of agents minus that of others, matched by these columns; columns: these, and preference."""
    matched = after.join(before, on=list(on), suffix="_before")
    return matched.select(*on, preference=pl.col("preference") - pl.col("preference_before"))


def minus(
    agents: pl.DataFrame, method: str, other: str, measure: str = "preference", level: float = 0.95
) -> Span | None:
    """A measure of one arm minus that of another at equal α, paired by seed, averaged over the α that both have."""
    pair = agents.filter(pl.col("method").is_in([method, other]))
    return next((contrast.span for contrast in differences(pair, measure, other, level)), None)
