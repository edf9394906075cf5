"""Compare two studies at the points that both have.

Equal seed numbers in two studies do not make their agents a pair, so a difference of means is tested for independent groups:
Welch's t over the agents' own values. Read next: `summary.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from goalposts.errors import UserError

from ...measurement.metrics import METRICS
from ...measurement.study_curves import keys_of


@dataclass(frozen=True)
class Difference:
    """A measure at a point of both studies. difference: the second minus the first, with a 95% interval if it has one."""

    arm: str
    values: Mapping[str, str]
    measure: str
    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    seeds: tuple[int, int]

    @property
    def label(self) -> str:
        """The point's arm and values."""
        return ", ".join((*([] if self.arm == "main" else [self.arm]), *self.values.values())) or "all"


def compare(first: pl.DataFrame, second: pl.DataFrame) -> list[Difference]:
    """Compare two summaries. Raises UserError if they have no point in common."""
    keys = [key for key in keys_of(first) if key in keys_of(second)]
    first_groups, second_groups = _groups(first, keys), _groups(second, keys)
    common = [key for key in first_groups if key in second_groups]
    if not common:
        raise UserError(
            "the two studies have no point in common: their grids share no values. Points are matched by arm and by "
            f"{', '.join(keys) or 'no key, because they have none in common'}"
        )
    differences = []
    for arm, values, measure in common:
        a, b = first_groups[arm, values, measure], second_groups[arm, values, measure]
        low, high = _welch(a, b)
        gap = float(b.mean() - a.mean())
        differences.append(
            Difference(
                arm,
                dict(zip(keys, values, strict=True)),
                measure,
                float(a.mean()),
                float(b.mean()),
                gap,
                low,
                high,
                (len(a), len(b)),
            )
        )
    return differences


def _groups(table: pl.DataFrame, keys: list[str]) -> dict[tuple[str, tuple[str, ...], str], np.ndarray]:
    rows = table.filter(
        pl.col("seed").is_not_null()
        & pl.col("step").is_null()
        & pl.col("value").is_not_null()
        & pl.col("measure").is_in([metric.key for metric in METRICS])
    )
    groups: dict[tuple[str, tuple[str, ...], str], list[float]] = {}
    for row in rows.iter_rows(named=True):
        values = tuple(str(row[key] or "") for key in keys)
        groups.setdefault((row["arm"], values, row["measure"]), []).append(row["value"])
    return {key: np.array(values) for key, values in groups.items()}


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[float | None, float | None]:
    from scipy.special import stdtrit

    if len(a) < 2 or len(b) < 2:
        return None, None
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    gap = float(b.mean() - a.mean())
    if va + vb == 0:
        return gap, gap
    freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(va + vb)
    return gap - half, gap + half
