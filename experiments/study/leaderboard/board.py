"""Leaderboards as tables of text: one row per method, each cell with its interval, and its n where that is not the row's.

Reads the cells only, so that recorded cells and those of a custom method make one board. Prints nothing. Read next: `cells.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from ..results.page_details import markdown_row
from .cells import BUDGET, COLUMNS, CRITICAL, VERDICT, VERDICTS
from .curves import critical_alpha
from .points import SYMBOLS

# Measures of a row at one α or number of labels, and their heads.
HEADS = {
    "corrected": "chance-corrected preference",
    "preference": "goal preference",
    "goal_first": "goal first of all",
    "greedy_preference": "goal preference, greedy",
    "greedy_goal_first": "goal first of all, greedy",
    "capability": "capability",
    "paralysis": "paralysis",
    "regret": "normalized regret",
    "cvar": "CVaR 10% of regret",
    "effective_alpha": "effective α",
    "steps": "steps",
    "scoring_steps": "of them only scored",
    "labels": "labels",
    "cpu": "CPU s",
}
CRITICALS = {"preference": "critical α", "goal_first": "critical α, goal first of all"}
WHOLE = ("steps", "scoring_steps", "labels")


def criticals_of(agents: pl.DataFrame) -> pl.DataFrame:
    """Cells, without a parameter, of the critical α of each method of class L1 and world."""
    rows = []
    chosen = agents.filter(pl.col("label_class") == "L1")
    for key, own in chosen.group_by("study", "world", "label_class", "method", maintain_order=True):
        for measure in CRITICALS:
            span = critical_alpha(own, measure)
            if span is not None:
                numbers = (span.value, span.low, span.high, span.n, span.n, span.short)
                rows.append((*key, None, CRITICAL + measure, *numbers))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def shown_names(cells: pl.DataFrame) -> dict[str, str]:
    """How tables name each method: with its budget, if that is another one than that of the study's main runs."""
    budgets = dict(cells.filter(pl.col("measure") == BUDGET).select("method", "words").iter_rows())
    methods = cells["method"].unique(maintain_order=True).to_list()
    return {name: f"{name} (budget: {budgets[name]})" if name in budgets else name for name in methods}


def cell(row: dict[str, object], of: int) -> str:
    """One cell as text. of: the n of its row."""
    measure, value, n = str(row["measure"]), row["value"], int(str(row["n"]))
    if measure in (VERDICT, VERDICTS):
        return str(row["words"] or "–")
    if measure.startswith(CRITICAL):
        text = str(row["words"])
    elif value is None or n == 0:
        return "–"
    else:
        text = number_text(measure, float(str(value)), row["low"], row["high"])
    return text if n == of else f"{text} (n = {n})"


def number_text(measure: str, value: float, low: object, high: object) -> str:
    """A number with its interval, with the digits that its measure and the width of the interval call for."""
    ends = [math.inf if end is None else float(str(end)) for end in (low, high)]
    if measure in WHOLE:
        form = ",.0f"
    elif measure == "cpu":
        form = ".1f"
    else:
        form = ".3f" if ends[1] - ends[0] < 0.02 else ".2f"
    if measure in WHOLE and (math.isinf(ends[1]) or f"{ends[0]:{form}}" == f"{ends[1]:{form}}"):
        return f"{value:{form}}"  # the same for all agents
    if math.isinf(ends[1]):
        return f"{value:{form}} [no interval]"
    return f"{value:{form}} [{ends[0]:{form}}, {ends[1]:{form}}]"


def board(cells: pl.DataFrame, parameter: float, measures: Sequence[str] = tuple(HEADS)) -> list[list[str]]:
    """Rows of text, heads first: method, n, verdicts, critical α where there is one, and the measures at a parameter.

    A method without agents at this parameter is left out unless it has a critical α.
    """
    with_critical = cells["measure"].str.starts_with(CRITICAL).any()
    criticals = [CRITICAL + name for name in CRITICALS] if with_critical else []
    rows = [
        [
            "method",
            "n",
            *(CRITICALS[name.removeprefix(CRITICAL)] for name in criticals),
            *(HEADS[m] for m in measures),
            "verdicts",
        ]
    ]
    names = shown_names(cells)
    for (method,), own in cells.group_by("method", maintain_order=True):
        here = own.filter((pl.col("parameter") == parameter) | pl.col("parameter").is_null())
        estimates = {str(row["measure"]): row for row in here.iter_rows(named=True)}
        judged = estimates.get(VERDICT) or next(
            (estimates[name] for name in criticals if name in estimates), None
        )
        if judged is None:
            continue
        n, planned = int(judged["n"]), int(judged["planned"])
        shown = [
            cell(estimates[name], n) if name in estimates else "–"
            for name in (*criticals, *measures, VERDICTS)
        ]
        rows.append([names[str(method)], str(n) if n == planned else f"{n} of {planned}", *shown])
    return rows


