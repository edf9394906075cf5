"""The report's part on what the nets use: influence maps of the agents and the net before training, and a table of answers.

Only where `goalposts explain` has kept its result. Read next: `experiments/report/figures/influence_maps.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ..data import Inside, ReportData
from ..figures.charts import VARIABLES
from ..figures.drawn import study_style
from ..figures.influence_maps import PER_ROW, MapRow, influence_maps
from ..figures.svg import inline

ROLES = {"control": "as in training", "shift": "after the change"}
HEADS = ("Agent", "Goal decodable?", "Goal used?", "Proxy used?", "The critic values")
READING = (
    "Decodable: a linear probe reads the goal’s side from the last hidden layer, better than from untrained nets. Used: one bit moves "
    "more than 5% of the action probability. The critic values what lowers its value by half a standard deviation or more if it is "
    "erased."
)
CELL = {"row": pl.Int64(), "col": pl.Int64(), "mean": pl.Float64()}


@dataclass(frozen=True)
class InsideView:
    """svg: safe to insert into the page verbatim; rows: the cells of the table; reading: what its heads mean."""

    svg: str
    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    reading: str = READING


def inside(data: ReportData) -> InsideView | None:
    """Draw the maps of at most four agents, the untrained net last; None if no run was explained."""
    nets = list(data.inside)
    if not nets:
        return None
    shown = nets if len(nets) <= PER_ROW else [*nets[: PER_ROW - 1], nets[-1]]
    nouns = {"goal": data.world.goal, "proxy": data.world.proxy}
    rows = [
        MapRow(f"{noun}, {words}", [_table(net, thing, role) for net in shown])
        for thing, noun in nouns.items()
        for role, words in ROLES.items()
    ]
    caption = (
        f"The agent’s view: blue cells are those in which {data.world.goal}, if placed there, makes the policy turn towards it, orange "
        "ones make it turn away, in those without a colour nothing changes. The dot is the agent; grey: it can never be there."
    )
    drawn = influence_maps(rows, [net.agent for net in shown], "", caption, note=nets[0].note)
    if drawn is None:
        return None
    with study_style():
        svg = inline(drawn.figure, "inside-maps", caption, VARIABLES)
    return InsideView(svg, caption, HEADS, [(net.agent, *net.answers) for net in nets])


def _table(net: Inside, thing: str, role: str) -> pl.DataFrame:
    cells = next(
        (
            influence_map.cells
            for influence_map in net.maps
            if (influence_map.thing, influence_map.role) == (thing, role)
        ),
        (),
    )
    return pl.DataFrame(list(cells), schema=CELL, orient="row")
