"""What the nets use: figures that docs/field.md quotes, read from the committed results. Read next: `../claims.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl
from quoted.committed_tables import RESULTS

from goalposts.experiments.analyses.explain.numbers_as_text import mean, spread


def _explained(column: str, table: str = "explain") -> Callable[[], str]:
    """The mean over the agents trained at the edge that see the coin, with its interval."""

    def read() -> str:
        agents = pl.read_csv(RESULTS / f"{table}.csv", infer_schema_length=None)
        return spread(agents.filter(pl.col("arm") == "sees the coin", pl.col("alpha") == 0), column, 2)

    return read


def _actor() -> str:
    agents = pl.read_csv(RESULTS / "explain-separate.csv", infer_schema_length=None)
    return f"{100 * mean(agents.filter(pl.col('alpha') == 0), 'policy_without_proxy'):.1f}%"


def _separate_agents() -> str:
    agents = pl.read_csv(RESULTS / "explain-separate.csv", infer_schema_length=None)
    return str(agents.filter(pl.col("alpha") == 0).height)


def _coin_valued_from() -> str:
    """The α from which on the value falls more without the coin than without the wall, in the mean over agents."""
    agents = pl.read_csv(RESULTS / "explain.csv", infer_schema_length=None).filter(arm="sees the coin")
    means = agents.group_by("alpha").agg(pl.col("value_without_goal", "value_without_proxy").mean())
    wall = means.filter(pl.col("value_without_goal") >= pl.col("value_without_proxy"))["alpha"].max()
    least = float(means.filter(pl.col("alpha") > wall)["alpha"].min())  # type: ignore[arg-type]
    return f"{100 * least:.3g}%"


EXPLAINED: Mapping[str, Callable[[], str]] = {
    "explain-wall": _explained("value_without_proxy"),
    "explain-coin": _explained("value_without_goal"),
    "explain-wall-separate": _explained("value_without_proxy", "explain-separate"),
    "explain-coin-separate": _explained("value_without_goal", "explain-separate"),
    "explain-actor-separate": _actor,
    "explain-agents-separate": _separate_agents,
    "explain-coin-from": _coin_valued_from,
}
"""Figures of docs/field.md; docs/results/regenerate.sh 1 12."""
