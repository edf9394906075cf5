"""Rows of dots with intervals over an axis from 0 to 100%: one row per procedure, condition or world, named at the left.

Rows suit a phone, where a name under each point of a curve would have to be slanted. Read next: `study_charts.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .charts import PALETTE
from .drawn import TEXT, WIDTH, new_figure
from .study_axes import single, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = 19  # characters of a row's name per line
LINE = 1.25 * TEXT
CLOSE = 11.0  # between estimates of a row
PAD = 12  # between rows, in the units of the text


@dataclass(frozen=True)
class RowDot:
    """An estimate with its interval, all fractions of 1, and the single agents behind it."""

    value: float
    low: float
    high: float
    colour: str
    filled: bool = True
    agents: tuple[float, ...] = ()
    label: str = ""  # written next to it


@dataclass(frozen=True)
class DotRow:
    """A named row of estimates. `note` is printed under the name."""

    name: str
    dots: tuple[RowDot, ...]
    note: str = ""
    heading: str = ""  # printed above the row, over the whole width


def dot_rows(
    rows: Sequence[DotRow], labels: Sequence[tuple[float | None, str, str]], axis: str
) -> tuple[Figure, Axes]:
    """Draw rows from top to bottom.

    labels: position (a fraction of 1; None: the left margin), text and colour of each label above the first row, one label per line.
    """
    names = [[*textwrap.wrap(row.name, NAME), *([row.note] if row.note else [])] for row in rows]
    tall = [
        max(LINE * len(lines), (LINE if _apart(row) > CLOSE else 0.75 * LINE) * len(row.dots)) + PAD
        for lines, row in zip(names, rows, strict=True)
    ]
    tall = [height + (LINE + PAD if row.heading else 0) for height, row in zip(tall, rows, strict=True)]
    top, bottom = 6 + LINE * len(labels), 46
    height = top + sum(tall) + bottom
    left = 14 + 0.62 * TEXT * max((len(line) for lines in names for line in lines), default=1)
    figure = new_figure(height)
    axes = figure.add_axes(
        (left / WIDTH, bottom / height, (WIDTH - left - 26) / WIDTH, (height - bottom) / height)
    )
    axes.set_ylim(top + sum(tall), 0)  # in the units of the text, from the top
    axes.set_xlim(-1.5, 101.5)
    axes.set_xticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_yticks([])
    axes.set_xlabel(axis)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    margin = 0.01 - left / (WIDTH - left - 26)  # of the figure, in widths of the axes
    for k, (place, text, colour) in enumerate(labels):
        if place is None:
            look = {"ha": "left", "fontweight": "bold", "transform": axes.get_yaxis_transform()}
            write(axes, margin, 3 + LINE * (k + 0.5), text, colour, **look)
            continue
        side = "left" if place < 0.34 else "right" if place > 0.66 else "center"
        at = {"left": max(0.0, 100 * place - 4), "right": min(103.0, 100 * place + 4), "center": 100 * place}[
            side
        ]
        write(axes, at, 3 + LINE * (k + 0.5), text, colour, ha=side, fontweight="bold")
    y = top
    for row, lines, size in zip(rows, names, tall, strict=True):
        if row.heading:
            look = {"ha": "left", "fontweight": "bold", "transform": axes.get_yaxis_transform()}
            write(axes, margin, y + 0.6 * LINE + PAD / 2, row.heading, PALETTE["ink"], **look)
            y, size = y + LINE + PAD, size - LINE - PAD
        _row(axes, row, lines, y + size / 2)
        y += size
    return figure, axes


def _apart(row: DotRow) -> float:
    """Distance between the estimates of a row, in the units of the text."""
    return 0 if len(row.dots) == 1 else LINE if any(dot.label for dot in row.dots) else CLOSE


def _row(axes: Axes, row: DotRow, lines: list[str], middle: float) -> None:
    first = middle - LINE * (len(lines) - 1) / 2
    for k, line in enumerate(lines):
        note = bool(row.note) and k == len(lines) - 1
        colour = PALETTE["muted"] if note else PALETTE["ink"]
        axes.text(
            -0.035,
            first + k * LINE,
            line,
            color=colour,
            ha="right",
            va="center",
            transform=axes.get_yaxis_transform(),
        )
    for k, dot in enumerate(row.dots):
        y = middle + _apart(row) * (k - (len(row.dots) - 1) / 2)
        spread = [y + 2.2 * (i % 3 - 1) for i in range(len(dot.agents))]
        single(axes, [100 * value for value in dot.agents], spread, color=dot.colour, alpha=0.3)
        axes.errorbar(
            100 * dot.value,
            y,
            xerr=[[max(0.0, 100 * (dot.value - dot.low))], [max(0.0, 100 * (dot.high - dot.value))]],
            color=dot.colour,
            fmt="o" if dot.filled else "s",
            markersize=7 if dot.filled else 6,
            markerfacecolor=dot.colour if dot.filled else PALETTE["paper"],
            elinewidth=1.8,
            clip_on=False,
            zorder=3,
        )
        if dot.label:
            at, side = (100 * dot.high + 3, "left") if dot.value < 0.55 else (100 * dot.low - 3, "right")
            write(axes, at, y, dot.label, dot.colour, ha=side)
