"""Pack explored levels for the page: the goal in every place, and each agent's episodes with it.

Data shared by many rollouts is written once: objects, moments (an agent's pose and everything else that moves), whole
rollouts. `explorer.js` draws. Read next: `replays.py`, which packs the recorded episodes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from ...measurement.episodes import FIRST
from ...measurement.intervals import wilson
from ..data import Exploration, Place, ReportData, RolloutLike
from ..numbers import shown
from ..story import note_of, outcome, subject, tag
from ..words import title
from .replays import AGENT, settled

MOST_PLACES = 0.8  # this fraction of places is called "nearly all"
BUDGET = 2_000_000  # characters of explored levels on a page; levels beyond that are left out, and the page says so
Json = dict[str, Any]
CSV_COLUMNS = (
    "layout",
    "condition",
    "agent",
    "row",
    "col",
    *FIRST,
    "episodes",
    "goal_share",
    "goal_low",
    "goal_high",
)


class _Once:
    """Values by number, in order of first use."""

    def __init__(self) -> None:
        self.listed: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def __getitem__(self, value: Hashable) -> int:
        if value not in self._numbers:
            self._numbers[value] = len(self.listed)
            self.listed.append(value)
        return self._numbers[value]


def pack_explorer(data: ReportData, budget: int = BUDGET) -> Json | None:
    """Pack the explorer's data, ready for `json.dumps`; None if nothing was explored."""
    names, levels, spent, left_out = _Once(), [], 0, 0
    worth = [sweep for sweep in data.explorations if min(map(len, sweep.places.values())) > 1]
    for exploration in worth:
        level = _level(data, exploration, names)
        spent += _size(level)
        if spent > budget:
            left_out += 1
        else:
            levels.append(level)
    if not levels:
        return None
    known = [agent.name for agent in data.agents]
    agents = sorted({known.index(name) for sweep in worth for name in sweep.places})
    counted = sorted({sum(p.counts.values()) for sweep in worth for ps in sweep.places.values() for p in ps})
    return {
        "names": names.listed,
        "agents": [{"index": k, "tag": tag(k, len(known))} for k in agents],
        "levels": levels,
        "rollouts": max(
            len(by) for level in levels for agent_map in level["by"] for by in agent_map["takes"]
        ),
        "shares": {str(n): [_share(k, n) for k in range(n + 1)] for n in counted if n},
        "samples": max(counted),
        "left_out": left_out,
    }


def csv_rows(data: ReportData) -> list[tuple[Any, ...]]:
    """Rows for download: one per level, agent and place; rows and columns count from 0, as in the level's text."""
    rows = []
    for exploration in data.explorations:
        for name, places in exploration.places.items():
            for place in places:
                counts, n = [place.counts.get(kind, 0) for kind in FIRST], sum(place.counts.values())
                share = wilson(counts[0], n) if n else None
                ends = (share.value, share.low, share.high) if share else (None,) * 3
                rows.append(
                    (exploration.layout, exploration.condition, name, place.row, place.col, *counts, n, *ends)
                )
    return rows


def _share(k: int, n: int) -> str:
    share = shown(wilson(k, n))
    return share.text if share else ""


