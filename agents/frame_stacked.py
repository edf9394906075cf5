"""Agents that were trained on stacked observations, and the wrappers of an SB3 model that its observations pass.

SB3 stacks frames in the `VecFrameStack` wrapper, not in the model. Read next: `normalized.py`; `rollout.py`, which carries the frames of
each level.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goalposts.errors import UserError
from goalposts.whole_numbers import whole

from .normalized import Normalized

ORDERS = ("first", "last")


class FrameStacked:
    """An agent that sees its last `frames` observations, as in SB3's VecFrameStack; zeros before the start of an episode.

    order: the axis of one observation along which they are joined, oldest first: `first` or `last`. SB3's own choice is `last`
    for planes. Passes the agent's memory through. Raises UserError.
    """

    def __init__(self, agent: Any, frames: int, order: str = "last") -> None:
        if not callable(getattr(agent, "predict", None)):
            raise UserError(f"{type(agent).__name__} has no predict: give FrameStacked(model, frames)")
        if order not in ORDERS:
            raise UserError(f"order = {order!r}: must be first or last")
        self.agent, self.frames, self.order = agent, whole("frames", frames, UserError, 1), order
        self.name = getattr(agent, "name", None)

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Choose actions int[n] from the stacked observations; the state holds the frames and the agent's own state."""
        now = np.asarray(observation)
        seen, inner = (None, None) if state is None else state
        if seen is None:
            seen = np.zeros((len(now), self.frames, *now.shape[1:]), now.dtype)
        else:
            seen = np.roll(seen, -1, 1)
            if episode_start is not None:
                seen[np.asarray(episode_start, bool)] = 0
        seen[:, -1] = now
        axis = 1 if self.order == "first" else now.ndim - 1
        stacked = np.concatenate([seen[:, k] for k in range(self.frames)], axis)
        actions, inner = self.agent.predict(
            stacked, state=inner, episode_start=episode_start, deterministic=deterministic
        )
        return actions, (seen, inner)


def as_trained(agent: Any) -> Any:
    """Wrap an SB3 model as its environment's VecNormalize and VecFrameStack do; return other agents unchanged."""
    find = getattr(agent, "get_env", None)
    env: Any = find() if callable(find) else None
    while env is not None:  # the outermost wrapper is the last that an observation passes
        kind = type(env).__name__
        if kind == "VecNormalize" and env.norm_obs:
            agent = Normalized(agent, env)
        elif kind == "VecFrameStack":
            stacked = env.stacked_obs
            if not isinstance(getattr(stacked, "channels_first", None), bool):
                raise UserError("a VecFrameStack of dict observations cannot be evaluated")
            agent = FrameStacked(agent, stacked.n_stack, "first" if stacked.channels_first else "last")
        env = getattr(env, "venv", None)
    return agent
