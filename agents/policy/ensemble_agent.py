"""Several policies as one agent, which averages their action probabilities, or counts their votes.

Saved as one checkpoint: the members' tensors under `member.<k>.`, and their number and `votes` among the card's options. Read next:
`checkpoint.py`; `agents/methods/ensemble.py`, which trains one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from goalposts.errors import UserError

from .library_defaults import with_defaults
from .policy_agent import PolicyAgent

MOST_MEMBERS = 32
TIES = 1e-6  # weight of the mean probabilities next to votes: breaks ties, keeps logits finite


class EnsembleAgent(PolicyAgent):
    """An agent that averages its members' action probabilities and values.

    votes: its action probabilities are the fractions of members whose likeliest action it is, plus a weight `TIES` of the mean.
    """

    def __init__(self, members: Sequence[PolicyAgent], votes: bool = False) -> None:
        cards = {replace(member.card, step=0, seed=None, name="").__repr__() for member in members}
        if len(cards) != 1 or not 2 <= len(members) <= MOST_MEMBERS:
            raise UserError(
                f"an ensemble has 2 to {MOST_MEMBERS} members of one shape; these are {len(members)} of {len(cards)}"
            )
        first = members[0].card
        self.members, self.votes = list(members), votes
        options = {**first.options, "members": len(members), **({"votes": True} if votes else {})}
        super().__init__(members[0].policy, replace(first, options=options))

    @with_defaults
    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Action probabilities float64[n, A], averaged over the members, or their votes."""
        each = np.stack([member.action_probabilities(observation) for member in self.members])
        mean = each.mean(axis=0)
        if not self.votes:
            return mean
        votes = np.eye(self.card.n_actions)[each.argmax(axis=2)].mean(axis=0)
        return (1 - TIES) * votes + TIES * mean

    @with_defaults
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Choose actions int64[n], sampled with numpy's global generator unless deterministic."""
        single = np.ndim(observation) == len(self.card.shape)
        probabilities = self.action_probabilities(observation[None] if single else observation)
        if deterministic:
            actions = probabilities.argmax(axis=1)
        else:
            cumulated = probabilities.cumsum(axis=1)
            marks = np.random.random(len(probabilities))[:, None] * cumulated[:, -1:]
            actions = (cumulated <= marks).sum(axis=1).clip(max=self.card.n_actions - 1)
        return (actions[0] if single else actions), None

    @with_defaults
    def value(self, observation: np.ndarray) -> np.ndarray:
        """Critic values float32[n], averaged over the members."""
        values = np.stack([member.value(observation) for member in self.members])
        return values.mean(axis=0, dtype=np.float32)

    @with_defaults
    def logits(self, observation: np.ndarray) -> np.ndarray:
        """Logarithm of the action probabilities, float32[n, A]."""
        return np.log(self.action_probabilities(observation)).astype(np.float32)

    def activations(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        """Activations of all members, each under `member.<k>.`."""
        return {
            f"member.{k}.{name}": values
            for k, member in enumerate(self.members)
            for name, values in member.activations(observation).items()
        }

    def tensors(self) -> dict[str, Any]:
        """Weights of all members by name."""
        return {
            f"member.{k}.{name}": tensor
            for k, member in enumerate(self.members)
            for name, tensor in member.policy.state_dict().items()
        }
