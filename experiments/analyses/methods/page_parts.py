"""Parts of the pages of methods: a section, a figure, a count of predictions. Read next: `page.py`."""

from __future__ import annotations

from collections.abc import Sequence

from ...report.figures.drawn import Drawn
from .controls import FAILS, HOLDS

CHOSEN = "These sentences are computed, but they were chosen after results were seen. Only the controls and the predictions were planned."


def section(title: str, lines: Sequence[str]) -> list[str]:
    """The lines of a section with its title."""
    return [f"## {title}", "", *lines, ""]


def shown(figure: Drawn | None) -> list[str]:
    """The lines of a figure with its caption; none without one."""
    if figure is None:
        return []
    return [f"![{figure.title}]({figure.name}.svg)", "", f"*{figure.title}. {figure.caption}*", ""]


def held(states: Sequence[str]) -> str:
    """How many predictions hold and how many do not: `1 holds and 4 do not`."""
    yes, no = states.count(HOLDS), states.count(FAILS)
    return f"{yes} {'holds' if yes == 1 else 'hold'} and {no} {'does' if no == 1 else 'do'} not"
