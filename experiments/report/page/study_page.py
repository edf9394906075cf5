"""The HTML page of a study: its figures, its agents as dots to pick, and their recorded episodes, in one file.

Shares the style sheet, the player and the security policy with the pages of runs. Equal data gives equal bytes. Measures
nothing and reads no folder. Read next: `study_page.html`; `experiments/study/results/report.py`, which gathers the data.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from ...system.atomic_files import write_atomic
from ..data import AgentSection, ConditionNote, Replay, ReportData, SpriteSheet, WorldWords
from ..parts import part, styles
from ..safe_page import content_policy, json_block, render
from ..story import VERDICTS
from .page import _sheet, page_script
from .replays import pack

STYLES = ("style.css", "player.css", "study_page.css")
BUDGET = 3_500_000  # characters of replays
RADIUS, WIDTH, LEFT = 8, 960, 20
ICONS = {
    "play": "M4.5 2.5v11l9-5.5z",
    "pause": "M4.5 3v10M11.5 3v10",
    "back": "M10.5 3.5 6 8l4.5 4.5",
    "next": "M5.5 3.5 10 8l-4.5 4.5",
    "first": "M12 3.5 7.5 8l4.5 4.5M4 3.5v9",
    "theme": "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11z",
}
AGENT = "agent"


@dataclass(frozen=True)
class StudyFigure:
    """An inline figure with its title and caption."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True)
class StudyAgent:
    """One trained agent: its name and the position of its dot. key: unique on the page."""

    key: str
    row: str  # label of the point it belongs to
    name: str  # "seed 17"
    preference: float  # from 0 to 1
    verdict: str
    outlier: str = ""  # how it differs from the others; empty if it does not


@dataclass(frozen=True)
class StudyTable:
    """A table as text and as CSV."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str
    csv: str


@dataclass(frozen=True)
class StudyPage:
    """The complete data of a study's page."""

    name: str
    question: str
    intro: str
    figures: Sequence[StudyFigure]
    agents: Sequence[StudyAgent]
    agents_note: str
    table: StudyTable
    command: str
    study: str  # resolved, as YAML
    version: str
    world: WorldWords
    where: str = ""  # the levels of the recorded episodes
    replays: Sequence[tuple[str, str, object]] = ()  # (an agent's key, layout, rollout)
    replay_note: str = ""
    sprites: SpriteSheet | None = None


@dataclass(frozen=True)
class Dot:
    """An agent's dot on its row, in the units of the row's image."""

    key: str
    x: float
    y: float
    css: str
    outlier: bool
    words: str
    plays: bool = True  # whether the page has episodes of it


@dataclass(frozen=True)
class PointRow:
    """The agents of one point."""

    label: str
    height: float
    dots: Sequence[Dot] = field(default_factory=list)


def write_study_page(data: StudyPage, path: Path | str) -> Path:
    """Write the page atomically. Raises RunError if the disk refuses."""
    write_atomic(Path(path), build_study_page(data).encode("utf-8", "replace"))
    return Path(path)


def build_study_page(data: StudyPage) -> str:
    """Render the page as text."""
    player = pack(_as_report(data), BUDGET) if data.replays else None
    scripts = [page_script("page.js"), *([part("player.js"), part("study_page.js")] if player else [])]
    style = styles(*STYLES)
    block: dict[str, object] = {"tables": {"points": {"file": f"{data.name}.csv", "text": data.table.csv}}}
    if player is not None:
        block["player"] = player
        if data.sprites is not None:
            block["sheet"] = _sheet(data.sprites)
    return render(
        part("study_page.html"),
        data=data,
        rows=rows_of(data.agents, {key for key, _, _ in data.replays}),
        player=player,
        icons=ICONS,
        policy=content_policy(style, scripts),
        style=Markup(style),
        scripts=[Markup(script) for script in scripts],
        json=Markup(json_block(block)),
    )


def rows_of(agents: Sequence[StudyAgent], playing: Collection[str] | None = None) -> list[PointRow]:
    """Arrange dots in one row per point, stacked if they would overlap. playing: keys of agents with episodes (None: all)."""
    found: dict[str, list[StudyAgent]] = {}
    for agent in agents:
        found.setdefault(agent.row, []).append(agent)
    rows = []
    for label, group in found.items():
        ends: list[float] = []  # position of the last dot in each layer, from the bottom
        placed = []
        for agent in sorted(group, key=lambda agent: (agent.preference, agent.key)):
            x = LEFT + agent.preference * WIDTH
            level = next((k for k, end in enumerate(ends) if x - end > 2 * RADIUS), len(ends))
            ends[level : level + 1] = [x]
            placed.append((agent, x, level + 1))
        height = 28 + len(ends) * (2 * RADIUS + 1)
        dots = [
            Dot(
                agent.key,
                round(x, 1),
                height - 24 - (level - 0.5) * (2 * RADIUS + 1),
                VERDICTS.get(agent.verdict, ("inconclusive", ""))[0],
                bool(agent.outlier),
                _words(agent),
                playing is None or agent.key in playing,
            )
            for agent, x, level in placed
        ]
        rows.append(PointRow(label if len(found) > 1 else "", height, dots))
    return rows


def _words(agent: StudyAgent) -> str:
    odd = f"; unlike the others: {agent.outlier}" if agent.outlier else ""
    return f"{agent.name}: goal preference {agent.preference:.2f}, {agent.verdict}{odd}"


def _as_report(data: StudyPage) -> ReportData:
    """Convert to report data for the player: agents take the place of conditions, so that the player's list picks one."""
    keys = {key for key, _, _ in data.replays}
    many = len({agent.row for agent in data.agents}) > 1
    notes = [
        ConditionNote(
            agent.key,
            "shift",
            _words(agent),
            phrase=f"{f'{agent.row}, ' if many else ''}{agent.name}: {agent.preference:.0%}, {agent.verdict.lower()}",
        )
        for agent in data.agents
        if agent.key in keys
    ]
    replays = [Replay(AGENT, layout, key, rollout) for key, layout, rollout in data.replays]  # type: ignore[arg-type]
    return ReportData(
        title=data.name,
        intro="",
        world=data.world,
        agents=[AgentSection(AGENT, AGENT)],
        conditions=notes,
        replays=replays,
        sprites=data.sprites,
    )
