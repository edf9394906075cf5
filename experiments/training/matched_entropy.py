"""Even out the action probabilities of a trained policy until they are as random as an untrained one's; nothing else changes.

A policy that is nearly certain explores little, so it learns slowly whatever it is able to do. Dividing the action head by one
number (a temperature, built into the weights) keeps which action is preferred in every state and removes that difference.
Read next: `finetune.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import log_softmax

from ...agents.goal_visibility import own_observations
from ...agents.policy.policy_agent import PolicyAgent, QAgent
from ...envs.levels.level import LevelSet

HOTTEST = 1e6  # logits divided by this are equal to within rounding


def can_match(agent: PolicyAgent) -> bool:
    """Whether the policy ends in one linear layer of logits, which a temperature can be built into."""
    return isinstance(getattr(agent.policy, "action_net", None), torch.nn.Linear) and not isinstance(
        agent, QAgent
    )


def match_entropy(agent: PolicyAgent, fresh: PolicyAgent, levels: LevelSet, observation: str) -> float:
    """Divide the agent's action head so that its mean entropy is the fresh agent's; returns the divisor.

    Measured on what the fresh agent observes in its own episodes on the levels. A policy that is more random already stays as
    it is (divisor 1); one whose entropy cannot be reached is divided by HOTTEST.
    """
    seen = own_observations(fresh, levels, observation, 0)
    wanted = mean_entropy(fresh.logits(seen))
    logits = np.asarray(agent.logits(seen), np.float64)
    if mean_entropy(logits) >= wanted:
        return 1.0
    if mean_entropy(logits / HOTTEST) <= wanted:
        divisor = HOTTEST
    else:
        exponent: Any = brentq(lambda x: mean_entropy(logits / np.exp(x)) - wanted, 0, np.log(HOTTEST))
        divisor = float(np.exp(exponent))
    with torch.no_grad():
        for parameter in agent.policy.action_net.parameters():
            parameter /= divisor
    return divisor


def mean_entropy(logits: np.ndarray) -> float:
    """Mean entropy, in nats, of the softmax of logits float[n, A]."""
    logs = log_softmax(np.asarray(logits, np.float64), axis=1)
    return float(-(np.exp(logs) * logs).sum(axis=1).mean())
