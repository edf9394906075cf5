"""The page of the study of methods, as Markdown, computed from agents and cells; it says what is missing. Read next: `predictions.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from ...measurement.intervals import percent, unseen_share
from ...report.figures.drawn import Drawn
from ...study.leaderboard.board import HEADS, board, by_parameter, markdown
from ...study.leaderboard.cells import CRITICAL
from ...study.leaderboard.curves import OnCurve, differences, is_one_curve
from ...study.leaderboard.points import CONTROLS, PLAIN
from .predictions import (
    CORNER,
    FAILS,
    HOLDS,
    L0,
    L1,
    LABELS,
    Checked,
    admitted,
    controls,
    means_of,
    of,
    predictions,
    rank_correlation,
    starts_of,
)

MIDDLE = {L1: 0.01, CORNER: 0.003}  # the α of the full rows
LABELLED = 30
ALGORITHMS = "algorithms"
NOTES = (
    "Brackets: 95% intervals; rates over training seeds and levels, costs and CVaR over seeds (Student's t), "
    "critical α by bootstrap of seeds. "
    "*Chance-corrected preference*, *goal preference*: without agents of CAPABILITY LOSS, whose number is in the "
    "last column; all other columns hold every "
    "agent. A count without brackets is the same for all agents. *CVaR*: normalized regret on the tenth of levels "
    "that are worst for the other seeds. *Effective α*: the fraction of learned steps on "
    "distinguishing levels. *CPU s*: of training and evaluation, on a machine that did other work too. Paralysis: greedy actions."
)


def page(
    agents: pl.DataFrame,
    cells: pl.DataFrame,
    missing: Sequence[str],
    curve: Sequence[OnCurve],
    figures: Sequence[Drawn],
) -> str:
    """Format the page, without its header. missing: sentences on agents that are not recorded. figures: the page's, by name."""
    lines = [
        "# Which cure works, at what price",
        "",
        "**Question.** With equal steps, labels, levels and seeds: which training methods make agents pursue the goal, "
        "and do they do more than "
        "show more distinguishing levels?",
        "",
        *_first(agents, cells, missing),
        *_section("Controls", _judged(controls(agents, cells))),
        *_section("Predictions", _judged(predictions(agents, cells))),
        *_world(agents, cells, L1, "CoinRun: cures that choose among training levels (label class L1)"),
        *_curve(curve, _figure(figures, "methods")),
        *_world(agents, cells, CORNER, "Corner: five methods of class L1"),
        *_unlabelled(agents, cells),
        *_labelled(agents, cells, _figure(figures, "methods-relearning")),
        *_second(agents, cells),
        *_section("What it does not show", _limits(agents)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _figure(figures: Sequence[Drawn], name: str) -> Drawn | None:
    return next((figure for figure in figures if figure.name == name), None)


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""]


def _shown(figure: Drawn | None) -> list[str]:
    if figure is None:
        return []
    return [f"![{figure.title}]({figure.name}.svg)", "", f"*{figure.title}. {figure.caption}*", ""]


def _first(agents: pl.DataFrame, cells: pl.DataFrame, missing: Sequence[str]) -> list[str]:
    found = predictions(agents, cells)
    held, failed = (sum(one.found == state for one in found) for state in (HOLDS, FAILS))
    said = [
        f"{agents.height} agents. Of the {len(found)} predictions of [the plan](methods-plan.md), committed before any "
        f"run, {held} hold, {failed} do not, "
        f"{len(found) - held - failed} are open or not measured yet."
    ]
    broken = [one.name for one in controls(agents, cells) if one.found == FAILS]
    if broken:
        said.insert(
            0,
            f"**A control fails ({'; '.join(broken)}): nothing is concluded about its class until the cause is found.**",
        )
    if missing:
        said.append(f"**Incomplete.** {' '.join(missing)} What is missing is left out of the tables below.")
    return [part for one in said for part in (one, "")]


def _judged(found: Sequence[Checked]) -> list[str]:
    return [f"- **{one.name}**: {one.found}. {one.words[:1].upper()}{one.words[1:]}." for one in found]


def _world(agents: pl.DataFrame, cells: pl.DataFrame, study: str, title: str) -> list[str]:
    entry = admitted(cells, study)
    if not agents.filter(pl.col("study") == study).height:
        return _section(title, ["Not measured yet."])
    if entry.found != HOLDS:
        text = f"This world does not enter: {entry.words}. So no method is compared in it."
        return _section(title, [text])
    own = cells.filter(pl.col("study") == study)
    methods = own.filter(~pl.col("method").is_in(CONTROLS))
    alpha = MIDDLE[study]
    lines = [
        f"Full rows at α = {alpha:g}, in the order of the critical α by goal preference; where intervals overlap, the "
        f"order means nothing.",
        "",
        *markdown(board(_ordered(methods), alpha)),
        "",
        NOTES,
        "",
        "Goal preference at every α:",
        "",
        *markdown(by_parameter(methods, "preference", "α")),
        "",
        "The same for goal first of all episodes:",
        "",
        *markdown(by_parameter(methods, "goal_first", "α")),
        "",
        *_differences(agents, study),
    ]
    if study == L1:
        lines += ["Controls, each at its own α:", "", *_of_controls(own)]
    return _section(title, lines)


def _ordered(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells with methods in the order of their critical α; those without one last."""
    critical = cells.filter(pl.col("measure") == f"{CRITICAL}preference")
    place = dict(critical.select("method", "value").iter_rows())
    order = pl.col("method").replace_strict(place, default=math.inf, return_dtype=pl.Float64)
    return cells.sort(order, maintain_order=True)


def _of_controls(own: pl.DataFrame) -> list[str]:
    rows: list[list[str]] = []
    for method in CONTROLS:
        part = own.filter(pl.col("method") == method)
        for parameter in part["parameter"].drop_nulls().unique().sort().to_list():
            head, *body = board(
                part.filter(pl.col("parameter") == parameter),
                parameter,
                ("corrected", "preference", "capability", "effective_alpha"),
            )
            rows += [["control", "α", *head[1:]]] if not rows else []
            rows += [[row[0], f"{parameter:g}", *row[1:]] for row in body]
    return [*markdown(rows), ""] if rows else []


def _differences(agents: pl.DataFrame, study: str) -> list[str]:
    lines = [
        "Minus plain PPO at equal α, paired by seed and averaged over α (p after Holm's correction over methods):",
        "",
    ]
    rows = [["method", "goal preference", "p", "goal first of all", "p", "n"]]
    own = of(agents, study)
    first = {one.method: one for one in differences(own, "goal_first", PLAIN)}
    for one in differences(own, "preference", PLAIN):
        other = first.get(one.method)
        shown = ["–", "–"] if other is None else [other.span.short, f"{other.p:.2g}"]
        rows.append([one.method, one.span.short, f"{one.p:.2g}", *shown, f"{one.span.n}"])
    return [*lines, *markdown(rows), ""] if len(rows) > 1 else []


def _curve(curve: Sequence[OnCurve], figure: Drawn | None) -> list[str]:
    if not curve:
        return _section("Goal preference against effective α", ["Not measured yet: it needs two methods."])
    rows = [["method", "mean residual", "n", "agents", "outside the others' range"]]
    for one in curve:
        rows.append(
            [
                one.method,
                one.span.short if one.agents else "–",
                f"{one.span.n}",
                f"{one.agents}",
                f"{one.outside}",
            ]
        )
    lines = [
        f"Are all methods on one curve of effective α? By the plan's test: **{is_one_curve(curve)}**.",
        "",
        *_shown(figure),
        *markdown(rows),
        "",
        "Residuals of a method's agents from the monotone curve of all other methods' agents; intervals by bootstrap "
        "of training seeds, with "
        "Bonferroni's correction over methods. Methods that ended with the same agents as another are listed once.",
    ]
    return _section("Goal preference against effective α", lines)


def _unlabelled(agents: pl.DataFrame, cells: pl.DataFrame) -> list[str]:
    own = cells.filter(pl.col("study") == L0)
    if not own.height:
        return _section(
            "CoinRun: cures that see nothing of the shift (label class L0)", ["Not measured yet."]
        )
    measures = [name for name in HEADS if name not in ("effective_alpha", "labels", "scoring_steps")]
    lines = [
        *markdown(board(own, 0.0, measures)),
        "",
        "`ensemble-vote-5-budgets` has five times the steps of the other rows.",
        "",
    ]
    others = cells.filter(pl.col("study") == ALGORITHMS)
    if others.height:
        lines += [
            "Other algorithms, with the budgets of their own recipes, from the study [algorithms](algorithms.md):",
            "",
            *markdown(
                board(
                    others,
                    0.0,
                    ["corrected", "goal_first", "capability", "paralysis", "regret", "cvar", "steps"],
                )
            ),
            "",
        ]
    return _section("CoinRun: cures that see nothing of the shift (label class L0)", lines)


def _labelled(agents: pl.DataFrame, cells: pl.DataFrame, figure: Drawn | None) -> list[str]:
    title = "CoinRun: k labelled levels (L3), and diverse heads (L2)"
    own = cells.filter(pl.col("study") == LABELS)
    if not own.height:
        return _section(title, ["Not measured yet."])
    few = own.filter(pl.col("method") == "diverse-heads")
    many = own.filter(pl.col("method") != "diverse-heads")
    lines = [
        *_shown(figure),
        *_head_starts(agents),
        "Goal first of all episodes, by labels:",
        "",
        *markdown(by_parameter(many, "goal_first", "k")),
        "",
    ]
    lines += ["Capability, by labels:", "", *markdown(by_parameter(many, "capability", "k")), ""]
    measures = [name for name in HEADS if name not in ("effective_alpha", "scoring_steps")]
    lines += [f"Full rows at k = {LABELLED}:", "", *markdown(board(many, LABELLED, measures)), ""]
    if few.height:
        lines += ["Diverse heads, one label:", "", *markdown(board(few, 1.0, measures)), ""]
    return _section(title, lines)


def _head_starts(agents: pl.DataFrame) -> list[str]:
    rows = [["method", "measure", "height", "from the agent", "from scratch", "head-start ratio", "n"]]
    for name, found in starts_of(agents).items():
        for measure, one in found.items():
            ends = [_needed(value) for value in (one.agent, one.scratch)]
            rows.append([name, HEADS[measure], f"{one.height:g}", *ends, one.ratio.short, f"{one.ratio.n}"])
    if len(rows) == 1:
        return []
    text = (
        "Labels needed until the mean over seeds passes a height. Above 1: the agent needs fewer than an untrained net "
        "with the same labels. Curves that do not pass "
        "count as the largest number tried, those that start above as the smallest."
    )
    return [text, "", *markdown(rows), ""]


def _needed(value: float) -> str:
    return (
        "never"
        if math.isinf(value)
        else "from the start"
        if value == 0
        else "–"
        if math.isnan(value)
        else f"{value:.1f}"
    )


def _second(agents: pl.DataFrame, cells: pl.DataFrame) -> list[str]:
    title = "A second shift, on which nothing was tuned"
    lines = [
        "The same agents on `left` (CoinRun: the coin is behind the spawn) and `opposite` (Corner: the cheese is in "
        "the bottom left corner).",
        "",
    ]
    for study, name in ((L1, "CoinRun"), (CORNER, "Corner")):
        own = cells.filter((pl.col("study") == study) & ~pl.col("method").is_in(CONTROLS))
        if admitted(cells, study).found != HOLDS or not means_of(agents, study).height:
            lines += [f"{name}: not measured yet, or the world does not enter.", ""]
            continue
        span = rank_correlation(agents, study)
        if span is not None:
            lines += [
                f"{name}: rank correlation with the first shift over {span.n} points: {span.short}. Goal first of all episodes:",
                "",
            ]
        lines += [*markdown(by_parameter(own, "second_goal_first", "α")), ""]
    return _section(title, lines)


def _limits(agents: pl.DataFrame) -> list[str]:
    said = [
        "- Two worlds, one net, one budget. Methods were tuned with four trials in a third world "
        "([methods-search.csv](methods-search.csv)); a method "
        "that needs more tuning may do better.",
        "- Exact regret needs a planner, which is not available elsewhere. A difference between methods on these "
        "levels need not hold on others.",
    ]
    seeds = agents.group_by("study", "method", "parameter").len()["len"]
    if len(seeds):
        low, high = int(seeds.min()), int(seeds.max())  # type: ignore[arg-type]
        missed = " and ".join(
            f"up to {percent(unseen_share(n))} of seeds" for n in dict.fromkeys((low, high))
        )
        said.append(
            f"- {low} to {high} seeds per point can miss kinds of agent that {missed} produce (95% confidence)."
        )
    return said
