"""What an agent may turn out to be, as agents that can be played: soft-optimal for an objective, or a mere device.

They are what goal attribution is calibrated with (`experiments/analyses/attribution_recovery.py`): each goes through `play` like any
other agent, and must be recognised from its actions. They know which action they took last, so they draw their own
luck, by their seed. Read next: `envs/planner/value_iteration.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..envs.levels.level import LevelSet
from ..envs.planner.planner import Plan, solve
from ..envs.planner.value_iteration import Objective, soft_schedule
from ..envs.worlds.registry import get_world


class Device:
    """Acts by its last action alone: rows float64[A + 1, A], the probabilities after each action, and in the last row at first."""

    def __init__(self, rows: np.ndarray, name: str = "device", seed: int = 0) -> None:
        self.rows, self.name, self.seed = np.array(rows, float), name, seed
        sums_to_one = self.rows.ndim == 2 and np.allclose(self.rows.sum(axis=1), 1)
        if not sums_to_one or self.rows.shape[0] != self.rows.shape[1] + 1 or (self.rows < 0).any():
            raise ValueError(
                f"rows of shape {self.rows.shape}: allowed are probabilities float[A + 1, A], a row each"
            )

    @classmethod
    def uniform(cls, n_actions: int, seed: int = 0) -> Device:
        """Every action is as likely as any other."""
        return cls(np.full((n_actions + 1, n_actions), 1 / n_actions), "uniform", seed)

    @classmethod
    def frequencies(cls, probabilities: np.ndarray, seed: int = 0) -> Device:
        """Each action has its probability (float[A]), whatever was done before."""
        return cls(np.tile(probabilities, (len(probabilities) + 1, 1)), "frequencies", seed)

    @classmethod
    def repeat(cls, stickiness: float, n_actions: int, seed: int = 0) -> Device:
        """Repeats its last action with that probability; any other action is as likely as any other."""
        rows = np.full((n_actions + 1, n_actions), (1 - stickiness) / (n_actions - 1))
        np.fill_diagonal(rows, stickiness)
        rows[-1] = 1 / n_actions
        return cls(rows, "repeat", seed)

    def begin(self, levels: LevelSet) -> None:
        """Forget what was done."""
        self._rng = np.random.default_rng(self.seed)
        self._last = np.full(len(levels), len(self.rows) - 1)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Note which episodes go on; where they stand means nothing to a device."""
        self._which = which

    def probabilities(self) -> np.ndarray:
        """float64[n, A]: of the next action in each episode that goes on."""
        return self.rows[self._last[self._which]]

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """Draw an action for each episode that goes on (int64[n]), or take the likeliest."""
        probabilities = self.probabilities()
        marks = self._rng.random((len(probabilities), 1)) * probabilities.sum(axis=1, keepdims=True)
        drawn = (probabilities.cumsum(axis=1) <= marks).sum(axis=1).clip(max=probabilities.shape[1] - 1)
        chosen = probabilities.argmax(axis=1) if deterministic else drawn
        self._last[self._which] = chosen
        return chosen, None


class SoftOptimal(Device):
    """Pursues an objective: habit · exp(β Q), normalised, from the exact values of the level; see `envs/planner/value_iteration.py`.

    habit  what it does among equally good actions; None: any is as likely as any other
    lapse  probability that a step follows the habit alone
    Holds a policy for each step and state of a level, about half a megabyte a level: play it in small batches.
    """

    def __init__(
        self,
        objective: Objective,
        beta: float,
        habit: Device | None = None,
        lapse: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.objective, self.beta, self.lapse, self.habit = objective, beta, lapse, habit
        self.name, self.seed = objective.name, seed

    def begin(self, levels: LevelSet) -> None:
        """Solve the levels."""
        self.rows = (self.habit or Device.uniform(len(get_world(levels.world).actions))).rows
        super().begin(levels)
        self._step = -1
        self._content = np.zeros(len(levels), np.bool_)  # has what it wants, and wants nothing more
        self._plans = [solve(level) for level in levels]
        self._schedule = [
            soft_schedule(plan, self.objective, self.beta, horizon_of(plan)) for plan in self._plans
        ]

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Look where each episode stands."""
        super().see(which, states)
        self._step += 1
        pairs = zip(which, states, strict=True)
        self._here = np.array([self._plans[i].state_id(state) for i, state in pairs])
        self._pull = np.array(
            [self._schedule[i][self._step, s] for i, s in zip(which, self._here, strict=True)]
        )
        self._pull[self._content[which]] = 1.0

    def probabilities(self) -> np.ndarray:
        """float64[n, A]: the habit, steered."""
        usual = super().probabilities()
        steered = usual * self._pull
        steered /= steered.sum(axis=1, keepdims=True)
        return (1 - self.lapse) * steered + self.lapse * usual

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """As a device; one that cares only to reach its target takes note when it does."""
        chosen, _ = super().predict(observation, deterministic)
        if self.objective.pay in ("once", "reach"):
            steps = zip(self._which, self._here, chosen, strict=True)
            hit = [bool(self._plans[i].events[s, a] & self.objective.mask) for i, s, a in steps]
            self._content[self._which] |= hit
        return chosen, None


def horizon_of(plan: Plan) -> int:
    """The world's own time limit on the level of a plan."""
    return int(plan.world.rules["limit"](plan.facts))
