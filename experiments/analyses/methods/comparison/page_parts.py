"""Parts of the pages of methods: a section, a figure, judged predictions, a table of arms. Read next: `page.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from ....measurement.intervals import percent, unseen_share
from ....report.figures.drawn import Drawn
from ....study.leaderboard.board import HEADS, number_text
from ....study.leaderboard.cells import over_seeds
from ....system.atomic_files import write_atomic
from .controls import FAILS, HOLDS, Checked, Control

CHOSEN = "These sentences are computed, but they were chosen after results were seen. Only the controls and the predictions were planned."

SHOWN = (
    "preference",
    "goal_first",
    "greedy_preference",
    "greedy_goal_first",
    "capability",
    "effective_alpha",
)
COLUMNS = {measure: HEADS[measure] for measure in SHOWN}  # of the tables of arms


def section(title: str, lines: Sequence[str]) -> list[str]:
    """The lines of a section with its title."""
    return [f"## {title}", "", *lines, ""]


def shown(figure: Drawn | None) -> list[str]:
    """The lines of a figure with its caption; none without one."""
    if figure is None:
        return []
    return [f"![{figure.title}]({figure.name}.svg)", "", f"*{figure.title}. {figure.caption}*", ""]


def save_figures(out: Path, figures: Iterable[Drawn]) -> None:
    """Write figures next to a page's table, as SVG and PNG, by their names."""
    for figure in figures:
        write_atomic(out.with_name(f"{figure.name}.svg"), figure.svg())
        write_atomic(out.with_name(f"{figure.name}.png"), figure.png())


def held(states: Sequence[str]) -> str:
    """How many predictions hold and how many do not: `1 holds and 4 do not`."""
    yes, no = states.count(HOLDS), states.count(FAILS)
    return f"{yes} {'holds' if yes == 1 else 'hold'} and {no} {'does' if no == 1 else 'do'} not"


def undecided(states: Sequence[str]) -> str:
    """How many predictions neither hold nor fail, by state: `2 open`."""
    others = Counter(state for state in states if state not in (HOLDS, FAILS))
    return ", ".join(f"{n} {state}" for state, n in others.items()) or "none is open"


def counted_lines(plan: str, states: Sequence[str], recorded: int, planned: int) -> list[str]:
    """How many predictions of a plan hold; and, of a study that lacks agents, that this is preliminary. plan: the name of its page."""
    lines = [
        f"Of the {len(states)} predictions of [the plan]({plan}.md), committed before any run of this study, {held(states)}; "
        f"{undecided(states)}.",
        "",
    ]
    if recorded < planned:
        lines += [
            f"**Incomplete.** {recorded} of {planned} agents are recorded, so what is judged is preliminary.",
            "",
        ]
    return lines


def judged_lines(checks: Sequence[Checked] | Sequence[Control]) -> list[str]:
    """A list of controls or predictions, with what was found and the numbers."""
    words = [f" {check.words[:1].upper()}{check.words[1:]}." if check.words else "" for check in checks]
    return [
        f"- **{check.name}**: {check.found}{check.note}.{text}"
        for check, text in zip(checks, words, strict=True)
    ]


def arm_rows(agents: pl.DataFrame, arms: Mapping[str, str]) -> list[list[str]]:
    """The rows of a table with every arm at every α. arms: the words for each method, in order."""
    rows = [["agents", "α", "n", *COLUMNS.values()]]
    for method, words in arms.items():
        own = agents.filter(pl.col("method") == method).sort("parameter")
        for (alpha,), part in own.group_by("parameter", maintain_order=True):
            rows.append([words, f"{float(str(alpha)):g}", f"{part.height}", *arm_cells(part)])
    return rows


def missed_lines(agents: pl.DataFrame, *columns: str) -> list[str]:
    """The kinds of agent that points can miss, as a line of a list. columns: those that name a point."""
    sizes = agents.group_by(*columns).len()["len"].unique().sort().to_list()
    kinds = " or ".join(f"up to {percent(unseen_share(n))} of seeds ({n} per point)" for n in sizes)
    return [f"- A point can miss a kind of agent that {kinds} produce (95% confidence)."] if kinds else []


def learned_words(agents: pl.DataFrame, method: str) -> str:
    """The fraction of its steps from which a method learns; the others only score levels."""
    own = agents.filter(pl.col("method") == method)
    steps = float(str(own["steps"].sum()))
    return percent(1 - float(str(own["scoring_steps"].sum())) / steps) if steps else "–"


def arm_cells(part: pl.DataFrame) -> list[str]:
    """The measures of `COLUMNS` of the agents of a point, with Student's intervals over training seeds; every agent counts."""
    cells = []
    for measure in COLUMNS:
        spread = over_seeds(part[measure].to_list(), most=1.0)
        if spread is None:
            cells.append("– (n = 0)")
            continue
        value, low, high, n = spread
        few = f" (n = {n:.0f})" if n < part.height else ""
        cells.append(f"{number_text(measure, value, low, high)}{few}")
    return cells
