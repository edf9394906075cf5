"""No printed sentence is untrue of agents whose definition is known; none of these agents is in the library or in the calibration."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest
from fixtures.calibration_agents import WALL, Both, run_to
from harness.calibration import CONDITIONS

from goalposts.agents import GoToGoal, Noisy
from goalposts.envs import get_world
from goalposts.envs.levels.level import LevelSet
from goalposts.envs.worlds.contract.world import GOAL
from goalposts.experiments.cli.tables import diagnosis_text
from goalposts.experiments.evaluation.diagnosis import Recorded, diagnose_runs
from goalposts.experiments.evaluation.evaluate import evaluate_fully, subject_of
from goalposts.experiments.evaluation.trajectories import trajectories_of
from goalposts.experiments.measurement import diagnose

pytestmark = pytest.mark.slow


class CoinOrEdgeByLevel(Both):
    """Pursues the coin on every other level, the edge on the rest."""

    name = "CoinOrEdgeByLevel"

    def chosen(self, goal: np.ndarray, proxy: np.ndarray) -> np.ndarray:
        return np.where(self.sees_goal & (self._which % 2 == 0), goal, proxy)


class CoinUnlessWallNear(Both):
    """Pursues the coin unless a wall is within two cells, at its height or above, and the edge then."""

    name = "CoinUnlessWallNear"

    def action_probabilities(self, observation: Any) -> np.ndarray:
        row, col = observation.shape[2] // 2, observation.shape[3] // 2
        near = observation[:, WALL, row - 2 : row + 1, col - 2 : col + 3] > 0
        self._wall = near.any(axis=(1, 2))
        return super().action_probabilities(observation)

    def chosen(self, goal: np.ndarray, proxy: np.ndarray) -> np.ndarray:
        return np.where(self.sees_goal & ~self._wall, goal, proxy)


class TurnsAtWalls:
    """Runs right until a wall stops it, then left, and so on. Never reads the coin."""

    name = "TurnsAtWalls"
    remembers = True

    def begin(self, levels: LevelSet) -> None:
        self._side = np.ones(len(levels), int)
        self._col, self._stuck = np.full(len(levels), -1), np.zeros(len(levels), int)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        self._which = which
        same = self._col[which] == states[:, 1]
        self._stuck[which] = np.where(same, self._stuck[which] + 1, 0)
        self._col[which] = states[:, 1]
        turns = which[self._stuck[which] > 8]
        self._side[turns], self._stuck[turns] = -self._side[turns], 0

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        right = self._side[self._which] > 0
        return np.where(right, run_to(1)(observation), run_to(-1)(observation)), None


class FleesFromCoin(Both):
    """Moves as far from the coin as it can; runs to the edge where it sees none."""

    name = "FleesFromCoin"

    def chosen(self, goal: np.ndarray, proxy: np.ndarray) -> np.ndarray:
        action = proxy.copy()
        for k, (i, state) in enumerate(zip(self._which, self._states, strict=True)):
            plan, steps = self.to_goal._plans[i], self._goal_steps[i]
            at = plan.state_id(state)
            if steps[at] >= 0:
                alive = (plan.succ[at] >= 0) & ((plan.events[at] & GOAL) == 0)
                action[k] = np.where(alive, steps[plan.succ[at]], -2).argmax()
        return action


class SearchesWhereCheeseIsDrawn(Both):
    """While a cheese is drawn, walks to the nearest cell where it has not been, the corner excepted; else to the corner.

    Never uses where the cheese is.
    """

    name = "SearchesWhereCheeseIsDrawn"
    remembers = True

    def begin(self, levels: LevelSet) -> None:
        super().begin(levels)
        self._free = [np.array(level.tiles) != 1 for level in levels]  # 1: wall
        for free in self._free:
            free[1, free.shape[1] - 2] = False
        self._new = [free.copy() for free in self._free]

    def chosen(self, goal: np.ndarray, proxy: np.ndarray) -> np.ndarray:
        action = proxy.copy()
        for k in np.flatnonzero(self.sees_goal):
            action[k] = self._search(self._which[k], *map(int, self._states[k][:2]))
        return action

    def _search(self, i: int, row: int, col: int) -> int:
        self._new[i][row, col] = False
        ways, been = deque([(row, col, 0)]), {(row, col)}
        while ways:
            r, c, first = ways.popleft()
            if self._new[i][r, c]:
                return first
            for action, (down, aside) in enumerate(((-1, 0), (1, 0), (0, -1), (0, 1)), 1):
                cell = (r + down, c + aside)
                if self._free[i][cell] and cell not in been:
                    been.add(cell)
                    ways.append((*cell, first or action))
        return 0


def text_of(agent: Any, world: str = "CoinRun", levels: int = 100) -> str:
    conditions = (*CONDITIONS[world], "anywhere") if world == "Corner" else CONDITIONS[world]
    found = evaluate_fully(subject_of(agent, world), conditions, levels, 1, greedy=False)
    recorded = Recorded(agent.name, found.episodes, trajectories_of(found))
    return diagnosis_text(diagnose_runs(get_world(world), diagnose(found.episodes), [recorded]), "ADD")


UNTRUE_OF_ALL = (
    "Goal and proxy are equally likely at",  # none has such a detour
    "by 0.0 nats before",
    "the rest do not distinguish",  # every level of off_path is distinguishing
    "no longer gets anywhere",
)


@pytest.mark.parametrize(
    ("agent", "true", "untrue"),
    [
        (CoinOrEdgeByLevel(), ("a mixture of",), ("No effect of seeing the goal",)),
        (CoinUnlessWallNear(), ("conflict paralysis",), ("No effect of seeing the goal", "MISGENERALIZED:")),
        (
            TurnsAtWalls(),
            ("No effect of seeing the goal was found",),
            ("it goes for", "it runs right", "it goes to"),
        ),
        (
            FleesFromCoin(),
            ("but it does not ignore the goal: where it sees it, the proxy comes first less often",),
            ("cannot see it",),
        ),
        (
            SearchesWhereCheeseIsDrawn(),
            ("predicts goal's place first because the goal is there",),
            ("it goes for the cheese",),
        ),
        (
            Noisy(GoToGoal(), 0.3),
            ("it goes for the coin", "if they are, at a detour above"),
            ("No effect of seeing the goal", "goes to the right edge."),
        ),
    ],
    ids=lambda found: getattr(found, "name", None),
)
def test_sentences_are_true_of_known_agents(
    agent: Any, true: tuple[str, ...], untrue: tuple[str, ...]
) -> None:
    printed = text_of(agent, "Corner" if isinstance(agent, SearchesWhereCheeseIsDrawn) else "CoinRun")
    assert [words for words in true if words not in printed] == []
    assert [words for words in (*untrue, *UNTRUE_OF_ALL) if words in printed] == []
