"""Charts of a report: matplotlib figures in one style, and inline SVG in a page's light and dark colours.

A chart saved to a file (`figure.savefig`) has the light colours; `svg.inline` replaces each by the CSS variable with the same
meaning. Everywhere in this project, blue is the goal and orange the proxy, and they also differ in line style. Intervals come
from `experiments.measurement`. Read next: `experiments/report/page/page.py`.
"""

from __future__ import annotations

import math
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...measurement.intervals import wilson
from ...measurement.progress_columns import EVAL, EVAL_COLUMN, RETURN
from ..data import AgentSection, ReportData
from ..numbers import percent
from ..parts import part
from ..story import ALIKE, note_of, subject, titled
from ..words import phrase
from .svg import inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEANINGS = ("ink", "muted", "rule", "paper", "goal", "proxy", "agent-1", "agent-2", "agent-3", "agent-4")
# Meaning -> light colour, as listed in the palette of all pages; its style sheet has a variable --<meaning> for each, in light and in dark.
PALETTE = {
    meaning: colour
    for meaning, colour in re.findall(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6})", part("palette.css"))
    if meaning in MEANINGS
}
LINES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 1.5, 1, 1.5)))  # distinguishable without colour
WIDTH, HEIGHT = 380, 236  # of one chart, in the units of its text: a phone shows it as it is
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "goalposts",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "axes.edgecolor": PALETTE["muted"],
    "axes.labelcolor": PALETTE["muted"],
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": PALETTE["rule"],
    "grid.linewidth": 0.8,
    "xtick.color": PALETTE["muted"],
    "ytick.color": PALETTE["muted"],
    "ytick.major.size": 0,
    "text.color": PALETTE["ink"],
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
}
VARIABLES = {colour: f"var(--{meaning})" for meaning, colour in PALETTE.items()}

# Columns of progress.csv. A periodic evaluation plays a small, fixed set of levels in training: `eval/<condition>/<what>`.
NAME, LETTER, LINE = 16, 6.9, 14  # letters in a line of a name, their width, height of a line
STEP = "step"
FIRST = {"goal": "goal_first", "proxy": "proxy_first"}  # fractions of episodes
LEVELS = "levels"  # number of levels; without it there are no intervals
MOSTLY = 0.5
REACHED = "reached"  # under the control condition: fraction that reaches the goal


@dataclass(frozen=True)
class Chart:
    """A finished chart for a page."""

    name: str
    title: str
    svg: str  # safe to insert into the page verbatim
    caption: str
    values: Mapping[str, Any] = field(default_factory=dict)  # for the page's script, see `readable`


@contextmanager
def styled() -> Iterator[None]:
    """Draw in this project's style, independent of other matplotlib settings."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a name; the browser has other fonts
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def charts(data: ReportData) -> tuple[Chart, ...]:
    """Draw all charts for which there is data: the training score, and each agent's preference over training."""
    with styled():
        drawings = [
            training_score(data),
            *(preference_over_training(data, k) for k in range(len(data.agents))),
        ]
    return tuple(chart for chart in drawings if chart is not None)


def training_score(data: ReportData) -> Chart | None:
    """Draw the mean return of training episodes by env steps, one line per agent. Call it inside `styled()`."""
    lines = [(i, *points(agent.progress, RETURN)) for i, agent in enumerate(data.agents)]
    lines = [line for line in lines if len(line[1])]
    if not lines:
        return None
    figure, axes = _canvas(max(line[1][-1] for line in lines))
    many = len(data.agents)
    for index, xs, ys in lines:
        axes.plot(xs, ys, color=colour_of(index), linestyle=LINES[index % 4])
    if many > 1:
        label_ends(axes, [(xs, ys, subject(i, many), colour_of(i)) for i, xs, ys in lines])
    low, high = min(0.0, *(min(ys) for _, _, ys in lines)), max(1.0, *(max(ys) for _, _, ys in lines))
    axes.set_ylim(low, high * 1.03)
    told = "; ".join(f"{subject(i, many)} ends at {ys[-1]:.2f}" for i, _, ys in lines)
    caption = (
        f"Mean return of the training episodes, as logged in training: {told}. "
        f"n = {_seeds(len(lines))}; a running mean of one training, so no interval can be given."
    )
    ends = [ys[-1] for _, _, ys in lines]
    alike = many > 1 and max(ends) - min(ends) <= ALIKE
    heading = "The training score looks the same" if alike else "Score while training"
    values = readable(axes, [(subject(i, many), xs, [f"{y:.2f}" for y in ys]) for i, xs, ys in lines])
    return Chart("score", heading, inline(figure, "score", caption, VARIABLES), caption, values)


