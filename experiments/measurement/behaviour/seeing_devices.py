"""Devices that see: mixtures over all input–output mappings that read local features of the observation.

A device is any input–output mapping (Orseau et al. 2018), so an agent must beat mappings that see walls and hazards, and not
only blind ones. For an order of binary features, a context tree splits on the first feature, then the second, and so
on; each node either stops, with one Dirichlet-½ distribution over actions, or splits. The mixture over all such trees has a
closed form (Willems, Shtarkov and Tjalkens 1995; Dirichlet-½ leaves after Krichevsky and Trofimov 1981). Nothing is fitted.

The device's evidence is the mean over K declared orders, because a tree depends on its order. Because adaptive devices
overtake any misspecified agent model if there is enough data, a sign means nothing without the number of episodes: the test
reports several. Read next: `agents/recorded.py`, which computes the features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import gammaln, logsumexp

SPLITS = (0.25, 0.5, 0.75)  # prior probabilities that a node splits; at ½ every split costs log 2
SIZES = (10, 100, 1000)  # numbers of episodes at which the evidence is given, besides one
K = 8
MOST_FEATURES = 25
SEED = 22  # of the declared orders
Kind = Literal["agent-like", "device-like", "undecided"]


def orders(n_features: int) -> np.ndarray:
    """int64[K, F]: the features as declared, in reverse, and K − 2 fixed permutations of them."""
    if not 0 < n_features <= MOST_FEATURES:
        raise ValueError(f"{n_features} features; there must be 1 to {MOST_FEATURES}")
    declared = np.arange(n_features)
    rng = np.random.default_rng(SEED)
    return np.stack([declared, declared[::-1], *(rng.permutation(n_features) for _ in range(K - 2))])


def tree_evidence(
    contexts: np.ndarray, actions: np.ndarray, depth: int, n_actions: int, split: float, group: np.ndarray
) -> np.ndarray:
    """float64[G]: log evidence of each group's actions under the mixture over all trees of at most `depth` splits.

    contexts int64[n]: the features of each step as bits, the first one highest; group int64[n]: 0 … G − 1, each with a
    separate tree; actions int64[n]. The order of steps does not matter.
    """
    prefix, place = np.unique(group.astype(np.int64) << depth | contexts, return_inverse=True)
    counts = np.zeros((len(prefix), n_actions))
    np.add.at(counts, (place, actions), 1.0)
    mixed = leaf_evidence(counts)
    for _ in range(depth):
        parents = prefix >> 1
        first = np.flatnonzero(np.diff(parents, prepend=-1))
        counts = np.add.reduceat(counts, first, axis=0)
        children = np.add.reduceat(mixed, first)
        mixed = np.logaddexp(np.log1p(-split) + leaf_evidence(counts), np.log(split) + children)
        prefix = parents[first]
    return mixed


def leaf_evidence(counts: np.ndarray) -> np.ndarray:
    """float64[...]: log evidence of action counts float64[..., A] under a Dirichlet(½, …, ½) prior."""
    n_actions = counts.shape[-1]
    total = gammaln(n_actions / 2) - gammaln(counts.sum(axis=-1) + n_actions / 2)
    return total + (gammaln(counts + 0.5) - gammaln(0.5)).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of recorded episodes: bits uint8[n, F], actions int64[n], episode int64[n] from 0, in order."""

    bits: np.ndarray
    actions: np.ndarray
    episode: np.ndarray
    names: tuple[str, ...]  # F of them
    of_goal: np.ndarray  # bool[F]: the features that show where the goal is
    n_actions: int

    def first(self, episodes: int) -> Steps:
        """The steps of the first so many episodes."""
        kept = self.episode < episodes
        return Steps(
            self.bits[kept],
            self.actions[kept],
            self.episode[kept],
            self.names,
            self.of_goal,
            self.n_actions,
        )


