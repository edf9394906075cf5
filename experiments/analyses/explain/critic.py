"""Policy against value, with a shared trunk and with separate nets: the lines of the page. Read next: `page.py`."""

from __future__ import annotations

import polars as pl

from ...measurement.intervals import wilson
from .numbers import MAIN, UNTRAINED
from .numbers_as_text import spread
from .texts import CRITIC

HEADS = (
    *("nets", "α", "n", "value without the coin", "policy without the coin", "value without the wall"),
    *(
        "policy without the wall",
        "value and steps left",
        "value below its range: failed",
        "successful",
        "control",
    ),
)


def critic_lines(agents: pl.DataFrame, separate: pl.DataFrame | None) -> list[str]:
    """A table of shared and separate nets by α, and what it says."""
    seen = agents.filter(pl.col("arm") == MAIN)
    lines = [f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
    shown = sorted(
        {min(seen["alpha"]), max(seen["alpha"]), *(set() if separate is None else separate["alpha"])}
    )
    for alpha in shown:
        for name, table in (("one trunk", seen), ("separate", separate)):
            some = None if table is None else table.filter(pl.col("alpha") == alpha)
            if some is not None and some.height:
                lines.append(_row(name, f"{100 * alpha:g}%", some))
    fresh = agents.filter(pl.col("arm") == UNTRAINED)
    if fresh.height:
        lines.append(_row("one trunk, untrained", "—", fresh))
    lines += ["", CRITIC, ""]
    if separate is None:
        return [
            *lines,
            "Separate nets were not explained in this edition of the page; `--separate` of its command does that.",
        ]
    return [*lines, *_comparison(seen, separate)]


def _row(name: str, alpha: str, some: pl.DataFrame) -> str:
    columns = (
        *("value_without_goal", "policy_without_goal", "value_without_proxy", "policy_without_proxy"),
        "progress",
    )
    cells = [spread(some, column) for column in columns]
    return f"| {name} | {alpha} | {some.height} | {' | '.join([*cells, *_drops(some)])} |"


def _drops(some: pl.DataFrame) -> list[str]:
    cells = []
    for name in ("failures", "successes", "control"):
        if f"drop_{name}" not in some.columns:
            cells.append("—")
            continue
        k, n = int(some[f"drop_{name}"].sum()), int(some[f"n_{name}"].sum())
        cells.append("none" if not n else f"{100 * wilson(k, n).value:.0f}% of {n:,}")
    return cells


def _comparison(seen: pl.DataFrame, separate: pl.DataFrame) -> list[str]:
    """What the critic with its own net does at the smallest α, next to its actor."""
    alpha = float(min(separate["alpha"]))
    own, shared = (table.filter(pl.col("alpha") == alpha) for table in (separate, seen))
    value, policy = (
        [spread(own, f"{quantity}_without_{thing}") for thing in ("proxy", "goal")]
        for quantity in ("value", "policy")
    )
    trunk = [spread(shared, f"value_without_{thing}") for thing in ("proxy", "goal")]
    return [
        f"With separate nets, at α = {100 * alpha:g}% (n = {own.height}), the critic's value changes by {value[0]} SD without the wall "
        f"and by {value[1]} SD without the coin, while {policy[0]} and {policy[1]} of the actor's probability moves; with one trunk "
        f"(n = {shared.height}) the value changes by {trunk[0]} SD and {trunk[1]} SD. {_verdict(own)}"
    ]


def _verdict(own: pl.DataFrame) -> str:
    """Whether the wall moves a separate critic more than the coin does."""
    wall, coin = (own[f"value_without_{thing}"].drop_nulls().abs() for thing in ("proxy", "goal"))
    if not len(wall) or not len(coin):
        return ""
    more = int((own["value_without_proxy"].abs() > own["value_without_goal"].abs()).sum())
    return f"The wall moves the value more than the coin does in {more} of {own.height} of these agents: " + (
        "what Langosco et al. (2022) report of a critic is seen here without any layer that actor and critic share."
        if more == own.height
        else "the claim of Langosco et al. (2022), that the critic values the wall, does not hold for all of them."
    )
