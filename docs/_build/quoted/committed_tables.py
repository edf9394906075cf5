"""The committed tables and pages of results, as the figures that the docs quote are read from them. Read next: `study_figures.py`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl

RESULTS = Path(__file__).parents[2] / "results"
NUMBERS = pl.col("value", "low", "high").cast(pl.Float64)


def pending(study: str) -> str:
    """What is quoted in place of a figure whose study has not been run."""
    return f"measured by the study `{study}`, not yet run"


def table_of(study: str) -> pl.DataFrame:
    """The summary of a study. Raises FileNotFoundError."""
    table = pl.read_csv(RESULTS / f"{study}.csv", infer_schema=False)
    return table.with_columns(NUMBERS, pl.col("seed").cast(pl.Int64))


def current(study: str) -> pl.DataFrame | None:
    """The summary of a study; None if it was not run since greedy play was added."""
    if not (RESULTS / f"{study}.csv").exists():
        return None
    table = table_of(study)
    return table if (table["measure"] == "greedy/verdict").any() else None


def words_on(name: str, pattern: str, study: str) -> Callable[[], str]:
    """A sentence of a results page."""

    def read() -> str:
        path = RESULTS / f"{name}.md"
        found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE) if path.exists() else None
        return found[1].replace("**", "").rstrip(".") if found else pending(study)

    return read
