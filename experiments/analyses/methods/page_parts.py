"""Parts of the page of methods: a section, a figure. Read next: `page.py`."""

from __future__ import annotations

from collections.abc import Sequence

from ...report.figures.drawn import Drawn


def section(title: str, lines: Sequence[str]) -> list[str]:
    """The lines of a section with its title."""
    return [f"## {title}", "", *lines, ""]


def shown(figure: Drawn | None) -> list[str]:
    """The lines of a figure with its caption; none without one."""
    if figure is None:
        return []
    return [f"![{figure.title}]({figure.name}.svg)", "", f"*{figure.title}. {figure.caption}*", ""]
