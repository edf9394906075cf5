"""A verdict as HTML for notebooks: label, reasons, and a table of its numbers. All text is escaped.

Read next: `verdict.py`, whose `_repr_html_` calls this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from ..intervals import Estimate
from ..metrics import METRICS, withheld


def verdict_html(
    label: str, about: str, reasons: Iterable[str], numbers: Mapping[str, Estimate | None], world: str
) -> str:
    """HTML of a verdict. numbers: keyed as METRICS; without those that are None."""
    bullets = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    rows = "".join(
        f'<tr title="{escape(metric.meaning)}"><th style="text-align:left">{escape(metric.title)}</th>'
        f"<td>{escape(withheld(metric.key, world) or estimate.short)}</td><td>{estimate.n:,}</td></tr>"
        for metric in METRICS
        if (estimate := numbers.get(metric.key)) is not None
    )
    head = '<tr><th style="text-align:left">number</th><th>value [95% interval]</th><th>n</th></tr>'
    return (
        f"<div><p><strong>{escape(label)}</strong>: {escape(about)}</p>"
        f"<ul>{bullets}</ul><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
    )
