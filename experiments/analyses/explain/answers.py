"""One table of plain answers per agent: is the goal decodable, is it used, and what does the critic value? Read next: `page.py`."""

from __future__ import annotations

from typing import Any

import polars as pl

from ...interpretation.probes import OWN
from ...interpretation.words import VALUED, Z
from .numbers import BLIND, MAIN, UNTRAINED
from .texts import DECODABLE

COLUMNS = ("goal_decodable", "goal_used", "proxy_used", "critic_values")
HEADS = ("agents", "α", "n", "goal decodable?", "goal used?", "proxy used?", "the critic values")
NOT_ASKED = "not asked"


def answers(agents: pl.DataFrame, probes: pl.DataFrame | None) -> pl.DataFrame:
    """One row per trained agent: arm, alpha, seed and `COLUMNS`."""
    fresh = agents.filter(pl.col("arm") == UNTRAINED)
    least = {thing: _largest(fresh, f"value_without_{thing}") for thing in ("goal", "proxy")}
    decodable = {} if probes is None else _decodable(probes)
    rows = []
    for row in agents.filter(pl.col("arm") != UNTRAINED).iter_rows(named=True):
        who = (row["arm"], row["alpha"], row["seed"])
        used = (str(row[f"{thing}_used"]).split(":")[0] for thing in ("goal", "proxy"))
        rows.append([*who, decodable.get(who, NOT_ASKED), *used, _valued(row, least)])
    return pl.DataFrame(rows, schema=["arm", "alpha", "seed", *COLUMNS], orient="row").sort(
        "arm", "alpha", "seed"
    )


def _largest(agents: pl.DataFrame, column: str) -> float:
    maximum = agents[column].abs().max() if column in agents.columns else None
    return max(VALUED, float(maximum or 0.0))  # type: ignore[arg-type]


def _decodable(probes: pl.DataFrame) -> dict[tuple[str, float, int], str]:
    replies = {}
    for row in probes.filter(pl.col("row") == OWN).iter_rows(named=True):
        above = row["accuracy"] - Z * (row["error"] or 0) > row["untrained_high"]
        replies[row["arm"], row["alpha"], row["seed"]] = "yes" if above else "no"
    return replies


def _valued(row: dict[str, Any], least: dict[str, float]) -> str:
    names = []
    for thing, name in (("goal", "the coin"), ("proxy", "the wall")):
        effect = row.get(f"value_without_{thing}")
        if effect is not None and effect < -least[thing]:
            names.append(name)
    if row.get("progress") is not None and row["progress"] <= -VALUED:
        names.append("progress")
    return " and ".join(names) or "neither"


def answer_lines(table: pl.DataFrame, name: str) -> list[str]:
    """The table by arm and α: how many agents get which answer."""
    lines = [f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
    for arm in (MAIN, BLIND):
        some = table.filter(pl.col("arm") == arm)
        for alpha in sorted(set(some["alpha"])):
            group = some.filter(pl.col("alpha") == alpha)
            cells = [_counts(group[column]) for column in COLUMNS]
            lines.append(f"| {arm} | {100 * alpha:g}% | {group.height} | {' | '.join(cells)} |")
    return [*lines, "", f"{DECODABLE} [Every agent's answers]({name}-answers.csv)."]


def _counts(column: pl.Series) -> str:
    counted = column.value_counts(sort=True).rows()
    if len(counted) == 1:
        return str(counted[0][0])
    return ", ".join(f"{n} {value}" for value, n in counted)
