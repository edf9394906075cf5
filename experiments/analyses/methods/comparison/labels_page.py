"""The section of the page of methods on labelled levels. Read next: `page.py`."""

from __future__ import annotations

import math

import polars as pl

from ....report.figures.drawn import Drawn
from ....study.leaderboard.board import HEADS, board, by_parameter, markdown
from ....study.leaderboard.points import FULL, ONE_LABEL, UNLABELLED
from .controls import LABELS
from .page_parts import shown
from .predictions import start_words, starts_of


def labelled_lines(agents: pl.DataFrame, cells: pl.DataFrame, figure: Drawn | None) -> list[str]:
    """The lines of the section on labels: figure, head starts, tables by labels, full rows."""
    own = cells.filter(pl.col("study") == LABELS)
    few = own.filter(pl.col("method") == UNLABELLED)
    many = own.filter(pl.col("method") != UNLABELLED)
    lines = [
        *shown(figure),
        *_head_starts(agents),
        "Goal first of all episodes, by labels:",
        "",
        *markdown(by_parameter(many, "goal_first", "k")),
        "",
    ]
    lines += ["Capability, by labels:", "", *markdown(by_parameter(many, "capability", "k")), ""]
    measures = [name for name in HEADS if name not in ("effective_alpha", "scoring_steps")]
    lines += [f"Full rows at k = {FULL[LABELS]:g}:", "", *markdown(board(many, FULL[LABELS], measures)), ""]
    if few.height:
        lines += ["Diverse heads, one label:", "", *markdown(board(few, ONE_LABEL, measures)), ""]
    return lines


def _head_starts(agents: pl.DataFrame) -> list[str]:
    dropped = 0
    rows = [["method", "measure", "height", "from the agent", "from scratch", "head-start ratio", "n"]]
    for name, starts in starts_of(agents).items():
        for measure, start in starts.items():
            ends = [_needed(value) for value in (start.agent, start.scratch)]
            rows.append(
                [name, HEADS[measure], f"{start.height:g}", *ends, start_words(start), f"{start.ratio.n}"]
            )
            dropped += start.ratio.dropped
    if len(rows) == 1:
        return []
    text = (
        "Labels needed until the mean over seeds passes a height. Above 1: the agent needs fewer than an untrained net "
        "with the same labels. Curves that do not pass "
        "count as the largest number tried, those that start above as the smallest, so that the ratio is a bound. Steps are not equal "
        "here: a net that was untrained is charged its own only."
    )
    if dropped:
        text += f" {dropped} agents are left out, because the other start has none with their labels and seed (counted per row)."
    return [text, "", *markdown(rows), ""]


def _needed(value: float) -> str:
    return (
        "never"
        if math.isinf(value)
        else "from the start"
        if value == 0
        else "–"
        if math.isnan(value)
        else f"{value:.1f}"
    )
