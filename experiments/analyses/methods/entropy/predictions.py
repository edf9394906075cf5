"""The agents of the study of equal bonuses, and the predictions of docs/results/methods-entropy-plan.md. Read next: `page.py`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from ....measurement.verdict.rules import LOST
from ....study.leaderboard.agents import agents_of
from ....study.leaderboard.curves import Span, critical_ratio
from ....study.leaderboard.points import PLAIN
from ..comparison.bonus import ACCEL, RANDOMIZED, REPLAY, SHUFFLED, STUDY, minus, named_points
from ..comparison.controls import (
    FAILS,
    HOLDS,
    OPEN,
    UNKNOWN,
    Checked,
    is_within,
    judge,
    judge_above,
    judge_within,
    outside,
)

LOW, HIGH = 0.01, 0.1  # the bonus of the config, and the one that the search chose
LONGER, THIRD = "-4x", "plain-third"
SOURCES = (STUDY, "methods-l1", "methods-why")
ALPHAS = 5  # of prediction 8
CLOSE, MARGIN, RATIO = 0.05, 0.1, 0.5  # of predictions 1, 7 and 8, 5

WORDS = {
    PLAIN: "plain PPO",
    RANDOMIZED: "domain randomization",
    REPLAY: "PLR⊥ by exact regret",
    ACCEL: "ACCEL by exact regret",
}
ARMS = {
    **{
        f"{method} {bonus:g}": f"{words}, {bonus:g}"
        for method, words in WORDS.items()
        for bonus in (LOW, HIGH)
    },
    f"{RANDOMIZED}{LONGER} {HIGH:g}": "domain randomization, 0.1, 4 million steps",
    f"{REPLAY}{LONGER} {LOW:g}": "PLR⊥ by exact regret, 0.01, 4 million steps",
    f"{REPLAY}{LONGER} {HIGH:g}": "PLR⊥ by exact regret, 0.1, 4 million steps",
    f"{SHUFFLED} {LOW:g}": "PLR⊥ by shuffled scores, 0.01",
    f"{THIRD} {LOW:g}": "plain PPO, 0.01, a third of the steps",
}


def read_agents(rows: Path) -> pl.DataFrame:
    """The agents of this study, and those of the others with which they are compared. Raises RunError."""
    wanted = [point for point in named_points(rows, SOURCES) if point.method in ARMS]
    return agents_of(wanted)


def judged(agents: pl.DataFrame) -> list[Checked]:
    """The predictions of the plan, in its order."""
    replay, randomized = ([f"{method} {bonus:g}" for bonus in (LOW, HIGH)] for method in (REPLAY, RANDOMIZED))
    longer = minus(agents, f"{REPLAY}{LONGER} {HIGH:g}", f"{RANDOMIZED}{LONGER} {HIGH:g}")
    return [
        judge_within(
            "1. Domain randomization without the bonus",
            minus(agents, randomized[0], f"{PLAIN} {LOW:g}"),
            CLOSE,
            "domain randomization minus plain PPO, both with 0.01",
        ),
        judge_above(
            "2. Replay with the bonus",
            minus(agents, replay[1], replay[0]),
            0,
            "PLR⊥ with 0.1 minus with 0.01",
        ),
        *(
            judge_above(
                f"{number}. Replay against domain randomization, both with {bonus:g}",
                minus(agents, f"{REPLAY} {bonus:g}", f"{RANDOMIZED} {bonus:g}"),
                0,
                "PLR⊥ minus domain randomization",
            )
            for number, bonus in ((3, HIGH), (4, LOW))
        ),
        judge(
            "5. Critical α, both with 0.1",
            ratio(agents, HIGH),
            lambda s: s.low >= RATIO,
            lambda s: s.high < RATIO,
            "critical α of PLR⊥ over that of domain randomization, predicted not below one half: {}",
        ),
        _accel(agents),
        judge_above(
            "7. Four million steps, both with 0.1", longer, MARGIN, "PLR⊥ minus domain randomization"
        ),
        _control(agents),
    ]


def ratio(agents: pl.DataFrame, bonus: float, measure: str = "preference") -> Span | None:
    """Critical α of replay over that of domain randomization with the same bonus."""
    pair = [agents.filter(pl.col("method") == f"{method} {bonus:g}") for method in (REPLAY, RANDOMIZED)]
    return critical_ratio(pair[0], pair[1], measure) if all(part.height for part in pair) else None


def by_alpha(agents: pl.DataFrame, method: str, other: str, level: float = 0.95) -> list[tuple[float, Span]]:
    """One arm minus another at each α that both have; empty if they have none in common."""
    found = []
    for (alpha,), part in agents.sort("parameter").group_by("parameter", maintain_order=True):
        span = minus(part, method, other, level=level)
        if span is not None:
            found.append((float(str(alpha)), span))
    return found


def _accel(agents: pl.DataFrame) -> Checked:
    low, high = f"{ACCEL} {LOW:g}", f"{ACCEL} {HIGH:g}"
    part = judge_above(
        "6. ACCEL with the bonus",
        minus(agents, high, low, "capability"),
        0,
        "capability of ACCEL with 0.1 minus with 0.01",
    )
    goal, lost = minus(agents, high, low), pl.col("verdict") == LOST
    counts = [agents.filter((pl.col("method") == arm) & lost).height for arm in (high, low)]
    if goal is None:
        return part
    more = f"goal preference: {goal.short}; agents of CAPABILITY LOSS: {counts[0]} with 0.1, {counts[1]} with 0.01"
    return replace(part, words=f"{part.words}; {more}")


def _control(agents: pl.DataFrame) -> Checked:
    """At every α of the plan, with Bonferroni's correction over them."""
    name, other = f"{SHUFFLED} {LOW:g}", f"{THIRD} {LOW:g}"
    title = "8. Negative control at equal learned steps"
    spans = by_alpha(agents, name, other, 1 - 0.05 / ALPHAS)
    if not spans:
        return Checked(
            title, UNKNOWN, "PLR⊥ with shuffled scores minus plain PPO with a third of the steps: –"
        )
    if any(outside(MARGIN)(span) for _, span in spans):
        state = FAILS
    elif len(spans) < ALPHAS:
        state = UNKNOWN
    else:
        state = HOLDS if all(is_within(span, MARGIN) for _, span in spans) else OPEN
    shown = ", ".join(f"{span.short} (n = {span.n}) at α = {alpha:g}" for alpha, span in spans)
    level = f"{100 - 5 / ALPHAS:g}% intervals, for {ALPHAS} values of α"
    words = f"PLR⊥ with shuffled scores minus plain PPO with a third of the steps ({level}): {shown}"
    return Checked(title, state, words)
