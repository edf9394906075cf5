"""The figures of the page: maps over α, agents side by side, the critic's maps, other worlds. Read next: `page.py`."""

from __future__ import annotations

import polars as pl

from ....envs.worlds.registry import get_world
from ...interpretation.influence import GOAL, PROXY
from ...interpretation.states import CONTROL, SHIFT
from ...report.figures.drawn import Drawn
from ...report.figures.influence_maps import MapRow, influence_maps, note_of
from .numbers import BLIND, MAIN, UNTRAINED
from .others import variety

SHOWN = (0.0, 0.03, 0.1, 1.0)
ROWS = (
    (GOAL, CONTROL, "the coin placed in each cell; levels as in training"),
    (GOAL, SHIFT, "the same; levels with the coin off the path"),
    (PROXY, CONTROL, "the level's end placed in each column; levels as in training"),
)
READING = (
    "The dot is the agent. Straight below it, orange means that the agent jumps more: no action moves down, so only jumping counts there. "
    "White: no change. Grey: the coin can never be there."
)
NOTE = note_of([action.name for action in get_world("CoinRun").actions])
PULL = "The change of p(actions towards the cell) − p(actions away from it) if the coin is in that cell, or the level ends there. "
SIDE_BY_SIDE = ((MAIN, "edge"), (MAIN, "anywhere"), (BLIND, "blind, edge"), (UNTRAINED, "untrained"))
CRITIC_KEY = (
    "value falls",
    "value rises",
    "change of the value (the discounted reward that the critic expects)",
)


def figure_of(maps: pl.DataFrame, title: str) -> Drawn | None:
    """Mean maps over the seeds of four α: the coin placed, as in training and shifted, and the level's end moved."""
    known = sorted(set(maps.filter(pl.col("arm") == MAIN)["alpha"]))
    shown = [alpha for alpha in SHOWN if alpha in known] or known[:4]
    columns = [(pl.col("arm") == MAIN) & (pl.col("alpha") == alpha) for alpha in shown]
    caption = f"{PULL}Means over the agents of each α, the fraction of training levels with the coin anywhere. {READING}"
    heads = [f"{100 * alpha:g}%" for alpha in shown]
    return influence_maps(
        _rows(maps, columns, "pull"),
        heads,
        title,
        caption,
        heading="training levels with the coin anywhere:",
        note=NOTE,
    )


def side_by_side(maps: pl.DataFrame, title: str) -> Drawn | None:
    """Edge, anywhere, blind and untrained agents next to each other."""
    caption = f"{PULL}Means over the agents of each kind. {READING}"
    return influence_maps(
        _rows(maps, _kinds(maps), "pull"), [name for _, name in SIDE_BY_SIDE], title, caption, note=NOTE
    )


def critic_maps(maps: pl.DataFrame, title: str) -> Drawn | None:
    """The same agents: the change of the critic's value by cell."""
    caption = (
        "The change of the value if the coin is in that cell, or the level ends there. Means over the agents of each kind. The dot is the "
        "agent; white: no change; grey: the coin can never be there. An untrained critic's values are arbitrary."
    )
    heads = [name for _, name in SIDE_BY_SIDE]
    return influence_maps(_rows(maps, _kinds(maps), "value"), heads, title, caption, key=CRITIC_KEY)


def worlds_figure(maps: pl.DataFrame, title: str) -> Drawn | None:
    """Other worlds: the goal and the proxy placed in each cell of levels as in training, by training condition."""
    rows = []
    for world in sorted(set(maps["world"])):
        words, here = get_world(world).words, maps.filter(pl.col("world") == world)
        ends = ends_of(here)
        columns = [
            *((pl.col("arm") == MAIN) & (pl.col("condition") == condition) for condition in ends),
            pl.col("arm") == UNTRAINED,
        ]
        for thing in (GOAL, PROXY):
            label = f"{world}: {words.get(thing, thing)} placed in each cell"
            rows += _rows(here, columns, "pull", ((thing, CONTROL, label),))
    caption = (
        "The change of p(actions towards the cell) − p(actions away from it) if the thing is in that cell, on held-out levels of the "
        "training kind. Standard and varied training: the first and the last row of each world in the table. "
        "The dot is the agent; white: no change; grey: it can never be there."
    )
    heads = ("standard training", "varied training", "untrained")
    return influence_maps(rows, heads, title, caption)


def ends_of(maps: pl.DataFrame) -> list[str]:
    """The two training conditions of a world at the ends: goal and proxy always together, and never bound to each other."""
    conditions = sorted(set(maps["condition"]), key=variety)
    return [conditions[0], conditions[-1]]


def _kinds(maps: pl.DataFrame) -> list[pl.Expr]:
    seen = maps.filter(pl.col("arm") == MAIN)["alpha"]
    low, high = seen.min(), seen.max()
    alphas = (low, high, low, low)
    return [
        (pl.col("arm") == arm) & (pl.col("alpha") == alpha)
        for (arm, _), alpha in zip(SIDE_BY_SIDE, alphas, strict=True)
    ]


def _rows(
    maps: pl.DataFrame, columns: list[pl.Expr], quantity: str, rows: tuple[tuple[str, str, str], ...] = ROWS
) -> list[MapRow]:
    map_rows = []
    for thing, role, label in rows:
        some = maps.filter(pl.col("thing") == thing, pl.col("role") == role, pl.col("quantity") == quantity)
        map_rows.append(
            MapRow(label, [some.filter(column).select("row", "col", "mean") for column in columns])
        )
    return map_rows
