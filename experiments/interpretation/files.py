"""Files of an explanation: tables as CSV and the figure in a folder, and `explanation.json` in a run's folder, for its report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from ...envs.worlds.registry import get_world
from ..report.figures.drawn import Drawn
from ..report.figures.influence_maps import PER_ROW, MapRow, influence_maps, note_of
from ..runs.folder_names import EXPLANATION
from ..runs.run import Run
from ..system.atomic_files import disk_errors, write_atomic, write_together
from .explain import Explanation
from .influence import GOAL, PROXY
from .states import CONTROL, SHIFT
from .words import ROLES, decodable, used, valued

FORMAT = 1


def figure_of(explanations: Sequence[Explanation]) -> Drawn | None:
    """The maps of the first agents, the untrained net last."""
    shown = (
        list(explanations)
        if len(explanations) <= PER_ROW
        else [*explanations[: PER_ROW - 1], explanations[-1]]
    )
    world = get_world(explanations[0].world)
    words = world.words
    rows = []
    for thing in (GOAL, PROXY):
        for role in (CONTROL, SHIFT):
            chosen = (pl.col("role") == role) & (pl.col("thing") == thing) & (pl.col("quantity") == "pull")
            tables = [explanation.maps.filter(chosen).select("row", "col", "mean") for explanation in shown]
            rows.append(MapRow(f"{words.get(thing, thing)}, {ROLES[role]}", tables))
    note = note_of([action.name for action in world.actions])
    return influence_maps(
        rows,
        [explanation.name for explanation in shown],
        title_of(explanations),
        caption_of(shown),
        note=note,
    )


def title_of(explanations: Sequence[Explanation]) -> str:
    """State which policies the goal moves."""
    goal = get_world(explanations[0].world).words.get("goal", "the goal")
    moved = [
        explanation.name
        for explanation in explanations
        if explanation.trained and used(explanation, GOAL) in ("yes", "partly")
    ]
    still = [
        explanation.name
        for explanation in explanations
        if explanation.trained and explanation.name not in moved
    ]
    if not moved:
        return f"In the view, {goal} hardly moves the policy of {_listed(still)}"
    rest = f", and hardly that of {_listed(still)}" if still else ""
    return f"In the view, {goal} moves the policy of {_listed(moved)}{rest}"


def caption_of(explanations: Sequence[Explanation]) -> str:
    """What the colours and numbers mean."""
    summaries = [summary for explanation in explanations for summary in explanation.summaries.values()]
    return (
        "The change of p(actions towards the cell) − p(actions away from it) if the goal is placed in that cell, or the proxy is "
        "(at a level's rim: the level ends there), compared with the same view without it. The dot is the agent; grey: it can never be "
        "there. Means over "
        f"states of {max(row.levels for row in summaries)} held-out levels per row, "
        f"{sum(row.edits for row in summaries):,} exact edits."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def to_json(explanation: Explanation) -> dict[str, Any]:
    """One explanation as JSON values; maps with the pull only, the CSV file has all."""
    pull = explanation.maps.filter(pl.col("quantity") == "pull").drop("quantity")
    return {
        "format": FORMAT,
        "agent": explanation.name,
        "step": explanation.step,
        "world": explanation.world,
        "observation": explanation.observation,
        "conditions": explanation.conditions,
        "in_words": {
            "decodable": decodable(explanation),
            "goal_used": used(explanation, GOAL),
            "proxy_used": used(explanation, PROXY),
            "critic_values": valued(explanation),
        },
        "influence": [
            {"role": role, "thing": thing} | asdict(summary)
            for (role, thing), summary in explanation.summaries.items()
        ],
        "policy_and_value": explanation.effects.to_dicts(),
        "progress": None if explanation.progress is None else asdict(explanation.progress),
        "value_drop": None if explanation.drop is None else asdict(explanation.drop),
        "trunk": explanation.trunk,
        "support": None if explanation.support is None else explanation.support.to_dicts(),
        "probes": explanation.probes.to_dicts(),
        "use": explanation.use.to_dicts(),
        "pair": explanation.pair.to_dicts(),
        "notes": list(explanation.notes),
        "map": {"columns": pull.columns, "rows": [_rounded(row) for row in pull.rows()]},
    }


def _rounded(row: tuple[Any, ...]) -> list[Any]:
    return [round(value, 5) if isinstance(value, float) else value for value in row]


def write_folder(explanations: Sequence[Explanation], out: Path) -> list[Path]:
    """Write the tables as CSV (without empty ones), explanation.json and influence.svg into a new folder."""
    tables = {
        "maps.csv": [(explanation.name, explanation.maps) for explanation in explanations],
        "effects.csv": [(explanation.name, explanation.effects) for explanation in explanations],
        "support.csv": [
            (explanation.name, explanation.bits)
            for explanation in explanations
            if explanation.bits is not None
        ],
        "probes.csv": [
            (explanation.name, explanation.probes)
            for explanation in explanations
            if explanation.probes.height
        ],
        "use.csv": [
            (explanation.name, explanation.use) for explanation in explanations if explanation.use.height
        ],
        "pair.csv": [
            (explanation.name, explanation.pair) for explanation in explanations if explanation.pair.height
        ],
    }
    files: dict[Path, Any] = {}
    for name, parts in tables.items():
        if parts:
            joined = pl.concat([part.select(pl.lit(agent).alias("agent"), pl.all()) for agent, part in parts])
            files[out / name] = joined.write_csv(float_precision=6).encode()
    files[out / "explanation.json"] = json.dumps(
        [to_json(explanation) for explanation in explanations], indent=1, ensure_ascii=False
    ).encode()
    figure = figure_of(explanations)
    if figure is not None:
        files[out / "influence.svg"] = figure.svg()
    with disk_errors(out, "write"):
        out.mkdir()
    write_together(files)
    return list(files)


def record(run: Run, explanations: Sequence[Explanation], own: Explanation) -> Path:
    """Write `explanation.json` into a run's folder: its own explanation, and that of the untrained net. Replaces an earlier one."""
    kept = [own, *(explanation for explanation in explanations if not explanation.trained)]
    path = run.path / EXPLANATION
    with run.lock():
        write_atomic(
            path, json.dumps([to_json(explanation) for explanation in kept], ensure_ascii=False).encode()
        )
    return path
