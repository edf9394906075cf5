"""The page and the figure of the study of equal entropy bonuses. Read next: `predictions.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ....measurement.intervals import percent
from ....report.figures.drawn import Drawn
from ....study.design.plan import plan_study
from ....study.leaderboard.board import markdown
from ....study.leaderboard.curves import Span, critical_alpha
from ....study.leaderboard.points import PLAIN
from ..comparison.bonus import RANDOMIZED, REPLAY, SHUFFLED, STUDY, minus
from ..comparison.controls import HOLDS, Checked, outside
from ..comparison.page_parts import (
    arm_rows,
    counted_lines,
    judged_lines,
    learned_words,
    missed_lines,
    section,
    shown,
)
from ..comparison.panels import draw_panels
from .predictions import ARMS, HIGH, LONGER, LOW, MARGIN, SOURCES, WORDS, by_alpha, judged, ratio, read_agents

COLOURS = {RANDOMIZED: "agent-1", REPLAY: "agent-2"}


def page(agents: pl.DataFrame, predictions: Sequence[Checked], figure: Drawn | None, planned: int) -> str:
    """Format the page, without its header. planned: the number of agents that the study plans."""
    states = [prediction.found for prediction in predictions]
    recorded = agents.filter(pl.col("study") == STUDY).height
    lines = [
        "# Replay and domain randomization with the same entropy bonus",
        "",
        "**Question.** In [the studies of methods](methods.md), domain randomization has an entropy bonus of 0.1, which a search chose for "
        "it; replay and ACCEL have 0.01 like plain PPO, because the search varied other options of theirs. Which differences remain with "
        "equal bonuses?",
        "",
        *([f"**{words}**", ""] if (words := answer(agents)) else []),
        *counted_lines("methods-entropy-plan", states, recorded, planned),
        *shown(figure),
        *section("Predictions", judged_lines(predictions)),
        *section("Replay minus domain randomization, at equal bonus", _contrasts(agents)),
        *section("Where they pass one half", _criticals(agents)),
        *section("All arms", [*markdown(arm_rows(agents, ARMS)), "", _notes()]),
        *section("What it does not show", list(_limits(agents))),
    ]
    return "\n".join(lines).rstrip() + "\n"


def answer(agents: pl.DataFrame) -> str:
    """The difference between replay and domain randomization with each bonus, in two sentences; empty while one is missing."""
    parts, last, able = [], [], []
    for bonus in (LOW, HIGH):
        pair = f"{REPLAY} {bonus:g}", f"{RANDOMIZED} {bonus:g}"
        span, each, capability = (
            minus(agents, *pair),
            by_alpha(agents, *pair),
            minus(agents, *pair, "capability"),
        )
        if span is None or capability is None:
            return ""
        parts.append(f"{span.short} with a bonus of {bonus:g} for both ({span.counted})")
        last.append(each[-1][1].short)
        able.append(capability.short)
        ends = f"{each[0][0]:g} to {each[-1][0]:g}"
        most = f"{each[-1][0]:g}"
    return (
        "Replay by exact regret minus domain randomization, with the same entropy bonus and a million steps, in goal preference averaged "
        f"over α from {ends}: {', '.join(parts)}. At α = {most}: {' and '.join(last)}. In capability: {' and '.join(able)}."
    )


def equal_of(rows: Path) -> str:
    """`answer` for the page of methods; empty while rows are missing. Raises RunError, EpisodesError."""
    if not all((rows / f"{study}.parquet").exists() for study in SOURCES):
        return ""
    agents, planned = read_agents(rows), len(plan_study(STUDY).runs)
    recorded = agents.filter(pl.col("study") == STUDY).height
    return ("" if recorded == planned else f"Preliminary: {recorded} of {planned} agents. ") + answer(agents)


def cause_of(rows: Path) -> str:
    """Why the control of shuffled scores fails, if prediction 8 holds for all planned agents; otherwise empty.

    Raises RunError, EpisodesError.
    """
    if not all((rows / f"{study}.parquet").exists() for study in SOURCES):
        return ""
    agents = read_agents(rows)
    complete = agents.filter(pl.col("study") == STUDY).height == len(plan_study(STUDY).runs)
    control = judged(agents)[-1]
    if not complete or control.found != HOLDS:
        return ""
    own = agents.filter(pl.col("method") == f"{SHUFFLED} {LOW:g}")
    learned = 1 - float(str(own["scoring_steps"].sum())) / float(str(own["steps"].sum()))
    return (
        f"Cause found, by a prediction that was committed before its experiment ([experiment](methods-entropy.md), CoinRun): replay with "
        f"shuffled scores learns from {percent(learned)} of its steps, and from plain PPO with as many steps it does not differ by 0.1 at "
        f"any α. {control.words}. From plain PPO with all steps it differs by more than 0.1 at {_far(agents)}."
    )


def _far(agents: pl.DataFrame) -> str:
    """The values of α at which replay with shuffled scores differs from plain PPO with all steps: only they test what causes it."""
    spans = by_alpha(agents, f"{SHUFFLED} {LOW:g}", f"{PLAIN} {LOW:g}")
    far = [f"{alpha:g}" for alpha, span in spans if outside(MARGIN)(span)]
    return f"α = {', '.join(far)} only, so the other values test this less" if far else "no α"


def draw(agents: pl.DataFrame) -> Drawn | None:
    """Goal preference of both methods against α, one panel per bonus; None while one of them is not recorded."""
    panels, leads = [], []
    for bonus in (LOW, HIGH):
        parts = {method: agents.filter(pl.col("method") == f"{method} {bonus:g}") for method in COLOURS}
        lead = minus(agents, f"{REPLAY} {bonus:g}", f"{RANDOMIZED} {bonus:g}")
        if lead is None:
            return None
        names = [(WORDS[method], COLOURS[method], part) for method, part in parts.items()]
        panels.append((f"entropy bonus {bonus:g}", names))
        leads.append(lead)
    low, high = (f"{lead.value:+.2g}".replace("-", "−") for lead in leads)
    title = f"Goal preference, replay minus domain randomization: {low} with a bonus of {LOW:g} for both, {high} with {HIGH:g}"
    caption = (
        f"CoinRun, a million steps. Vertical: goal preference. Bars: 95% intervals over n = {leads[0].n} training seeds (Student's t). "
        "The title's numbers are means over α, paired by seed."
    )
    return Drawn(STUDY, title, draw_panels(panels), caption)


def _contrasts(agents: pl.DataFrame) -> list[str]:
    """The difference at every α and over all, the ratio of critical α, with each bonus and number of steps."""
    longer = agents.filter(pl.col("method") == f"{REPLAY}{LONGER} {HIGH:g}").select("parameter", "seed")
    same = agents.join(longer, on=["parameter", "seed"], how="semi")
    pairs = [
        (f"{LOW:g}", "1 million", agents, LOW, ""),
        (f"{HIGH:g}", "1 million", agents, HIGH, ""),
        (f"{HIGH:g}", "1 million, the α and seeds of the next row", same, HIGH, ""),
        (f"{HIGH:g}", "4 million", agents, HIGH, LONGER),
    ]
    alphas = sorted(agents["parameter"].unique().to_list())
    rows = [["bonus", "steps", "n", "over all α of the row", *(f"α = {alpha:g}" for alpha in alphas)]]
    for words, steps, table, bonus, end in pairs:
        one, other = f"{REPLAY}{end} {bonus:g}", f"{RANDOMIZED}{end} {bonus:g}"
        span, each = minus(table, one, other), dict(by_alpha(table, one, other))
        if span is not None:
            cells = [each[alpha].short if alpha in each else "–" for alpha in alphas]
            rows.append([words, steps, f"{span.n}", span.short, *cells])
    ratios = [f"{_ratio(ratio(agents, bonus))} with {bonus:g}" for bonus in (LOW, HIGH)]
    every = [f"{_ratio(ratio(agents, bonus, 'goal_first'))} with {bonus:g}" for bonus in (LOW, HIGH)]
    return [
        *markdown(rows),
        "",
        "Goal preference, paired by seed; 95% intervals (Student's t), not corrected for the number of cells. Domain randomization was not "
        "run with 0.01 and 4 million steps.",
        "",
        f"Critical α of replay over that of domain randomization, a million steps: {'; '.join(ratios)}. By goal first of all episodes: "
        f"{'; '.join(every)}.",
    ]


def _criticals(agents: pl.DataFrame) -> list[str]:
    rows = [["agents, entropy bonus", "n", "critical α by goal preference", "by goal first of all episodes"]]
    for arm, words in ARMS.items():
        own = agents.filter(pl.col("method") == arm)
        spans = (
            [critical_alpha(own, measure) for measure in ("preference", "goal_first")] if own.height else []
        )
        if spans:
            cells = ["–" if span is None else span.short for span in spans]
            rows.append([words, f"{own['seed'].n_unique()}", *cells])
    return [*markdown(rows), "", "Intervals: 1,000 bootstrap samples of training seeds, the same at every α."]


def _ratio(span: Span | None) -> str:
    return "–" if span is None else f"{span.short} (n = {span.n})"


def _notes() -> str:
    return (
        "The number after a name is its entropy bonus; *effective α* is the fraction of learned steps on distinguishing levels (terms: "
        "[glossary](../glossary.md)). Agents with the other bonus, and those of shuffled scores, are those of "
        "[methods](methods.md) and [why methods differ](methods-why.md). Brackets: 95% intervals over training seeds (Student's t); "
        "sampled actions unless *greedy*; every agent is in every column, whatever its capability."
    )


def _limits(agents: pl.DataFrame) -> Iterator[str]:
    yield (
        "- The search tried 0.1 for plain PPO and domain randomization only: a search over the bonus of replay or ACCEL may choose "
        "another. One world, one net."
    )
    learned = [
        f"{words} learns from {learned_words(agents, f'{method} {HIGH:g}')}"
        for method, words in WORDS.items()
    ]
    yield (
        f"- Budgets are equal in environment steps, not in learned ones: with a bonus of {HIGH:g}, {', '.join(learned)} of the steps. "
        "Exact regret needs a planner, whose use counts neither as steps nor as labels. The other options are those of the search, "
        "of which each method has its own."
    )
    yield "- The agents of the other studies were known before the plan: of prediction 4, for instance, those of replay."
    yield (
        "- Only the predictions were planned. Differences at single α, in capability and by goal first of all episodes, and the "
        "critical α of single arms, were added after results were seen."
    )
    yield from missed_lines(agents, "method", "parameter")
