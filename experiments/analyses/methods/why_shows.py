"""The findings of the study of why, in sentences, for its page and for that of methods. Read next: `why.py`, its predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ...study.leaderboard.curves import Span, critical_alpha, differences

POOL, LONGER, SHARE = "PLR-regret-pool", "-4x", "fixed_share"
REPLAY, RANDOMIZED, SHUFFLED, HALVED = "PLR-regret", "domain-randomization", "PLR-shuffled", "plain-half"


@dataclass(frozen=True)
class Why:
    """Sentences of the study for the page of methods; empty while there is nothing to say.

    cause: why the control of shuffled scores does not hold; longer: what four times the steps change.
    """

    cause: str = ""
    longer: str = ""


def minus(agents: pl.DataFrame, method: str, other: str) -> Span | None:
    """Goal preference of a method minus that of another at equal α, paired by seed, averaged over the α that both have."""
    pair = agents.filter(pl.col("method").is_in([method, other]))
    return next((contrast.span for contrast in differences(pair, "preference", other)), None)


def minus_point(agents: pl.DataFrame, one: tuple[str, int], other: tuple[str, int]) -> Span | None:
    """One point minus another, paired by seed."""
    parts = [
        agents.filter((pl.col("method") == method) & (pl.col("parameter") == m)).with_columns(
            method=pl.lit(name), parameter=pl.lit(0.0)
        )
        for name, (method, m) in (("one", one), ("other", other))
    ]
    return minus(pl.concat(parts), "one", "other")


def longer(agents: pl.DataFrame) -> str:
    """Replay's lead over domain randomization with one and with four million steps, at the α that all have."""
    alphas = agents.filter(pl.col("method") == f"{REPLAY}{LONGER}")["parameter"].unique().to_list()
    same = agents.filter(pl.col("parameter").is_in(alphas))
    spans = [minus(same, f"{REPLAY}{end}", f"{RANDOMIZED}{end}") for end in ("", LONGER)]
    usual, more = spans
    if usual is None or more is None:
        return ""
    halves = [
        f"{_critical(same, f'{REPLAY}{end}')} for replay and {_critical(same, f'{RANDOMIZED}{end}')} for domain randomization"
        for end in ("", LONGER)
    ]
    verdict = (
        "So the lead that was published comes with more training"
        if more.low > 0 >= usual.low
        else "So the number of steps does not decide who leads"
        if (more.low > 0) == (usual.low > 0)
        else "So more training takes the lead away"
    )
    return (
        "Replay by exact regret minus domain randomization, goal preference averaged over α: "
        f"{usual.short} with 1 million steps, {more.short} with 4 million ({more.counted}). "
        f"The α at which they pass one half: with 1 million steps {halves[0]}; with 4 million {halves[1]} "
        f"({min(alphas):g} to {max(alphas):g} tested). {verdict}."
    )


def _critical(agents: pl.DataFrame, method: str) -> str:
    span = critical_alpha(agents.filter(pl.col("method") == method), "preference")
    return "unknown" if span is None else span.short


def shows(agents: pl.DataFrame) -> Iterator[str]:
    """Sentences on the number of steps, on what counts in the instrument, on the pool and on the negative control."""
    if words := longer(agents):
        yield f"**The length of the training.** {words}"
    steps = minus_point(agents, (f"{SHARE} 0.5", 300), (f"{SHARE} 0.05", 300))
    levels = minus_point(agents, (f"{SHARE} 0.5", 3000), (f"{SHARE} 0.5", 30))
    if steps is not None and levels is not None:
        head = "How often, rather than how many" if steps.low > levels.high else "How often, and how many"
        yield (
            f"**{head}.** With 50% in place of 5% of the steps on 300 distinguishing levels, the goal preference changes by "
            f"{steps.short}; with 3,000 in place of 30 different levels, at 50% of the steps, by {levels.short} ({levels.counted})."
        )
    pool = minus(agents, POOL, REPLAY)
    if pool is not None:
        yield f"**The pool.** Ten times as many training levels change the goal preference of replay by {pool.short} ({pool.counted})."
    halved = minus(agents, SHUFFLED, HALVED)
    whole = minus(agents, SHUFFLED, "plain")
    if halved is not None and whole is not None:
        yield (
            f"**The negative control.** Replay with shuffled scores differs from plain PPO by {whole.short}, and from plain PPO with "
            f"half the steps by {halved.short} ({halved.counted}): replay learns from half of its steps, and the other half only "
            "scores levels."
        )
