"""CSV downloads of a page: every table and chart, by name, with all digits.

The page's buttons refer to the names (`data-csv`). Read next: `view.py`, which makes those of the verdict and the outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..data import ReportData
from ..numbers import csv_text
from . import evidence, explorer, relearning, view

File = dict[str, str]


def _leakage(data: ReportData) -> list[tuple[str | int, ...]]:
    return [(row.agent, row.condition, row.layouts, row.shared, row.nearest) for row in data.leakage]


def downloads(data: ReportData) -> dict[str, File]:
    """Collect all CSV files with at least one row."""
    tables = {
        "probes": (evidence.CSV_COLUMNS, evidence.csv_rows(data)),
        "explored": (explorer.CSV_COLUMNS, explorer.csv_rows(data)),
        "conflict": (CONFLICT, _conflict(data)),
        "attribution": (ATTRIBUTION, _attribution(data)),
        "finetuning": (relearning.CSV_COLUMNS, relearning.csv_rows(data)),
        "training": _training(data),
        "seeds": (SEEDS, _seeds(data)),
        "leakage": (LEAKAGE, _leakage(data)),
        "thresholds": (("threshold", "value"), view.thresholds(data)),
        "provenance": (
            ("agent", "fact", "value"),
            [(agent.name, *fact) for agent in data.agents for fact in view.facts(agent.provenance)],
        ),
    }
    files = {name: _file(name, columns, rows) for name, (columns, rows) in tables.items() if rows}
    return {**view.tables(data), **files}


SHARE = ("value", "low", "high", "n")
CONFLICT = ("agent", "condition", "mean_detour", *SHARE)
ATTRIBUTION = (
    "agent",
    "run",
    "condition",
    "hypothesis",
    "kind",
    "log_evidence",
    "nats_behind_best",
    "episodes",
)
SEEDS = (
    "agent",
    "seed",
    "verdict",
    *(f"{key}_{end}" for key in ("preference", "misgeneralization") for end in SHARE),
)
LEAKAGE = ("agent", "condition", "layouts", "also_in_training", "distance_to_training")


def _file(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> File:
    return {"file": f"{name}.csv", "text": csv_text(columns, rows)}


def _conflict(data: ReportData) -> list[tuple[Any, ...]]:
    return [
        (agent.name, curve["condition"], group["mean"], *_share(group["preference"]))
        for agent in data.agents
        if (curve := agent.evidence.get("conflict_curve"))
        for group in curve["bins"]
    ]


def _attribution(data: ReportData) -> list[tuple[Any, ...]]:
    rows = []
    for agent in data.agents:
        for attribution in agent.evidence.get("attribution") or ():
            best = max(row["log_evidence"] for row in attribution["table"])
            rows += [
                (
                    agent.name,
                    attribution["run"],
                    attribution["condition"],
                    row["hypothesis"],
                    row["kind"],
                    row["log_evidence"],
                    best - row["log_evidence"],
                    attribution["episodes"],
                )
                for row in attribution["table"]
            ]
    return rows


def _training(data: ReportData) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    columns = tuple(dict.fromkeys(name for agent in data.agents for row in agent.progress for name in row))
    rows = [
        (agent.name, *(row.get(name) for name in columns)) for agent in data.agents for row in agent.progress
    ]
    return ("agent", *columns), rows


def _seeds(data: ReportData) -> list[tuple[Any, ...]]:
    return [
        (
            agent.name,
            seed.get("name"),
            seed.get("label"),
            *_share(seed.get("preference")),
            *_share(seed.get("misgeneralization")),
        )
        for agent in data.agents
        for seed in agent.verdict.get("seeds") or ()
    ]


def _share(estimate: Mapping[str, Any] | None) -> tuple[Any, ...]:
    return tuple((estimate or {}).get(name) for name in SHARE)
