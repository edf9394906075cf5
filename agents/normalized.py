"""An agent that was trained on normalized observations, with the statistics that it needs to see as it did.

SB3 keeps the running mean and variance in the `VecNormalize` wrapper, not in the model: without them a model acts on numbers
that it never saw. Normalizes only; nothing is updated, and no file is read. Read next: `rollout.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goalposts.errors import UserError


class Normalized:
    """`agent` behind `statistics.normalize_obs`, as SB3's VecNormalize has it. Memory is passed through.

    A model that still has its environment gets this by itself in `evaluate`. For one from a file, load the statistics as SB3
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
        """The agent's actions (int[n]) and state, from what it sees after normalization."""
        seen = self.statistics.normalize_obs(observation)
        return self.agent.predict(seen, state=state, episode_start=episode_start, deterministic=deterministic)


def as_trained(agent: Any) -> Any:
    """The agent; behind its own statistics where it is an SB3 model whose environment normalizes observations."""
    find = getattr(agent, "get_vec_normalize_env", None)
    statistics: Any = find() if callable(find) else None
    return agent if statistics is None or not statistics.norm_obs else Normalized(agent, statistics)
