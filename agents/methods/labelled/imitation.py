"""Fit a policy to an expert's actions by cross-entropy, with a part of each minibatch from training levels.

Knows no levels. Read next: `shared_options.py`, what the methods with labelled levels share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..actor_critic import actor_critic


class Pairs(NamedTuple):
    """What an expert did: observations uint8[n, …] and actions int64[n]."""

    observations: np.ndarray
    actions: np.ndarray


@dataclass(frozen=True)
class Fit:
    """How a policy is fitted. updates: steps of Adam, each on batch_size pairs; replay: fraction of them from training levels."""

    updates: int
    batch_size: int
    learning_rate: float
    replay: float = 0.0


def imitate(learner: Any, labelled: Pairs, replayed: Pairs | None, fit: Fit, random: Any) -> float:
    """Fit a learner's policy; returns the mean loss of the last tenth of the updates. Raises UserError for other than actor-critic nets.

    Pairs are drawn with replacement, so that few of them are no reason for few updates.
    """
    from ...policy.library_defaults import defaults

    with defaults():  # on one thread, as in all training
        return _imitate(actor_critic(learner), labelled, replayed, fit, random)


def _imitate(policy: Any, labelled: Pairs, replayed: Pairs | None, fit: Fit, random: Any) -> float:
    import torch

    policy.set_training_mode(True)
    optimizer = torch.optim.Adam(policy.parameters(), lr=fit.learning_rate)
    losses = []
    for _ in range(fit.updates):
        batch = minibatch(labelled, replayed, fit, random)
        seen, _ = policy.obs_to_tensor(batch.observations)
        loss = -policy.get_distribution(seen).log_prob(torch.from_numpy(batch.actions)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses[-max(1, fit.updates // 10) :]))


def minibatch(labelled: Pairs, replayed: Pairs | None, fit: Fit, random: Any) -> Pairs:
    """Draw a minibatch, of which a fraction `fit.replay`, rounded, is from `replayed`, if there is any."""
    others = 0 if replayed is None else round(fit.replay * fit.batch_size)
    picks = random.integers(0, len(labelled.actions), fit.batch_size - others)
    drawn = Pairs(labelled.observations[picks], labelled.actions[picks])
    if not others or replayed is None:
        return drawn
    more = random.integers(0, len(replayed.actions), others)
    return joined([drawn, Pairs(replayed.observations[more], replayed.actions[more])])


def joined(parts: list[Pairs]) -> Pairs:
    """Concatenate pairs."""
    observations, actions = zip(*parts, strict=True)
    return Pairs(np.concatenate(observations), np.concatenate(actions))
