"""Means over agents, as text."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import t


def mean(table: pl.DataFrame, column: str) -> float:
    """The mean of a column without its nulls; 0 if there is nothing."""
    return float(table[column].drop_nulls().mean() or 0.0)  # type: ignore[arg-type]


def spread(table: pl.DataFrame, column: str, digits: int = 3) -> str:
    """Mean with its 95% t interval over agents; a dash if there is nothing."""
    values = table[column].drop_nulls().to_numpy() if column in table.columns else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return "—"
    text = f"{values.mean() + 0.0:.{digits}f}"
    if len(values) > 1:
        half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        text += f" [{values.mean() - half + 0.0:.{digits}f}, {values.mean() + half + 0.0:.{digits}f}]"
    return text.replace("-", "−")
