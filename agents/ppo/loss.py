"""PPO's loss and its gradients for a net's outputs, sample by sample: the loop alone, which no part of torch is needed for.

The loss of Schulman et al. 2017, "Proximal policy optimization algorithms", equations 7 and 9, as SB3 takes it: clipped ratios,
squared errors of the values, an entropy bonus. Read next: `manual_backprop.py`, which calls it.
"""

import math

import numpy as np

from ...envs.jit.kernels import loop

STATISTICS = ("policy_gradient_loss", "value_loss", "entropy_loss", "loss", "approx_kl", "clip_fraction")


@loop
def loss_of(
    logits, values, actions, old, gains, returns, clip, ent_coef, vf_coef, to_logits, to_values, out, scratch
):
    """Fills to_logits float32[n, A] and to_values float32[n], the gradients, and out float64[6], the STATISTICS.

    Arguments as for `by_hand.loss_by_hand`; scratch float32[2, A].
    """
    n, width = logits.shape
    share = np.float32(1) / np.float32(n)
    low, high = np.float32(1 - clip), np.float32(1 + clip)
    weight, pull = np.float32(ent_coef) * share, np.float32(2 * vf_coef) * share
    odds, logs = scratch[0], scratch[1]
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
            logs[a] = logits[i, a] - norm
            odds[a] = math.exp(logs[a])
            mean += odds[a] * logs[a]
        entropy += mean
        change = logs[actions[i]] - old[i]
        ratio, gain = math.exp(change), gains[i]
        whole, held = gain * ratio, gain * min(max(ratio, low), high)
        policy -= min(whole, held)
        inside = low <= ratio <= high
        slope = np.float32(0)  # of the loss by the log-probability
        if inside or whole < held:
            slope = -whole * share
        kl += (ratio - np.float32(1)) - change
        clipped += abs(ratio - np.float32(1)) > np.float32(clip)
        for a in range(width):
            to_logits[i, a] = odds[a] * (weight * (logs[a] - mean) - slope)
        to_logits[i, actions[i]] += slope
        off = values[i] - returns[i]
        value += off * off
        to_values[i] = pull * off
    out[0], out[1], out[2] = policy / n, value / n, entropy / n
    out[3] = out[0] + ent_coef * out[2] + vf_coef * out[1]
    out[4], out[5] = kl / n, clipped / n
