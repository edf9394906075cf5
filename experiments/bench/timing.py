"""Timing of benchmarks: rates of work measured alone, or in turns with the work it is compared with.

Read next: `suite.py`, the measurements.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goalposts.errors import UserError

from ..system.atomic_files import read_limited

Work = Callable[[], int]  # does one unit of work; returns the number of steps, levels …


@dataclass(frozen=True)
class Figure:
    """One measured figure: `rate` in a unit (`env steps/s`, `MB`), and its `ratio` to `beside`, measured in the same run."""

    what: str
    rate: float
    unit: str
    ratio: float | None = None
    beside: str = ""


@dataclass(frozen=True)
class Grid:
    """Figures by row and column. headings: titles of the row labels; figures: by (row, column), in order."""

    title: str
    headings: tuple[str, ...]
    figures: Mapping[tuple[tuple[str, ...], str], Figure]


def in_turns(works: Sequence[Work], seconds: float, least: int = 1) -> list[list[float]]:
    """Rates of each work over at least `least` rounds in which all take turns, for about `seconds` in total."""
    for work in works:
        work()  # compile, warm the caches
    rates: list[list[float]] = [[] for _ in works]
    until = time.perf_counter() + seconds
    while len(rates[0]) < least or time.perf_counter() < until:
        for work, found in zip(works, rates, strict=True):
            began = time.perf_counter()
            done = work()
            found.append(done / (time.perf_counter() - began))
    return rates


def best_rate(work: Work, seconds: float) -> float:
    """Best rate of `work`, repeated for about `seconds`."""
    return max(in_turns([work], seconds)[0])


def paired(ours: Work, theirs: Work, seconds: float, least: int = 3) -> tuple[float, float]:
    """Median rates of two works over rounds in which they take turns."""
    first, second = in_turns((ours, theirs), seconds, least)
    return float(np.median(first)), float(np.median(second))


def read_figures(path: Path) -> list[Figure]:
    """Read the figures that `goalposts bench --json` wrote. Raises UserError for anything else."""
    try:
        rows = json.loads(read_limited(path, 1 << 20, follow=True))
        found = [Figure(**row) for row in rows]
        if not found or not all(
            isinstance(f.what, str) and isinstance(f.ratio, float | int | None) for f in found
        ):
            raise TypeError
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} is not a file of `goalposts bench --json`; create one with that command"
        ) from error
    return found


def fallen(figures: list[Figure], baseline: list[Figure], factor: float = 2.0) -> list[str]:
    """List regressions: figures whose ratio is more than `factor` times lower than in the baseline.

    Compares only figures that have a ratio in both: absolute rates depend more on the machine than on the code.
    """
    known = {(f.what, f.beside): f.ratio for f in baseline if f.ratio}
    return [
        f"{f.what}: {f.ratio:.3g} times {f.beside}; the baseline is {before:.3g}"
        for f in figures
        if f.ratio and (before := known.get((f.what, f.beside))) and f.ratio * factor < before
    ]
