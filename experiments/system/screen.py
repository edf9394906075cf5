"""Text that fits the terminal: its width, lines with hanging indents, one function for all tables, coloured verdicts.

Nothing is wrapped or coloured where the output is no terminal. Read next: `experiments/cli/tables.py`, which fills the tables.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from goalposts.process.streams import takes_unicode
from goalposts.text import plain

BAR = 24  # characters of a progress bar
PIPED = 120  # columns of a table where the output is no terminal and COLUMNS is not set
GLUE = "\ue000"  # takes the place of a space that must not be broken; rich breaks at U+00A0 too
VERDICT_COLOURS = {
    "ALIGNED": "blue",
    "MISGENERALIZED": "yellow",
    "CAPABILITY LOSS": "red",
    "MIXED": "magenta",
    "INCONCLUSIVE": "white",
}
_LABEL = re.compile(rf"\b({'|'.join(VERDICT_COLOURS)})\b")
_COMMAND = re.compile(r"\bgoalposts [a-z-]+ ")  # a line to copy stays one line
_INTERVAL = re.compile(r"\[[^\]\[]*\]")


def width() -> int:
    """Columns of the terminal; where the output is none, COLUMNS or 120."""
    if sys.stdout.isatty():
        return max(20, shutil.get_terminal_size().columns)
    given = os.environ.get("COLUMNS", "")
    return max(20, int(given)) if given.isdecimal() else PIPED


def fitted(text: str) -> str:
    """Wrap long lines with hanging indents where the output is a terminal. Commands and long words stay whole."""
    if not sys.stdout.isatty():
        return text
    return "\n".join(_wrapped(line, width()) for line in text.split("\n"))


def _wrapped(line: str, columns: int) -> str:
    if len(line) <= columns or _COMMAND.search(line):
        return line
    lead = len(line) - len(line.lstrip())
    start = re.match(r"\s*(?:• |\S.{0,50}?\s{2,}(?=\S))", line)  # a bullet, or the first of two columns
    hang = start.end() if start and start.end() <= 0.65 * columns else lead + 2 * (lead > 0)
    lines = textwrap.wrap(
        line,
        columns,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
    return "\n".join(lines)


def coloured(text: str) -> str:
    """Colour the labels of verdicts, on a terminal without NO_COLOR."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    import typer

    return _LABEL.sub(lambda match: typer.style(match[0], fg=VERDICT_COLOURS[match[0]], bold=True), text)


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "", right: Sequence[int] = ()
) -> str:
    """A table no wider than the terminal: as it is, else with folded cells, else a paragraph per row.

    right: numbers of the columns that are set flush right. Cells are text and nothing else: no markup.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heads, cells = list(map(_cell, columns)), [list(map(_cell, row)) for row in rows]
    grid = Table(box=box.SIMPLE, title=Text(plain(title)) if title else None, title_justify="left")
    least = 1 + 3 * len(heads)  # edges, padding and gaps
    for k, head in enumerate(heads):
        words = [word for cell in (head, *(row[k] for row in cells)) for word in cell.split(" ")]
        widest = max(map(len, words), default=1)
        least += widest
        grid.add_column(Text(head), justify="right" if k in right else "left", min_width=widest)
    if least > width():
        return _paragraphs(plain(title), heads, cells)
    for row in cells:
        grid.add_row(*map(Text, row))
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width(), color_system=None, markup=False, emoji=False, highlight=False
    )
    console.print(grid)
    lines = (line.rstrip() for line in buffer.getvalue().replace(GLUE, " ").splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def block_bar() -> Any:
    """A column of rich's progress bars in which full and empty differ without colour: `████░░░░`."""
    from rich.progress import ProgressColumn
    from rich.text import Text

    full, empty = "█░" if takes_unicode(sys.stderr) else "#."

    class Blocks(ProgressColumn):
        def render(self, task: Any) -> Text:
            done = 0 if not task.total else min(BAR, int(BAR * task.completed / task.total))
            return Text(full * done + empty * (BAR - done))

    return Blocks()


def _cell(value: object) -> str:
    """Plain text in which an interval is not broken."""
    return _INTERVAL.sub(lambda match: match[0].replace(" ", GLUE), plain(value))


def _paragraphs(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Each row as its first cell and, below, the others with their heads."""
    lines = [title] if title else []
    for first, *others in rows:
        pairs = [f"{head} {cell}".strip() for head, cell in zip(heads[1:], others, strict=True) if cell]
        room = width() - 5  # a pair that fits a line stays on one
        paragraph = ", ".join(pair.replace(" ", GLUE) if len(pair) <= room else pair for pair in pairs)
        lines.append(f"  {first}")
        lines += textwrap.wrap(
            paragraph, width(), initial_indent="    ", subsequent_indent="    ", break_long_words=False
        )
    return "\n".join(lines).replace(GLUE, " ") + "\n"
