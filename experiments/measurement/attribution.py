"""Goal attribution: which hypothesis best explains an agent's actions, and by how many nats.

After Langosco et al. 2022, definition 2.1, and Orseau et al. 2018: *agents* pursue a goal; *devices* are input–output
mappings that pursue nothing (here, from the last action to the next). Nothing is fitted: every free parameter of a
hypothesis is averaged over its prior, so flexibility carries its own penalty. Episodes are pooled in two ways: `shared` uses
one set of parameters for the whole batch, which is right for one agent; `each` draws new parameters for every episode.

This module only weighs likelihoods; `experiments/evaluation/attribution.py` computes them from levels and actions. Formulas,
sources and a worked example: docs/attribution.md. Read next: `experiments/evaluation/attribution.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy.special import logsumexp

from .intervals import wilson

Kind = Literal["agent", "device"]
SURE, PART = 0.95, 0.2  # of a posterior; of all episodes
ALIKE = 0.1  # fraction of episodes that may separate two hypotheses which count as one in a mixture
TIED = 3.0  # nats; a hypothesis within this distance of the best one is listed with it (odds of 20 to 1)
EQUAL = 0.05  # nats: printed as 0.0, so no hypothesis is named as the best


@dataclass(frozen=True)
class Hypothesis:
    """A hypothesis about an agent's behaviour. `points` names the settings that are averaged over; a device has one."""

    name: str
    kind: Kind
    sentence: str
    points: tuple[str, ...] = ("",)


DEVICES = (
    Hypothesis("uniform", "device", "every action is as likely as any other"),
    Hypothesis("frequencies", "device", "each action has its own fixed probability"),
    Hypothesis("repeat", "device", "repeats its last action with a fixed probability"),
    Hypothesis("moves", "device", "the last action decides how likely the next one is"),
)


