"""Influence maps as small multiples: one column per agent, one row per set of states, one symmetric colour scale for all.

A cell's colour says how the policy changes if the goal is placed there: blue towards the cell, orange away from it, white for no
change. Cells where the goal can never be are grey. Pure: from tables alone. Read next: `experiments/interpretation/influence.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from .charts import PALETTE
from .drawn import WIDTH, Drawn, new_figure, study_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT, GAP, TOP, KEY = 10, 8, 20, 64  # margins, in the units of a figure's text
STEPS = 33  # of the colour key
SMALL = 11
NO_EFFECT = 0.03  # largest fraction of the scale that is written as "no effect"
PER_ROW = 4  # agents
KEY_OF_PULL = (
    "turns away",
    "turns towards",
    "change of P(actions towards the cell) − P(actions away from it)",
)


@dataclass(frozen=True, eq=False)
class MapRow:
    """A row of maps. label: what is placed in a cell, and the states; tables: per agent, the columns row, col, mean of one quantity."""

    label: str
    tables: Sequence[pl.DataFrame]


def influence_maps(
    rows: Sequence[MapRow],
    agents: Sequence[str],
    title: str,
    caption: str,
    name: str = "influence",
    heading: str = "",
    key: tuple[str, str, str] = KEY_OF_PULL,
    note: str = "",
) -> Drawn | None:
    """Draw the maps of at most `PER_ROW` agents, with a heading above their names; None if no table has a cell.

    key: the meaning of orange, of blue, and the unit. note: a line below the key.
    """
    filled = [table for row in rows for table in row.tables if table.height]
    if not filled:
        return None
    scale = colour_scale(filled)
    low_col, high_col = _ends([table["col"] for table in filled])
    size = (WIDTH - LEFT * 2 - GAP * (len(agents) - 1)) / len(agents)
    unit = size / (high_col - low_col + 1)
    rows = [row for row in rows if any(table.height for table in row.tables)]
    spans = [_ends([table["row"] for table in row.tables if table.height]) for row in rows]
    talls = [unit * (high - low + 1) for low, high in spans]
    above = TOP * (2.5 if heading else 1.5)
    height = above + sum(tall + TOP + GAP for tall in talls) + KEY + (TOP if note else 0)
    with study_style():
        figure = new_figure(height)
        top = above
        for j, (row, (low, high), tall) in enumerate(zip(rows, spans, talls, strict=True)):
            for k, table in enumerate(row.tables):
                left, bottom = LEFT + k * (size + GAP), height - top - TOP - tall
                axes = figure.add_axes((left / WIDTH, bottom / height, size / WIDTH, tall / height))
                axes.set_xlim(low_col - 0.55, high_col + 0.55)
                axes.set_ylim(high + 0.55, low - 0.55)
                _map(axes, table, scale)
                if j == k == 0:
                    axes.text(-0.7, 0, "agent", ha="right", va="center", fontsize=SMALL, color=PALETTE["ink"])
                    _above(axes, 0, (2 * TOP + 4) / tall, heading, PALETTE["ink"])
                if j == 0:
                    _above(axes, 0.5, (TOP + 4) / tall, _short(agents[k], size), PALETTE["ink"])
                if k == 0:
                    _above(axes, 0, 4 / tall, row.label, PALETTE["muted"])
            top += tall + TOP + GAP
        below = 40 + (TOP if note else 0)
        _key(figure.add_axes((0.25, below / height, 0.5, 9 / height)), scale, key, note)
    return Drawn(name, title, figure, caption)


def colour_scale(tables: Sequence[pl.DataFrame]) -> float:
    """The value of the full colour: the largest absolute mean, rounded up to a tenth."""
    most = max(float(table["mean"].abs().max() or 0.0) for table in tables)  # type: ignore[arg-type]
    return max(0.1, math.ceil(most * 10 - 1e-9) / 10)


def note_of(actions: Sequence[str]) -> str:
    """What a map of the pull shows above and below an agent that jumps and falls: "" for one that walks in all directions."""
    if "jump" not in actions or "down" in actions:
        return ""
    return "straight below the agent, orange: it jumps more (no action moves down)"


def _ends(columns: Sequence[pl.Series]) -> tuple[int, int]:
    """Smallest and largest offset; the agent's own, 0, is always within."""
    values = pl.concat(columns)
    return min(0, int(values.min())), max(0, int(values.max()))  # type: ignore[arg-type]


def _colour(value: float, scale: float) -> tuple[str, float]:
    return PALETTE["goal" if value > 0 else "proxy"], min(1.0, abs(value) / scale)


def _map(axes: Axes, table: pl.DataFrame, scale: float) -> None:
    from matplotlib.patches import Circle, Rectangle

    _bare(axes)
    axes.set_facecolor(PALETTE["rule"])
    if table.height and float(table["mean"].abs().max() or 0.0) < NO_EFFECT * scale:  # type: ignore[arg-type]
        one_row = table["row"].n_unique() == 1
        axes.text(
            0.97,
            0.45 if one_row else 0.86,
            "no effect",
            transform=axes.transAxes,
            ha="right",
            va="center",
            fontsize=SMALL - 3 if one_row else SMALL,
            color=PALETTE["muted"],
            zorder=3,
        )
    for row, col, mean in table.select("row", "col", "mean").iter_rows():
        colour, strength = _colour(mean, scale)
        axes.add_patch(
            Rectangle(
                (col - 0.5, row - 0.5),
                1,
                1,
                facecolor=PALETTE["paper"],
                edgecolor=PALETTE["rule"],
                linewidth=0.5,
            )
        )
        if round(strength, 2) > 0:
            axes.add_patch(
                Rectangle(
                    (col - 0.46, row - 0.46),
                    0.92,
                    0.92,
                    facecolor=colour,
                    alpha=round(strength, 2),
                    linewidth=0,
                )
            )
    axes.add_patch(Circle((0, 0), 0.3, facecolor=PALETTE["ink"], linewidth=0))


def _key(axes: Axes, scale: float, words: tuple[str, str, str], note: str) -> None:
    from matplotlib.patches import Rectangle

    _bare(axes)
    axes.set_xlim(-scale, scale)
    width = 2 * scale / STEPS
    for k in range(STEPS):
        left = -scale + k * width
        colour, strength = _colour(left + width / 2, scale)
        if round(strength, 2) > 0:
            axes.add_patch(
                Rectangle((left, 0), width, 1, facecolor=colour, alpha=round(strength, 2), linewidth=0)
            )
    for at, text in ((-scale, f"−{scale:.1f}"), (0.0, "0"), (scale, f"+{scale:.1f}")):
        axes.text(at, -0.3, text, ha="center", va="top", fontsize=SMALL)
    axes.text(-scale * 1.12, 0.5, words[0], ha="right", va="center", fontsize=SMALL)
    axes.text(scale * 1.12, 0.5, words[1], ha="left", va="center", fontsize=SMALL)
    for k, line in enumerate((words[2], note)):
        axes.text(0, -2.4 - 2.1 * k, line, ha="center", va="top", fontsize=SMALL, color=PALETTE["muted"])


def _above(axes: Axes, left: float, height: float, text: str, colour: str) -> None:
    """Write above a map: figures move their axes when they are saved, and their own texts would stay."""
    align = "left" if left == 0 else "center"
    axes.text(left, 1 + height, text, transform=axes.transAxes, ha=align, fontsize=SMALL, color=colour)


def _bare(axes: Axes) -> None:
    axes.grid(False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _short(name: str, width: float) -> str:
    most = int(width / (0.62 * (SMALL + 1)))
    return name if len(name) <= most else f"{name[: most - 1]}…"
