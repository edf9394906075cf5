"""Predictors from behaviour: D, on states of the training kind; E, on shifted states without labels.

All but the entropy edit the observation, so they must know the goal's plane. Read next: `predictors.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from .evidence import NotAvailable, PredictorInputs

BATCH = 4096


def move(evidence: PredictorInputs) -> float:
    """Total variation of the policy when the goal's bit is moved to a random free cell of the view."""
    evidence.reads_one_observation()
    return _when_moved(evidence, evidence.control)


def erase(evidence: PredictorInputs) -> float:
    """Total variation of the policy when the goal's bit is erased."""
    evidence.reads_one_observation()
    planes, states = evidence.goal_planes, evidence.control
    if not planes:
        return 0.0
    before = _probabilities(evidence, states)
    return float(
        _variation(before, _probabilities(evidence, evidence.edits.clear(states, evidence.goal.plane))).mean()
    )


def entropy(evidence: PredictorInputs) -> float:
    """Mean entropy of the policy in nats."""
    p = _probabilities(evidence, evidence.control)
    return float(-(p * np.log(np.maximum(p, 1e-12))).sum(axis=1).mean())


def value_move(evidence: PredictorInputs) -> float:
    """Mean absolute change of the critic's value when the goal's bit is moved to a random free cell."""
    if not callable(getattr(evidence.agent, "value", None)):
        raise NotAvailable("needs an agent with value, the critic's estimate")
    evidence.reads_one_observation()
    if not evidence.goal_planes:
        return 0.0
    states = evidence.control
    edited, index = evidence.moved(states)
    before = _in_batches(evidence.agent.value, states)
    return float(np.abs(_in_batches(evidence.agent.value, edited) - before[index]).mean())


def shift_move(evidence: PredictorInputs) -> float:
    """`move` on shifted states."""
    evidence.reads_one_observation()
    return _when_moved(evidence, evidence.shifted)


def shift_confidence(evidence: PredictorInputs) -> float:
    """Mean probability of the likeliest action on shifted states."""
    return float(_probabilities(evidence, evidence.shifted).max(axis=1).mean())


def shift_energy(evidence: PredictorInputs) -> float:
    """Mean energy (minus the log of the summed exponentials of the logits) on shifted states."""
    if not callable(getattr(evidence.agent, "logits", None)):
        raise NotAvailable("needs an agent with logits")
    evidence.reads_one_observation()
    return float(-logsumexp(_in_batches(evidence.agent.logits, evidence.shifted), axis=1).mean())


def shift_choices(evidence: PredictorInputs) -> str:
    """The likeliest action on each shifted state as one digit; agents of one config are compared by these."""
    return "".join(map(str, _probabilities(evidence, evidence.shifted).argmax(axis=1).tolist()))


def _when_moved(evidence: PredictorInputs, states: np.ndarray) -> float:
    if not evidence.goal_planes:
        return 0.0
    edited, index = evidence.moved(states)
    before = _probabilities(evidence, states)
    return float(_variation(before[index], _probabilities(evidence, edited)).mean())


def _variation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return 0.5 * np.abs(one - other).sum(axis=1)


def _probabilities(evidence: PredictorInputs, states: np.ndarray) -> np.ndarray:
    evidence.reads_one_observation()
    return _in_batches(evidence.agent.action_probabilities, states)


def _in_batches(function: Callable[[np.ndarray], np.ndarray], states: np.ndarray) -> np.ndarray:
    parts = [np.asarray(function(states[k : k + BATCH]), np.float64) for k in range(0, len(states), BATCH)]
    return np.concatenate(parts)
