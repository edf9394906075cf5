"""Maps and answers that `goalposts explain` kept in run folders, for a report. Runs no agent.

Read next: `experiments/report/page/inside.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from goalposts.process.budget import reading_budget

from ...envs.worlds.contract.sources import shown_command
from ...envs.worlds.registry import get_world
from ..evaluation.evaluated_run import Evaluated
from ..report.data import Inside, InsideMap
from ..report.figures.influence_maps import note_of
from ..runs.folder_names import EXPLANATION
from ..system.atomic_files import RunError, read_limited

MAX_BYTES = 1 << 24
MOST_CELLS = 5_000  # of the four maps: twice those of the largest view; each takes 1 ms to draw
A_VALUE = 80  # bytes of a value in JSON, as Python holds it
COLUMNS = ["role", "thing", "row", "col", "mean", "error", "states", "levels"]
UNTRAINED = "untrained"

# What `goalposts explain` can have written: a short answer; a cell's offset from the agent; a change of p(…) − p(…).
Answer = Annotated[str, Field(max_length=100)]
Offset = Annotated[int, Field(ge=-1000, le=1000)]
Pull = Annotated[float, Field(ge=-2.01, le=2.01)]
_Cell = tuple[
    Literal["control", "shift"], Literal["goal", "proxy"], Offset, Offset, Pull, float | None, int, int
]


class _Answers(BaseModel):
    decodable: Answer
    goal_used: Answer
    proxy_used: Answer
    critic_values: Answer


class _Map(BaseModel):
    columns: list[str]
    rows: list[_Cell]


class _Kept(BaseModel):
    agent: str
    step: int | None
    in_words: _Answers
    map: _Map


def explained(items: Sequence[Evaluated]) -> list[Inside]:
    """One entry per explained run, under its name on the page, and the net before training. Raises RunError for a damaged file.

    A run that was explained at another checkpoint than its last is left out.
    """
    explanations, untrained = [], None
    for item in items:
        path = item.run.path / EXPLANATION
        if not path.exists():
            continue
        try:
            kept = [_Kept.model_validate(record) for record in _json(path)]
            bad = not kept or not all(_is_drawable(record.map) for record in kept)
        except (ValidationError, ValueError, TypeError, RecursionError):
            bad, kept = True, []
        if bad:
            again = shown_command("explain", item.run.path)
            raise RunError(f"{path} is damaged. Remove it, or write it again with: {again}")
        last = item.run.latest_checkpoint()
        if last is None or kept[0].step != last.step:
            continue
        actions = [action.name for action in get_world(item.run.config.world).actions]
        explanations.append(replace(_inside(kept[0], item.name), note=note_of(actions)))
        untrained = untrained or next((record for record in kept[1:] if record.agent == UNTRAINED), None)
    return [*explanations, _inside(untrained, UNTRAINED)] if untrained is not None else explanations


def _json(path: Path) -> Any:
    content, budget = read_limited(path, MAX_BYTES), reading_budget()
    values = sum(map(content.count, (b"[", b"{", b",", b":")))
    budget.claim(A_VALUE * values + 2 * len(content), path)
    return json.loads(content)


def _is_drawable(influence_map: _Map) -> bool:
    """Whether a map can be from `goalposts explain`: no cell is in it twice."""
    cells = {cell[:4] for cell in influence_map.rows[: MOST_CELLS + 1]}
    return influence_map.columns == COLUMNS and len(cells) == len(influence_map.rows) <= MOST_CELLS


def _inside(kept: _Kept, name: str) -> Inside:
    answers = kept.in_words
    cells: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    for role, thing, row, col, mean, *_ in kept.map.rows:
        cells.setdefault((thing, role), []).append((row, col, mean))
    maps = [InsideMap(thing, role, values) for (thing, role), values in cells.items()]
    return Inside(
        name, maps, (answers.decodable, answers.goal_used, answers.proxy_used, answers.critic_values)
    )
