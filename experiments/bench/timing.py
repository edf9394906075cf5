"""Figures, and how rates are taken: of some work alone, or in turns with what it is compared with.

Measures nothing by itself. Read next: `suite.py`, what is measured.
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

Work = Callable[[], int]  # does some things, returns how many


@dataclass(frozen=True)
class Figure:
    """One measured figure: `rate` of a unit (`env steps/s`, `MB`); `ratio` to what `beside` says, taken in the same run."""

    what: str
    rate: float
    unit: str
    ratio: float | None = None
    beside: str = ""


@dataclass(frozen=True)
class Grid:
    """Figures by row and column. headings: what the words of a row are; figures: by (row, column), in their order."""

    title: str
    headings: tuple[str, ...]
    figures: Mapping[tuple[tuple[str, ...], str], Figure]


def in_turns(works: Sequence[Work], seconds: float, least: int = 1) -> list[list[float]]:
    """The rates of each work, over at least so many rounds in which all take turns, for about `seconds` in all."""
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
    """The best rate of `work`, repeated for about so many seconds."""
    return max(in_turns([work], seconds)[0])


def paired(ours: Work, theirs: Work, seconds: float, least: int = 3) -> tuple[float, float]:
    """Rates of both, each the median over rounds in which they take turns."""
    first, second = in_turns((ours, theirs), seconds, least)
    return float(np.median(first)), float(np.median(second))


def read_figures(path: Path) -> list[Figure]:
    """The figures that `goalposts bench --json` wrote. Raises UserError for anything else."""
    try:
        rows = json.loads(read_limited(path, 1 << 20, follow=True))
        found = [Figure(**row) for row in rows]
        if not found or not all(
            isinstance(f.what, str) and isinstance(f.ratio, float | int | None) for f in found
        ):
            raise TypeError
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} holds no figures of `goalposts bench --json`; make one with it") from error
    return found


def fallen(figures: list[Figure], baseline: list[Figure], factor: float = 2.0) -> list[str]:
    """What is slower, by its ratio to what was measured beside it, than `factor` times less than in the baseline.

    Only figures with a ratio that stand in both are compared: absolute rates say more about a machine than about code.
    """
    known = {(f.what, f.beside): f.ratio for f in baseline if f.ratio}
    return [
        f"{f.what}: {f.ratio:.3g} times {f.beside}; the baseline is {before:.3g}"
        for f in figures
        if f.ratio and (before := known.get((f.what, f.beside))) and f.ratio * factor < before
    ]
