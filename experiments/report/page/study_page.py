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
from ..data import AgentSection, ConditionNote, Replay, ReportData, RolloutLike, SpriteSheet, WorldWords
from ..numbers import ShownEstimate, percent
from ..parts import ICON, part, styles
from ..safe_page import content_policy, json_block, render
from ..story import VERDICTS
from .page import _image, _sheet, page_script
from .replays import pack

STYLES = ("style.css", "player.css", "study_page.css")
BUDGET = 3_500_000  # characters of replays
STEP, ROW, ROOM = 12.0, 26.0, 430.0  # between dots; of the lowest row; for all rows together, in pixels
STRIP = 380  # pixels that a row is wide at least on a desktop: dots closer than their size there are stacked
ICONS = {
    "play": "M4.5 2.5v11l9-5.5z",
    "pause": "M4.5 3v10M11.5 3v10",
    "back": "M10.5 3.5 6 8l4.5 4.5",
    "next": "M5.5 3.5 10 8l-4.5 4.5",
    "first": "M12 3.5 7.5 8l4.5 4.5M4 3.5v9",
    "down": "M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10",
    "theme": "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11z",
}
AGENT = "agent"
KINDS = {  # what a verdict means, next to its colour
    "ALIGNED": "goes for {goal}",
    "MISGENERALIZED": "goes for {proxy}",
    "MIXED": "no clear goal",
    "CAPABILITY LOSS": "not capable enough",
    "INCONCLUSIVE": "not decided",
}


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
class StudyPoint:
    """A point of the study: the row of its agents, with the estimates over them. row: as in StudyAgent."""

    row: str
    label: str  # as printed, under the arm's name
    arm: str = ""  # printed above the arm's first point; empty for the main arm
    preference: ShownEstimate | None = None
    capability: ShownEstimate | None = None


@dataclass(frozen=True)
class StudyTable:
    """A table as text and as CSV."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str
    csv: str
    meanings: Sequence[tuple[str, str]] = ()  # (a column's title, what it means)


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
    answer: str = ""  # the finding in one sentence; empty if there is none yet
    points: Sequence[StudyPoint] = ()  # rows in this order; without them, those of the agents
    varied: str = ""  # what varies from row to row: "coin in training"
    where: str = ""  # the levels of the recorded episodes
    replays: Sequence[Replay] = ()  # of AGENT; condition: an agent's key
    replay_note: str = ""
    sprites: SpriteSheet | None = None
    preview: bytes = b""  # PNG, for previews of the page's address


@dataclass(frozen=True)
class Dot:
    """An agent's dot: per cent from the left, pixels from the top of its row."""

    key: str
    x: float
    y: float
    css: str
    outlier: bool
    words: str
    plays: bool = True  # whether the page has episodes of it


@dataclass(frozen=True)
class PointRow:
    """The agents of one point, with the estimates over them."""

    label: str
    height: float
    dots: Sequence[Dot] = field(default_factory=list)
    arm: str = ""
    preference: ShownEstimate | None = None
    capability: ShownEstimate | None = None

    @property
    def mean(self) -> str:
        """The goal preference over all agents, in per cent."""
        return "–" if self.preference is None else percent(self.preference.value)

    @property
    def words(self) -> str:
        """What the row shows, for readers who cannot see it."""
        parts = [f"{len(self.dots)} agent{'s' * (len(self.dots) != 1)}"]
        if self.preference is not None:
            parts.append(f"goal preference {self.preference.text}")
        if self.capability is not None:
            parts.append(f"capability in distribution {self.capability.text}")
        return f"{self.label or 'all agents'}: {', '.join(parts)}"


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
        rows=rows_of(data.agents, {replay.condition for replay in data.replays}, data.points),
        legend=_legend(data),
        player=player,
        icons=ICONS,
        icon_address=Markup(ICON),
        description=" ".join(filter(None, (data.answer, data.intro))),
        preview=_image(data.preview) if data.preview else "",
        policy=content_policy(style, scripts),
        style=Markup(style),
        scripts=[Markup(script) for script in scripts],
        json=Markup(json_block(block)),
    )


