"""The page and the figure of the finalists. Read next: `predictions.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import polars as pl

from ....measurement.study_curves import holm
from ....report.figures.drawn import Drawn
from ....study.design.plan import plan_study
from ....study.leaderboard.board import markdown
from ....study.leaderboard.curves import FromPlain, critical_alpha, differences
from ..comparison.bonus import minus
from ..comparison.controls import Checked
from ..comparison.in_short import ABLE, SIGNIFICANT
from ..comparison.page_parts import arm_rows, counted_lines, judged_lines, section, shown
from ..comparison.panels import draw_panels, mean_of
from .choice import OLD, STUDIES, FinalistCandidate, candidates_of, finalists_of, new_agents, old_agents
from .limits import limits
from .predictions import WORLDS

COLOURS = ("agent-1", "agent-2", "agent-3")
NAME = "methods-finalists"
DIFFER = f"Pairs that differ in goal preference, averaged over α (p < {SIGNIFICANT} after Holm's correction; intervals not corrected)"


def page(
    agents: pl.DataFrame,
    candidates: Sequence[FinalistCandidate],
    chosen: Sequence[FinalistCandidate],
    predictions: Sequence[Checked],
    figure: Drawn | None,
    planned: int,
) -> str:
    """Format the page, without its header. planned: the number of agents of all three studies."""
    states = [prediction.found for prediction in predictions]
    lines = [
        "# Three finalists on new seeds",
        "",
        "**Question.** The studies of [methods](methods.md) compare many methods with few seeds, so the best of them tend to look better "
        "than they are. How do the three best differ on seeds that chose nothing, in three worlds?",
        "",
        f"Finalists, by the rule of [the plan](methods-finalists-plan.md): {', '.join(f'`{arm.arm}`' for arm in chosen)} "
        "(the number is the entropy bonus).",
        "",
        *_first(agents, chosen),
        *counted_lines("methods-finalists-plan", states, agents.height, planned),
        *shown(figure),
        *section("Predictions", judged_lines(predictions)),
        *section("Where they pass one half", _criticals(agents, chosen)),
        *section("At each α", _each(agents, chosen)),
        *section("Pairs", _pairs(agents, [arm.arm for arm in chosen])),
        *section("All points", _points(agents, chosen)),
        *section("How they were chosen", _choice(candidates, chosen)),
        *section("What it does not show", list(limits(agents, chosen))),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _first(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> list[str]:
    """The first lines: the pairs that differ, by goal preference and by the measure of the choice."""
    lines: list[str] = []
    for title, measure in (
        (f"**{DIFFER}:**", "preference"),
        ("By goal first of all episodes, by which the finalists were chosen:", "goal_first"),
    ):
        if parts := pairs_by_world(agents, chosen, measure):
            lines += [title, "", *(f"- {part}" for part in parts), ""]
    return lines


def pairs_by_world(
    agents: pl.DataFrame, chosen: Sequence[FinalistCandidate], measure: str = "preference"
) -> list[str]:
    """The pairs that differ, a line for each world."""
    parts = []
    order = [arm.arm for arm in chosen]
    for world in WORLDS:
        own = agents.filter(pl.col("world") == world)
        known = pairs_of(own, measure, order)
        if not known:
            continue
        differ = [
            f"{one} minus {other} = {contrast.span.short}"
            for (one, other), contrast in known.items()
            if contrast.p < SIGNIFICANT
        ]
        left = len(known) - len(differ)
        shown = ", ".join([*differ, *([f"{left} of {len(known)} pairs not shown to differ"] if left else [])])
        tested = f"α from {float(str(own['parameter'].min())):g} to {float(str(own['parameter'].max())):g}"
        parts.append(f"{world} (n = {own['seed'].n_unique()}, {tested}): {shown}")
    return parts


def in_words(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> str:
    """The pairs that differ in each world, as sentences; empty without agents."""
    parts = pairs_by_world(agents, chosen)
    names = ", ".join(candidate.arm for candidate in chosen)
    return f"Finalists (name and entropy bonus): {names}. {DIFFER}: {'; '.join(parts)}." if parts else ""


def on_new_seeds(rows: Path) -> str:
    """`in_words` for the page of methods; empty while rows are missing. Raises RunError, EpisodesError."""
    there = [(rows / f"{study}.parquet").exists() for study in (*OLD, *STUDIES)]
    if not all(there[: len(OLD)]) or not any(there[len(OLD) :]):
        return ""
    agents = new_agents(rows)
    missing = (
        ""
        if agents.height == planned_agents()
        else f"Preliminary: {agents.height} of {planned_agents()} agents. "
    )
    return missing + in_words(agents, finalists_of(candidates_of(old_agents(rows))))


def planned_agents() -> int:
    """The number of agents of all three studies."""
    return sum(len(plan_study(study).runs) for study in STUDIES)


def draw(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> Drawn | None:
    """Goal preference against α, one panel per world, one line per finalist; None without agents."""
    panels, leaders = [], []
    for world in WORLDS:
        own = agents.filter(pl.col("world") == world)
        parts = [(arm.arm, own.filter(pl.col("method") == arm.arm)) for arm in chosen]
        if not all(part.height for _, part in parts):
            continue
        panels.append(
            (world, [(arm, colour, part) for (arm, part), colour in zip(parts, COLOURS, strict=False)])
        )
        leaders.append((world, max(parts, key=lambda entry: mean_of(entry[1]))[0]))
    if not panels:
        return None
    best = {arm: [world for world, leader in leaders if leader == arm] for _, arm in leaders}
    listed = ", ".join(f"{arm} in {' and '.join(where)}" for arm, where in best.items())
    seeds = ", ".join(
        f"{agents.filter(pl.col('world') == world)['seed'].n_unique()} in {world}" for world, _ in leaders
    )
    caption = (
        f"Vertical: goal preference. Bars: 95% intervals over training seeds (Student's t): {seeds}. The highest mean over α may be so by "
        "chance: the table of pairs has the differences."
    )
    return Drawn(NAME, f"Highest goal preference, averaged over α: {listed}", draw_panels(panels), caption)


def _criticals(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> list[str]:
    rows = [["world", "method", "n", "critical α by goal preference", "by goal first of all episodes"]]
    for world in WORLDS:
        for arm in chosen:
            own = agents.filter((pl.col("world") == world) & (pl.col("method") == arm.arm))
            if own.height:
                spans = [critical_alpha(own, measure) for measure in ("preference", "goal_first")]
                cells = ["–" if span is None else span.short for span in spans]
                rows.append([world, arm.arm, f"{own['seed'].n_unique()}", *cells])
    return [*markdown(rows), "", "Intervals: 1,000 bootstrap samples of training seeds, the same at every α."]


def _each(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> list[str]:
    """The goal preference of each finalist minus that of the last one, at every α."""
    *others, last = [arm.arm for arm in chosen]
    rows = [["world", "α", "n", *(f"{other} minus {last}" for other in others)]]
    for world in WORLDS:
        own = agents.filter(pl.col("world") == world)
        for (alpha,), part in own.sort("parameter").group_by("parameter", maintain_order=True):
            spans = [minus(part, other, last) for other in others]
            shown = ["–" if span is None else span.short for span in spans]
            rows.append([world, f"{float(str(alpha)):g}", f"{part['seed'].n_unique()}", *shown])
    return [
        *markdown(rows),
        "",
        "Goal preference, paired by seed; 95% intervals by Student's t, not corrected for the number of rows. Not planned.",
    ]


def _pairs(agents: pl.DataFrame, order: Sequence[str]) -> list[str]:
    rows = [["world", "difference", "n", "goal preference", "p", "goal first of all episodes", "p"]]
    for world in WORLDS:
        own = agents.filter(pl.col("world") == world)
        first, every = (pairs_of(own, measure, order) for measure in ("preference", "goal_first"))
        for (one, other), contrast in every.items():
            cells = [
                word
                for found in (first.get((one, other)), contrast)
                for word in (("–", "–") if found is None else (found.span.short, f"{found.p:.2g}"))
            ]
            rows.append([world, f"{one} minus {other}", f"{contrast.span.n}", *cells])
    return [
        *markdown(rows),
        "",
        "Paired by seed and averaged over α; 95% intervals by Student's t; p after Holm's correction over the pairs of a world.",
    ]


def pairs_of(agents: pl.DataFrame, measure: str, order: Sequence[str]) -> dict[tuple[str, str], FromPlain]:
    """The difference of each pair of methods of a world, the first in order minus the other; p corrected by Holm's method."""
    found = {}
    for one, other in combinations(order, 2):
        contrasts = differences(agents.filter(pl.col("method").is_in([one, other])), measure, other)
        if contrasts:
            found[one, other] = contrasts[0]
    corrected = holm([contrast.p for contrast in found.values()])
    return {
        pair: replace(contrast, p=p) for (pair, contrast), p in zip(found.items(), corrected, strict=True)
    }


