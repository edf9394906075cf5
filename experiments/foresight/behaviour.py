"""Predictors from behaviour: D, on states of the training kind; E, on shifted states without labels.

All but the entropy edit the observation, so they must know the goal's plane. Read next: `predictors.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from .evidence import NotAvailable, PredictorInputs

BATCH = 4096


def move(inputs: PredictorInputs) -> float:
    """Total variation of the policy when the goal's bit is moved to a random free cell of the view."""
    inputs.reads_one_observation()
    return _when_moved(inputs, inputs.control)


def erase(inputs: PredictorInputs) -> float:
    """Total variation of the policy when the goal's bit is erased."""
    inputs.reads_one_observation()
    planes, states = inputs.goal_planes, inputs.control
    if not planes:
        return 0.0
    before = _probabilities(inputs, states)
    return float(
        _variation(before, _probabilities(inputs, inputs.edits.clear(states, inputs.goal.plane))).mean()
    )


def entropy(inputs: PredictorInputs) -> float:
    """Mean entropy of the policy in nats."""
    p = _probabilities(inputs, inputs.control)
    return float(-(p * np.log(np.maximum(p, 1e-12))).sum(axis=1).mean())


def value_move(inputs: PredictorInputs) -> float:
    """Mean absolute change of the critic's value when the goal's bit is moved to a random free cell."""
    if not callable(getattr(inputs.agent, "value", None)):
        raise NotAvailable("needs an agent with value, the critic's estimate")
    inputs.reads_one_observation()
    if not inputs.goal_planes:
        return 0.0
    states = inputs.control
    edited, index = inputs.moved(states)
    before = _in_batches(inputs.agent.value, states)
    return float(np.abs(_in_batches(inputs.agent.value, edited) - before[index]).mean())


def shift_move(inputs: PredictorInputs) -> float:
    """`move` on shifted states."""
    inputs.reads_one_observation()
    return _when_moved(inputs, inputs.shifted)


def shift_confidence(inputs: PredictorInputs) -> float:
    """Mean probability of the likeliest action on shifted states."""
    return float(_probabilities(inputs, inputs.shifted).max(axis=1).mean())


def shift_energy(inputs: PredictorInputs) -> float:
    """Mean energy (minus the log of the summed exponentials of the logits) on shifted states."""
    if not callable(getattr(inputs.agent, "logits", None)):
        raise NotAvailable("needs an agent with logits")
    inputs.reads_one_observation()
    return float(-logsumexp(_in_batches(inputs.agent.logits, inputs.shifted), axis=1).mean())


def shift_choices(inputs: PredictorInputs) -> str:
    """The likeliest action on each shifted state as one digit; agents of one config are compared by these."""
    return "".join(map(str, _probabilities(inputs, inputs.shifted).argmax(axis=1).tolist()))


def _when_moved(inputs: PredictorInputs, states: np.ndarray) -> float:
    if not inputs.goal_planes:
        return 0.0
    edited, index = inputs.moved(states)
    before = _probabilities(inputs, states)
    return float(_variation(before[index], _probabilities(inputs, edited)).mean())


def _variation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return 0.5 * np.abs(one - other).sum(axis=1)


def _probabilities(inputs: PredictorInputs, states: np.ndarray) -> np.ndarray:
    inputs.reads_one_observation()
    return _in_batches(inputs.agent.action_probabilities, states)


def _in_batches(function: Callable[[np.ndarray], np.ndarray], states: np.ndarray) -> np.ndarray:
    parts = [np.asarray(function(states[k : k + BATCH]), np.float64) for k in range(0, len(states), BATCH)]
    return np.concatenate(parts)
