"""The figures of the page of methods: goal preference against effective α, and relearning from labelled levels. Read next: `page.py`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ....report.figures.charts import PALETTE
from ....report.figures.drawn import WIDTH, Drawn, new_figure, study_style
from ....study.leaderboard.cells import over_seeds
from ....study.leaderboard.curves import OnCurve, is_one_curve, log_alpha, monotone
from .controls import LABELS, of
from .predictions import HEIGHTS, LEARNERS, starts_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAMILIES = {"plain": "ink", "domain": "ink", "PLR": "agent-1", "SFL": "agent-3", "ACCEL": "agent-2"}
PANEL, HEADED, COLUMNS = 118, 26, 2  # height of a panel, of its title; panels in a row
TITLES = {
    "not one curve": "At equal effective α, methods differ in goal preference",
    "one curve": "At equal effective α, methods have the same goal preference",
    "undecided": "Whether methods differ at equal effective α is undecided",
}
STARTS = (("", "from the agent", "agent-2"), ("-untrained", "from scratch", "agent-1"))
SIDES = (("goal_first", "goal first of all"), ("capability", "capability"))


def effective_figure(agents: pl.DataFrame, points: Sequence[OnCurve], world: str, name: str) -> Drawn:
    """One panel per method: its agents in colour, all others in grey, goal preference against effective α."""
    known = agents.drop_nulls(["preference", "effective_alpha"])
    rows = math.ceil(len(points) / COLUMNS)
    height = rows * (PANEL + HEADED) + 60
    known = known.with_columns(x=log_alpha(known) / math.log(10))
    with study_style():
        figure = new_figure(height)
        for k, residual in enumerate(points):
            row, column = divmod(k, COLUMNS)
            left = 44 + column * (WIDTH - 48) / COLUMNS
            box = (left, height - 4 - (row + 1) * (PANEL + HEADED), (WIDTH - 48) / COLUMNS - 22, PANEL)
            axes = figure.add_axes((box[0] / WIDTH, box[1] / height, box[2] / WIDTH, box[3] / height))
            _panel(axes, known, residual)
            last = k + COLUMNS >= len(points)
            axes.set_xticks(
                [math.log10(x) for x in (0.001, 0.01, 0.1, 1)],
                ["0.1", "1", "10", "100"] if last else [""] * 4,
            )
            axes.set_yticks([0, 0.5, 1], ["0", "50%", "100%"] if column == 0 else [""] * 3)
        figure.text(
            0.55,
            8 / height,
            "effective α: % of learned steps on distinguishing levels",
            ha="center",
            color=PALETTE["muted"],
        )
    caption = (
        f"{world}. Each dot is an agent: the method's in colour, all others in grey. Vertical: goal preference. Next to "
        f"the name: the method's mean "
        f"residual from the monotone curve of all other methods (line). n = {known['seed'].n_unique()} training seeds."
    )
    return Drawn(name, TITLES[is_one_curve(points)], figure, caption)


def _panel(axes: Axes, known: pl.DataFrame, point: OnCurve) -> None:
    """Draw a method. known: all agents, with column x, the decimal logarithm of effective α."""
    family = next((name for name in FAMILIES if point.method.startswith(name)), "plain")
    colour = PALETTE[FAMILIES[family]]
    own, others = (
        known.filter(pl.col("method") == point.method),
        known.filter(pl.col("method") != point.method),
    )
    for part, look in (
        (others, {"color": PALETTE["muted"], "alpha": 0.3, "s": 6}),
        (own, {"color": colour, "s": 14}),
    ):
        axes.scatter(part["x"].to_numpy(), part["preference"].to_numpy(), linewidths=0, **look)
    if others.height:
        x, y = others["x"].to_numpy(), others["preference"].to_numpy()
        axes.plot(*monotone(x, y, np.ones(len(x))), color=PALETTE["muted"], linewidth=1.2)
    shown = f"{point.span.value:+.2f}" if point.agents else "–"
    axes.set_title(f"{point.method}  {shown}", loc="left", fontsize=11, color=colour, pad=4)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(known["x"].to_numpy().min() - 0.2, 0.1)


def relearning_figure(agents: pl.DataFrame) -> Drawn | None:
    """Goal first and capability against the number of labels, from the agent and from scratch, without replay; None without agents."""
    learners = [name for name in LEARNERS if of(agents, LABELS, name, f"{name}-untrained").height]
    if not learners:
        return None
    height = len(learners) * (PANEL + HEADED + 24) + 34
    with study_style():
        figure = new_figure(height)
        for row, learner in enumerate(learners):
            for column, (measure, title) in enumerate(SIDES):
                left = 44 + column * (WIDTH - 48) / 2
                bottom = height - 4 - (row + 1) * (PANEL + HEADED) - row * 24
                axes = figure.add_axes(
                    (left / WIDTH, bottom / height, (WIDTH - 48) / 2 / WIDTH - 22 / WIDTH, PANEL / height)
                )
                for end, _, colour in STARTS:
                    _line(axes, of(agents, LABELS, learner + end), measure, colour)
                label_panel(axes, f"{learner}: {title}", column == 0)
                if row == 0 and column == 0:
                    name_lines(axes, [(name, colour) for _, name, colour in STARTS], 0.15)
        figure.text(0.55, 8 / height, "labelled levels", ha="center", color=PALETTE["muted"])
    seeds = of(agents, LABELS, *learners)["seed"].n_unique()
    caption = (
        "CoinRun. The same labels for both; without replay of training levels. Bands: 95% intervals over training seeds (Student's t), "
        f"n = {seeds}."
    )
    return Drawn("methods-relearning", _title(agents, learners), figure, caption)


def label_panel(axes: Axes, title: str, numbers: bool) -> None:
    """Title a panel of fractions from 0 to 100%. numbers: whether its vertical axis has them."""
    axes.set_title(title, loc="left", fontsize=11, color=PALETTE["ink"], pad=4)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.5, 1], ["0", "50%", "100%"] if numbers else [""] * 3)


def name_lines(axes: Axes, names: Iterable[tuple[str, str]], step: float) -> None:
    """Write the names of lines in their colours, from the panel's top left, `step` of its height apart."""
    for k, (name, colour) in enumerate(names):
        axes.text(
            0.03,
            0.94 - step * k,
            name,
            transform=axes.transAxes,
            color=PALETTE[colour],
            fontsize=11,
            va="top",
        )


def _line(axes: Axes, agents: pl.DataFrame, measure: str, colour: str) -> None:
    """Draw one start."""
    spots = []
    for (k,), own in agents.sort("parameter").group_by("parameter", maintain_order=True):
        spread = over_seeds(own[measure].to_list(), most=1.0)
        if spread is not None:
            spots.append((float(str(k)), *spread[:3]))
    if not spots:
        return
    k, mean, low, high = (np.array(column) for column in zip(*spots, strict=True))
    x = np.log10(k)
    axes.fill_between(
        x, np.maximum(low, 0.0), np.minimum(high, 1.0), color=PALETTE[colour], alpha=0.2, linewidth=0
    )
    axes.plot(x, mean, color=PALETTE[colour], marker="o", markersize=4)
    axes.set_xticks(x, [f"{int(number)}" for number in k])


def _title(agents: pl.DataFrame, learners: Sequence[str]) -> str:
    """How many methods have a head start in each measure, by the intervals of the ratios."""
    starts = starts_of(agents)
    goal, able = (
        sum(starts[name][measure].ratio.low > 1 for name in learners if measure in starts.get(name, {}))
        for measure in HEIGHTS
    )
    return f"Head start over an untrained net: in the goal with {goal} of {len(learners)} methods, in capability with {able}"
