"""Tables for the terminal: outcomes by condition, and agents side by side. Text only; numbers come from `measurement/`.

Read next: `runs.py`, which prints them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from goalposts.text import plain, plain_lines

from ..bench.timing import Figure, Grid
from ..evaluation.chunked import EvaluationSummary
from ..evaluation.diagnosis import Diagnosis
from ..evaluation.evaluated_run import Evaluated
from ..evaluation.held_out import words
from ..measurement import Estimate
from ..measurement.episodes import FIRST
from ..measurement.metrics import METRICS
from ..measurement.rates import OUTCOMES, OutcomesRow
from ..measurement.relearning import Recovery
from ..publish.wording import label_of


class PlainTable(Table):
    """A table whose cells are text and nothing else: no markup, one line each."""

    def add_column(self, header: Any = "", *args: Any, **options: Any) -> None:
        super().add_column(plain(header), *args, **options)

    def add_row(self, *cells: Any, **options: Any) -> None:
        super().add_row(*map(plain, cells), **options)


def outcome_table(rows: Sequence[OutcomesRow]) -> str:
    """One row per condition and mode: what was touched first, how it ended, with intervals."""
    table = PlainTable(
        "condition",
        "role",
        "actions",
        "goal first",
        "proxy first",
        "neither",
        "died",
        "timed out",
        "n",
        box=box.SIMPLE,
    )
    for row in rows:
        found = row.outcomes
        shares = [_cell(getattr(found, name)) for name in OUTCOMES]
        mode = "sampled" if row.sampled else "greedy"
        table.add_row(found.condition, found.role, mode, *shares, f"{found.proxy.n:,}")
    return _text(table)


def evaluation_json(name: str, found: EvaluationSummary) -> dict[str, Any]:
    """Everything that `goalposts evaluate` prints, for JSON."""
    distances = {condition: one.to_dict() for condition, one in found.distances.items()}
    return {"run": name, "outcomes": outcomes_json(found.rows), "leaked": found.leaked, "distance": distances}


def held_out_lines(found: EvaluationSummary) -> list[str]:
    """How the evaluated layouts differ from those that were trained on: leakage, and distances."""
    leaked = ", ".join(f"{n:,} of {name}" for name, n in found.leaked.items() if n)
    leaked = leaked or ("none" if found.leaked else "not known here")
    return [f"leakage (levels with a layout that was trained on): {leaked}", *words(found.distances)]


def outcomes_json(rows: Sequence[OutcomesRow]) -> list[dict[str, Any]]:
    """One row per condition and mode as JSON values, for scripts."""
    return [
        {"condition": row.outcomes.condition, "role": row.outcomes.role, "sampled": row.sampled}
        | {name: e and e.to_dict() for name in OUTCOMES for e in [getattr(row.outcomes, name)]}
        for row in rows
    ]


def summary_table(items: Sequence[Evaluated]) -> str:
    """Agents side by side: the main numbers of their verdicts; `goalposts diagnose` prints all."""
    table = PlainTable("", *(label_of(item) for item in items), box=box.SIMPLE)
    verdicts = [item.verdict() for item in items]
    table.add_row("verdict", *(verdict.label for verdict in verdicts))
    table.add_row("what it does, by the probes", *(item.behaviour() for item in items))
    for metric in (metric for metric in METRICS if not metric.detail):
        table.add_row(metric.name, *(_cell(verdict.numbers[metric.key]) for verdict in verdicts))
    n = verdicts[0].capability.n if verdicts[0].capability else 0
    shown = f"95% intervals; n = {n:,} held-out levels per condition; 1 training seed each; judged on {verdicts[0].shift}"
    return _text(table) + f"  {shown}"


def diagnosis_text(found: Diagnosis, add: str) -> str:
    """Verdict, probes, conflict curve, attribution. `add`: the command that adds missing probes."""
    headline, _, rest = found.verdict.explain().partition("\n")
    parts = [f"{headline}{_named(found)}\n{rest}", f"What does it chase?\n{_probe_table(found)}".rstrip()]
    if found.chance:
        rows = (f"  {name:22}{one}" for name, one in found.chance.items())
        parts.append(
            plain_lines(
                ["Chance: goal preference of agents that cannot see the goal, on the same levels", *rows]
            )
        )
    if found.naming is not None:
        parts.append(f"What the probes say that it does\n  {found.naming.sentence}")
    if found.relocation is not None:
        parts.append(
            f"Relocation effect: how much more often the goal's place under {found.verdict.shift} comes before its place under "
            f"{found.relocation.other} if the goal is there\n  {found.relocation.effect}"
        )
    if found.missing:
        parts.append(f"Not evaluated: {', '.join(found.missing)}. Add them with: {add}")
    parts.append(f"Conflict curve, by the detour that the goal costs\n{_conflict_text(found)}")
    parts.append(
        f"Goal attribution: what its actions, up to the first touch of goal or proxy, are evidence of\n{_attribution_text(found)}"
    )
    if found.recovery is not None:
        parts.append(f"Fine-tuning: was the capability there?\n{recovery_text(found.recovery)}".rstrip())
    return "\n\n".join(parts)


def _named(found: Diagnosis) -> str:
    """The name of what it does, for the line after the label; empty without one."""
    name = found.naming and found.naming.name
    return f"\nWhat it does, by the probes: it {name}." if name else ""


def recovery_text(found: Recovery) -> str:
    """The recovery curve, and what it says."""
    table = PlainTable(
        "steps of training", "from its weights", "from scratch", "difference (paired)", "n", box=box.SIMPLE
    )
    for point in found.points:
        row = (point.finetuned.short, point.scratch.short, point.gain.short, f"{point.gain.n:,}")
        table.add_row(f"{point.steps:,}", *row)
    seeds = found.points[0].gain.seeds
    about = f"  goal reached on held-out {found.condition} levels; 95% intervals; {seeds} training seed{'s' * (seeds != 1)}"
    warning = found.points[-1].gain.warning
    return f"{_text(table)}{about}{f' ({warning})' if warning else ''}\n  {found.explanation}"


def _probe_table(found: Diagnosis) -> str:
    names = (
        "condition",
        "chases",
        "goal first",
        "proxy first",
        "neither",
        "regret",
        "n",
        "what it distinguishes",
    )
    table = PlainTable(*names, box=box.SIMPLE)
    for row in found.probes.iter_rows(named=True):
        shares = [
            "—"
            if row[name] is None
            else f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"
            for name in FIRST
        ]
        loss = found.regrets[row["condition"]].short
        table.add_row(row["condition"], row["chases"], *shares, loss, f"{row['levels']:,}", row["tells"])
    return _text(table, 190)


def _conflict_text(found: Diagnosis) -> str:
    curve = found.curve
    if curve is None:
        return "  not measured: it needs 20 distinguishing levels of a shift condition, and two different detours"
    table = PlainTable("detour", "goal first, of either", "n", box=box.SIMPLE)
    for group in curve.bins:
        span = f"{group.low}" if group.low == group.high else f"{group.low}–{group.high}"
        table.add_row(span, group.preference.short, f"{group.preference.n:,}")
    fits = "" if curve.fits else " The fitted curve misses some of these groups: read the groups."
    return f"{_text(table)}  {curve.explanation}{fits}"


def _attribution_text(found: Diagnosis) -> str:
    if not found.attributions:
        return f"  not measured: {found.no_attribution}"
    lines = []
    for one in found.attributions:
        lines.append(f"  {one.run}, {one.condition}: {one.found}")
        lines.append(f"  {one.run}, {one.condition}: {one.seeing}")
        if len(found.attributions) == 1:
            table = PlainTable(
                "hypothesis", "kind", "nats behind the best", "episodes it explains best", box=box.SIMPLE
            )
            best = one.found.table["log_evidence"].max()
            for row in one.found.table.iter_rows(named=True):
                behind, share = best - row["log_evidence"], row["episodes_best"]
                table.add_row(row["hypothesis"], row["kind"], f"{behind:,.1f}", f"{100 * share:.0f} %")
            lines += _text(table).rstrip().split("\n")
    lines += [f"  {one.run}, {one.condition}: {one.found}" for one in found.on_probes]
    return plain_lines(lines)


def bench_table(figures: Sequence[Figure]) -> str:
    """Table of measurements: name, rate, and the ratio to a comparable measurement."""
    table = PlainTable("what", "rate", "", "ratio", "to", box=box.SIMPLE)
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.what, f"{figure.rate:,.0f}", figure.unit, ratio, figure.beside)
    return _text(table)


def grid_table(grid: Grid) -> str:
    """Table of measurements by row and column, under its title."""
    columns = list(dict.fromkeys(column for _, column in grid.figures))
    table = PlainTable(
        *grid.headings, *columns, title=plain(grid.title), title_justify="left", box=box.SIMPLE
    )
    for column in table.columns[len(grid.headings) :]:
        column.justify = "right"
    for row in dict.fromkeys(row for row, _ in grid.figures):
        found = [grid.figures.get((row, column)) for column in columns]
        table.add_row(*row, *("" if figure is None else f"{figure.rate:,.0f}" for figure in found))
    return _text(table)


def _cell(found: Estimate | None) -> str:
    return "—" if found is None else found.short


def _text(table: Table, width: int = 150) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, color_system=None, markup=False, emoji=False, highlight=False)
    console.print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines() if line.strip()) + "\n"
