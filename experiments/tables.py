"""Tables for the terminal: outcomes by condition, and agents side by side. Text only; numbers come from `measurement/`.

Read next: `cli_runs.py`, which prints them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from .bench import Figure
from .measurement import Estimate, outcomes
from .present import Evaluated, label_of

SHARES = ("goal", "proxy", "neither", "death", "timeout")


def outcome_table(episodes: pl.DataFrame) -> str:
    """One row a condition and mode: what was touched first, how it ended, with intervals."""
    table = Table(
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
    for condition, sampled, role in _rows(episodes):
        found = outcomes(episodes, condition=condition, sampled=sampled)
        shares = [_cell(getattr(found, name)) for name in SHARES]
        table.add_row(condition, role, "sampled" if sampled else "greedy", *shares, f"{found.proxy.n:,}")
    return _text(table)


def outcomes_json(episodes: pl.DataFrame) -> list[dict[str, Any]]:
    """The same for scripts."""
    rows = []
    for condition, sampled, role in _rows(episodes):
        found = outcomes(episodes, condition=condition, sampled=sampled)
        shares = {name: None if (e := getattr(found, name)) is None else e.to_dict() for name in SHARES}
        rows.append({"condition": condition, "role": role, "sampled": sampled, **shares})
    return rows


def summary_table(items: Sequence[Evaluated]) -> str:
    """Agents side by side: the four figures that a verdict rests on."""
    table = Table("", *(label_of(item) for item in items), box=box.SIMPLE)
    verdicts = [item.verdict() for item in items]
    table.add_row("verdict", *(verdict.label for verdict in verdicts))
    fields = (
        ("capability", "capability in distribution"), ("capability_shift", "capability under shift"),
        ("preference", "goal preference"), ("misgeneralization", "misgeneralization rate"),
        ("goal_effect", "goal effect (causal)"),
    )  # fmt: skip
    for field, name in fields:
        table.add_row(name, *(_cell(getattr(verdict, field)) for verdict in verdicts))
    n = verdicts[0].capability.n if verdicts[0].capability else 0
    shown = f"95 % intervals; n = {n:,} held-out levels a condition; 1 training seed each; judged on {verdicts[0].shift}"
    return _text(table) + f"  {shown}"


def bench_table(figures: Sequence[Figure]) -> str:
    """What was measured, its rate, and its ratio to something measured beside it."""
    table = Table("what", "rate", "", "ratio", "to", box=box.SIMPLE)
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.what, f"{figure.rate:,.0f}", figure.unit, ratio, figure.beside)
    return _text(table)


def _rows(episodes: pl.DataFrame) -> list[tuple[str, bool, str]]:
    keys = episodes.select("condition", "sampled", "role").unique(maintain_order=True)
    return list(keys.iter_rows())


def _cell(found: Estimate | None) -> str:
    return "—" if found is None else found.short


def _text(table: Table) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=150, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines() if line.strip()) + "\n"
