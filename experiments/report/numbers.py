"""Number formats of a page, and CSV text of its downloadable tables.

A proportion is `97.6% [96.4, 98.4]`; a return is `0.976 [0.964, 0.984]`, as on the command line. An estimate
without an interval is not shown. Estimates nothing; `experiments.measurement` does.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..measurement.intervals import seeds_and_missed

NOTHING = "not measured"
NBSP = "\u00a0"  # keeps a number and its interval on one line
FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
)  # a spreadsheet would run a cell that starts with one of these


@dataclass(frozen=True)
class ShownEstimate:
    """One estimate with its interval, ready to print."""

    value: float
    low: float
    high: float
    n: int | None = None  # levels
    episodes: int | None = None
    seeds: int | None = None  # 0: unknown
    kept: float | None = None
    warning: str = ""

    @property
    def text(self) -> str:
        """Format as `97.6% [96.4, 98.4]`."""
        return f"{percent(self.value)}{NBSP}[{f',{NBSP}'.join(self.bounds)}]"

    @property
    def bounds(self) -> tuple[str, str]:
        """The interval in per cent. Near 0 and 100, bounds are rounded outwards: the text is `0.1% [0.0, 0.6]`."""
        return _tenth(100 * self.low, 0, 99.9), _tenth(100 * self.high, 0.1, 100)

    @property
    def point(self) -> str:
        """Format the value as `0.976`: two decimals, or as many as it takes to show the interval's width."""
        return _decimal(self.value, self._digits)

    @property
    def interval(self) -> str:
        return f"[{_decimal(self.low, self._digits)},{NBSP}{_decimal(self.high, self._digits)}]"

    @property
    def _digits(self) -> int:
        return next((digits for digits in (2, 3, 4) if self.high - self.low >= 2 * 10.0**-digits), 5)

    @property
    def basis(self) -> str:
        """Format the sample sizes: `n = 1,000 levels, 1 seed`."""
        parts = [] if self.n is None else [f"n{NBSP}={NBSP}{_some(self.n, 'level')}"]
        if self.episodes and self.n and self.episodes > self.n * max(self.seeds or 1, 1):
            parts.append(f"{self.episodes:,} episodes")
        if self.seeds is not None:
            parts.append(seeds_and_missed(self.seeds))
        return ", ".join(parts)


def shown(estimate: Any) -> ShownEstimate | None:
    """Convert an estimate (mapping or object with value, low, high, …); None if it has no value or no interval."""
    if estimate is None:
        return None

    def get(key: str) -> Any:
        return estimate.get(key) if isinstance(estimate, Mapping) else getattr(estimate, key, None)

    value, low, high = get("value"), get("low"), get("high")
    if any(x is None or not math.isfinite(x) for x in (value, low, high)):
        return None
    n, episodes, seeds = (None if get(key) is None else int(get(key)) for key in ("n", "episodes", "seeds"))
    kept = None if get("kept") is None else float(get("kept"))
    return ShownEstimate(
        float(value), float(low), float(high), n, episodes, seeds, kept, str(get("warning") or "")
    )


def percent(share: float) -> str:
    """Format 0.976 as `97.6%`."""
    return f"{tenth(100 * share)}%"


def alpha_text(alpha: float) -> str:
    """Format α, a fraction of training levels, in per cent and with two significant digits, as on the axes of figures: `3.8%`."""
    return f"{100 * alpha:.2g}%"


def tenth(number: float) -> str:
    """Format with one decimal; only exactly 0 and 100 have none, and nothing else is rounded to them."""
    return _tenth(number, 0.1, 99.9)


def _tenth(number: float, least: float, most: float) -> str:
    if number in (0, 100):
        return f"{number:.0f}"
    return _decimal(min(max(number, least), most) if 0 < number < 100 else number, 1)


def count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _some(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _decimal(number: float, digits: int) -> str:
    shown = f"{number:.{digits}f}"
    return shown.lstrip("-") if not float(shown) else shown.replace("-", "−")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Format a CSV file. Numbers keep all their digits; text that a spreadsheet would run as a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