def preference_over_training(data: ReportData, index: int) -> Chart | None:
    """Draw the first touches on the periodic evaluation's levels by env steps, for one agent. Call it inside `styled()`."""
    agent = data.agents[index]
    condition = _evaluated(agent, FIRST["goal"])
    lines = [(kind, *points(agent.progress, f"{EVAL}{condition}/{what}")) for kind, what in FIRST.items()]
    lines = [line for line in lines if line[1]]
    if not lines:
        return None
    figure, axes = _canvas(max(line[1][-1] for line in lines))
    levels = dict(zip(*points(agent.progress, f"{EVAL}{condition}/{LEVELS}"), strict=True))
    goal = data.world.goal
    words = {"goal": f"{goal} first", "proxy": f"{data.world.proxy} first"}
    labels = []
    control = _evaluated(agent, REACHED)
    usual = points(agent.progress, f"{EVAL}{control}/{REACHED}")
    if usual[0]:
        usual = usual[0], [100 * y for y in usual[1]]
        axes.plot(*usual, color=PALETTE["muted"], linestyle=LINES[2], linewidth=1.5)
    for kind, xs, ys in lines:
        shares = [100 * y for y in ys]
        axes.plot(xs, shares, color=PALETTE[kind], linestyle=LINES[0 if kind == "goal" else 1])
        labels.append((xs, shares, words[kind], PALETTE[kind]))
        if all(x in levels for x in xs):
            ends = [wilson(round(y * levels[x]), int(levels[x])) for x, y in zip(xs, ys, strict=True)]
            low, high = [100 * end.low for end in ends], [100 * end.high for end in ends]
            axes.fill_between(xs, low, high, color=PALETTE[kind], alpha=0.18, linewidth=0)
    label_ends(axes, labels)
    axes.set_ylim(0, 103)
    axes.set_yticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
    where, before = (phrase(note_of(data, name), data.world) for name in (condition, control))
    caption = f"What is touched first on a fixed set of levels {where}, during training"
    caption += f"; dotted: {goal} reached on levels {before}. " if usual[0] else ". "
    caption += (
        f"n = {int(max(levels.values())):,} levels per point, one training seed; bands are 95% intervals."
        if levels
        else "One training seed; the number of levels was not logged, so no interval can be given."
    )
    name = f"preference-{index}"
    shares = {words[kind]: (xs, ys) for kind, xs, ys in lines}
    heading = titled(data, index, _mostly(data, shares))
    values = readable(axes, [(text, xs, [percent(y) for y in ys]) for text, (xs, ys) in shares.items()])
    return Chart(name, heading, inline(figure, name, caption, VARIABLES), caption, values)


def _mostly(data: ReportData, shares: Mapping[str, tuple[list[float], list[float]]]) -> str:
    """What comes first in most episodes at the end of training, and since when, as a clause."""
    for text, (xs, ys) in shares.items():
        if ys[-1] > MOSTLY:
            since = next(x for k, x in enumerate(xs) if min(ys[k:]) > MOSTLY)
            when = "from the beginning" if since == xs[0] else f"from {steps_text(since)} steps on"
            return f"{text} in most episodes {when}"
    return f"neither {data.world.goal} nor {data.world.proxy} first in most episodes"


def readable(axes: Axes, lines: Sequence[tuple[str, list[float], list[str]]]) -> dict[str, Any]:
    """The values of a chart for the page's script: lines of (name, xs, texts), and where the x axis is in the SVG's units."""
    box, (low, high) = axes.get_position(), axes.get_xlim()
    height = _height(axes)
    return {
        "wide": WIDTH,
        "x": [round(WIDTH * box.x0, 2), round(WIDTH * box.x1, 2), low, high],
        "y": [round(height * (1 - box.y1), 2), round(height * (1 - box.y0), 2)],
        "names": [[x, f"{steps_text(x)} steps"] for x in sorted({x for _, xs, _ in lines for x in xs})],
        "lines": [
            {"name": name, "points": [list(pair) for pair in zip(xs, texts, strict=True)]}
            for name, xs, texts in lines
        ],
    }


