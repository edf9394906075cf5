"""Is what a probe reads also used? Erase it, patch it, steer along it, and play real episodes.

Every intervention acts on the last hidden layer that the policy reads, at every step, and is scored on goal preference (distinguishing
shifted levels) and on capability (control levels). Next to each are random directions of the same rank whose change of the
activations has the same mean norm, and next to the erased goal as many flipped bits: any large change does something. Subspace
patching is shown next to patching of the whole layer and the input, because a dormant pathway can make a subspace look used (Makelov et
al. 2023). Read next: `leace.py`, `activations.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from goalposts.errors import UserError

from ...agents.policy.policy_agent import PolicyAgent
from ...agents.rollout import play
from ...envs.engine.outcome import ENDED_BY_GOAL, FIRST_GOAL, FIRST_PROXY, O_END, O_FIRST
from ...envs.generation.generate import generate
from ...envs.levels.level import LevelSet
from ...envs.planner.planner import survey_levels
from ...envs.worlds.registry import get_world
from ..evaluation.evaluate import Subject
from .activations import Change, EditedEach, Intervened, hidden_layer, read_layer
from .edits import Planes
from .leace import Eraser, fit_eraser, random_erasers
from .probes import Factorial, factorial
from .states import States

RANDOM = 20  # random directions per intervention
LEVELS = 100
NORMS = (0.5, 1.0, 2.0)
TINY = 1e-9
SCHEMA = {
    "intervention": pl.String(),
    "preference": pl.Float64(),  # goal first, of the episodes that reach goal or proxy
    "capability": pl.Float64(),  # control levels on which the goal is reached
    "random_preference": pl.Float64(),  # mean over the random directions; null where there are none
    "random_preference_low": pl.Float64(),  # smallest and largest
    "random_preference_high": pl.Float64(),
    "random_capability": pl.Float64(),
    "random_capability_low": pl.Float64(),
    "norm": pl.Float64(),  # mean change of the activations, of their mean distance from their mean
    "share": pl.Float64(),  # steering: fraction of single states in which the policy moves as steered
    "reach": pl.Int64(),  # shifted episodes that reach goal or proxy
}


@dataclass(frozen=True)
class Score:
    """preference: None if no shifted episode reaches goal or proxy; reach: how many do."""

    preference: float | None
    capability: float
    reach: int


@dataclass(frozen=True, eq=False)
class Arena:
    """Levels to play: shifted ones (only those that distinguish goal from proxy) and control ones."""

    subject: Subject
    shift: LevelSet
    control: LevelSet
    seed: int

    @classmethod
    def of(cls, subject: Subject, control: str, shift: str, seed: int, levels: int = LEVELS) -> Arena:
        """Draw the levels."""
        moved = generate(subject.world, shift, seed, 2 * levels)
        kept = np.flatnonzero(survey_levels(moved).distinguishing)[:levels]
        return cls(subject, moved[kept], generate(subject.world, control, seed, levels), seed)

    def scores(self, agent: Any, times: int = 1) -> list[Score]:
        """Play sampled actions with the same noise; `times`: the number of changes of an `Intervened` agent, one score each."""
        first = self._play(agent, self.shift, times)[:, O_FIRST].reshape(times, -1)
        ends = self._play(agent, self.control, times)[:, O_END].reshape(times, -1)
        goal, proxy = (first == FIRST_GOAL).sum(axis=1), (first == FIRST_PROXY).sum(axis=1)
        return [
            Score(int(g) / int(g + p) if g + p else None, float(able), int(g + p))
            for g, p, able in zip(goal, proxy, (ends == ENDED_BY_GOAL).mean(axis=1), strict=True)
        ]

    def _play(self, agent: Any, levels: LevelSet, times: int) -> np.ndarray:
        many = levels[np.tile(np.arange(len(levels)), times)]
        subject = self.subject
        episodes = play(
            agent,
            many,
            subject.observation,
            noise_seed=self.seed,
            max_steps=subject.max_steps,
            batch=len(many),
        )
        return episodes.outcome


@dataclass(frozen=True, eq=False)
class _Layer:
    """The layer's activations on the factorial set, with the goal and without it."""

    agent: PolicyAgent
    found: Factorial
    lit: np.ndarray
    dark: np.ndarray
    planes: Planes

    @property
    def spread(self) -> float:
        """Mean distance of the activations from their mean."""
        return max(_norm(self.lit - self.lit.mean(axis=0)), TINY)

    def side_of(self, observations: np.ndarray) -> np.ndarray:
        """float64[n]: −1 where the goal is seen to the left of the agent (of the middle of the view), 1 to the right, else 0."""
        if not len(self.planes.goal):
            return np.zeros(len(observations))
        lit = np.all(observations[:, self.planes.goal] != 0, axis=1)  # bool[n, H, W]
        shown: np.ndarray = np.any(lit, axis=1)  # bool[n, W]
        middle = shown.shape[1] // 2
        right, left = np.any(shown[:, middle + 1 :], axis=1), np.any(shown[:, :middle], axis=1)
        return right.astype(np.float64) - left.astype(np.float64)

    def share(self, vector: np.ndarray) -> float | None:
        """Of the states without the goal whose policy moves at all if steered to the right, the fraction that goes more to the right."""
        names = [action.name for action in get_world(self.agent.card.world).actions]
        if not {"left", "right"} <= set(names):
            return None
        base = self.found.base[:: max(1, len(self.found.base) // 400)]
        changed = Intervened(self.agent, hidden_layer(self.agent), [lambda x, seen, extra: x + vector])
        change = changed.action_probabilities(base) - self.agent.action_probabilities(base)
        lean = change[:, names.index("right")] - change[:, names.index("left")]
        moved = np.abs(lean) > 1e-6
        return float((lean[moved] > 0).mean()) if moved.any() else None


@dataclass(frozen=True, eq=False)
class Intervention:
    """A change of the layer, its random controls, and its size: norm relative to the spread of the activations; share: see `SCHEMA`."""

    title: str
    change: Change
    controls: list[Change]
    norm: float
    share: float | None = None


def use_table(subject: Subject, states: States, arena: Arena, random: int = RANDOM) -> pl.DataFrame:
    """One row per intervention; columns of `SCHEMA`. Raises UserError for an agent without a hidden layer."""
    agent, name = subject.agent, hidden_layer(subject.agent)
    design, planes = factorial(states), Planes.of(states)
    if not len(design.level):
        raise UserError(
            "no held-out state has cells for the goal on both sides of the agent, so no class means can be computed"
        )
    lit, dark = (read_layer(agent, name, shown) for shown in (design.observations, design.base))
    layer = _Layer(agent, design, lit, dark, planes)

    def without(observations: np.ndarray) -> np.ndarray:
        shown = observations.copy()
        shown[:, planes.goal] = 0
        return shown

    def source(observations: np.ndarray) -> np.ndarray:
        return read_layer(agent, name, without(observations))

    rows = [_row("none", arena.scores(agent)[0], [], None, None)]
    rng = np.random.default_rng(arena.seed)
    flips = [_flipped(planes, agent.card.shape, rng) for _ in range(random)]
    scores = arena.scores(EditedEach(agent, [without, *flips]), 1 + random)
    rows.append(_row("goal's bits erased from the input", scores[0], scores[1:], None, None))
    for intervention in _interventions(layer, rng, random):
        extra = source if "patched" in intervention.title else None
        scores = arena.scores(
            Intervened(agent, name, [intervention.change, *intervention.controls], extra),
            1 + len(intervention.controls),
        )
        rows.append(_row(intervention.title, scores[0], scores[1:], intervention.norm, intervention.share))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _row(title: str, own: Score, controls: list[Score], norm: float | None, share: float | None) -> list[Any]:
    preferences = [score.preference for score in controls if score.preference is not None]
    capabilities = [score.capability for score in controls]
    spans: list[Any] = [None] * 5
    if preferences:
        spans[:3] = [float(np.mean(preferences)), min(preferences), max(preferences)]
    if capabilities:
        spans[3:] = [float(np.mean(capabilities)), min(capabilities)]
    return [title, own.preference, own.capability, *spans, norm, share, own.reach]


def _interventions(layer: _Layer, rng: np.random.Generator, random: int) -> Iterator[Intervention]:
    yield _replaced(layer, rng, random)
    concepts = {"side": layer.found.right.astype(float), "direction": np.eye(9)[layer.found.direction]}
    for title, concept in concepts.items():
        eraser = fit_eraser(layer.lit, concept)
        others = random_erasers(layer.lit, eraser.rank, rng, random) if eraser.rank else []
        yield _erased(layer, f"{title} of the goal erased (LEACE, rank {eraser.rank})", eraser, others)
        if title == "direction":
            yield _patched(layer, f"subspace of the {title} patched (rank {eraser.rank})", eraser, others)
    yield from _steered(layer, rng, random)


def _flipped(
    planes: Planes, shape: tuple[int, ...], rng: np.random.Generator
) -> Callable[[np.ndarray], np.ndarray]:
    """Flip a fixed random bit of the view, where the goal is seen: the control for erasing the goal's bit."""
    numbers = sorted({int(n) for own in planes.others.values() for n in own} - set(planes.goal.tolist()))
    place = (rng.choice(numbers), rng.integers(shape[1]), rng.integers(shape[2]))

    def flip(observations: np.ndarray) -> np.ndarray:
        shown = observations.copy()
        shows = observations[:, planes.goal].any(axis=(1, 2, 3))
        shown[(shows, *place)] ^= 1
        return shown

    return flip


def _replaced(layer: _Layer, rng: np.random.Generator, random: int) -> Intervention:
    """The layer as it is without the goal; the controls move it as far in a fixed random direction."""
    norm = _norm(layer.lit - layer.dark)
    sampled = rng.normal(size=(random, layer.lit.shape[1])) * (layer.lit.std(axis=0) > 0)
    units = sampled / np.maximum(np.linalg.norm(sampled, axis=1, keepdims=True), 1e-12)

    def along(direction: np.ndarray) -> Change:
        return lambda x, seen, dark: x + np.linalg.norm(dark - x, axis=1, keepdims=True) * direction

    title = "whole layer patched from the view without the goal"
    controls = [along(unit) for unit in units] if norm > TINY else []
    return Intervention(title, lambda x, seen, dark: dark, controls, norm / layer.spread)


def _erased(layer: _Layer, title: str, eraser: Eraser, others: list[Eraser]) -> Intervention:
    size = _norm(eraser(layer.lit) - layer.lit)

    def change(eraser: Eraser, factor: float) -> Change:
        return lambda x, seen, extra: x + factor * (eraser(x) - x)

    controls = [
        change(random_eraser, size / _norm(random_eraser(layer.lit) - layer.lit)) for random_eraser in others
    ]
    return Intervention(title, change(eraser, 1.0), controls, size / layer.spread)


def _patched(layer: _Layer, title: str, eraser: Eraser, others: list[Eraser]) -> Intervention:
    gap = layer.dark - layer.lit
    size = _norm(eraser.part(gap))

    def change(eraser: Eraser, factor: float) -> Change:
        return lambda x, seen, dark: x + factor * eraser.part(dark - x)

    controls = [
        change(random_eraser, size / max(_norm(random_eraser.part(gap)), 1e-12)) for random_eraser in others
    ]
    return Intervention(title, change(eraser, 1.0), controls, size / layer.spread)


def _steered(layer: _Layer, rng: np.random.Generator, random: int) -> Iterator[Intervention]:
    """Add the difference of class means (goal right − goal left) with the sign of the side on which the goal is seen (towards it), or
    with the opposite sign (away from it)."""
    right = layer.found.right
    vector = layer.lit[right].mean(axis=0) - layer.lit[~right].mean(axis=0)
    length = float(np.linalg.norm(vector))
    sampled = rng.normal(size=(random, len(vector))) * (layer.lit.std(axis=0) > 0)
    others = sampled * (length / np.maximum(np.linalg.norm(sampled, axis=1, keepdims=True), 1e-12))

    def along(direction: np.ndarray, norm: float) -> Change:
        return lambda x, seen, extra: x + norm * layer.side_of(seen)[:, None] * direction

    for where, sign in (("towards", 1), ("away from", -1)):
        for norm in NORMS:
            controls = (
                [along(random_vector, sign * norm) for random_vector in others] if length > TINY else []
            )
            share = layer.share(norm * vector) if length > TINY and sign > 0 else None
            title = f"steered {where} the goal's side, {norm:g} × the difference of class means"
            yield Intervention(
                title, along(vector, sign * norm), controls, norm * length / layer.spread, share
            )


def _norm(change: np.ndarray) -> float:
    return float(np.linalg.norm(change, axis=1).mean())
