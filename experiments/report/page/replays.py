"""Pack rollouts for the page's player: each level once, each episode as small lists of numbers.

Cuts rows of plain sky or ground at the top and bottom, and the end of an episode in which nothing new happens (such as an
agent that waits at the edge until time runs out). `player.js` draws. Read next: `page.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..data import Replay, ReportData, RolloutLike
from ..story import moved_condition, note_of, outcome
from ..words import sentence, title

AGENT = "agent"  # prefix of the agent's sprite names, in every world
LINGER = 6  # frames kept after the last event
BUDGET = 3_000_000  # characters of replays on a page; levels beyond that are left out, and the page says so

Json = dict[str, Any]


def pack(data: ReportData, budget: int = BUDGET) -> Json:
    """Pack the player's data, ready for `json.dumps`; `left_out` counts the levels beyond the budget."""
    names = _Names()
    groups: dict[str, list[Replay]] = {}
    for replay in data.replays:
        groups.setdefault(replay.layout, []).append(replay)
    levels, spent, left_out = [], 0, 0
    for group in groups.values():
        level = _level(data, group, names)
        spent += _size(level)
        if spent > budget:
            left_out += 1
        else:
            levels.append(level)
    shown = [
        note
        for note in data.conditions
        if any(note.name == take["c"] for lv in levels for take in lv["takes"])
    ]
    known = {note.name for note in shown}
    shown += [
        note_of(data, name)
        for name in _in_order(take["c"] for lv in levels for take in lv["takes"])
        if name not in known
    ]
    home = [
        note.name
        for note in sorted(shown, key=lambda note: note.role != "control")
        if note.role in ("train", "control")
    ]
    moved = [note.name for note in shown if note.name not in home]
    first = moved_condition(data)
    moved.sort(key=lambda name: first is None or name != first.name)
    return {
        "names": names.listed,
        "levels": levels,
        "home": home[:1],
        "moved": moved,
        "conditions": {
            note.name: {"title": title(note, data.world), "tells": sentence(note)} for note in shown
        },
        "left_out": left_out,
    }


class _Names:
    """Sprite names by number, in order of first use."""

    def __init__(self) -> None:
        self.listed: list[str] = []
        self._numbers: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self.listed)
            self.listed.append(name)
        return self._numbers[name]


def _level(data: ReportData, group: Sequence[Replay], names: _Names) -> Json:
    """Pack all replays of one layout: its boards (one per condition) and its takes (one per agent and condition)."""
    top, bottom = _rows_worth_showing([replay.rollout for replay in group])
    agents = [agent.name for agent in data.agents]
    boards, places, takes = [], {}, []
    for replay in group:
        if replay.agent not in agents:
            raise ValueError(
                f"a replay is of agent {replay.agent!r}; the report's agents are {', '.join(agents)}"
            )
        rollout = replay.rollout
        key = (replay.condition, rollout.level_hash)
        if key not in places:
            places[key] = len(boards)
            rows = rollout.tiles[top : len(rollout.tiles) - bottom]
            boards.append(
                {
                    "w": len(rows[0]),
                    "h": len(rows),
                    "top": top,
                    "tiles": [names[name] for row in rows for name in row],
                    "text": rollout.level_text,
                    "proxy": [[row - top, col] for row, col in replay.proxy],
                }
            )
        takes.append(_take(data, replay, agents.index(replay.agent), places[key], top, names))
    return {"layout": group[0].layout, "boards": boards, "takes": takes}


def _take(data: ReportData, replay: Replay, agent: int, board: int, top: int, names: _Names) -> Json:
    rollout = replay.rollout
    last = settled(rollout)
    frames = [
        [value for sprite in frame for value in (names[sprite.name], sprite.row - top, sprite.col)]
        for frame in rollout.frames[: last + 1]
    ]
    description = outcome(rollout, data.world, note_of(data, replay.condition).has_goal)
    left = len(rollout.frames) - 1 - last
    if left:
        description += f"; after step {last:,} of {last + left:,} nothing new happens"
    return {
        "a": agent,
        "c": replay.condition,
        "b": board,
        "first": rollout.outcome_first,
        "end": rollout.outcome_end,
        "steps": rollout.steps,
        "said": description,
        "caption": rollout.caption,
        "frames": frames,
        "camera": _camera(rollout.camera[: last + 1], top),
    }


def _camera(camera: Sequence[tuple[int, int, int, int]], top: int) -> list[list[int]]:
    """The agent's view at each frame, as [top, left, rows, cols] of the cropped image."""
    return [[row - top, left, rows, cols] for row, left, rows, cols in camera]


def settled(rollout: RolloutLike) -> int:
    """The last frame worth showing: `LINGER` frames after the last event.

    An event is: the agent reaches a new place, or an object appears, vanishes or changes to a new look.
    """
    seen: set[Any] = set()
    newest = 0
    for time, frame in enumerate(rollout.frames):
        here: set[Any] = {(sprite.row, sprite.col) for sprite in frame if sprite.name.startswith(AGENT)}
        here.add(tuple(sorted(sprite.name for sprite in frame if not sprite.name.startswith(AGENT))))
        if not here <= seen:
            newest = time
            seen |= here
    end = len(rollout.frames) - 1
    return end if end - newest <= 2 * LINGER or rollout.outcome_end != "timeout" else newest + LINGER


def _rows_worth_showing(rollouts: Sequence[RolloutLike]) -> tuple[int, int]:
    """Count the rows that can be cropped at the top and at the bottom of all these images.

    A row can be cropped if nothing ever enters it and it holds one kind of tile, apart from walls at the sides. One such row
    is kept as a margin.
    """
    top, bottom = [], []
    for rollout in rollouts:
        visited = {sprite.row for frame in rollout.frames for sprite in frame}
        plain = [
            len(set(row[1:-1])) <= 1 and number not in visited for number, row in enumerate(rollout.tiles)
        ]
        top.append(_leading(plain))
        bottom.append(_leading(plain[::-1]))
    rows = min(len(rollout.tiles) for rollout in rollouts)
    above, below = max(0, min(top) - 1), max(0, min(bottom) - 1)
    return (above, below) if above + below < rows else (0, 0)


def _leading(flags: Sequence[bool]) -> int:
    return next((number for number, flag in enumerate(flags) if not flag), len(flags))


def _size(level: Mapping[str, Any]) -> int:
    """Estimate the size of a level as JSON, in characters, without writing it."""
    boards = sum(3 * len(board["tiles"]) + len(board["text"]) for board in level["boards"])
    return boards + sum(
        3 * sum(len(frame) for frame in take["frames"]) + 14 * len(take["camera"]) for take in level["takes"]
    )


def _in_order(items: Any) -> list[str]:
    return list(dict.fromkeys(items))