def _points(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> list[str]:
    lines: list[str] = []
    for world in WORLDS:
        own = agents.filter(pl.col("world") == world)
        if own.height:
            lines += [f"{world}:", "", *markdown(arm_rows(own, {arm.arm: arm.arm for arm in chosen})), ""]
    return [
        *lines,
        "Brackets: 95% intervals over training seeds (Student's t); sampled actions unless *greedy*; every agent is in every column, "
        "whatever its capability.",
    ]


def choice_rows(
    candidates: Sequence[FinalistCandidate], chosen: Sequence[FinalistCandidate]
) -> list[list[str]]:
    """A table of all candidates, with who is chosen."""
    rows = [
        ["arm", "critical α by goal first of all, old seeds", "lowest mean capability at any α", "finalist"]
    ]
    for candidate in candidates:
        critical = "–" if candidate.critical is None else candidate.critical.short
        rows.append(
            [candidate.arm, critical, f"{candidate.capability:.2f}", "yes" if candidate in chosen else ""]
        )
    return rows


def _choice(candidates: Sequence[FinalistCandidate], chosen: Sequence[FinalistCandidate]) -> list[str]:
    return [
        *markdown(choice_rows(candidates, chosen)),
        "",
        f"A finalist has a mean capability of at least {ABLE} at every α; arms that differ in their options only are one method. These are "
        "the agents of [methods](methods.md) and of [the study of equal bonuses](methods-entropy.md); they chose the finalists and are not "
        "part of the figures above.",
    ]