def _level(data: ReportData, exploration: Exploration, names: _Once) -> Json:
    known = [agent.name for agent in data.agents]
    unknown = [name for name in exploration.places if name not in known]
    if unknown:
        raise ValueError(
            f"an explored level is of agent {unknown[0]!r}; the report's agents are {', '.join(known)}"
        )
    first = next(iter(exploration.places.values()))
    cells = [(place.row, place.col) for place in first]
    board = _without_goal(first)
    top, bottom = _rows_to_cut(board, cells, exploration)
    things, moments, takes = _Once(), _Once(), _Once()
    has_goal = note_of(data, exploration.condition).has_goal

    def take(rollout: RolloutLike) -> int:
        frames = []
        for frame in rollout.frames[: settled(rollout) + 1]:
            indices = [things[(names[s.name], s.row - top, s.col)] for s in frame]
            agent = [k for k, s in zip(indices, frame, strict=True) if s.name.startswith(AGENT)]
            frames.append(moments[(tuple(k for k in indices if k not in agent), tuple(agent))])
        return takes[(rollout.outcome_first, outcome(rollout, data.world, has_goal), tuple(frames))]

    by = []
    for name, places in exploration.places.items():
        if [(place.row, place.col) for place in places] != cells:
            raise ValueError(f"agent {name!r} was explored in other places than the others")
        by.append(
            {
                "a": known.index(name),
                "takes": [[take(rollout) for rollout in place.rollouts] for place in places],
                "counts": [[place.counts.get(kind, 0) for kind in FIRST] for place in places],
                "finding": _finding(data, exploration, name),
            }
        )
    rows = board[top : len(board) - bottom]
    return {
        "w": len(rows[0]),
        "h": len(rows),
        "top": top,
        "tiles": [names[name] for row in rows for name in row],
        "title": title(note_of(data, exploration.condition), data.world),
        "goal": names[exploration.goal],
        "cells": [[row - top, col] for row, col in cells],
        "home": cells.index(exploration.home),
        "proxy": [[row - top, col] for row, col in exploration.proxy],
        "things": things.listed,
        "moments": moments.listed,
        "takes": takes.listed,
        "by": by,
    }


def _finding(data: ReportData, exploration: Exploration, name: str) -> str:
    """What an agent's map shows, in one sentence: in how many places the goal comes first, and whether these are on its way."""
    known, words, places = [agent.name for agent in data.agents], data.world, exploration.places[name]
    who, home = (
        subject(known.index(name), len(known)),
        next(p for p in places if (p.row, p.col) == exploration.home),
    )
    usual = home.rollouts[0]
    path = {(s.row, s.col) for frame in usual.frames for s in frame if s.name.startswith(AGENT)}
    won = [p for p in places if 2 * p.counts.get("goal", 0) > sum(p.counts.values())]
    lost = [p for p in places if 2 * p.counts.get("proxy", 0) > sum(p.counts.values())]
    sentence = f"{who} {words.reaches_goal} first in {len(won)} of {len(places)} places"
    if len(won) >= MOST_PLACES * len(places):
        return (
            f"{sentence}: nearly wherever it is."
            if len(won) < len(places)
            else f"{sentence}: wherever it is."
        )
    near = [p for p in won if any(abs(p.row - r) + abs(p.col - c) <= 1 for r, c in path)]
    if usual.outcome_first == "proxy" and won and len(near) >= MOST_PLACES * len(won):
        return f"{sentence}, nearly all of them on its usual path to {words.proxy} (the line) or next to it."
    return f"{sentence}, and reaches {words.proxy} first in {len(lost)}."


def _without_goal(places: Sequence[Place]) -> list[list[str]]:
    """The level's tiles without the goal, taken from one place, and for that place's cell from another."""
    place, other = places[:2]
    board = [list(row) for row in place.rollouts[0].tiles]
    board[place.row][place.col] = other.rollouts[0].tiles[place.row][place.col]
    return board


def _rows_to_cut(
    board: Sequence[Sequence[str]], cells: Sequence[tuple[int, int]], exploration: Exploration
) -> tuple[int, int]:
    """Count the plain rows at the top and bottom that nothing can enter, except for one each."""
    used = {row for row, _ in cells} | {
        s.row
        for ps in exploration.places.values()
        for p in ps
        for r in p.rollouts
        for frame in r.frames
        for s in frame
    }
    worth = [row for row in range(len(board)) if row in used or len(set(board[row][1:-1])) > 1]
    return max(0, min(worth) - 1), max(0, len(board) - 2 - max(worth))


def _size(level: Json) -> int:
    """Estimate its size as JSON, in characters, without writing it."""
    moments = sum(8 + 5 * (len(others) + len(agent)) for others, agent in level["moments"])
    takes = sum(60 + 5 * len(frames) for _, _, frames in level["takes"])
    places = sum(30 + 6 * len(takes) for agent_map in level["by"] for takes in agent_map["takes"])
    return (
        moments
        + takes
        + places
        + 3 * len(level["tiles"])
        + 12 * len(level["things"])
        + 8 * len(level["cells"])
    )
