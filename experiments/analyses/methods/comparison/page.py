"""The page of the study of methods, as Markdown, computed from agents and cells; it says what is missing. Read next: `predictions.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from ....measurement.intervals import percent, unseen_share
from ....report.figures.drawn import Drawn
from ....study.leaderboard.agents import Copy
from ....study.leaderboard.board import HEADS, board, by_parameter, markdown, shown_names
from ....study.leaderboard.cells import CRITICAL
from ....study.leaderboard.curves import differences, is_one_curve
from ....study.leaderboard.points import CONTROLS, FULL, PLAIN
from .controls import (
    CORNER,
    FAILS,
    HOLDS,
    L0,
    L1,
    LABELS,
    PRELIMINARY,
    STOPPED,
    Checked,
    Control,
    admitted,
    of,
)
from .in_short import NOTHING, Others, in_short
from .labels_page import labelled_lines
from .page_parts import CHOSEN, held, judged_lines, section, shown, undecided
from .predictions import Findings, means_of, rank_correlation

ALGORITHMS = "algorithms"
NOTES = (
    "Brackets: 95% intervals; rates over training seeds and levels, costs and CVaR over seeds (Student's t), "
    "critical α by bootstrap of seeds. "
    "*Chance-corrected preference*, *goal preference*: without agents of CAPABILITY LOSS, whose number is in the "
    "last column; all other columns hold every "
    "agent, and so do critical α and the differences from plain PPO. "
    "A count without brackets is the same for all agents. *CVaR*: normalized regret on the tenth of levels "
    "that are worst for the other seeds. *Effective α*: the fraction of learned steps on "
    "distinguishing levels. *CPU s*: of training and evaluation, on a machine that did other work too. Actions are sampled, except for "
    "paralysis and columns that say *greedy*, which hold every agent."
)
OTHER_BUDGET = "Names with *budget* in brackets: another budget of steps or labels than that of plain PPO, so no comparison at equal cost."


def page(
    agents: pl.DataFrame,
    cells: pl.DataFrame,
    findings: Findings,
    missing: Sequence[str],
    figures: Sequence[Drawn],
    copies: Sequence[Copy] = (),
    others: Others = NOTHING,
) -> str:
    """Format the page, without its header. agents, cells: without copies of methods. missing: sentences on agents that are not recorded.

    figures: the page's, by name; copies: methods that have the runs of another one; others: sentences of other experiments.
    """
    lines = [
        "# Which cure works, at what price",
        "",
        "**Question.** With equal steps, labels, levels and seeds: which training methods make agents pursue the goal, "
        "and do they do more than "
        "show more distinguishing levels?",
        "",
        *_first(agents, findings, missing, copies),
        *(
            section("In short", [CHOSEN, "", *short])
            if (short := in_short(agents, cells, findings, others))
            else []
        ),
        *section("Controls", [*judged_lines(findings.controls), *_causes(findings)]),
        *section("Predictions", judged_lines(findings.predictions)),
        *_world(
            agents, cells, findings, L1, "CoinRun: cures that choose among training levels (label class L1)"
        ),
        *_curve(agents, cells, findings, _figure(figures, "methods")),
        *_world(agents, cells, findings, CORNER, "Corner: five methods of class L1"),
        *_unlabelled(cells),
        *_labelled(agents, cells, _figure(figures, "methods-relearning")),
        *_second(agents, cells),
        *section("What it does not show", _limits(agents)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _figure(figures: Sequence[Drawn], name: str) -> Drawn | None:
    return next((figure for figure in figures if figure.name == name), None)


def _first(
    agents: pl.DataFrame, findings: Findings, missing: Sequence[str], copies: Sequence[Copy]
) -> list[str]:
    states = [_counted(prediction) for prediction in findings.predictions]
    paragraphs = [
        f"{agents.height} agents. Of the {len(states)} predictions of [the plan](methods-plan.md), committed before any run, "
        f"{held(states)}; {undecided(states)}."
    ]
    lacking = [control.state for control in findings.controls if control.found != HOLDS]
    if lacking:
        paragraphs.append(
            f"**Controls that do not hold ({'; '.join(lacking)}).** Nothing is concluded about a class whose control fails, "
            "until the cause is found, nor about a world that does not enter; *Controls*, below, has the numbers."
        )
    paragraphs += [
        f"`{copy.method}` of `{copy.study}` is left out: all its {copy.agents} agents are those of `{copy.same}`."
        for copy in copies
    ]
    if missing:
        paragraphs.append(
            f"**Incomplete.** {' '.join(missing)} What is missing is left out of the tables below."
        )
    return [part for paragraph in paragraphs for part in (paragraph, "")]


def _counted(prediction: Checked) -> str:
    """The state under which a prediction is counted."""
    return PRELIMINARY if PRELIMINARY in prediction.note else prediction.found


def _causes(findings: Findings) -> list[str]:
    """Why controls do not hold, as far as an experiment found it."""
    return [line for control in findings.controls if control.cause for line in ("", control.cause)]


def _closed(entry: Control) -> str:
    """Why a world has no table."""
    if entry.found != FAILS:
        return (
            f"Whether this world enters is not measured yet: {entry.words}. So no method is compared in it."
        )
    return f"This world does not enter: {entry.words}. So no method is compared in it."


def _unpreferring(own: pl.DataFrame) -> str:
    """The number of agents of a study without a goal preference, which critical α and differences leave out."""
    none = own["preference"].null_count()
    return (
        f"{none} of {own.height} agents have no goal preference (they reached neither goal nor proxy first); critical α, differences "
        "and the curve of effective α by goal preference leave them out."
    )


def _world(
    agents: pl.DataFrame, cells: pl.DataFrame, findings: Findings, study: str, title: str
) -> list[str]:
    entry = admitted(cells, study)
    if not agents.filter(pl.col("study") == study).height:
        return section(title, ["Not measured yet."])
    if entry.found != HOLDS:
        return section(title, [_closed(entry)])
    own = cells.filter(pl.col("study") == study)
    methods = own.filter(~pl.col("method").is_in(CONTROLS))
    alpha = FULL[study]
    by = findings.stopped(study)
    lines = [f"**Nothing is concluded from these tables: control {by}.**", ""] if by else []
    lines += [
        f"Full rows at α = {alpha:g}, in the order of the critical α by goal preference; where intervals overlap, the "
        f"order means nothing.",
        "",
        *markdown(board(_ordered(methods), alpha)),
        "",
        NOTES,
        "",
        OTHER_BUDGET,
        "",
        _unpreferring(of(agents, study)),
        "",
        "Goal preference at every α:",
        "",
        *markdown(by_parameter(methods, "preference", "α")),
        "",
        "The same for goal first of all episodes:",
        "",
        *markdown(by_parameter(methods, "goal_first", "α")),
        "",
        "With greedy actions, which were not planned, goal preference at every α:",
        "",
        *markdown(by_parameter(methods, "greedy_preference", "α")),
        "",
        "With greedy actions, goal first of all episodes, with those in which the agent goes round in circles:",
        "",
        *markdown(by_parameter(methods, "greedy_goal_first", "α")),
        "",
        *_differences(agents, cells, study),
    ]
    if study == L1:
        lines += ["Controls, each at its own α:", "", *_of_controls(own)]
    return section(title, lines)


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


def _differences(agents: pl.DataFrame, cells: pl.DataFrame, study: str) -> list[str]:
    lines = [
        "Minus plain PPO at equal α, paired by seed and averaged over α (p after Holm's correction over methods):",
        "",
    ]
    rows = [["method", "goal preference", "p", "goal first of all", "p", "n"]]
    own, names = of(agents, study), shown_names(cells.filter(pl.col("study") == study))
    first = {contrast.method: contrast for contrast in differences(own, "goal_first", PLAIN)}
    for difference in differences(own, "preference", PLAIN):
        other = first.get(difference.method)
        shown = ["–", "–"] if other is None else [other.span.short, f"{other.p:.2g}"]
        rows.append(
            [
                names.get(difference.method, difference.method),
                difference.span.short,
                f"{difference.p:.2g}",
                *shown,
                f"{difference.span.n}",
            ]
        )
    return [*lines, *markdown(rows), ""] if len(rows) > 1 else []


def _curve(agents: pl.DataFrame, cells: pl.DataFrame, findings: Findings, figure: Drawn | None) -> list[str]:
    title, curve, entry = "Goal preference against effective α", findings.curve, admitted(cells, L1)
    if not curve:
        return section(title, ["Not measured yet: it needs two methods."])
    if entry.found != HOLDS:
        return section(title, [_closed(entry)])
    names = shown_names(cells.filter(pl.col("study") == L1))
    rows = [["method", "mean residual", "n", "agents", "outside the others' range"]]
    for residual in curve:
        rows.append(
            [
                names.get(residual.method, residual.method),
                residual.span.short if residual.agents else "–",
                f"{residual.span.n}",
                f"{residual.agents}",
                f"{residual.outside}",
            ]
        )
    by, test = findings.stopped(L1), findings.predictions[3]
    words = f"{STOPPED}: control {by}" if by else f"{is_one_curve(curve)}{test.note}"
    lines = [
        f"Are all methods on one curve of effective α? By the plan's test: **{words}**.",
        "",
        *shown(figure),
        *markdown(rows),
        "",
        "Effective α is a fraction of the *learned* steps. Methods that score levels learn from a third to a half of their steps, and "
        "options differ, too (plain and plain-tuned differ in their entropy bonus only): either can move a method off the curve.",
        "",
        "Residuals of a method's agents from the monotone curve of all other methods' agents; intervals by bootstrap "
        "of training seeds, with "
        "Bonferroni's correction over methods. All agents enter, CAPABILITY LOSS included, except those without a goal preference or "
        f"without an effective α: {_left_out(agents)}. Agents whose effective α is 0 ({_none_shown(agents)}) are placed at a third of "
        "the smallest other one.",
    ]
    return section(title, lines)


def _left_out(agents: pl.DataFrame) -> str:
    own = of(agents, L1)
    left = own.height - own.drop_nulls(["preference", "effective_alpha"]).height
    return f"{left} of {own.height} agents"


def _none_shown(agents: pl.DataFrame) -> int:
    """Agents that learned from no step on a distinguishing level, so that their effective α has no logarithm."""
    known = of(agents, L1).drop_nulls(["preference", "effective_alpha"])
    return known.filter(pl.col("effective_alpha") == 0).height


def _compared(cells: pl.DataFrame, study: str) -> list[str]:
    """Why a study of CoinRun has no tables; empty if they are shown."""
    entry = admitted(cells, L1)
    if not cells.filter(pl.col("study") == study).height:
        return ["Not measured yet."]
    return [] if entry.found == HOLDS else [_closed(entry)]


def _unlabelled(cells: pl.DataFrame) -> list[str]:
    title = "CoinRun: cures that see nothing of the shift (label class L0)"
    own = cells.filter(pl.col("study") == L0)
    if closed := _compared(cells, L0):
        return section(title, closed)
    measures = [name for name in HEADS if name not in ("effective_alpha", "labels", "scoring_steps")]
    lines = [*markdown(board(own, 0.0, measures)), "", OTHER_BUDGET, ""]
    others = cells.filter(pl.col("study") == ALGORITHMS)
    if others.height:
        lines += [
            "Other algorithms, with other budgets, from the study [algorithms](algorithms.md):",
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
    return section(title, lines)


def _labelled(agents: pl.DataFrame, cells: pl.DataFrame, figure: Drawn | None) -> list[str]:
    lines = _compared(cells, LABELS) or labelled_lines(agents, cells, figure)
    return section("CoinRun: k labelled levels (L3), and diverse heads (L2)", lines)


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
                f"{name}: rank correlation with the first shift over {span.n} points, those of controls included: {span.short}. "
                "Goal first of all episodes:",
                "",
            ]
        lines += [*markdown(by_parameter(own, "second_goal_first", "α")), ""]
    return section(title, lines)


def _limits(agents: pl.DataFrame) -> list[str]:
    limits = [
        "- Two worlds, one net, one budget. Methods were tuned with four trials in a third world "
        "([methods-search.csv](methods-search.csv)); a method "
        "that needs more tuning may do better.",
        "- The search varied the entropy bonus of plain PPO and domain randomization only, and chose 0.1 for both (`plain-tuned`); "
        "replay, SFL and ACCEL have 0.01. A difference between them and domain randomization can come from that.",
        "- Exact regret needs a planner, which is not available elsewhere. A difference between methods on these "
        "levels need not hold on others.",
    ]
    seeds = agents.group_by("study", "method", "parameter").len()["len"]
    if len(seeds):
        low, high = int(seeds.min()), int(seeds.max())  # type: ignore[arg-type]
        missed = " and ".join(
            f"up to {percent(unseen_share(n))} of seeds" for n in dict.fromkeys((low, high))
        )
        limits.append(
            f"- {f'{low} to {high}' if low < high else low} seeds per point can miss kinds of agent that {missed} produce (95% confidence)."
        )
    return limits