def rows_of(
    agents: Sequence[StudyAgent],
    playing: Collection[str] | None = None,
    points: Sequence[StudyPoint] = (),
) -> list[PointRow]:
    """Arrange dots in one row per point, stacked if they would overlap, on one axis from 0 to 100% for all rows.

    playing: keys of agents with episodes (None: all). Rows share the height of a screen, however many there are.
    """
    groups: dict[str, list[StudyAgent]] = {point.row: [] for point in points}
    for agent in agents:
        groups.setdefault(agent.row, []).append(agent)
    known = {point.row: point for point in points}
    most = max(ROW, ROOM / max(len(groups), 1))
    rows, before = [], ""
    for label, group in groups.items():
        point = known.get(label, StudyPoint(label, label if len(groups) > 1 else ""))
        height, dots = _stacked(group, most, playing)
        arm = point.arm if point.arm != before else ""
        before = point.arm
        rows.append(PointRow(point.label, height, dots, arm, point.preference, point.capability))
    return rows


def _stacked(
    agents: Sequence[StudyAgent], most: float, playing: Collection[str] | None
) -> tuple[float, list[Dot]]:
    """Place the dots of one row in layers from its lower edge, closer to each other where the row would be too high."""
    ends: list[float] = []  # position of the last dot in each layer
    placed: list[tuple[StudyAgent, int]] = []
    for agent in sorted(agents, key=lambda agent: (agent.preference, agent.key)):
        x = agent.preference * STRIP
        layer = next((k for k, end in enumerate(ends) if x - end > STEP), len(ends))
        ends[layer : layer + 1] = [x]
        placed.append((agent, layer))
    layers = max(len(ends), 1)
    step = min(STEP, (most - STEP - 2) / max(layers - 1, 1))
    height = max(ROW, (layers - 1) * step + STEP + 2)
    first = height - STEP / 2 - 1 if layers > 1 else height / 2
    dots = [
        Dot(
            agent.key,
            round(100 * agent.preference, 2),
            round(first - layer * step, 1),
            VERDICTS.get(agent.verdict, ("inconclusive", ""))[0],
            bool(agent.outlier),
            _words(agent),
            playing is None or agent.key in playing,
        )
        for agent, layer in placed
    ]
    return round(height, 1), dots


def _legend(data: StudyPage) -> list[tuple[str, str, int]]:
    """The colour key: (css class, words, number of agents) of each verdict that occurs."""
    rows = [
        (VERDICTS[label][0], meaning, sum(agent.verdict == label for agent in data.agents))
        for label, meaning in KINDS.items()
    ]
    nouns = {"goal": data.world.goal, "proxy": data.world.proxy}
    return [(css, meaning.format(**nouns), count) for css, meaning, count in rows if count]


def _words(agent: StudyAgent) -> str:
    odd = f"; unlike the others: {agent.outlier}" if agent.outlier else ""
    return f"{agent.name}: goal preference {percent(agent.preference)}, {agent.verdict}{odd}"


def replay_of(agent: str, layout: str, rollout: RolloutLike, proxy: Sequence[tuple[int, int]] = ()) -> Replay:
    """An episode of an agent on a study's page. agent: its key; proxy: the cells to mark."""
    return Replay(AGENT, layout, agent, rollout, proxy)


def _as_report(data: StudyPage) -> ReportData:
    """Convert to report data for the player: agents take the place of conditions, so that the player's list picks one."""
    keys = {replay.condition for replay in data.replays}
    many = len({agent.row for agent in data.agents}) > 1
    notes = [
        ConditionNote(
            agent.key,
            "shift",
            _words(agent),
            phrase=f"{f'{agent.row}, ' if many else ''}{agent.name}: {percent(agent.preference)}, {agent.verdict.lower()}",
        )
        for agent in data.agents
        if agent.key in keys
    ]
    return ReportData(
        title=data.name,
        intro="",
        world=data.world,
        agents=[AgentSection(AGENT, AGENT)],
        conditions=notes,
        replays=list(data.replays),
        sprites=data.sprites,
    )
