"""The forest plot of one world: per predictor its pooled score in grey and its score within configs in black, by access class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...foresight.comparison import PredictorComparison, PredictorScore
from ...foresight.predictors import ACCESS
from ...foresight.scores import RankScore
from ...report.figures.charts import PALETTE
from ...report.figures.drawn import TEXT, WIDTH, Drawn, new_figure, study_style
from ...report.figures.study_axes import write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 1.35 * TEXT
LEFT, BOTTOM = 150, 52  # in the units of the text


def forest(comparison: PredictorComparison, world: str, title: str) -> Drawn:
    """Draw all predictors of a world, grouped by access class; intervals of 95%, and the split-half ceiling as a dotted line."""
    scores = sorted(
        (entry for entry in comparison.scores if entry.world == world), key=lambda predictor: predictor.access
    )
    classes = list(dict.fromkeys(entry.access for entry in scores))
    with study_style():
        tall = LINE * (2 * len(scores) + len(classes) + 2)
        figure = new_figure(tall + BOTTOM)
        height = tall + BOTTOM
        axes = figure.add_axes((LEFT / WIDTH, BOTTOM / height, (WIDTH - LEFT - 14) / WIDTH, tall / height))
        axes.set_ylim(tall, 0)
        axes.set_xlim(-1.02, 1.02)
        axes.set_yticks([])
        axes.set_xlabel("rank correlation with the goal preference")
        axes.spines["left"].set_visible(False)
        axes.grid(visible=True, axis="x")
        axes.axvline(0, color=PALETTE["muted"], linewidth=1)
        ceiling = comparison.ceilings.get(world, math.nan)
        if not math.isnan(ceiling):
            axes.axvline(ceiling, color=PALETTE["ink"], linewidth=1, linestyle=":")
        write(axes, -1.0, 0.6 * LINE, "pooled", PALETTE["muted"], ha="left", fontweight="bold")
        write(axes, -0.45, 0.6 * LINE, "within config", PALETTE["ink"], ha="left", fontweight="bold")
        y = 1.5 * LINE
        for access in classes:
            _name(axes, y + 0.4 * LINE, f"{access}: {ACCESS[access]}", bold=True)  # type: ignore[index]
            y += LINE
            for own_score in (score for score in scores if score.access == access):
                _row(axes, y, own_score)
                y += 2 * LINE
    caption = (
        f"{world}. Larger is better: signs are those of the plan. Grey: over all agents; a predictor that reads the config "
        f"scores here. Black: among "
        "agents of one config, which differ in the training seed only. Bars: 95% bootstrap intervals. "
        + ("" if math.isnan(ceiling) else "Dotted: the split-half ceiling of the black scores. ")
        + "No black dot: no variation within configs, or no config whose seeds differ enough."
    )
    return Drawn(_file(world), title, figure, caption)


def _file(world: str) -> str:
    return "foresight" if world == "CoinRun" else f"foresight-{world.lower()}"


def _row(axes: Axes, y: float, score: PredictorScore) -> None:
    _name(axes, y + LINE, score.predictor)
    _dot(axes, y + 0.7 * LINE, score.pooled, PALETTE["muted"])
    _dot(axes, y + 1.3 * LINE, score.within, PALETTE["ink"])


def _dot(axes: Axes, y: float, score: RankScore, colour: str) -> None:
    if math.isnan(score.value):
        return
    low, high = (score.value if math.isnan(end) else end for end in (score.low, score.high))
    ends = [[max(0.0, score.value - low)], [max(0.0, high - score.value)]]
    face = PALETTE["paper"] if colour == PALETTE["muted"] else colour
    axes.errorbar(
        score.value, y, xerr=ends, color=colour, fmt="o", markersize=6, markerfacecolor=face, elinewidth=1.8
    )


def _name(axes: Axes, y: float, text: str, bold: bool = False) -> None:
    look = {"fontweight": "bold", "ha": "left"} if bold else {"ha": "right"}
    x = -(LEFT - 4) / (WIDTH - LEFT - 14) if bold else -0.03
    axes.text(x, y, text, color=PALETTE["ink"], va="center", transform=axes.get_yaxis_transform(), **look)  # type: ignore[arg-type]
