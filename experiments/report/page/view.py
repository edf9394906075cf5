"""View model of the template: agents, table rows, bars and CSV files, ready to print.

Converts `data.ReportData` to rows and percentages of a width; measures nothing and writes no markup. Read next: `template.html`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...measurement.metrics import METRICS, Metric, withheld
from ...measurement.rates import OUTCOMES
from ..data import AgentSection, OutcomeRow, ReportData
from ..numbers import NBSP, NOTHING, ShownEstimate, count, csv_text, percent, shown
from ..story import VERDICTS, did, estimate, note_of, tag
from .proof import in_percent

COLOURS = 4  # further agents reuse these colours; letters distinguish them


@dataclass(frozen=True)
class ShownVerdict:
    label: str
    css: str
    meaning: str
    scope: str
    reasons: tuple[str, ...]
    seeds: tuple[SeedRow, ...]


@dataclass(frozen=True)
class SeedRow:
    """One training seed of a procedure, judged alone."""

    name: str
    label: str
    css: str
    preference: str
    misgeneralization: str


@dataclass(frozen=True)
class ShownAgent:
    index: int
    tag: str
    colour: int
    name: str
    label: str
    note: str
    verdict: ShownVerdict | None
    config: str
    command: str
    provenance: tuple[tuple[str, str], ...]
    did: str = ""  # what it did after the change, in one sentence


@dataclass(frozen=True)
class Strip:
    """An estimate drawn on a line, in percent of its width."""

    value: float
    low: float
    high: float
    ticks: tuple[float, ...]
    limits: tuple[float, ...]  # the verdict's thresholds


@dataclass(frozen=True)
class MetricRow:
    agent: ShownAgent
    shown: ShownEstimate | None
    strip: Strip | None
    n: str
    seeds: str
    kept: str
    text: ShownText | None = None
    withheld: str = ""  # why the number is not shown


@dataclass(frozen=True)
class ShownText:
    """A number in the page's format: per cent, unless its unit is another."""

    point: str
    interval: str


@dataclass(frozen=True)
class MetricRows:
    title: str
    meaning: str
    rows: tuple[MetricRow, ...]
    detail: bool = False

    @property
    def ticks(self) -> tuple[float, ...]:
        """Ends and zero of the line on which all agents are drawn."""
        return next((row.strip.ticks for row in self.rows if row.strip), ())

    @property
    def limits(self) -> tuple[float, ...]:
        """The verdict's thresholds on that line."""
        return next((row.strip.limits for row in self.rows if row.strip), ())


@dataclass(frozen=True)
class Column:
    """A column of the player's grid."""

    key: str
    when: str


def agents(data: ReportData) -> tuple[ShownAgent, ...]:
    return tuple(_agent(data, index, section) for index, section in enumerate(data.agents))


def _agent(data: ReportData, index: int, section: AgentSection) -> ShownAgent:
    return ShownAgent(
        index,
        tag(index, len(data.agents)),
        index % COLOURS + 1,
        section.name,
        section.label,
        section.note,
        _verdict(section.verdict),
        section.config,
        section.command,
        facts(section.provenance),
        did(data, index),
    )


def _verdict(verdict: Mapping[str, Any]) -> ShownVerdict | None:
    if not verdict.get("label"):
        return None
    label = str(verdict["label"])
    css, meaning = VERDICTS.get(label, ("inconclusive", ""))
    reasons = tuple(in_percent(str(reason), verdict) for reason in verdict.get("reasons") or ())
    scope = str(verdict.get("scope") or "")
    return ShownVerdict(label, css, meaning, scope, reasons, tuple(map(_seed, verdict.get("seeds") or ())))


def _seed(seed: Mapping[str, Any]) -> SeedRow:
    label = str(seed.get("label", ""))
    numbers = [shown(seed.get(key)) for key in ("preference", "misgeneralization")]
    texts = [number.text if number else NOTHING for number in numbers]
    return SeedRow(str(seed.get("name", "")), label, VERDICTS.get(label, ("inconclusive", ""))[0], *texts)