def devices(actions: np.ndarray, lengths: np.ndarray, n_actions: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictive probabilities of each next action under each device, with the device's parameters averaged out.

    actions uint8[N, T], lengths int[N]. Returns two arrays float64[4, N, T, A], in the order of DEVICES: `shared`, where a
    device learns its parameters from all earlier steps and episodes, and `each`, where it learns from this episode alone.
    The product of the probabilities of the actions taken is the marginal likelihood under a uniform prior over the
    parameters. frequencies: Dirichlet(1, …, 1). repeat: Beta(1, 1) for repeating, all other actions equally likely. moves
    (a first-order Markov chain): one Dirichlet(1, …, 1) per previous action, and one for the first action.
    """
    n, width = actions.shape
    valid = np.arange(width) < np.asarray(lengths)[:, None]
    taken = np.where(valid, actions, 0).astype(np.int64)
    counted = np.eye(n_actions)[taken] * valid[..., None]
    before = np.full((n, width), n_actions)  # n_actions: none before
    before[:, 1:] = taken[:, :-1]
    own = np.stack([learn(counted, before) for learn in _LEARNERS])
    flat = (counted.reshape(1, n * width, n_actions), before.reshape(1, n * width))
    pooled = np.stack([learn(*flat).reshape(counted.shape) for learn in _LEARNERS])
    return pooled, own


def said_of(probabilities: np.ndarray, actions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Log likelihood of each episode's actions, float64[M, N], from the predictive probabilities float64[M, N, T, A]."""
    valid = np.arange(actions.shape[1]) < np.asarray(lengths)[:, None]
    taken = np.where(valid, actions, 0).astype(np.int64)
    chances = np.take_along_axis(probabilities, taken[None, :, :, None], axis=-1)[..., 0]
    return np.log(np.where(valid, chances, 1.0)).sum(axis=-1)


def _uniform(counted: np.ndarray, before: np.ndarray) -> np.ndarray:
    return np.full(counted.shape, 1 / counted.shape[-1])


def _frequencies(counted: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Laplace's rule of succession."""
    seen = counted.cumsum(axis=1) - counted
    return (seen + 1) / (seen.sum(axis=-1, keepdims=True) + counted.shape[-1])


def _repeat(counted: np.ndarray, before: np.ndarray) -> np.ndarray:
    n_actions = counted.shape[-1]
    first = before == n_actions
    same = before[..., None] == np.arange(n_actions)
    steps = counted.sum(axis=-1) * ~first
    repeats = (counted * same).sum(axis=-1)
    seen, repeated = steps.cumsum(axis=1) - steps, repeats.cumsum(axis=1) - repeats
    again = ((repeated + 1) / (seen + 2))[..., None]
    return np.where(first[..., None], 1 / n_actions, np.where(same, again, (1 - again) / (n_actions - 1)))


def _moves(counted: np.ndarray, before: np.ndarray) -> np.ndarray:
    out = np.empty_like(counted)
    for context in range(counted.shape[-1] + 1):
        here = (before == context)[..., None]
        np.copyto(out, _frequencies(counted * here, before), where=here)
    return out


_LEARNERS: tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], ...] = (
    _uniform,
    _frequencies,
    _repeat,
    _moves,
)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Log likelihoods of a batch of episodes.

    shared  per hypothesis, float64[G]: of the whole batch under each setting; settings have equal prior probability
    each    float64[N, H]: of each episode alone, averaged over settings
    steps   int64[N]: steps per episode
    """

    hypotheses: tuple[Hypothesis, ...]
    shared: tuple[np.ndarray, ...]
    each: np.ndarray
    steps: np.ndarray
    early: Mapping[int, np.ndarray] = field(default_factory=dict)

    def of_kind(self, kind: Kind) -> np.ndarray:
        """bool[H]: the hypotheses of a kind."""
        return np.array([h.kind == kind for h in self.hypotheses])

    def pooled(self, kind: Kind) -> dict[int, float]:
        """Log evidence of the first n episodes together, the mean over the hypotheses of a kind; by n."""
        whole = np.array([averaged(grid) for grid in self.shared])
        of_kind = self.of_kind(kind)
        return {
            n: float(averaged(evidence[of_kind]))
            for n, evidence in {**self.early, len(self.steps): whole}.items()
        }

    def alone(self, kind: Kind) -> np.ndarray:
        """float64[N]: log evidence of each episode, the mean over the hypotheses of a kind."""
        return averaged(self.each[:, self.of_kind(kind)])


def averaged(log_likelihood: np.ndarray) -> np.ndarray:
    """Log of the mean likelihood over the settings: float64[…, G] → float64[…]."""
    return logsumexp(log_likelihood, axis=-1) - np.log(log_likelihood.shape[-1])


@dataclass(frozen=True, eq=False)
class Attribution:
    """The hypothesis that best explains a batch of episodes. In nats; `shared` pooling unless a name ends in `_each`.

    table            one row per hypothesis, best first: hypothesis, kind, log_evidence, posterior, nats_per_step, setting (the
                     likeliest), log_evidence_each, posterior_each, episodes_best (fraction of episodes it explains best)
    margin           log evidence of the best minus that of the second
    tied             hypotheses within 3 nats of the best one, which these levels do not distinguish from it
    p_agent          posterior of "some agent" versus "some device", with equal priors
    agent_over_device       the same as log odds; Langosco's test compares it with 0
    agent_over_device_each  mean log odds of a single episode, and its standard error
    goal_directed_episodes  fraction of episodes with p_agent > p_device
    perhaps_mixture         several hypotheses with a weight above a fifth, but single episodes do not show which of them they follow
    """

    table: pl.DataFrame
    episodes: int
    steps: int
    best: str
    second: str
    margin: float
    tied: tuple[str, ...]
    p_agent: float
    agent_over_device: float
    agent_over_device_each: tuple[float, float]
    goal_directed_episodes: float
    mixture: tuple[str, ...] = ()
    perhaps_mixture: tuple[str, ...] = ()

    @property
    def p_device(self) -> float:
        """Posterior of "some device": 1 − p_agent."""
        return 1 - self.p_agent

    @property
    def goal_directed(self) -> bool:
        """Langosco's test: p_agent > p_device."""
        return self.agent_over_device > 0

    def to_dict(self) -> dict[str, Any]:
        """Return every field for JSON; the table becomes a list of rows."""
        rows = {name: value for name, value in vars(self).items() if name != "table"}
        return {**rows, "goal_directed": self.goal_directed, "table": self.table.to_dicts()}

    def __str__(self) -> str:
        if len(self.mixture) > 1:
            return (
                f"a mixture of {' and '.join(self.mixture)}: each alone explains more than a fifth of the {self.episodes:,} episodes "
                f"best ({self.steps:,} steps); pooled, the best single hypothesis would be {self.best}"
            )
        also = f" (not distinguished from: {', '.join(self.tied)})" if self.tied else ""
        best = f"{self.best}, by {self.margin:,.1f} nats before {self.second}{also}"
        if self.tied and self.margin < EQUAL:
            best = f"{' or '.join((self.best, *self.tied))}, which these levels do not distinguish"
        if self.perhaps_mixture:
            best += (
                f" (perhaps a mixture of {' and '.join(self.perhaps_mixture)}: each is fitted to more than a fifth of the episodes, "
                "but single episodes do not show which they follow)"
            )
        ahead = f"{self.agent_over_device:+,.1f}".replace("-", "−")
        return (
            f"{best}; p_agent = {self.p_agent:.4g} against devices that see nothing (agents ahead by {ahead} nats; "
            f"{self.episodes:,} episodes, {self.steps:,} steps)"
        )


