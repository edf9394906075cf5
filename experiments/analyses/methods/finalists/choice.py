"""Who is a finalist: the three methods with the smallest critical α on the old seeds. docs/results/methods-finalists-plan.md has the rule.

Read next: `predictions.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ....study.leaderboard.agents import agents_of
from ....study.leaderboard.curves import Span, critical_alpha
from ....study.leaderboard.points import CONTROLS
from ....system.atomic_files import RunError
from ..comparison.bonus import FINALISTS as STUDIES
from ..comparison.bonus import STUDY, method_of, named_points
from ..comparison.controls import L1
from ..comparison.in_short import ABLE

OLD = (L1, STUDY)  # the studies that chose
ALPHAS = (0.001, 0.003, 0.01, 0.03, 0.1)
SEEDS = range(510, 520)
MOST = 3  # finalists


@dataclass(frozen=True)
class FinalistCandidate:
    """An arm: its critical α by goal first of all episodes, None without one, and the lowest mean capability at any α."""

    arm: str
    critical: Span | None
    capability: float

    @property
    def able(self) -> bool:
        """Whether its mean capability is high enough at every α."""
        return self.capability >= ABLE

    @property
    def place(self) -> float:
        """The sort key: the critical α; without one it comes last."""
        return float("inf") if self.critical is None else self.critical.value


def old_agents(rows: Path) -> pl.DataFrame:
    """The agents from which finalists are chosen: all arms in CoinRun with the budget of plain PPO, without controls. Raises RunError."""
    return agents_of(
        point
        for point in named_points(rows, OLD)
        if not point.budget and method_of(point.method) not in CONTROLS
    )


def new_agents(rows: Path) -> pl.DataFrame:
    """The agents of the studies that are recorded. Raises RunError if none is."""
    there = tuple(study for study in STUDIES if (rows / f"{study}.parquet").exists())
    if not there:
        raise RunError(
            f"{rows} holds no rows of {', '.join(STUDIES)}; record them with docs/results/regenerate.sh"
        )
    return agents_of(named_points(rows, there))


def candidates_of(agents: pl.DataFrame) -> list[FinalistCandidate]:
    """All arms that have the agents of all seeds at every α of the rule, in the order of their critical α."""
    found = []
    for (arm,), own in agents.group_by("method", maintain_order=True):
        pairs = set(own.select("parameter", "seed").iter_rows())
        if pairs >= {(alpha, seed) for alpha in ALPHAS for seed in SEEDS}:
            means = own.group_by("parameter").agg(pl.col("capability").mean())["capability"]
            found.append(
                FinalistCandidate(
                    str(arm), critical_alpha(own, "goal_first"), float(str(means.fill_null(0.0).min()))
                )
            )
    return sorted(found, key=lambda candidate: candidate.place)


def finalists_of(candidates: Sequence[FinalistCandidate]) -> list[FinalistCandidate]:
    """The best able arm of each method, and of these the first three."""
    best: dict[str, FinalistCandidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.place):
        if candidate.able:
            best.setdefault(method_of(candidate.arm), candidate)
    return list(best.values())[:MOST]