def facts(mapping: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Flatten a nested mapping to (`a.b`, value) pairs."""
    lines: list[tuple[str, str]] = []
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            lines += facts(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            lines.append((f"{prefix}{key}", " ".join(map(str, value))))
        else:
            lines.append((f"{prefix}{key}", "" if value is None else str(value)))
    return tuple(lines)


def measured(data: ReportData) -> tuple[Metric, ...]:
    """List the metrics for which at least one agent has an estimate, in order."""
    return tuple(m for m in METRICS if any(estimate(agent, m.key) for agent in data.agents))


def metrics(data: ReportData, shown_agents: Sequence[ShownAgent]) -> tuple[MetricRows, ...]:
    return tuple(
        MetricRows(
            metric.title,
            metric.meaning,
            tuple(
                _metric_row(agent, data.agents[agent.index], metric, data.world.name)
                for agent in shown_agents
            ),
            metric.detail,
        )
        for metric in measured(data)
    )


def _metric_row(agent: ShownAgent, section: AgentSection, metric: Metric, world: str) -> MetricRow:
    number = estimate(section, metric.key)
    if number is None:
        return MetricRow(agent, None, None, "", "", "")
    if why := withheld(metric.key, world):
        return MetricRow(agent, None, None, "", "", "", withheld=why)
    kept = "" if number.kept is None else percent(number.kept)
    strip = _strip(number, metric, section.verdict.get("thresholds") or {})
    seeds = "none" if number.seeds == 0 else count(number.seeds)
    return MetricRow(agent, number, strip, count(number.n), seeds, kept, _text(number, metric))


def _text(number: ShownEstimate, metric: Metric) -> ShownText:
    if metric.unit != "share":
        return ShownText(number.point, number.interval)
    point, _, interval = number.text.partition(NBSP)
    return ShownText(point, interval)


def overview(rows: Sequence[MetricRows]) -> tuple[MetricRows, ...]:
    """The numbers that are drawn under the verdicts: those that a first reader needs."""
    return tuple(row for row in rows if not row.detail and row.ticks)


def basis(rows: Sequence[MetricRows]) -> str:
    """What all these numbers rest on, if it is the same for all of them."""
    shown_rows = [row for metric in rows for row in metric.rows if row.shown]
    seeds, levels = (
        {row.seeds for row in shown_rows},
        sorted({row.shown.n or 0 for row in shown_rows if row.shown}),
    )
    if len(seeds) != 1 or not levels:
        return ""
    number = seeds.pop()
    many = count(levels[0]) if len(levels) == 1 else f"{count(levels[0])} to {count(levels[-1])}"
    return f"n = {many} levels, {number} training seed{'' if number == '1' else 's'} per agent"


def _strip(number: ShownEstimate, metric: Metric, thresholds: Mapping[str, Any]) -> Strip | None:
    """Place a proportion on a line over its span, 0 to 1 or −1 to 1; None for other units."""
    if metric.unit != "share":
        return None
    start = metric.span[0]

    def place(x: float) -> float:
        return round(100 * (x - start) / (1 - start), 2)

    limits = tuple(place(float(thresholds[name])) for name in metric.thresholds if name in thresholds)
    ticks = (place(start), place(0.0), place(1.0)) if start else (0.0, 100.0)
    return Strip(place(number.value), place(number.low), place(number.high), ticks, limits)


def thresholds(data: ReportData) -> tuple[tuple[str, str], ...]:
    """List the thresholds of the first verdict; all verdicts of a page share them."""
    return next((facts(t) for agent in data.agents if (t := agent.verdict.get("thresholds"))), ())


def columns(player: Mapping[str, Any] | None) -> tuple[Column, ...]:
    """List the player's columns: before and after the change, as far as there are recordings."""
    if player is None:
        return ()
    home = (Column("home", "Before the change"),) if player["home"] else ()
    return home + ((Column("moved", "After the change"),) if player["moved"] else ())


def leaked(data: ReportData) -> str:
    shared, judged = sum(row.shared for row in data.leakage), sum(row.layouts for row in data.leakage)
    return f"{shared:,} of {judged:,}" if data.leakage else NOTHING


def tables(data: ReportData) -> dict[str, dict[str, str]]:
    """The page's tables as CSV files, by name: (file name, text). Proportions are from 0 to 1, with all digits."""
    numbers = [
        (agent.name, metric.key, *_columns(number))
        for metric in measured(data)
        for agent in data.agents
        if (number := estimate(agent, metric.key))
    ]
    outcomes = [
        (agent.name, row.condition, note_of(data, row.condition).role, _actions(row), kind, *_columns(share))
        for agent in data.agents
        for row in agent.outcomes
        for kind in OUTCOMES
        if (share := shown(getattr(row, kind)))
    ]
    of_outcomes = ("agent", "condition", "role", "actions", "outcome", *ESTIMATE)
    return {
        "verdict": {"file": "verdict.csv", "text": csv_text(("agent", "metric", *ESTIMATE), numbers)},
        "outcomes": {"file": "outcomes.csv", "text": csv_text(of_outcomes, outcomes)},
    }


ESTIMATE = ("value", "low", "high", "n", "episodes", "seeds", "kept")


def _columns(number: ShownEstimate) -> tuple[Any, ...]:
    return tuple(getattr(number, name) for name in ESTIMATE)


def _actions(row: OutcomeRow) -> str:
    return "sampled" if row.sampled else "greedy"
