"""Scripted agents as a null: they go through the same predictors and the same forecast, and are no part of the population."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....agents.interventions import Edits
from ....agents.scripted import GoToGoal
from ...evaluation.evaluate import subject_of
from ...foresight.comparison import PRIMARY
from ...foresight.forecast import Calibration
from ...foresight.predictors import foresee

WORLD = "CoinRun"
STAY, LEFT, RIGHT, JUMP = range(4)


class RunsRight:
    """An agent that moves right, and jumps where a wall or a hazard is ahead; it never looks at the coin."""

    name = "runs right"

    def __init__(self) -> None:
        self.edits = Edits(WORLD)

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, 4]."""
        return np.eye(4)[np.where(self._blocked(observation), JUMP, RIGHT)]

    def predict(
        self, observation: np.ndarray, deterministic: bool = False, **memory: Any
    ) -> tuple[np.ndarray, Any]:
        """The likeliest action."""
        return self.action_probabilities(observation).argmax(axis=1), None

    def _blocked(self, seen: np.ndarray) -> np.ndarray:
        rows, cols = seen.shape[2] // 2, seen.shape[3] // 2
        walls, deadly = (self.edits.planes[name][0] for name in ("wall", "deadly"))
        below = seen[:, deadly, rows : rows + 3, cols + 1].any(axis=1)
        return (seen[:, walls, rows, cols + 1] > 0) | below


class TakesCoins(RunsRight):
    """A reflex: towards the coin if it is in sight, else as `RunsRight`."""

    name = "reflex that takes a coin in sight"

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, 4]."""
        chosen = super().action_probabilities(observation).argmax(axis=1)
        coin, middle = observation[:, self.edits.planes["coin"][0]], observation.shape[3] // 2
        left, above = coin[:, :, :middle].any(axis=(1, 2)), coin[:, :, middle].any(axis=1)
        chosen = np.where(left & (chosen == RIGHT), LEFT, np.where(above, JUMP, chosen))
        return np.eye(4)[chosen]


def scripted_lines(calibration: Calibration) -> list[tuple[str, str]]:
    """For each scripted agent its name, its value of the primary predictor, and the forecast."""
    lines = []
    for agent in (GoToGoal(), RunsRight(), TakesCoins()):
        prediction = next(
            candidate
            for candidate in foresee(subject_of(agent, WORLD))
            if candidate.predictor.name == PRIMARY
        )
        if prediction.value is None:
            lines.append((agent.name, f"no forecast; `{PRIMARY}` {prediction.missing}."))
            continue
        told = calibration.forecast(prediction.value, WORLD)
        words = (
            "too few calibration agents" if told is None else f"{100 * told.probability:.0f}% MISGENERALIZED"
        )
        lines.append((agent.name, f"`{PRIMARY}` = {prediction.value:.3f}: {words}."))
    return lines
