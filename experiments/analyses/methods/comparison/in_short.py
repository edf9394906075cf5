"""The first lines of the page of methods: which methods differ from plain PPO, and whether more than effective α does it.

All text is computed from agents and findings; nothing is said of a class whose control fails. Read next: `predictions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from ....study.leaderboard.board import shown_names
from ....study.leaderboard.cells import over_seeds
from ....study.leaderboard.curves import FromPlain, critical_alpha, differences, is_one_curve
from ....study.leaderboard.points import PLAIN
from .controls import CORNER, HOLDS, L0, L1, LABELS, admitted, of
from .predictions import LEARNERS, RANDOMIZED, Findings, start_words, starts_of

SIGNIFICANT = 0.05  # p after Holm's correction
BASES = {
    PLAIN: "plain PPO",
    "plain-tuned": "plain PPO and an entropy bonus of 0.1",
    RANDOMIZED: "domain randomization and the same bonus",
}


@dataclass(frozen=True)
class Others:
    """Sentences of other experiments for the page of methods; empty while they have none.

    equal: methods with the same entropy bonus; longer: what more training steps change; finalists: the best on new seeds.
    """

    equal: str = ""
    longer: str = ""
    finalists: str = ""


NOTHING = Others()
ABLE = 0.85  # mean capability below which a method is said to lose it


def in_short(
    agents: pl.DataFrame, cells: pl.DataFrame, findings: Findings, others: Others = NOTHING
) -> list[str]:
    """Format the findings as a list; empty while no class has any. others: sentences from other experiments."""
    parts = (
        _levels(agents, cells, findings),
        _of_others(others, findings),
        _curve(findings),
        _nothing(agents, cells),
        _labels(agents, cells, findings),
    )
    return [f"- {words}" for part in parts for words in part]


def _levels(agents: pl.DataFrame, cells: pl.DataFrame, findings: Findings) -> Iterator[str]:
    """Of class L1: where plain PPO and domain randomization pass one half, and which methods differ from plain PPO."""
    for study, world in ((L1, "CoinRun"), (CORNER, "Corner")):
        own = of(agents, study)
        if not own.height or admitted(cells, study).found != HOLDS or findings.stopped(study):
            continue
        passed = (
            (words, critical_alpha(of(agents, study, name), "preference")) for name, words in BASES.items()
        )
        bases = [f"{span.short} with {words}" for words, span in passed if span is not None]
        names = shown_names(cells.filter(pl.col("study") == study))
        contrasts = differences(own, "goal_first", PLAIN)
        shown = {
            sign: [_named(contrast, own, names) for contrast in contrasts if _differs(contrast, sign)]
            for sign in (1, -1)
        }
        left = len(contrasts) - sum(map(len, shown.values()))
        yield (
            f"**{world}, a fraction α of levels with the goal anywhere.** The goal comes first in half of the episodes that reach "
            f"either from α = {', '.join(bases) or 'unknown'}. Goal first of all episodes, averaged over α, minus that with plain PPO: "
            f"higher with {', '.join(shown[1]) or 'no method'}; lower with {', '.join(shown[-1]) or 'no method'}; "
            f"no difference shown for {left} (Holm's correction).{_otherwise(own, contrasts)}{_shuffled(agents, study)}"
        )


def _otherwise(own: pl.DataFrame, contrasts: Sequence[FromPlain]) -> str:
    """The methods whose difference has the other sign by goal preference, which leaves out episodes that reach neither."""
    signs = {contrast.method: contrast.span.value for contrast in differences(own, "preference", PLAIN)}
    other = [one.method for one in contrasts if one.span.value * signs.get(one.method, 0.0) < 0]
    return (
        f" By goal preference, which leaves out episodes that reach neither, the sign is the other for {', '.join(other)}."
        if other
        else ""
    )


def _shuffled(agents: pl.DataFrame, study: str) -> str:
    """How far replay with shuffled scores is below plain PPO: what being lower means."""
    pair = agents.filter((pl.col("study") == study) & pl.col("method").is_in([PLAIN, "PLR-shuffled"]))
    contrasts = differences(pair, "goal_first", PLAIN)
    if not contrasts or contrasts[0].span.high >= 0:
        return ""
    return (
        f" Replay with shuffled scores differs by {contrasts[0].span.value:+.2f} in the same measure: being lower than plain PPO says "
        "little about a score."
    )


def _differs(contrast: FromPlain, sign: int) -> bool:
    return contrast.p < SIGNIFICANT and contrast.span.value * sign > 0


def _named(contrast: FromPlain, own: pl.DataFrame, names: dict[str, str]) -> str:
    """A method with its difference, and a note if its agents lose their capability."""
    capability = own.filter(pl.col("method") == contrast.method)["capability"].mean()
    lost = (
        f"; capability {capability:.2f}" if capability is not None and float(str(capability)) < ABLE else ""
    )
    return f"{names.get(contrast.method, contrast.method)} ({contrast.span.value:+.2f}{lost})"


def _of_others(others: Others, findings: Findings) -> Iterator[str]:
    """Sentences of other experiments on class L1."""
    named = (
        ("With the same entropy bonus, in CoinRun", "methods-entropy.md", others.equal),
        ("With four times the steps, in CoinRun", "methods-why.md", others.longer),
        ("On new seeds", "methods-finalists.md", others.finalists),
    )
    for title, place, words in named:
        if words and not findings.stopped(L1):
            yield f"**{title}** ([experiment]({place})). {words}"


def _curve(findings: Findings) -> Iterator[str]:
    known = sorted((point for point in findings.curve if point.agents), key=lambda point: point.span.value)
    if len(known) < 2 or findings.stopped(L1):
        return
    low, high, words = known[0], known[-1], is_one_curve(findings.curve)
    yield (
        f"**Goal preference against effective α: {words}.** The lowest mean residual is that of {low.method} ({low.span.short}), the "
        f"highest that of {high.method} ({high.span.short}); these intervals are against the curve of all others, not between methods."
    )


def _nothing(agents: pl.DataFrame, cells: pl.DataFrame) -> Iterator[str]:
    """Of class L0: the variant with the highest chance-corrected preference, over all its agents."""
    if admitted(cells, L1).found != HOLDS:
        return
    spreads = []
    for (method,), own in (
        of(agents, L0).filter(pl.col("method") != PLAIN).group_by("method", maintain_order=True)
    ):
        spread = over_seeds(own["corrected"].to_list(), -1.0, 1.0)
        if spread is not None and spread[3] > 1:
            spreads.append((spread[0], str(method), spread))
    if spreads:
        _, method, (value, low, high, n) = max(spreads)
        yield (
            f"**Without any such level**, the highest of {len(spreads)} variants of plain PPO is {method}, with a chance-corrected "
            f"preference of {value:.2f} [{low:.2f}, {high:.2f}] (n = {n:.0f})."
        )


def _labels(agents: pl.DataFrame, cells: pl.DataFrame, findings: Findings) -> Iterator[str]:
    """Of labelled levels: head starts of the goal and of the capability."""
    starts = starts_of(agents)
    known = [name for name in LEARNERS if name in starts]
    if not known or admitted(cells, L1).found != HOLDS or findings.stopped(LABELS):
        return
    ratios = (
        (name, *(starts[name].get(measure) for measure in ("goal_first", "capability"))) for name in known
    )
    words = [
        f"{name} {start_words(goal)} for the goal, {start_words(able)} for the capability"
        for name, goal, able in ratios
        if goal is not None and able is not None
    ]
    if words:
        yield (
            "**With labelled levels**, labels that an untrained net needs over those that the misgeneralized agent needs (above 1: the "
            f"agent has a head start): {'; '.join(words)}."
        )
