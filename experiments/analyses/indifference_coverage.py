"""How often the interval of the indifference point contains the truth, also where the curve is not logistic in the detour.

    python -m goalposts.experiments.analyses.indifference_coverage docs/results/indifference.csv --repetitions 400

writes the table and, next to it, the page (`.md`). Next to the monotone interval is the one of a logistic fit
(Fieller's), which was printed before. Read next: `experiments/measurement/conflict.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from ..measurement.conflict import fieller_of, indifference_of
from ..study.results.page_header import front_matter
from .simulation import run_simulation

COMMAND = "python -m goalposts.experiments.analyses.indifference_coverage docs/results/indifference.csv --repetitions 400"
TRUTH = 6.0
SPREAD = 0.5  # standard deviation of the seeds, in log odds
CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "logistic": lambda d: 0.5 * (TRUTH - d),
    "logistic, flat": lambda d: 0.15 * (TRUTH - d),
    "logistic in log detour": lambda d: 2.0 * (np.log(TRUTH + 1) - np.log(d + 1)),
    "step": lambda d: 2.0 * np.sign(TRUTH - d),
    "logistic, with a floor of 0.3": lambda d: np.maximum(0.8 * (TRUTH - d), -0.85),
}
CELLS = ((1, 300), (1, 800), (1, 3000), (10, 300))  # seeds, levels


def measure(repetitions: int) -> pl.DataFrame:
    """One row for each curve, number of seeds and number of levels."""
    return pl.DataFrame(
        [
            {"curve": name, "seeds": seeds, "levels": levels, "repetitions": repetitions}
            | covered(curve, seeds, levels, repetitions)
            for name, curve in CURVES.items()
            for seeds, levels in CELLS
        ]
    )


def covered(
    curve: Callable[[np.ndarray], np.ndarray], seeds: int, levels: int, repetitions: int
) -> dict[str, Any]:
    """For both kinds of interval: how often a point is given, how often it contains the truth, and its median width."""
    rng = np.random.default_rng([3, seeds, levels])
    estimates: dict[str, list[tuple[float, float, float]]] = {"monotone": [], "logistic": []}
    for _ in range(repetitions):
        detours = np.minimum(rng.geometric(0.12, levels) - 1, 30).astype(float)
        own = SPREAD * rng.standard_normal((seeds, 1)) if seeds > 1 else 0.0
        events = (rng.random((seeds, levels)) < expit(curve(detours)[None] + own)).astype(float)
        ones = np.ones_like(events)
        for kind, point_of in (("monotone", indifference_of), ("logistic", fieller_of)):
            point, _ = point_of(events, ones, detours)
            if point is not None:
                estimates[kind].append(point)
    out: dict[str, Any] = {}
    for kind, points in estimates.items():
        out[f"{kind}_given"] = len(points) / repetitions
        held = [low <= TRUTH <= high for _, low, high in points]
        out[f"{kind}_held"] = float(np.mean(held)) if held else None
        out[f"{kind}_width"] = float(np.median([high - low for _, low, high in points])) if points else None
    return out


def page(table: pl.DataFrame) -> str:
    """The table as Markdown."""
    most = table["repetitions"].max()
    lines = [
        front_matter(COMMAND, f"{most:,} simulations per cell; no training seeds", (), {}),
        "# How often the interval of the indifference point contains the truth",
        "",
        f"{most:,} simulations per cell. Detours are geometric with mean 7, at most 30; goal and proxy are equally likely at",
        f"a detour of {TRUTH:g}. Ten seeds vary by {SPREAD:g} in log odds. *Monotone*: what is printed. *Logistic*: the interval of",
        "a logistic fit, for comparison. Each cell: contains the truth / median width / a point is given at all.",
        "",
        "| true curve | seeds | levels | monotone | logistic |",
        "|---|---|---|---|---|",
    ]
    for row in table.iter_rows(named=True):
        cells = [
            "no point"
            if row[f"{kind}_held"] is None
            else f"{100 * row[f'{kind}_held']:.1f}% / {row[f'{kind}_width']:.1f} / {100 * row[f'{kind}_given']:.0f}%"
            for kind in ("monotone", "logistic")
        ]
        lines.append(f"| {row['curve']} | {row['seeds']} | {row['levels']:,} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Made by: `{COMMAND}`", ""])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return run_simulation("indifference_coverage", __doc__, measure, page, 1000, arguments)


if __name__ == "__main__":
    sys.exit(main())
