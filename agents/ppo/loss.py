"""PPO's loss and its gradients with respect to a net's outputs, sample by sample, without torch.

The loss of Schulman et al. 2017, "Proximal policy optimization algorithms", equations 7 and 9, as implemented by SB3: clipped ratios,
squared value errors, an entropy bonus. Read next: `manual_backprop.py`, which calls it.
"""

import math
from typing import NamedTuple

import numpy as np

from ...envs.jit.kernels import kernel

STATISTICS = ("policy_gradient_loss", "value_loss", "entropy_loss", "loss", "approx_kl", "clip_fraction")


class Minibatch(NamedTuple):
    """Rollout data of n samples: actions int64[n], and float32[n] each: the actions' log-probabilities when they were
    taken, advantages, returns.
    """

    actions: np.ndarray
    old_log_probs: np.ndarray
    advantages: np.ndarray
    returns: np.ndarray


class LossCoefficients(NamedTuple):
    """Coefficients of PPO's loss, with SB3's names."""

    clip_range: float
    ent_coef: float
    vf_coef: float


class LossGradients(NamedTuple):
    """Gradients of the loss with respect to the net's outputs, float32[n, A] and float32[n]; statistics float64[6]: STATISTICS."""

    to_logits: np.ndarray
    to_values: np.ndarray
    statistics: np.ndarray


@kernel
def loss_of(logits, values, batch, coefficients, out, scratch):
    """Compute gradients for logits float32[n, A] and values float32[n], and the statistics; scratch float32[2, A]."""
    actions, old_log_probs, advantages, returns = batch
    clip, ent_coef, vf_coef = coefficients
    to_logits, to_values, statistics = out
    n, width = logits.shape
    fraction = np.float32(1) / np.float32(n)
    low, high = np.float32(1 - clip), np.float32(1 + clip)
    weight, pull = np.float32(ent_coef) * fraction, np.float32(2 * vf_coef) * fraction
    probabilities, log_probs = scratch[0], scratch[1]
    policy = value = entropy = kl = clipped = 0.0
    for i in range(n):
        top = logits[i, 0]
        for a in range(1, width):
            top = max(top, logits[i, a])
        total = np.float32(0)
        for a in range(width):
            total += math.exp(logits[i, a] - top)
        norm = top + math.log(total)
        mean = np.float32(0)
        for a in range(width):
            log_probs[a] = logits[i, a] - norm
            probabilities[a] = math.exp(log_probs[a])
            mean += probabilities[a] * log_probs[a]
        entropy += mean
        change = log_probs[actions[i]] - old_log_probs[i]
        ratio, advantage = math.exp(change), advantages[i]
        whole, held = advantage * ratio, advantage * min(max(ratio, low), high)
        policy -= min(whole, held)
        inside = low <= ratio <= high
        slope = np.float32(0)  # derivative of the loss with respect to the log-probability
        if inside or whole < held:
            slope = -whole * fraction
        kl += (ratio - np.float32(1)) - change
        clipped += abs(ratio - np.float32(1)) > np.float32(clip)
        for a in range(width):
            to_logits[i, a] = probabilities[a] * (weight * (log_probs[a] - mean) - slope)
        to_logits[i, actions[i]] += slope
        off = values[i] - returns[i]
        value += off * off
        to_values[i] = pull * off
    policy, value, entropy = policy / n, value / n, entropy / n
    loss = policy + ent_coef * entropy + vf_coef * value
    for k, statistic in enumerate((policy, value, entropy, loss, kl / n, clipped / n)):
        statistics[k] = statistic
