"""Forecast an agent's goal preference under shift from `move`, calibrated on agents of other worlds.

The calibration is a file next to this one, made from a table of agents (`Calibration.of`) by the analysis of the foresight study. As long
as there is none, nothing is forecast. Read next: `predictors.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from ..evaluation.evaluate import Subject
from ..measurement.verdict.rules import LOST
from .comparison import CONSTANT, MISGENERALIZED, OPEN, PRIMARY, Conclusion, PredictorComparison
from .predictors import Foreseen, foreseen
from .scores import Logistic

FILE = Path(__file__).with_name("calibration.json")
NEAREST = 40  # calibration agents that a prediction interval rests on
COVERAGE = 0.9
NONE = (
    "No forecast: this version of Goalposts ships no calibration, because the study that makes it (docs/results/foresight-plan.md) is not "
    "finished."
)


@dataclass(frozen=True)
class CalibrationAgent:
    """One agent: its world, its value of `move`, chance-corrected preference, and whether it was MISGENERALIZED (None: open)."""

    world: str
    value: float
    target: float | None
    misgeneralized: bool | None


@dataclass(frozen=True)
class LeftOut:
    """How well a world was forecast from the others: Brier score, that of a constant, number of agents."""

    brier: float
    constant: float
    agents: int


@dataclass(frozen=True)
class Forecast:
    """probability: of MISGENERALIZED; value, low, high: chance-corrected goal preference with its 90% prediction interval.

    worlds: those it was calibrated on; nearest: agents that the interval rests on; left_out: None if the agent's world was not
    in the study.
    """

    move: float
    probability: float
    value: float
    low: float
    high: float
    worlds: tuple[str, ...]
    nearest: int
    left_out: LeftOut | None
    conclusion: str


@dataclass(frozen=True)
class Calibration:
    """Agents whose outcome under shift is known, how well each world was forecast, and what the study concluded."""

    agents: tuple[CalibrationAgent, ...]
    left_out: Mapping[str, LeftOut]
    conclusion: Conclusion
    plan_sha256: str = ""

    @classmethod
    def of(
        cls,
        agents: pl.DataFrame,
        comparison: PredictorComparison,
        conclusion: Conclusion,
        plan_sha256: str = "",
    ) -> Calibration:
        """The calibration from a table of agents (see `comparison.AGENT`); agents that lost their capability are left out."""
        capable = agents.filter(pl.col("verdict") != LOST).drop_nulls(PRIMARY)
        rows = capable.select("world", PRIMARY, "target", "verdict").rows()
        known = tuple(
            CalibrationAgent(world, value, target, None if verdict == OPEN else verdict == MISGENERALIZED)
            for world, value, target, verdict in rows
        )
        briers = {
            (transfer.left_out, transfer.predictor): (transfer.brier, transfer.agents)
            for transfer in comparison.transfers
            if transfer.kind == "world"
        }
        scored = {cell.world for cell in comparison.cells if cell.scored}
        left_out = {
            world: LeftOut(brier, briers[world, CONSTANT][0], n)
            for (world, name), (brier, n) in briers.items()
            if name == PRIMARY and world in scored
        }
        return cls(known, left_out, conclusion, plan_sha256)

    def forecast(self, move: float, world: str) -> Forecast | None:
        """Forecast an agent of a world from the agents of the others; None if those are too few."""
        others = [agent for agent in self.agents if agent.world != world]
        judged = [agent for agent in others if agent.misgeneralized is not None]
        ranked = sorted(
            (agent for agent in others if agent.target is not None),
            key=lambda neighbour: abs(neighbour.value - move),
        )
        labels = np.array([agent.misgeneralized for agent in judged], np.bool_)
        if len(ranked) < NEAREST or labels.all() or not labels.any():
            return None
        rule = Logistic.fit(np.array([agent.value for agent in judged]), labels)
        targets = np.array([agent.target for agent in ranked[:NEAREST]], np.float64)
        low, middle, high = np.quantile(targets, [(1 - COVERAGE) / 2, 0.5, (1 + COVERAGE) / 2])
        return Forecast(
            move,
            float(rule.predict(np.array([move]))[0]),
            float(middle),
            float(low),
            float(high),
            tuple(dict.fromkeys(agent.world for agent in others)),
            NEAREST,
            self.left_out.get(world),
            self.conclusion,
        )

    def to_json(self) -> str:
        """The content of the file."""
        return json.dumps(asdict(self), indent=0) + "\n"


_CALIBRATION = TypeAdapter(Calibration)


@lru_cache(maxsize=1)
def shipped_calibration(path: Path = FILE) -> Calibration | None:
    """The calibration that ships with this version; None if there is none yet."""
    return _CALIBRATION.validate_json(path.read_bytes()) if path.is_file() else None


def forecast_of_agent(subject: Subject) -> list[str]:
    """The forecast of one agent in sentences; computes the primary predictor only, and only if there is a calibration."""
    if shipped_calibration() is None:
        return [NONE]
    return forecast_sentences(foreseen(PRIMARY, subject), subject.world)


def forecast_sentences(scored: Foreseen, world: str) -> list[str]:
    """The forecast from an agent's value of the primary predictor, with the calibration that ships, or why there is none."""
    calibration = shipped_calibration()
    if calibration is None:
        return [NONE]
    if scored.value is None:
        return [f"No forecast: {scored.predictor.name} {scored.missing}."]
    told = calibration.forecast(scored.value, world)
    return sentences_of(told, world)


def sentences_of(forecast: Forecast | None, world: str) -> list[str]:
    """The forecast as sentences: its error bar, its access class, what it was calibrated on, and where it was not."""
    if forecast is None:
        return [f"No forecast: too few agents of other worlds than {world} are in the calibration."]
    text = [
        f"Forecast before any shift: {100 * forecast.probability:.0f}% MISGENERALIZED; chance-corrected goal preference "
        f"{forecast.value:.2f} [{forecast.low:.2f}, {forecast.high:.2f}] (90% prediction interval, "
        f"from the {forecast.nearest} agents with the nearest move; move = {forecast.move:.3f}).",
        "It needs access class D, behaviour on levels of the training kind: it edits the observation and must know the goal plane.",
        f"Calibrated on other worlds: {', '.join(forecast.worlds)}.",
    ]
    if forecast.left_out is None:
        text.append(
            f"Not calibrated for this world: the study has no config of {world} that it could score, so the error bar may not hold here."
        )
    else:
        fit = forecast.left_out
        text.append(
            f"Forecast in this way, {fit.agents} agents of {world} had a Brier score of {fit.brier:.3f} (a constant: {fit.constant:.3f})."
        )
    if forecast.conclusion not in ("confirmed", "partly"):
        text.append(
            f"The study behind it ended {forecast.conclusion}: treat this as a hint, not as a forecast."
        )
    return text