def by_parameter(cells: pl.DataFrame, measure: str, name: str) -> list[list[str]]:
    """Rows of text, heads first: a measure of every method at every parameter. name: of the parameter.

    The first head holds the commonest n; cells with another one state it.
    """
    parameters = cells["parameter"].drop_nulls().unique().sort().to_list()
    counts = cells.filter(pl.col("measure") == measure)["n"].to_list()
    usual = max(dict.fromkeys(counts), key=counts.count) if counts else 0
    rows = [[f"method (n = {usual})", *(f"{name} = {value:g}" for value in parameters)]]
    names = shown_names(cells)
    for (method,), own in cells.group_by("method", maintain_order=True):
        shown = []
        for value in parameters:
            at = own.filter((pl.col("parameter") == value) & (pl.col("measure") == measure))
            row = at.row(0, named=True) if at.height else None
            shown.append("–" if row is None or row["value"] is None else cell(row, usual))
        rows.append([names[str(method)], *shown])
    return rows


def markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of Markdown."""
    head, *body = map(markdown_row, rows)
    return [head, markdown_row(["---"] * len(rows[0])), *body]


def columns_of(rows: Sequence[Sequence[str]], heads: Sequence[str]) -> list[list[str]]:
    """The columns with these heads, as far as there are such, heads first."""
    places = [rows[0].index(head) for head in heads if head in rows[0]]
    return [[row[k] for k in places] for row in rows]


def missing_of(agents: pl.DataFrame, planned: pl.DataFrame) -> list[str]:
    """Sentences on studies whose agents are not all recorded, with method, parameter and seeds. planned: from `planned_of`."""
    sentences = []
    for (study,), wanted in planned.group_by("study", maintain_order=True):
        own = agents.filter(pl.col("study") == study)
        left = wanted.join(own, on=["method", "parameter", "seed"], how="anti", maintain_order="left")
        if not left.height:
            continue
        if left.height == wanted.height:
            sentences.append(f"`{study}`: none of {wanted.height} agents is recorded.")
            continue
        number = wanted.height - left.height
        named = "; ".join(_points(left, wanted, SYMBOLS.get(str(study), "")))
        sentences.append(f"`{study}`: {number} of {wanted.height} agents are recorded; missing: {named}.")
    return sentences


def _points(left: pl.DataFrame, wanted: pl.DataFrame, symbol: str) -> list[str]:
    """Missing agents as `PLR-regret, SFL at α = 0.01, 0.03 (seeds 510, 511)`, one text for all methods that miss the same."""
    by_method: dict[str, dict[tuple[int, ...], list[float]]] = {}
    for (method, parameter), own in left.group_by("method", "parameter", maintain_order=True):
        seeds = tuple(sorted(own["seed"].to_list()))
        by_method.setdefault(str(method), {}).setdefault(seeds, []).append(float(str(parameter)))
    if wanted.select("method", "parameter").n_unique() == left.select("method", "parameter").n_unique():
        missed = {seeds for groups in by_method.values() for seeds in groups}
        if len(missed) == 1:
            return [f"every method ({seeds_text(missed.pop())})"]
    alike: dict[tuple[tuple[int, ...], tuple[float, ...]], list[str]] = {}
    for method, gaps in by_method.items():
        for seeds, parameters in gaps.items():
            alike.setdefault((seeds, tuple(parameters)), []).append(method)
    return [
        f"{', '.join(methods)}{f' at {symbol} = ' + ', '.join(f'{p:g}' for p in parameters) if symbol else ''} ({seeds_text(seeds)})"
        for (seeds, parameters), methods in alike.items()
    ]


def seeds_text(seeds: Sequence[int]) -> str:
    """Format as `seed 510`, `seeds 510, 512` or `seeds 510 to 514, 517`."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(parts)}"
