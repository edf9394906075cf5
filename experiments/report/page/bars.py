"""Stacked bars of a report: first touches under each condition, in percent of a bar's width.

Converts `data.OutcomeRow`s to numbers for the template; measures nothing and writes no markup. Read next: `template.html`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...measurement.rates import OUTCOME_TITLES
from ..data import ConditionNote, OutcomeRow, ReportData
from ..numbers import shown
from ..story import ROLES, note_of, row_of
from ..words import sentence, title
from .view import ShownAgent

LAYERS = ("goal", "neither", "proxy")  # from left to right


@dataclass(frozen=True)
class Part:
    """A part of a stacked bar, in percent of its width."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True)
class Whisker:
    kind: str
    low: float
    high: float


@dataclass(frozen=True)
class Chased:
    """What is touched first in more than half of all episodes. css: goal, proxy, neither, or undecided."""

    word: str
    css: str


@dataclass(frozen=True)
class Bar:
    agent: ShownAgent
    parts: tuple[Part, ...]
    whiskers: tuple[Whisker, ...]
    first: str
    then: str
    basis: str
    alt: str
    chases: Chased | None = (
        None  # what the probes say that it goes for; None for conditions that are no probes
    )


@dataclass(frozen=True)
class ConditionBars:
    name: str
    title: str
    sentence: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class RoleBars:
    title: str
    sentence: str
    conditions: tuple[ConditionBars, ...]


def roles(data: ReportData, shown_agents: Sequence[ShownAgent]) -> tuple[RoleBars, ...]:
    """Group the measured conditions by role: train, control, shift, probe, then those without a role."""
    by_role: dict[str, list[ConditionBars]] = {}
    for note in _measured_conditions(data):
        bars = [_bar(data, agent, row_of(data.agents[agent.index], note.name)) for agent in shown_agents]
        entry = ConditionBars(
            note.name, title(note, data.world), sentence(note), tuple(bar for bar in bars if bar)
        )
        by_role.setdefault(note.role, []).append(entry)
    order = [*(role for role in ROLES if role in by_role), *(role for role in by_role if role not in ROLES)]
    words = {**{role: (role.capitalize() or "Others", "") for role in by_role}, **ROLES}
    return tuple(RoleBars(*words[role], tuple(by_role[role])) for role in order)


def common_basis(groups: Sequence[RoleBars]) -> str:
    """What all bars rest on, if it is the same for all of them: `n = 1,000 levels, 1 seed`."""
    known = {bar.basis for role in groups for condition in role.conditions for bar in condition.bars}
    return known.pop() if len(known) == 1 else ""


def _measured_conditions(data: ReportData) -> list[ConditionNote]:
    names = list(dict.fromkeys(row.condition for agent in data.agents for row in agent.outcomes))
    told = [note for note in data.conditions if note.name in names]
    return told + [note_of(data, name) for name in names if name not in {note.name for note in told}]


def _bar(data: ReportData, agent: ShownAgent, row: OutcomeRow | None) -> Bar | None:
    if row is None:
        return None
    shares = {kind: estimate for kind in LAYERS if (estimate := shown(getattr(row, kind)))}
    if not {"neither", "proxy"} <= shares.keys():
        return None
    parts, x = [], 0.0
    for kind, share in shares.items():
        width = 100 * share.value
        parts.append(Part(kind, round(x, 3), round(width, 3)))
        x += width
    whiskers = [
        Whisker(
            "proxy", round(100 - 100 * shares["proxy"].high, 3), round(100 - 100 * shares["proxy"].low, 3)
        )
    ]
    if "goal" in shares:
        whiskers.append(
            Whisker("goal", round(100 * shares["goal"].low, 3), round(100 * shares["goal"].high, 3))
        )
    words = {"goal": f"{data.world.goal} first", "neither": "neither", "proxy": f"{data.world.proxy} first"}
    first = [f"{words[kind]} {share.text}" for kind, share in shares.items()]
    ends = {OUTCOME_TITLES[end]: shown(getattr(row, end)) for end in ("death", "timeout")}
    then = [f"{word} {ending.text}" for word, ending in ends.items() if ending]
    basis = shares["proxy"].basis + ("" if row.sampled else ", likeliest actions")
    who = f"Agent {agent.tag}" if agent.tag else "The agent"
    alt = f"{who}: {', '.join(first)}. {', '.join([*then, basis])}."
    texts = ", ".join(first), ", ".join(then), basis
    return Bar(agent, tuple(parts), tuple(whiskers), *texts, alt, _chased(data, agent, row.condition))


def _chased(data: ReportData, agent: ShownAgent, condition: str) -> Chased | None:
    rows = data.agents[agent.index].evidence.get("probes", ())
    row = next((probe for probe in rows if probe["condition"] == condition), None)
    if row is None:
        return None
    words = {"goal": data.world.goal, "proxy": data.world.proxy, "neither": "neither"}
    css = str(row["chases"]) if row["chases"] in words else "undecided"
    return Chased(words.get(css, css), css)