def seeing_evidence(steps: Steps, split: float, goal_bits: bool, each: bool) -> np.ndarray:
    """float64[1], or float64[N] with a separate device for each episode: log evidence, mean over the K orders."""
    bits = steps.bits if goal_bits else steps.bits[:, ~steps.of_goal]
    depth = bits.shape[1]
    values = 1 << np.arange(depth - 1, -1, -1, dtype=np.int64)
    group = steps.episode if each else np.zeros(len(bits), np.int64)
    of_orders = [
        tree_evidence(bits[:, order] @ values, steps.actions, depth, steps.n_actions, split, group)
        for order in orders(depth)
    ]
    return logsumexp(of_orders, axis=0) - np.log(K)


@dataclass(frozen=True)
class Comparison:
    """How far agents are ahead of devices, in nats; below 0: behind. `episodes` 1: mean over single episodes."""

    episodes: int
    goal_bits: bool
    split: float
    agents_ahead: float


@dataclass(frozen=True)
class SeeingTest:
    """Agents against devices that see, at several numbers of episodes, split priors, with and without goal bits.

    kind   "agent-like" if agents are ahead in all of them, "device-like" if devices are, else "undecided"
    each   mean of the agents' lead over single episodes, every one with fresh priors (split ½, goal bits), and its standard error
    """

    comparisons: tuple[Comparison, ...]
    each: tuple[float, float]
    features: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        ahead = [one.agents_ahead > 0 for one in self.comparisons]
        return "agent-like" if all(ahead) else "undecided" if any(ahead) else "device-like"

    def at(self, episodes: int, split: float = 0.5, goal_bits: bool = True) -> float | None:
        """The agents' lead in one of the comparisons."""
        wanted = (episodes, goal_bits, split)
        found = (c.agents_ahead for c in self.comparisons if (c.episodes, c.goal_bits, c.split) == wanted)
        return next(found, None)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        rows = [vars(one) for one in self.comparisons]
        return {
            "kind": self.kind,
            "comparisons": rows,
            "each": list(self.each),
            "features": list(self.features),
        }

    def __str__(self) -> str:
        sizes = sorted({one.episodes for one in self.comparisons})
        parts = []
        for n in sizes:
            values = [one.agents_ahead for one in self.comparisons if one.episodes == n]
            parts.append(f"{min(values):+,.1f} to {max(values):+,.1f} at {n:,} episode{'s' * (n != 1)}")
        text = f"{self.kind} against devices that see: agents ahead by {', '.join(parts)} nats"
        return (
            text.replace("-", "−").replace("agent−like", "agent-like").replace("device−like", "device-like")
        )


def compare(
    steps: Steps,
    agents_at: Mapping[int, float],
    blind_at: Mapping[int, float],
    agents_each: np.ndarray,
    blind_each: np.ndarray,
    sizes: Sequence[int] = SIZES,
) -> SeeingTest:
    """Compare agents with devices, half of whose prior is on devices that see and half on blind ones.

    agents_at, blind_at: log evidence (mean over the hypotheses of a kind) of the first n episodes together, for each n of
    `sizes` that there are, and for all; agents_each, blind_each float64[N]: of each episode alone.
    """
    total = len(agents_each)
    found, each = [], (float("nan"), float("nan"))
    for goal_bits in (True, False):
        for split in SPLITS:
            alone = agents_each - _half(seeing_evidence(steps, split, goal_bits, each=True), blind_each)
            found.append(Comparison(1, goal_bits, split, float(alone.mean())))
            if goal_bits and split == 0.5:
                spread = float(alone.std(ddof=1) / np.sqrt(total)) if total > 1 else float("nan")
                each = (float(alone.mean()), spread)
            for n in sorted({min(n, total) for n in sizes} - {1}):
                seeing = float(seeing_evidence(steps.first(n), split, goal_bits, each=False)[0])
                found.append(
                    Comparison(n, goal_bits, split, agents_at[n] - float(_half(seeing, blind_at[n])))
                )
    found.sort(key=lambda one: (one.episodes, not one.goal_bits, one.split))
    return SeeingTest(tuple(found), each, steps.names)


def _half(one: Any, other: Any) -> Any:
    return np.logaddexp(one, other) - np.log(2)
