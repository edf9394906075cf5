"""Panels next to each other: goal preference of several methods against α. Read next: `../why/figures.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from ....report.figures.charts import PALETTE
from ....report.figures.drawn import WIDTH, new_figure, study_style
from ....study.leaderboard.cells import over_seeds
from .figures import label_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 330
MOST_LABELS = 4
FEW_PANELS = 2
ROUNDING = 1e-9  # of a logarithm
NamedLine: TypeAlias = tuple[str, str, pl.DataFrame]  # words, colour of the palette, agents


def draw_panels(panels: Sequence[tuple[str, Sequence[NamedLine]]]) -> Figure:
    """Draw one panel per title: its lines, with 95% intervals over training seeds (Student's t); names are above all panels."""
    from matplotlib.lines import Line2D

    with study_style():
        figure = new_figure(HEIGHT)
        pitch = (WIDTH - 44) / len(panels)
        wide = pitch - 26
        for k, (title, lines) in enumerate(panels):
            axes = figure.add_axes(
                ((44 + k * pitch) / WIDTH, 52 / HEIGHT, wide / WIDTH, (HEIGHT - 116) / HEIGHT)
            )
            for _, colour, agents in lines:
                _line(axes, agents, colour)
            tested = sorted({x for *_, agents in lines for x in agents["parameter"].unique().to_list()})
            axes.set_xscale("log")
            axes.set_xticks(tested, _labels(tested))
            axes.minorticks_off()
            label_panel(axes, title, k == 0)
            if len(panels) > FEW_PANELS:
                axes.tick_params(axis="x", labelsize="small")
        names = {words: PALETTE[colour] for _, lines in panels for words, colour, _ in lines}
        figure.axes[0].legend(
            handles=[Line2D([], [], color=colour, label=words) for words, colour in names.items()],
            loc="lower left",
            bbox_to_anchor=(-36 / wide, 1.07),
            borderpad=0,
            fontsize=10,
            ncols=len(names),
            frameon=False,
            handlelength=0.5,
            labelcolor="linecolor",
            columnspacing=1.0,
            handletextpad=0.4,
        )
        words = "α: fraction of levels with the goal anywhere"
        figure.text(0.53, 8 / HEIGHT, words, ha="center", color=PALETTE["muted"])
    return figure


def _labels(tested: Sequence[float]) -> list[str]:
    """Labels of values of α; of more than four, those of the ends and of powers of ten, since they are close to each other."""
    shown = {tested[0], tested[-1], *(alpha for alpha in tested if math.log10(alpha) % 1 < ROUNDING)}
    every = len(tested) <= MOST_LABELS
    return [f"{100 * alpha:g}%" if every or alpha in shown else "" for alpha in tested]


def mean_of(agents: pl.DataFrame) -> float:
    """Goal preference, averaged over α."""
    means = agents.group_by("parameter").agg(pl.col("preference").mean())["preference"].drop_nulls()
    return float(means.sum()) / len(means) if len(means) else math.nan


def _line(axes: Axes, agents: pl.DataFrame, colour: str) -> None:
    """Draw means with their intervals against α."""
    spots = []
    for (x,), own in agents.sort("parameter").group_by("parameter", maintain_order=True):
        spread = over_seeds(own["preference"].to_list(), most=1.0)
        if spread is not None:
            place = float(str(x))
            axes.plot([place] * 2, [max(0.0, spread[1]), min(1.0, spread[2])], color=PALETTE[colour])
            spots.append((place, spread[0]))
    if spots:
        axes.plot(*zip(*spots, strict=True), color=PALETTE[colour], marker="o", markersize=5)
