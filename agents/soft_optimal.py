"""Playable reference agents for goal attribution: soft-optimal for an objective, or devices that pursue nothing.

They calibrate goal attribution (`experiments/analyses/attribution_recovery.py`): each goes through `play` like any
other agent and must be recognised from its actions. They depend on their last action, so they draw their own
noise from their seed. Read next: `envs/planner/value_iteration.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..envs.levels.level import LevelSet
from ..envs.planner.planner import Plan, solve
from ..envs.planner.value_iteration import Objective, soft_schedule
from ..envs.worlds.registry import get_world


class Device:
    """A device that depends only on its last action: rows float64[A + 1, A] of probabilities after each action; the last row is initial."""

    def __init__(self, rows: np.ndarray, name: str = "device", seed: int = 0) -> None:
        self.rows, self.name, self.seed = np.array(rows, float), name, seed
        sums_to_one = self.rows.ndim == 2 and np.allclose(self.rows.sum(axis=1), 1)
        if not sums_to_one or self.rows.shape[0] != self.rows.shape[1] + 1 or (self.rows < 0).any():
            raise ValueError(
                f"rows of shape {self.rows.shape}: must be probabilities float[A + 1, A], one distribution per row"
            )

    @classmethod
    def uniform(cls, n_actions: int, seed: int = 0) -> Device:
        """A device that chooses actions uniformly."""
        return cls(np.full((n_actions + 1, n_actions), 1 / n_actions), "uniform", seed)

    @classmethod
    def frequencies(cls, probabilities: np.ndarray, seed: int = 0) -> Device:
        """A device with fixed action probabilities float[A], independent of earlier actions."""
        return cls(np.tile(probabilities, (len(probabilities) + 1, 1)), "frequencies", seed)

    @classmethod
    def repeat(cls, stickiness: float, n_actions: int, seed: int = 0) -> Device:
        """A device that repeats its last action with probability `stickiness`, else chooses uniformly among the others."""
        rows = np.full((n_actions + 1, n_actions), (1 - stickiness) / (n_actions - 1))
        np.fill_diagonal(rows, stickiness)
        rows[-1] = 1 / n_actions
        return cls(rows, "repeat", seed)

    def begin(self, levels: LevelSet) -> None:
        """Reset the last actions."""
        self._rng = np.random.default_rng(self.seed)
        self._last = np.full(len(levels), len(self.rows) - 1)

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Record which episodes are running; a device ignores their states."""
        self._which = which

    def probabilities(self) -> np.ndarray:
        """Probabilities of the next action in each running episode, float64[n, A]."""
        return self.rows[self._last[self._which]]

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """Draw an action for each running episode (int64[n]), or choose the likeliest if deterministic."""
        probabilities = self.probabilities()
        marks = self._rng.random((len(probabilities), 1)) * probabilities.sum(axis=1, keepdims=True)
        drawn = (probabilities.cumsum(axis=1) <= marks).sum(axis=1).clip(max=probabilities.shape[1] - 1)
        chosen = probabilities.argmax(axis=1) if deterministic else drawn
        self._last[self._which] = chosen
        return chosen, None


class SoftOptimal(Device):
    """An agent that pursues an objective: habit · exp(β Q), normalised, with exact values; see `envs/planner/value_iteration.py`.

    habit  its choice among equally good actions; None: uniform
    lapse  probability of following the habit alone at a step
    Stores a policy for each step and state of a level, about half a megabyte per level, so play it in small batches.
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
        """Solve the levels before they are played."""
        self.rows = (self.habit or Device.uniform(len(get_world(levels.world).actions))).rows
        super().begin(levels)
        self._step = -1
        self._content = np.zeros(len(levels), np.bool_)  # whether nothing more is paid
        self._plans = [solve(level) for level in levels]
        self._schedule = [
            soft_schedule(plan, self.objective, self.beta, horizon_of(plan)) for plan in self._plans
        ]

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        """Receive the state of each running episode."""
        super().see(which, states)
        self._step += 1
        pairs = zip(which, states, strict=True)
        self._here = np.array([self._plans[i].state_id(state) for i, state in pairs])
        self._pull = np.array(
            [self._schedule[i][self._step, s] for i, s in zip(which, self._here, strict=True)]
        )
        self._pull[self._content[which]] = 1.0

    def probabilities(self) -> np.ndarray:
        """Probabilities of the next action, the habit weighted by the objective: float64[n, A]."""
        usual = super().probabilities()
        steered = usual * self._pull
        steered /= steered.sum(axis=1, keepdims=True)
        return (1 - self.lapse) * steered + self.lapse * usual

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        """Draw actions like a device; records when an objective that pays only once is fulfilled."""
        chosen, _ = super().predict(observation, deterministic)
        if self.objective.pay in ("once", "reach"):
            steps = zip(self._which, self._here, chosen, strict=True)
            hit = [bool(self._plans[i].events[s, a] & self.objective.mask) for i, s, a in steps]
            self._content[self._which] |= hit
        return chosen, None


def horizon_of(plan: Plan) -> int:
    """The world's time limit on a plan's level."""
    return int(plan.world.rules["limit"](plan.facts))
