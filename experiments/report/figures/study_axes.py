"""Axes and marks of study figures: canvas, logarithmic axis with a true zero, lines with bars, single agents.

Read next: `study_charts.py`, which uses them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...measurement.study_curves import Spot
from .charts import LINES, PALETTE, VARIABLES, styled
from .svg import inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TICK = 0.2  # width of a tick label, in decades
GAP = 0.75  # decades between zero and the smallest positive value
MARKS = "os^Dv"
MANY_DOTS = 2000


@dataclass(frozen=True)
class Drawn:
    """A finished figure, which can be saved as a file or inlined in a page."""

    name: str
    title: str
    figure: Figure
    caption: str

    def svg(self) -> bytes:
        """Encode as an SVG file; equal figures give equal bytes."""
        out = io.BytesIO()
        with styled():
            self.figure.savefig(
                out, format="svg", facecolor="white", metadata={"Date": None, "Creator": None}
            )
        return out.getvalue()

    def png(self) -> bytes:
        """Encode as a PNG file, for print."""
        out = io.BytesIO()
        with styled():
            self.figure.savefig(out, format="png", dpi=160, facecolor="white", metadata={"Software": None})
        return out.getvalue()

    def inline(self) -> str:
        """Encode as an element of a page, in its light or dark colours."""
        with styled():
            return inline(self.figure, f"study-{self.name}", self.caption, VARIABLES)


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


def canvas(label: str, left: float = 0.11, height: float = 300, wide: bool = False) -> tuple[Figure, Axes]:
    """Create an empty figure; `wide` leaves room for a legend at the right, `height` is in the units of its text."""
    from matplotlib.figure import Figure

    width = 640 if wide else 560
    figure = Figure(figsize=(width / 72, height / 72))
    right = 0.70 if wide else 0.97
    axes = figure.add_axes((left, 50 / height, right - left, 1 - 66 / height))
    axes.set_xlabel(label)
    return figure, axes


def log_with_zero(axes: Axes, values: Sequence[float]) -> Scale:
    """Set up the x axis for values from 0 to 1, with or without zero."""
    scale = places(values)
    axes.set_xticks([scale.place(v) for v in values], _labels(scale, values), fontsize=9)
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


def _labels(scale: Scale, values: Sequence[float]) -> list[str]:
    """Tick labels, without those that would overlap the previous one."""
    labels, last = [], -math.inf
    for value in values:
        fits = scale.place(value) - last >= TICK
        labels.append(f"{value:g}" if fits else "")
        last = scale.place(value) if fits else last
    return labels


def line(axes: Axes, scale: Scale, spots: Sequence[Spot], label: str, colour: str, kind: int) -> None:
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
        label=label,
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


def percent_axis(axes: Axes, label: str) -> None:
    """Set up a y axis from 0 to 100%."""
    axes.set_ylim(-2, 103)
    axes.set_yticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
    if label:
        axes.set_ylabel(label)


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
