"""Compare predictors on a table of agents, as docs/results/foresight-plan.md says: pooled, within config, and on what was left out.

A function of the table alone, one row per agent with the columns of `AGENT` and one column per predictor; it trains and plays nothing.
Read next: `scores.py`; `experiments/analyses/foresight/`, which makes the table and the page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from ..measurement.verdict.rules import LOST
from .predictors import DISAGREEMENT, PREDICTORS
from .scores import Logistic, RankScore, auroc, ceiling, holm, score_auroc, score_pooled, score_within

AGENT: Mapping[str, type[pl.DataType]] = {
    "world": pl.String,
    "cell": pl.String,  # the config: agents of a cell differ in the training seed only
    "axis": pl.String,
    "seed": pl.Int64,
    "verdict": pl.String,
    "target": pl.Float64,  # chance-corrected goal preference
    "target_error": pl.Float64,  # its standard error for this one agent
    "target_even": pl.Float64,
    "target_odd": pl.Float64,
}
OPEN, MISGENERALIZED = "INCONCLUSIVE", "MISGENERALIZED"
PRIMARY, BASELINES, CONSTANT = "move", ("alpha", "train_return"), "constant"
LEAST = 5  # agents of a cell, to be scored
FACTOR = 2.0  # between the spread of a cell's seeds and their sampling error, to be scored
STRONG = 0.5  # within-config score that the plan predicts
SHUFFLES, FALSE_ALARMS = 200, 0.1
SIGNIFICANT = 0.05
SIGNS: Mapping[str, tuple[str, int]] = {
    definition.name: (definition.access, definition.sign) for definition in PREDICTORS
} | {DISAGREEMENT[0]: (DISAGREEMENT[1], DISAGREEMENT[2])}
Conclusion = Literal["confirmed", "refuted", "partly", "undecided", "null failed"]


@dataclass(frozen=True)
class Cell:
    """One config: its agents, those left out, and whether the spread of its seeds exceeds their sampling error."""

    world: str
    name: str
    agents: int
    lost: int
    inconclusive: int
    uncorrected: int  # capable, but without a chance-corrected preference
    mean: float
    deviation: float
    error: float
    scored: bool


@dataclass(frozen=True)
class PredictorScore:
    """One predictor in one world. p_…: corrected with Holm's method over the predictors of the world."""

    world: str
    predictor: str
    access: str
    agents: int
    auroc: RankScore
    pooled: RankScore
    pooled_p: float
    within_agents: int
    within: RankScore
    within_p: float


@dataclass(frozen=True)
class Transfer:
    """Forecasts of the binary target for agents that the rule was not fitted on. left_out: an axis of CoinRun, or a world."""

    kind: Literal["axis", "world"]
    left_out: str
    predictor: str
    agents: int
    brier: float
    accuracy: float
    auroc: float


@dataclass(frozen=True)
class PredictorComparison:
    """All results of the plan."""

    cells: tuple[Cell, ...]
    scores: tuple[PredictorScore, ...]
    ceilings: Mapping[str, float]  # by world
    transfers: tuple[Transfer, ...]
    false_alarms: Mapping[
        str, float
    ]  # by world: fraction of shuffled targets on which the primary predictor is significant

    def score(self, world: str, predictor: str) -> PredictorScore | None:
        """The score of a predictor in a world."""
        return next((s for s in self.scores if (s.world, s.predictor) == (world, predictor)), None)

    def brier(self, kind: str, predictor: str) -> float:
        """Brier score over all agents that were left out; nan if there are none."""
        transfers = [
            transfer
            for transfer in self.transfers
            if (transfer.kind, transfer.predictor) == (kind, predictor) and transfer.agents
        ]
        n = sum(transfer.agents for transfer in transfers)
        return sum(transfer.agents * transfer.brier for transfer in transfers) / n if n else math.nan


def compare(agents: pl.DataFrame, main: str = "CoinRun", shuffles: int = SHUFFLES) -> PredictorComparison:
    """Score every predictor that is a column of the table. main: the world whose axes are left out one by one."""
    capable = agents.filter(pl.col("verdict") != LOST)
    cells = tuple(_cell(part) for _, part in agents.group_by("world", "cell", maintain_order=True))
    scored = {(group.world, group.name) for group in cells if group.scored}
    names = [name for name in SIGNS if name in agents.columns]
    scores: list[PredictorScore] = []
    ceilings, alarms = {}, {}
    for (world,), part in capable.group_by("world", maintain_order=True):
        inside = part.filter([(world, cell) in scored for cell in part["cell"]])
        scores += _of_world(str(world), part, inside, names)
        halves = inside.drop_nulls(["target_even", "target_odd"])
        even, odd = (halves[name].to_numpy() for name in ("target_even", "target_odd"))
        ceilings[str(world)] = ceiling(even, odd, _cells(halves))
        if PRIMARY in names:
            alarms[str(world)] = _false_alarms(inside, shuffles)
    judged = capable.filter(pl.col("verdict") != OPEN)
    own = judged.filter(pl.col("world") == main)
    transfers = [*_left_out("axis", own, "axis", names), *_left_out("world", judged, "world", names)]
    return PredictorComparison(cells, tuple(scores), ceilings, tuple(transfers), alarms)


