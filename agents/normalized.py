"""Agents trained on normalized observations, with the statistics that they need.

SB3 keeps the running mean and variance in the `VecNormalize` wrapper, not in the model: without them, a model receives inputs
that it was never trained on. Only normalizes: updates no statistics and reads no files. Read next: `rollout.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goalposts.errors import UserError


class Normalized:
    """An agent whose observations are normalized with `statistics.normalize_obs`, as in SB3's VecNormalize. Passes memory through.

    `evaluate` applies this automatically to a model that still has its environment. For a model from a file, load the statistics as SB3
    does, `VecNormalize.load(path, venv)`, which unpickles: do so only with your own files.
    """

    def __init__(self, agent: Any, statistics: Any) -> None:
        for part, method in ((agent, "predict"), (statistics, "normalize_obs")):
            if not callable(getattr(part, method, None)):
                raise UserError(
                    f"{type(part).__name__} has no {method}: give Normalized(model, vec_normalize), SB3's model and its VecNormalize"
                )
        self.agent, self.statistics = agent, statistics
        self.name = getattr(agent, "name", None)

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Choose actions int[n] from normalized observations; also returns the agent's state."""
        seen = self.statistics.normalize_obs(observation)
        return self.agent.predict(seen, state=state, episode_start=episode_start, deterministic=deterministic)
