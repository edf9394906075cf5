"""Coverage of the printed intervals, by simulation with known truth, for 1, 3, 10 and 30 training seeds.

    python -m goalposts.experiments.analyses.interval_coverage docs/results/coverage.csv

writes the table and the page (`.md`). tests/experiments/measurement/test_coverage.py uses the same generators with other
parameters. Read next: `experiments/measurement/intervals.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit, logit, ndtri

from ..measurement.intervals import Estimate, hierarchical_difference, hierarchical_mean, hierarchical_rate
from .simulation import run_simulation

SEEDS = (1, 3, 10, 30)
SHARES = (0.05, 0.2, 0.5, 0.9)
TAUS = (0.0, 0.3, 1.0)  # standard deviation of the seeds, in log odds
LEVELS, LAMBDA = 300, 1.0  # number of levels, and their standard deviation
NODES = ndtri((np.arange(2000) + 0.5) / 2000)
NOMINAL = (0.93, 0.97)

Draw = Callable[
    [np.random.Generator, int, float], tuple[Estimate, float]
]  # (rng, seeds, tau) → (estimate, truth)


def rate(share: float) -> Draw:
    """Simulate a proportion, as capability, preference or misgeneralization rate."""

    def draw(rng: np.random.Generator, seeds: int, tau: float) -> tuple[Estimate, float]:
        spread = np.sqrt(tau * tau + LAMBDA * LAMBDA)
        centre = logit(share) * np.sqrt(1 + 0.35 * spread**2)
        own = tau * rng.standard_normal((seeds, 1))
        odds = centre + own + LAMBDA * rng.standard_normal((1, LEVELS))
        events = (rng.random((seeds, LEVELS)) < expit(odds)).astype(float)
        estimate = hierarchical_rate(events, np.ones_like(events))
        assert estimate is not None
        # with one seed the estimate is about this agent, with several about the training procedure
        true = expit(centre + own[0, 0] + LAMBDA * NODES) if seeds == 1 else expit(centre + spread * NODES)
        return estimate, float(true.mean())

    return draw


def difference(rng: np.random.Generator, seeds: int, tau: float) -> tuple[Estimate, float]:
    """Simulate a paired difference, as the goal effect: 0.3 on average, baseline 0.1 to 0.4 by level, seeds vary by tau / 5."""
    level, own = (
        rng.uniform(0.1, 0.4, (1, LEVELS)),
        0.3 + tau / 5 * rng.standard_normal((seeds, 1)).clip(-1.5, 1.5),
    )
    drawn = rng.random((seeds, LEVELS)) < level + own
    hidden = rng.random((seeds, LEVELS)) < level
    true = float(own[0, 0]) if seeds == 1 else 0.3
    estimate = hierarchical_difference(drawn.astype(float) - hidden, episodes=2 * drawn.size)
    return estimate, true


def mean(rng: np.random.Generator, seeds: int, tau: float) -> tuple[Estimate, float]:
    """Simulate a mean within bounds, as the regret: Beta(1, 3), scaled by a factor per seed."""
    own = 1 - 0.3 * tau * rng.random((seeds, 1))
    estimate = hierarchical_mean(own * rng.beta(1.0, 3.0, (seeds, LEVELS)), (0.0, 1.0))
    return estimate, float(own[0, 0]) / 4 if seeds == 1 else (1 - 0.15 * tau) / 4


def kinds() -> Iterator[tuple[str, Draw]]:
    """Yield every kind of estimate with its name."""
    for share in SHARES:
        yield f"rate of {share:g}", rate(share)
    yield "paired difference of 0.3", difference
    yield "mean within bounds", mean


def covered(draw: Draw, seeds: int, tau: float, repetitions: int, stream: int) -> dict[str, Any]:
    """Fraction of intervals that hold the truth, fraction with a warning, and the most frequent warning."""
    rng = np.random.default_rng([stream, seeds, round(100 * tau)])
    draws = [draw(rng, seeds, tau) for _ in range(repetitions)]
    warnings = [e.warning for e, _ in draws if e.warning]
    return {
        "held": float(np.mean([e.low <= true <= e.high for e, true in draws])),
        "width": float(np.mean([e.high - e.low for e, _ in draws])),
        "warned": len(warnings) / repetitions,
        "warning": max(set(warnings), key=warnings.count) if warnings else "",
    }


def measure(repetitions: int) -> pl.DataFrame:
    """Simulate every kind of estimate, spread of seeds and number of seeds: one row each."""
    rows = []
    for stream, (name, draw) in enumerate(kinds()):
        for tau in TAUS:
            for seeds in SEEDS:
                coverage = covered(draw, seeds, tau, repetitions, stream)
                rows.append(
                    {"number": name, "tau": tau, "seeds": seeds, "repetitions": repetitions, **coverage}
                )
                print(
                    f"{name:26s} τ {tau:3} {seeds:3} seeds: held {coverage['held']:.3f}, warned {coverage['warned']:.2f}",
                    flush=True,
                )
    return pl.DataFrame(rows)


def page(table: pl.DataFrame) -> str:
    """Format the table as Markdown, one row per kind of estimate and spread."""
    repetitions = table["repetitions"].max()
    lines = [
        "# How often the intervals contain the truth",
        "",
        f"Nominal 95%. {repetitions:,} simulations per cell, {LEVELS} levels that differ (standard deviation {LAMBDA:g} in log odds). A",
        "cell that is truly 95% varies by about half a point. Seeds differ by τ in log odds; for differences and means by as much as",
        "`interval_coverage.py` says. One seed: the truth is this agent's. Several: the training procedure's. Cells outside of",
        "93 to 97% have a ‘!’ and the frequency with which the number itself carried a warning.",
        "",
        f"| number | τ | {' | '.join(f'{k} seed' + 's' * (k > 1) for k in SEEDS)} |",
        f"|---|---|{'---|' * len(SEEDS)}",
    ]
    for (name, tau), rows in table.group_by("number", "tau", maintain_order=True):
        cells = []
        for row in rows.iter_rows(named=True):
            outside = not NOMINAL[0] <= row["held"] <= NOMINAL[1]
            cells.append(
                f"{100 * row['held']:.1f}%" + (f" ! ({100 * row['warned']:.0f}% warned)" if outside else "")
            )
        lines.append(f"| {name} | {tau:g} | {' | '.join(cells)} |")
    lines += [
        "",
        "Made by: `python -m goalposts.experiments.analyses.interval_coverage docs/results/coverage.csv`",
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return run_simulation("interval_coverage", __doc__, measure, page, 2000, arguments)


if __name__ == "__main__":
    sys.exit(main())