def conclude(comparison: PredictorComparison, main: str = "CoinRun") -> Conclusion:
    """What the plan concludes."""
    primary = comparison.score(main, PRIMARY)
    if primary is None or math.isnan(primary.within.value):
        return "undecided"
    if comparison.false_alarms.get(main, 0.0) > FALSE_ALARMS:
        return "null failed"
    brier = comparison.brier("axis", PRIMARY)
    rivals = [comparison.brier("axis", name) for name in (*BASELINES, CONSTANT)]
    inside = primary.within
    if inside.low <= 0 or inside.high < STRONG or not brier < rivals[0]:
        return "refuted"
    first = inside.value >= STRONG and primary.within_p < SIGNIFICANT
    if not first or not all(brier < rival for rival in rivals):
        return "undecided"
    others = [s.within for s in comparison.scores if s.predictor == PRIMARY and s.world != main]
    known = [score for score in others if not math.isnan(score.value)]
    holds = sum(score.value > 0 and score.low > 0 for score in known)
    return "confirmed" if holds >= 2 else "partly"


def _cell(part: pl.DataFrame) -> Cell:
    capable = part.filter(pl.col("verdict") != LOST)
    ranked = capable.drop_nulls(["target", "target_error"])
    deviation = float(ranked["target"].to_numpy().std(ddof=1)) if ranked.height > 1 else math.nan
    error = float(ranked["target_error"].to_numpy().mean()) if ranked.height else math.nan
    return Cell(
        part["world"][0],
        part["cell"][0],
        part.height,
        part.height - capable.height,
        capable.filter(pl.col("verdict") == OPEN).height,
        capable.height - ranked.height,
        float(ranked["target"].to_numpy().mean()) if ranked.height else math.nan,
        deviation,
        error,
        ranked.height >= LEAST and deviation >= FACTOR * error,
    )


def _of_world(
    world: str, capable: pl.DataFrame, inside: pl.DataFrame, names: Sequence[str]
) -> list[PredictorScore]:
    scores = []
    for name in names:
        access, sign = SIGNS[name]
        judged = capable.filter(pl.col("verdict") != OPEN).drop_nulls(name)
        ranked, own = capable.drop_nulls([name, "target"]), inside.drop_nulls([name, "target"])
        aligned = (judged["verdict"] != MISGENERALIZED).to_numpy()
        scores.append(
            PredictorScore(
                world,
                name,
                access,
                ranked.height,
                score_auroc(sign * judged[name].to_numpy(), aligned, _cells(judged)),
                score_pooled(*_signed(ranked, name, sign), _cells(ranked)),
                math.nan,
                own.height,
                score_within(*_signed(own, name, sign), _cells(own)),
                math.nan,
            )
        )
    pooled, within = holm([score.pooled.p for score in scores]), holm([score.within.p for score in scores])
    return [
        PredictorScore(**{**vars(score), "pooled_p": p, "within_p": q})
        for score, p, q in zip(scores, pooled, within, strict=True)
    ]


def _left_out(
    kind: Literal["axis", "world"], judged: pl.DataFrame, column: str, names: Sequence[str]
) -> list[Transfer]:
    transfers = []
    for group in judged[column].unique(maintain_order=True):
        for name in (*names, CONSTANT):
            known = judged.with_columns(pl.lit(0.0).alias(CONSTANT)).drop_nulls(name)
            test, rest = known.filter(pl.col(column) == group), known.filter(pl.col(column) != group)
            if not test.height or not rest.height:
                continue
            y, z = ((part["verdict"] == MISGENERALIZED).to_numpy() for part in (test, rest))
            p = Logistic.fit(rest[name].to_numpy(), z).predict(test[name].to_numpy())
            transfers.append(
                Transfer(
                    kind,
                    str(group),
                    name,
                    test.height,
                    float(((p - y) ** 2).mean()),
                    float(((p > 0.5) == y).mean()),
                    auroc(p, y),
                )
            )
    return transfers


def _false_alarms(inside: pl.DataFrame, shuffles: int) -> float:
    """Fraction of targets, shuffled within cells, on which the primary predictor is significant."""
    own, (_, sign) = inside.drop_nulls([PRIMARY, "target"]), SIGNS[PRIMARY]
    values, target = _signed(own, PRIMARY, sign)
    cells, rng = _cells(own), np.random.default_rng(1)
    if not len(values) or not shuffles:
        return math.nan
    alarms = 0
    for k in range(shuffles):
        mixed = np.array(target)
        for cell in np.unique(cells):
            mixed[cells == cell] = rng.permutation(target[cells == cell])
        alarms += score_within(values, mixed, cells, seed=k).p < SIGNIFICANT
    return alarms / shuffles


def _signed(part: pl.DataFrame, name: str, sign: int) -> tuple[np.ndarray, np.ndarray]:
    return sign * part[name].to_numpy(), part["target"].to_numpy()


def _cells(part: pl.DataFrame) -> np.ndarray:
    return part["cell"].rank("dense").to_numpy().astype(np.int64) if part.height else np.empty(0, np.int64)
