"""The five predictions of docs/results/methods-finalists-plan.md, from the agents. Read next: `page.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl

from ....study.leaderboard.curves import Span, critical_alpha
from ....study.leaderboard.points import PLAIN
from ..comparison.bonus import RANDOMIZED, change, method_of, minus
from ..comparison.controls import FAILS, HOLDS, OPEN, UNKNOWN, Checked, is_within, judge, outside
from .choice import FinalistCandidate

WORLDS = ("CoinRun", "Corner", "Beacon")
INAPPLICABLE = "not applicable"
CLOSE = 0.05  # of prediction 1
ENDS = (0.001, 0.1)  # of prediction 2


def judged(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> list[Checked]:
    """The predictions of the plan, in its order. agents: of all three studies, by method and bonus; chosen: the finalists, best first."""
    plain, randomized = (arm_of(chosen, method) for method in (PLAIN, RANDOMIZED))
    replays = [arm.arm for arm in chosen if method_of(arm.arm) not in (PLAIN, RANDOMIZED)]
    return [
        _close(agents, plain, randomized),
        _each("2. Replay minus domain randomization in CoinRun", _ends, agents, replays, randomized),
        _each("3. The same in Corner and Beacon", _below, agents, replays, randomized),
        _each("4. The order of the two is not one of all worlds", _signs, agents, replays, randomized),
        _shrinkage(agents, chosen),
    ]


def _each(
    title: str,
    judge_one: Callable[[pl.DataFrame, str, str], Checked],
    agents: pl.DataFrame,
    replays: Sequence[str],
    randomized: str | None,
) -> Checked:
    """Judge a prediction for every finalist that chooses levels: it holds if it does for all, and does not if it does not for one."""
    if not replays or randomized is None:
        return Checked(title, INAPPLICABLE, "one of them is no finalist")
    parts = [judge_one(agents, replay, randomized) for replay in replays]
    states = [part.found for part in parts]
    state = next((state for state in (FAILS, UNKNOWN, OPEN) if state in states), HOLDS)
    words = [f"{part.words}{f' ({part.found})' if len(set(states)) > 1 else ''}" for part in parts]
    return Checked(title, state, "; ".join(words))


def arm_of(chosen: Sequence[FinalistCandidate], method: str) -> str | None:
    """The arm with which a method is a finalist; None if it is none."""
    return next((candidate.arm for candidate in chosen if method_of(candidate.arm) == method), None)


def by_world(agents: pl.DataFrame, one: str, other: str) -> dict[str, Span | None]:
    """One arm minus another in each world, paired by seed, averaged over α."""
    return {world: minus(agents.filter(pl.col("world") == world), one, other) for world in WORLDS}


def _close(agents: pl.DataFrame, plain: str | None, randomized: str | None) -> Checked:
    title = "1. Domain randomization minus plain PPO"
    if plain is None or randomized is None:
        return Checked(title, INAPPLICABLE, "one of them is no finalist")
    return _worlds(
        title,
        by_world(agents, randomized, plain),
        lambda span: is_within(span, CLOSE),
        outside(CLOSE),
    )


def _ends(agents: pl.DataFrame, replay: str, randomized: str) -> Checked:
    own = agents.filter(pl.col("world") == WORLDS[0])
    first, last = (own.filter(pl.col("parameter") == end) for end in ENDS)
    leads = change(first, last, ("method", "seed")).with_columns(parameter=pl.lit(0.0))
    span = minus(leads, replay, randomized)
    words = f"{replay}, the difference at α = 0.001 minus that at α = 0.1: {{}}"
    return judge("", span, lambda s: s.low > 0, lambda s: s.high <= 0, words)


def _below(agents: pl.DataFrame, replay: str, randomized: str) -> Checked:
    spans = by_world(agents, replay, randomized)
    others = {world: spans[world] for world in WORLDS[1:]}
    found = _worlds("", others, lambda span: span.high < 0, lambda span: span.low >= 0)
    return replace(found, words=f"{replay} minus {randomized}, {found.words}")


def _signs(agents: pl.DataFrame, replay: str, randomized: str) -> Checked:
    """Whether intervals exclude 0 on different sides."""
    spans = by_world(agents, replay, randomized)
    above = sum(span is not None and span.low > 0 for span in spans.values())
    below = sum(span is not None and span.high < 0 for span in spans.values())
    state = UNKNOWN if any(span is None for span in spans.values()) else OPEN
    if above and below:
        state = HOLDS
    elif len(WORLDS) in (above, below):
        state = FAILS
    return Checked("", state, f"{replay} minus {randomized}, {_listed(spans)}")


def _shrinkage(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> Checked:
    title = "5. Shrinkage"
    best = chosen[0] if chosen else None
    if best is None or best.critical is None or not 0 < best.critical.value < math.inf:
        return Checked(title, UNKNOWN, "no finalist has a critical α within the range tested")
    old = best.critical.value
    own = agents.filter((pl.col("world") == WORLDS[0]) & (pl.col("method") == best.arm))
    span = critical_alpha(own, "goal_first") if own.height else None
    words = (
        f"critical α of {best.arm} by goal first of all episodes, {best.critical.short} on the old seeds, whose value counts as exact: "
        "{} on the new ones"
    )
    return judge(title, span, lambda s: s.low > old, lambda s: s.high < old, words)


def _worlds(
    title: str, spans: dict[str, Span | None], holds: Callable[[Span], bool], fails: Callable[[Span], bool]
) -> Checked:
    """Judge a prediction about several worlds: all must hold, and one that fails is enough."""
    known = [span for span in spans.values() if span is not None]
    if any(fails(span) for span in known):
        state = FAILS
    elif len(known) < len(spans):
        state = UNKNOWN
    else:
        state = HOLDS if all(holds(span) for span in known) else OPEN
    return Checked(title, state, _listed(spans))


def _listed(spans: dict[str, Span | None]) -> str:
    return "; ".join(
        f"{world}: {'not measured yet' if span is None else f'{span.short} ({span.counted})'}"
        for world, span in spans.items()
    )
