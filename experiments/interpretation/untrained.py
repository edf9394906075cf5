"""Untrained nets of a run's architecture: its own checkpoint 0, and nets of other seeds.

A run without checkpoint 0 (`record.initial`) gets the same weights from its config, because they are a function of the seed.
Read next: `experiments/training/train.py`.
"""

from __future__ import annotations

from typing import Any

from ...agents.policy.policy_agent import PolicyAgent
from ..runs.agent_card import load_agent_of
from ..runs.run import Run
from ..training.train import new_training

NETS = 5
FEW = 16  # training levels: the initial weights do not depend on them


def untrained_agent(run: Run, seed: int | None = None) -> PolicyAgent:
    """The agent at step 0 of a run, or with another seed. Raises CheckpointError if a checkpoint is damaged."""
    first = next(iter(run.checkpoints()), None)
    if seed is None and first is not None and first.step == 0:
        return load_agent_of(run.config, first)
    return _fresh(run, run.config.seed if seed is None else seed)


def untrained_agents(run: Run, count: int = NETS) -> list[PolicyAgent]:
    """The run's own untrained net and, in order of their seeds, others of the same architecture."""
    own = run.config.seed
    return [untrained_agent(run), *(untrained_agent(run, own + 1 + k) for k in range(count - 1))]


def _fresh(run: Run, seed: int) -> PolicyAgent:
    env = run.config.env.model_copy(update={"levels": FEW})
    changes: dict[str, Any] = {"seed": seed, "env": env}
    return new_training(run.config.model_copy(update=changes)).agent()
