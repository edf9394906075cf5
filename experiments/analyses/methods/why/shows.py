"""The findings of the study of why, in sentences, for its page and for that of methods. Read next: `predictions.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ....measurement.intervals import percent
from ....study.leaderboard.curves import Span
from ..comparison.bonus import change, minus

POOL, LONGER, SHARE = "PLR-regret-pool", "-4x", "fixed_share"
REPLAY, RANDOMIZED, SHUFFLED, HALVED = "PLR-regret", "domain-randomization", "PLR-shuffled", "plain-half"

ENTROPY = (
    "The two differ in more than replay: the search chose an entropy bonus of 0.1 for domain randomization, and did not vary that option "
    "for replay, which has 0.01. [Another experiment](methods-entropy.md) gives both the same bonus."
)


@dataclass(frozen=True)
class Why:
    """Sentences of the study for the page of methods; empty while there is nothing to say.

    cause: why the control of shuffled scores does not hold; longer: what four times the steps change.
    """

    cause: str = ""
    longer: str = ""


def minus_point(agents: pl.DataFrame, one: tuple[str, int], other: tuple[str, int]) -> Span | None:
    """One point minus another, paired by seed."""
    parts = [
        agents.filter((pl.col("method") == method) & (pl.col("parameter") == m)).with_columns(
            method=pl.lit(name), parameter=pl.lit(0.0)
        )
        for name, (method, m) in (("one", one), ("other", other))
    ]
    return minus(pl.concat(parts), "one", "other")


def lead(agents: pl.DataFrame) -> Span | None:
    """How much four times the steps raise the lead of replay over domain randomization: differences of differences by seed."""
    usual = agents.filter(pl.col("method").is_in([REPLAY, RANDOMIZED]))
    more = agents.filter(pl.col("method").is_in([f"{REPLAY}{LONGER}", f"{RANDOMIZED}{LONGER}"]))
    more = more.with_columns(pl.col("method").str.strip_suffix(LONGER))
    return minus(change(more, usual, ("method", "parameter", "seed")), REPLAY, RANDOMIZED)


def longer(agents: pl.DataFrame) -> str:
    """Replay's lead over domain randomization with one and with four million steps, at the α that all have."""
    alphas = sorted(agents.filter(pl.col("method") == f"{REPLAY}{LONGER}")["parameter"].unique().to_list())
    same = agents.filter(pl.col("parameter").is_in(alphas))
    usual, more = (minus(same, f"{REPLAY}{end}", f"{RANDOMIZED}{end}") for end in ("", LONGER))
    grown = lead(agents)
    if usual is None or more is None or grown is None:
        return ""
    where = " and ".join(_at_ends(same, f"{REPLAY}{LONGER}", f"{RANDOMIZED}{LONGER}"))
    shown = grown.low > 0 or grown.high < 0
    verdict = (
        f"So four times the steps change the lead by {grown.short}"
        if shown
        else f"A change of the lead is not shown ({grown.short})"
    )
    return (
        "Replay by exact regret minus domain randomization, goal preference averaged over α: "
        f"{usual.short} with 1 million steps, {more.short} with 4 million ({more.counted}, {len(alphas)} values of α from {alphas[0]:g} to "
        f"{alphas[-1]:g}, fewer than in the tables of [methods](methods.md)). {verdict}; with 4 million it is {where}. {ENTROPY}"
    )


def _at_ends(agents: pl.DataFrame, method: str, other: str) -> list[str]:
    """The difference of two methods at the smallest and at the largest α of both, each with its α."""
    pair = [agents.filter(pl.col("method") == name)["parameter"] for name in (method, other)]
    both = pair[0].filter(pair[0].is_in(pair[1].to_list())).unique().sort()
    spans = [
        (alpha, minus(agents.filter(pl.col("parameter") == alpha), method, other))
        for alpha in (both[0], both[-1])
    ]
    return [f"{span.short} at α = {alpha:g}" for alpha, span in spans if span is not None]


def shows(agents: pl.DataFrame) -> Iterator[str]:
    """Sentences on the number of steps, on what counts in the instrument, on the pool and on the negative control."""
    if words := longer(agents):
        yield f"**The length of the training.** {words}"
    yield from _instrument(agents)
    pools = [
        (words, minus(agents, f"{POOL}{end}", f"{REPLAY}{end}"))
        for end, words in (("", "1 million steps"), (LONGER, "4 million (not planned)"))
    ]
    if all(span is not None for _, span in pools):
        shown = ", ".join(f"by {span.short} with {words}" for words, span in pools if span is not None)
        yield f"**The pool.** Ten times as many training levels change the goal preference of replay {shown}."
    if words := negative_control(agents):
        yield f"**The negative control.** {words}"


def _instrument(agents: pl.DataFrame) -> Iterator[str]:
    steps = minus_point(agents, (f"{SHARE} 0.5", 300), (f"{SHARE} 0.05", 300))
    levels = [
        (share, minus_point(agents, (f"{SHARE} {share}", 3000), (f"{SHARE} {share}", 30)))
        for share in ("0.05", "0.2", "0.5")
    ]
    few = agents.filter((pl.col("method") == f"{SHARE} 0.5") & (pl.col("parameter") == 30))[
        "preference"
    ].mean()
    if steps is None or few is None or any(span is None for _, span in levels):
        return
    shown = ", ".join(
        f"{span.short} at {100 * float(share):g}% of the steps" for share, span in levels if span is not None
    )
    yield (
        f"**How often, and how many.** With 50% in place of 5% of the steps on 300 distinguishing levels, the goal preference changes by "
        f"{steps.short} ({steps.counted}). With 3,000 in place of 30 different levels, it changes by {shown}; at 50%, 30 levels reach "
        f"{float(str(few)):.2f}, so more levels could add at most {1 - float(str(few)):.2f}."
    )


def negative_control(agents: pl.DataFrame) -> str:
    """How replay with shuffled scores differs from plain PPO, and from plain PPO with half the steps, also at each end of α."""
    whole, halved = minus(agents, SHUFFLED, "plain"), minus(agents, SHUFFLED, HALVED)
    if whole is None or halved is None:
        return ""
    own = agents.filter(pl.col("method") == SHUFFLED)
    learned = 1 - float(str(own["scoring_steps"].sum())) / float(str(own["steps"].sum()))
    where = " to ".join(_at_ends(agents, SHUFFLED, HALVED))
    most = abs(halved.value) < abs(whole.value) / 2
    return (
        f"Replay with shuffled scores differs from plain PPO by {whole.short}; it learns from {percent(learned)} of its steps, and the "
        f"others only score levels. From plain PPO with half the steps it differs by {halved.short} averaged over α ({halved.counted}), "
        f"from {where}."
        + (" So fewer steps to learn from account for most of the difference." if most else "")
    )
