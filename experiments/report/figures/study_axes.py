"""Axes and marks of study figures: canvas, logarithmic axis with a true zero, lines with bars, single agents.

Read next: `study_charts.py`, `dot_rows.py`, which use them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...measurement.study_curves import Spot
from .charts import LINES, PALETTE
from .drawn import WIDTH, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TICK = 0.45  # width of a tick label, in decades
GAP = 0.75  # decades between zero and the smallest positive value
MARKS = "os^Dv"
MANY_DOTS = 2000


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis with zero at a separate place to the left."""

    least: float  # positive

    def place(self, value: float) -> float:
        """Position of a value on the axis."""
        return math.log10(value) if value > 0 else math.log10(self.least) - GAP

    def value(self, place: float) -> float:
        """Value at a position; linear between zero and the smallest positive value."""
        start = math.log10(self.least)
        return 10**place if place >= start else self.least * max(0.0, 1 - (start - place) / GAP)


def places(values: Sequence[float]) -> Scale:
    """Make the scale for given values."""
    return Scale(min((value for value in values if value > 0), default=1.0))


def canvas(label: str, left: float = 52, right: float = 16, height: float = 280) -> tuple[Figure, Axes]:
    """Create an empty figure with margins at the left and right, in the units of its text."""
    figure = new_figure(height)
    bottom = 48 if label else 30
    box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - bottom - 12) / height)
    axes = figure.add_axes(box)
    axes.set_xlabel(label)
    return figure, axes


def write(axes: Axes, x: float, y: float, text: str, colour: str, **look: Any) -> None:
    """Write a label next to what it names, in the same colour."""
    axes.text(x, y, text, color=colour, **{"va": "center", **look})


def log_with_zero(axes: Axes, values: Sequence[float], finding: float | None = None) -> Scale:
    """Set up the x axis for fractions from 0 to 1 in per cent, with or without zero. The value next to the finding has a label."""
    scale = places(values)
    axes.set_xticks([scale.place(v) for v in values], tick_labels(scale, values, finding))
    axes.set_xlim(scale.place(min(values)) - 0.15, scale.place(max(values)) + 0.15)
    if 0 in values:
        at = math.log10(scale.least) - GAP / 2
        for shift in (-0.03, 0.03):  # marks the break in the axis
            axes.plot(
                [at + shift - 0.03, at + shift + 0.03],
                [-0.02, 0.02],
                transform=axes.get_xaxis_transform(),
                color=PALETTE["muted"],
                linewidth=1,
                clip_on=False,
            )
    return scale


def tick_labels(scale: Scale, values: Sequence[float], finding: float | None = None) -> list[str]:
    """Tick labels in per cent, empty where they would overlap: the value next to the finding first, then from left to right."""
    order = sorted(values)
    if finding is not None and order:
        order.insert(0, min(values, key=lambda value: abs(scale.place(value) - scale.place(finding))))
    shown: list[float] = []
    for value in order:
        if all(abs(scale.place(value) - scale.place(other)) >= TICK for other in shown):
            shown.append(value)
    return [("none" if value == 0 else f"{100 * value:g}%") if value in shown else "" for value in values]


def line(axes: Axes, scale: Scale, spots: Sequence[Spot], colour: str, kind: int) -> None:
    """Draw a line with an error bar at each point; the segment from zero is thin, because the axis is broken there."""
    from ...measurement.study_curves import parameter

    pairs = sorted((parameter(spot.x), spot) for spot in spots) if spots else []
    xs, ys = [scale.place(x) for x, _ in pairs], [100 * spot.value for _, spot in pairs]
    bars = [
        [y - 100 * s.low for y, (_, s) in zip(ys, pairs, strict=True)],
        [100 * s.high - y for y, (_, s) in zip(ys, pairs, strict=True)],
    ]
    if not pairs:
        return
    axes.errorbar(
        xs,
        ys,
        yerr=bars,
        color=colour,
        linestyle="none",
        marker=MARKS[kind],
        markersize=5.5,
        elinewidth=1.3,
        capsize=2.5,
        clip_on=False,
        zorder=3,
    )
    broken = 1 if pairs[0][0] == 0 and len(pairs) > 1 else 0
    axes.plot(
        xs[broken:],
        ys[broken:],
        color=colour,
        linestyle=LINES[kind],
        marker=MARKS[kind],
        markersize=5.5,
    )
    if broken:
        axes.plot(xs[:2], ys[:2], color=colour, linestyle=LINES[2], linewidth=0.9)


def dots(axes: Axes, scale: Scale, spots: Sequence[Spot], colour: str) -> None:
    """Draw a dot for each single agent."""
    from ...measurement.study_curves import parameter

    xs = [scale.place(parameter(spot.x)) + 0.018 * (k % 5 - 2) for k, spot in enumerate(spots)]
    single(axes, xs, [100 * spot.value for spot in spots], color=colour, alpha=0.32, zorder=1)


def single(axes: Axes, xs: Sequence[float], ys: Sequence[float], **look: Any) -> None:
    """Draw a dot for each value; very many become one line object, which is a hundred times as fast and looks the same."""
    if len(xs) > MANY_DOTS:
        axes.plot(xs, ys, ".", markersize=5, **look)
        return
    for x, y in zip(xs, ys, strict=True):
        axes.plot(x, y, ".", markersize=5, **look)


def percent_axis(axes: Axes) -> None:
    """Set up a y axis from 0 to 100%."""
    axes.set_ylim(-2, 103)
    axes.set_yticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])


def spell_n(spots: Sequence[Spot]) -> str:
    """Format the sample sizes: "n = 10 training seeds per point, 1,000 levels each"."""
    if not spots:
        return "n = 0"
    seeds, levels = sorted({spot.seeds for spot in spots}), sorted({spot.n for spot in spots})
    of_seeds = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    of_levels = f"{levels[0]:,}" if len(levels) == 1 else f"{levels[0]:,} to {levels[-1]:,}"
    return f"n = {of_seeds} training seeds per point, {of_levels} levels"


def spell_steps(x: float) -> str:
    """Format 1,500,000 as `1.5 M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if x >= size:
            return f"{x / size:g} {letter}"
    return f"{x:g}"
