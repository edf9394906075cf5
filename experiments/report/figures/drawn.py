"""A finished figure, and its encodings: an SVG file in light and dark colours, a PNG file, an element of a page.

A file carries the figure's title, which states the finding; a page prints the title as a heading. Read next: `study_charts.py`.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..parts import part
from .charts import PALETTE, VARIABLES, styled
from .svg import adapt_to_theme, inline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 440  # of a figure, in the units of its text
TEXT = 14  # size of all its text: 11 pixels where a figure is 350 pixels wide, as on a phone
TITLE = 15
ROW = 40  # title characters per row
LOOK: dict[Any, Any] = {"font.size": TEXT}


@dataclass(frozen=True)
class Drawn:
    """A finished figure, which can be saved as a file or inlined in a page."""

    name: str
    title: str  # states the finding; computed from the data
    figure: Figure
    caption: str

    def svg(self) -> bytes:
        """Encode as an SVG file on a transparent ground, in the reader's light or dark colours; equal figures give equal bytes."""
        out = io.BytesIO()
        with study_style(), self._headed():
            self.figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        return adapt_to_theme(out.getvalue().decode(), dark_of_light()).encode()

    def png(self) -> bytes:
        """Encode as a PNG file, for print."""
        out = io.BytesIO()
        with study_style(), self._headed():
            self.figure.savefig(out, format="png", dpi=160, facecolor="white", metadata={"Software": None})
        return out.getvalue()

    def inline(self) -> str:
        """Encode as an element of a page, in its light or dark colours."""
        with study_style():
            return inline(self.figure, f"study-{self.name}", self.caption, VARIABLES)

    @contextmanager
    def _headed(self) -> Iterator[None]:
        """Add the title above the figure while it is saved."""
        figure = self.figure
        lines = textwrap.wrap(self.title, ROW)
        old = 72 * figure.get_figheight()
        new = old + 1.3 * TITLE * len(lines) + 6
        places = [(axes, axes.get_position()) for axes in figure.axes]
        figure.set_figheight(new / 72)
        for axes, box in places:
            axes.set_position((box.x0, box.y0 * old / new, box.width, box.height * old / new))
        text = figure.text(
            4 / WIDTH,
            1 - 4 / new,
            "\n".join(lines),
            va="top",
            fontsize=TITLE,
            fontweight="bold",
            color=PALETTE["ink"],
        )
        try:
            yield
        finally:
            text.remove()
            figure.set_figheight(old / 72)
            for axes, box in places:
                axes.set_position(box)


@contextmanager
def study_style() -> Iterator[None]:
    """Draw in this project's style, with type that can be read on a phone."""
    import matplotlib

    with styled():
        matplotlib.rcParams.update(LOOK)
        yield


@lru_cache(maxsize=1)
def dark_of_light() -> dict[str, str]:
    """Map each light colour of a figure to the dark one with the same meaning, as listed in the style sheet of all pages."""
    pairs = re.findall(r"light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", part("palette.css"))
    return {light: dark for light, dark in pairs if light in VARIABLES}


def new_figure(height: float) -> Figure:
    """Create an empty figure of the usual width; `height` is in the units of its text."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH / 72, height / 72))
