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


def evidence_of_orders(steps: Steps, split: float, goal_bits: bool, each: bool) -> np.ndarray:
    """float64[K, 1], or float64[K, N] with a separate device for each episode: log evidence of the device of each order."""
    bits = steps.bits if goal_bits else steps.bits[:, ~steps.of_goal]
    depth = bits.shape[1]
    values = 1 << np.arange(depth - 1, -1, -1, dtype=np.int64)
    group = steps.episode if each else np.zeros(len(bits), np.int64)
    return np.stack(
        [
            tree_evidence(bits[:, order] @ values, steps.actions, depth, steps.n_actions, split, group)
            for order in orders(depth)
        ]
    )


def seeing_evidence(steps: Steps, split: float, goal_bits: bool, each: bool) -> np.ndarray:
    """float64[1], or float64[N] with a separate device for each episode: log evidence, mean over the K orders."""
    return _mean(evidence_of_orders(steps, split, goal_bits, each))


@dataclass(frozen=True)
class Comparison:
    """How far agents are ahead of devices, in nats; below 0: behind. `episodes` 1: mean over single episodes.

    agents_ahead    of all devices together, half of whose prior is on blind ones
    of_blind        of the blind devices alone
    of_orders       of the seeing devices alone: the least and the largest lead over the feature orders
    """

    episodes: int
    goal_bits: bool
    split: float
    agents_ahead: float
    of_blind: float
    of_orders: tuple[float, float]

    @property
    def leads(self) -> tuple[float, ...]:
        """All of them: their signs must agree."""
        return (self.agents_ahead, self.of_blind, *self.of_orders)


@dataclass(frozen=True)
class SeeingTest:
    """Agents against devices, at several numbers of episodes, split priors, feature orders, with and without goal bits.

    kind   "agent-like" if agents are ahead of every class of devices and every order in all of them; "device-like" if they are behind
           all devices together in all of them and one whole class explains more in the end: the blind ones, or every order
           of those that see; else "undecided"
    each   mean of the agents' lead over single episodes, every one with fresh priors (split ½, goal bits), and its standard error
    """

    comparisons: tuple[Comparison, ...]
    each: tuple[float, float]
    features: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        if self.few:
            return "undecided"
        if all(lead > 0 for comparison in self.comparisons for lead in comparison.leads):
            return "agent-like"
        last = max(comparison.episodes for comparison in self.comparisons)
        behind = all(comparison.agents_ahead <= 0 for comparison in self.comparisons)
        by_a_class = all(
            comparison.of_blind <= 0 or comparison.of_orders[1] <= 0
            for comparison in self.comparisons
            if comparison.episodes == last
        )
        return "device-like" if behind and by_a_class else "undecided"

    @property
    def few(self) -> bool:
        """Whether there are too few episodes for any answer: fewer than the first of `SIZES`."""
        return max(comparison.episodes for comparison in self.comparisons) < SIZES[0]

    @property
    def dissent(self) -> str:
        """Between what the signs differ, for an undecided test; else empty."""
        if self.kind != "undecided" or self.few:
            return ""

        def differ(values: Sequence[float]) -> bool:
            return any(v > 0 for v in values) and any(v <= 0 for v in values)

        last = max(comparison.episodes for comparison in self.comparisons)
        at_last = [comparison for comparison in self.comparisons if comparison.episodes == last]
        differences = []
        if differ(
            [
                comparison.agents_ahead
                for comparison in self.comparisons
                if comparison.goal_bits and comparison.split == 0.5
            ]
        ):
            differences.append("numbers of episodes")
        if any(differ([comparison.of_blind, *comparison.of_orders]) for comparison in at_last):
            differences.append("blind devices and devices that see")
        if any(differ(comparison.of_orders) for comparison in at_last):
            differences.append("orders of the features")
        if differ([comparison.agents_ahead for comparison in at_last]):
            differences.append("priors")
        return " and between ".join(differences or ["numbers of episodes, classes of devices or priors"])

    def at(self, episodes: int, split: float = 0.5, goal_bits: bool = True) -> float | None:
        """The agents' lead in one of the comparisons."""
        wanted = (episodes, goal_bits, split)
        leads = (c.agents_ahead for c in self.comparisons if (c.episodes, c.goal_bits, c.split) == wanted)
        return next(leads, None)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        rows = [vars(comparison) for comparison in self.comparisons]
        return {
            "kind": self.kind,
            "comparisons": rows,
            "each": list(self.each),
            "features": list(self.features),
        }

    def __str__(self) -> str:
        parts = []
        for n in sorted({comparison.episodes for comparison in self.comparisons}):
            now = [comparison for comparison in self.comparisons if comparison.episodes == n]
            values = [comparison.agents_ahead for comparison in now]
            each = "" if n == 1 else f" ({min(values) / n:+.2f} to {max(values) / n:+.2f} per episode)"
            parts.append(f"{min(values):+,.1f} to {max(values):+,.1f} at {n:,} episode{'s' * (n != 1)}{each}")
        last = [
            comparison
            for comparison in self.comparisons
            if comparison.episodes == max(c.episodes for c in self.comparisons)
        ]
        low, high = (
            min(comparison.of_orders[0] for comparison in last),
            max(comparison.of_orders[1] for comparison in last),
        )
        numbers = (
            f"agents ahead by {', '.join(parts)} nats; at {last[0].episodes:,}, by {last[0].of_blind:+,.1f} before blind devices "
            f"and by {low:+,.1f} to {high:+,.1f} before devices that see, by order of the features"
        ).replace("-", "−")
        why = f" (the sign differs between {self.dissent})" if self.dissent else ""
        if self.few:
            why = f" (fewer than {SIZES[0]} episodes)"
        return f"{self.kind} against devices that see{why}: {numbers}"


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
    comparisons, each = [], (float("nan"), float("nan"))
    blind_alone = float((agents_each - blind_each).mean())
    for goal_bits in (True, False):
        for split in SPLITS:
            apart = evidence_of_orders(steps, split, goal_bits, each=True)
            alone = agents_each - _half(_mean(apart), blind_each)
            by_order = (agents_each - apart).mean(axis=1)
            comparisons.append(
                Comparison(1, goal_bits, split, float(alone.mean()), blind_alone, _ends(by_order))
            )
            if goal_bits and split == 0.5:
                spread = float(alone.std(ddof=1) / np.sqrt(total)) if total > 1 else float("nan")
                each = (float(alone.mean()), spread)
            for n in sorted({min(n, total) for n in sizes} - {1}):
                pooled = evidence_of_orders(steps.first(n), split, goal_bits, each=False)[:, 0]
                agents, blind = agents_at[n], blind_at[n]
                ahead = float(agents - _half(_mean(pooled), blind))
                comparisons.append(
                    Comparison(n, goal_bits, split, ahead, float(agents - blind), _ends(agents - pooled))
                )
    comparisons.sort(key=lambda comparison: (comparison.episodes, not comparison.goal_bits, comparison.split))
    return SeeingTest(tuple(comparisons), each, steps.names)


def _mean(of_orders: np.ndarray) -> np.ndarray:
    return logsumexp(of_orders, axis=0) - np.log(K)


def _ends(leads: np.ndarray) -> tuple[float, float]:
    return float(leads.min()), float(leads.max())


def _half(one: Any, other: Any) -> Any:
    return np.logaddexp(one, other) - np.log(2)