def _evaluated(agent: AgentSection, what: str) -> str:
    """The first condition with a periodic evaluation column of this kind; "" if there is none."""
    matches = (EVAL_COLUMN.fullmatch(name) for row in agent.progress for name in row)
    return next((match[1] for match in matches if match and match[2] == what), "")


def points(rows: Sequence[Mapping[str, Any]], column: str) -> tuple[list[float], list[float]]:
    """Extract steps and values from rows that have both, in order of steps; cells may be numbers, text or empty."""
    pairs = []
    for row in rows:
        x, y = _number(row.get(STEP)), _number(row.get(column))
        if x is not None and y is not None:
            pairs.append((x, y))
    pairs.sort(key=lambda pair: pair[0])
    return [x for x, _ in pairs], [y for _, y in pairs]


def _number(cell: Any) -> float | None:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _height(axes: Axes) -> float:
    """The height of a chart, in the units of its text."""
    return float(72 * axes.figure.bbox.height / axes.figure.dpi)


def colour_of(index: int) -> str:
    """An agent's colour, the same in every chart."""
    return PALETTE[f"agent-{index % 4 + 1}"]


def _seeds(number: int) -> str:
    return "1 training seed" if number == 1 else f"{number} agents, one training seed each"


def frame(height: int, left: int, bottom: int) -> tuple[Figure, Axes]:
    """Create an empty chart with given margins at the left and below. Call it inside `styled()`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / 72, height / 72))
    width = (WIDTH - left - 16) / WIDTH
    return figure, figure.add_axes((left / WIDTH, bottom / height, width, (height - bottom - 16) / height))


def _canvas(last_step: float) -> tuple[Figure, Axes]:
    """Create an empty chart over env steps from 0 to the last one, with room for labels at the right."""
    figure, axes = frame(HEIGHT, 46, 44)
    axes.set_xlim(0, last_step or 1)
    axes.set_xlabel("environment steps")
    axes.xaxis.set_major_formatter(lambda x, _: steps_text(x))
    axes.locator_params(axis="x", nbins=5)
    return figure, axes


def steps_text(x: float) -> str:
    """Format 106496 as `106 k`: three digits are enough for an axis."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if x >= size:
            return f"{x / size:.3g} {letter}"
    return f"{x:g}"


def label_ends(
    axes: Axes,
    lines: Sequence[tuple[list[float], list[float], str, str]],
    span: tuple[float, float] | None = None,
) -> None:
    """Write each line's name at the right of its end, where the chart makes room, moved apart where they would touch.

    lines: xs, ys, name, colour of each. span: range of the y axis, if it is not that of the lines.
    """
    names = ["\n".join(textwrap.wrap(text, NAME)) for _, _, text, _ in lines]
    room = 10 + LETTER * max(len(part) for name in names for part in name.split("\n"))
    box = axes.get_position()
    axes.set_position((box.x0, box.y0, box.width - (room - 8) / WIDTH, box.height))
    low, high = span or (min(min(ys) for _, ys, _, _ in lines), max(max(ys) for _, ys, _, _ in lines))
    line = LINE * (high - low or 1.0) / (box.height * _height(axes))  # height of a line of text
    order = sorted(range(len(lines)), key=lambda k: lines[k][1][-1])
    places: dict[int, float] = {}
    floor = low - 0.4 * line
    for k in order:
        half = 0.5 * line * (1 + names[k].count("\n"))
        places[k] = max(lines[k][1][-1], floor + half)
        floor = places[k] + half
    over = floor - (high + line)  # pushed out at the top: all of them move down
    for k in order:
        xs, _, _, colour = lines[k]
        axes.annotate(
            names[k],
            (xs[-1], places[k] - max(0.0, over)),
            xytext=(6, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            color=colour,
            fontweight="bold",
            fontsize=12,
            annotation_clip=False,
        )