def weigh(evidence: Evidence) -> Attribution:
    """Compute the posterior of every hypothesis. Prior: half agents, half devices, uniform within each kind."""
    names = [h.name for h in evidence.hypotheses]
    kinds = np.array([h.kind for h in evidence.hypotheses])
    shared = np.array([averaged(grid) for grid in evidence.shared])
    pooled_each = evidence.each.sum(axis=0)
    prior = np.log(0.5) - np.log([(kinds == kind).sum() for kind in kinds])
    n, steps = len(evidence.steps), int(evidence.steps.sum())
    best_of_each = _share_best(evidence.each)
    mixture, parts = mixture_of(evidence.each, names), [name for name, _ in weighty(evidence.each, names)]
    order = np.argsort(-shared, kind="stable")
    table = pl.DataFrame(
        {
            "hypothesis": names,
            "kind": kinds.tolist(),
            "log_evidence": shared,
            "posterior": _normalised(shared + prior),
            "nats_per_step": shared / max(steps, 1),
            "setting": [
                h.points[int(grid.argmax())]
                for h, grid in zip(evidence.hypotheses, evidence.shared, strict=True)
            ],
            "log_evidence_each": pooled_each,
            "posterior_each": _normalised(pooled_each + prior),
            "episodes_best": best_of_each,
        }
    )[order.tolist()]
    odds = float(_log_odds(shared, kinds))
    odds_each = _log_odds(evidence.each, kinds)
    best, second = int(order[0]), int(order[1])
    return Attribution(
        table=table,
        episodes=n,
        steps=steps,
        best=names[best],
        second=names[second],
        margin=float(shared[best] - shared[second]),
        tied=tuple(names[k] for k in order[1:] if shared[best] - shared[k] < TIED),
        p_agent=float(1 / (1 + np.exp(-np.clip(odds, -700, 700)))),
        agent_over_device=odds,
        agent_over_device_each=(
            float(odds_each.mean()),
            float(odds_each.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"),
        ),
        goal_directed_episodes=float((odds_each > 0).mean()),
        mixture=mixture,
        perhaps_mixture=tuple(parts) if len(parts) > 1 and not mixture else (),
    )


def mixture_of(each: np.ndarray, names: Sequence[str], most: int = 200) -> tuple[str, ...]:
    """The hypotheses that each certainly explain more than a fifth of the episodes, if they are two or more; else ().

    each float64[N, H]: log evidence of single episodes. The weights of the hypotheses are fitted by expectation maximization.
    A hypothesis counts if the lower bound of its weight is above 0.2, and if at least half of that weight comes from episodes that are
    clearly its own (at least 95% of their posterior): two that explain the same episodes equally well are no mixture.
    """
    components = tuple(name for name, clear in weighty(each, names, most) if clear)
    return components if len(components) > 1 else ()


def weighty(each: np.ndarray, names: Sequence[str], most: int = 200) -> list[tuple[str, bool]]:
    """The hypotheses whose weight has a lower bound above 0.2, the largest weight first, and whether half of it is clearly their own."""
    groups = alike(each)
    each = np.stack([averaged(each[:, group]) for group in groups], axis=1)
    n, h = each.shape
    weights = np.full(h, 1 / h)
    likelihood = np.exp(each - each.max(axis=1, keepdims=True))
    posterior = likelihood
    for _ in range(most):
        posterior = likelihood * weights
        posterior /= posterior.sum(axis=1, keepdims=True)
        weights = posterior.mean(axis=0)
    clear = (posterior >= SURE).sum(axis=0)
    return [
        (" or ".join(str(names[member]) for member in groups[k]), bool(clear[k] >= weights[k] * n / 2))
        for k in np.argsort(-weights, kind="stable")
        if wilson(min(weights[k] * n, n), n).low > PART
    ]


def alike(each: np.ndarray) -> list[list[int]]:
    """Group the hypotheses that no more than one episode in ten separates by 3 nats: positions, the first of each group leading.

    each float64[N, H]: log evidence of single episodes.
    """
    groups: list[list[int]] = []
    for k in range(each.shape[1]):
        for group in groups:
            if (np.abs(each[:, k] - each[:, group[0]]) >= TIED).mean() <= ALIKE:
                group.append(k)
                break
        else:
            groups.append([k])
    return groups


def evidence_table(evidence: Evidence) -> pl.DataFrame:
    """One row per episode and hypothesis: episode, steps, hypothesis, kind, log_evidence, posterior (for that episode)."""
    n, h = evidence.each.shape
    kinds = np.array([x.kind for x in evidence.hypotheses])
    prior = np.log(0.5) - np.log([(kinds == kind).sum() for kind in kinds])
    return pl.DataFrame(
        {
            "episode": np.repeat(np.arange(n, dtype=np.int32), h),
            "steps": np.repeat(evidence.steps.astype(np.int32), h),
            "hypothesis": [x.name for x in evidence.hypotheses] * n,
            "kind": kinds.tolist() * n,
            "log_evidence": evidence.each.ravel(),
            "posterior": _normalised(evidence.each + prior).ravel(),
        }
    )


def _normalised(logs: np.ndarray) -> np.ndarray:
    return np.exp(logs - logsumexp(logs, axis=-1, keepdims=True))


def _log_odds(logs: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    return averaged(logs[..., kinds == "agent"]) - averaged(logs[..., kinds == "device"])


def _share_best(each: np.ndarray) -> np.ndarray:
    """Fraction of episodes that each hypothesis explains best; ties (within 1e-9 nats) split an episode equally."""
    top = each >= each.max(axis=1, keepdims=True) - 1e-9
    return (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
