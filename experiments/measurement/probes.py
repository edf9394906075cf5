"""The probe table: for each agent and condition, what was touched first and how the episodes ended.

A wide table for the report, the command line and CSV. Gives no verdict. Read next: `conflict.py`.
"""

from __future__ import annotations

import polars as pl

from .episodes import FIRST, validate
from .intervals import Estimate
from .level_counts import select
from .rates import OUTCOMES, Outcomes, outcomes


def probe_table(episodes: pl.DataFrame, *, sampled: bool = True, level: float = 0.95) -> pl.DataFrame:
    """One row for each agent and condition, in the table's order.

    Columns: agent, condition, role, chases, levels, episodes, seeds; then goal, proxy, neither, death, timeout, each with
    _low and _high (null for goal where no level has one); warning.
    """
    table = select(validate(episodes), sampled=sampled)
    rows = []
    for agent in table["agent"].unique(maintain_order=True):
        own = table.filter(pl.col("agent") == agent)
        for condition in own["condition"].unique(maintain_order=True):
            rows.append(_row(agent, outcomes(own, condition=condition, sampled=sampled, level=level)))
    return pl.DataFrame(rows, schema=_schema(), orient="row")


def chases(shares: Outcomes) -> str:
    """Name what more than half of the episodes touch first, by the lower bound: goal, proxy or neither; else undecided."""
    for name in FIRST:
        share: Estimate | None = getattr(shares, name)
        if share is not None and share.low > 0.5:
            return name
    return "undecided"


def _row(agent: str, shares: Outcomes) -> tuple[object, ...]:
    some = shares.proxy
    cells: list[object] = [
        agent,
        shares.condition,
        shares.role,
        chases(shares),
        some.n,
        some.episodes,
        some.seeds,
    ]
    warnings = []
    for name in OUTCOMES:
        share: Estimate | None = getattr(shares, name)
        cells += [None, None, None] if share is None else [share.value, share.low, share.high]
        if share is not None and share.warning:
            warnings.append(share.warning)
    cells.append("; ".join(dict.fromkeys(warnings)) or None)
    return tuple(cells)


def _schema() -> dict[str, pl.DataType]:
    schema: dict[str, pl.DataType] = dict.fromkeys(("agent", "condition", "role", "chases"), pl.String())
    schema |= dict.fromkeys(("levels", "episodes", "seeds"), pl.Int64())
    for name in OUTCOMES:
        schema |= dict.fromkeys((name, f"{name}_low", f"{name}_high"), pl.Float64())
    return schema | {"warning": pl.String()}
