"""The page of docs/results/explain.md and its figure, computed from the tables of `numbers.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import t

from ...foresight.scores import RankScore
from ...interpretation.influence import GOAL, PROXY
from ...interpretation.states import CONTROL, SHIFT
from ...measurement.intervals import wilson
from ...report.figures.drawn import Drawn
from ...report.figures.influence_maps import MapRow, influence_maps
from .numbers import BLIND, MAIN, UNTRAINED, RankLink

SHOWN = (0.0, 0.03, 0.1, 1.0)
NULL = 0.05
INTRODUCTION = """\
All agents that see the coin score alike on levels as in training: they take it in {low:.1f} to {high:.1f}% of held-out levels. What their
nets use is not alike. `goalposts explain` lights the coin's bit in every cell of the view where it could be, in states of 100 held-out
levels, and records the exact change of policy and value. [How to read a map](../explain.md)."""
COLUMNS = """\
Policy moves: mean total variation, the fraction of the action probability that moves to other actions. Pull: the change of p(actions
towards the cell) − p(actions away from it). Logits: mean absolute change. Value: in standard deviations of the agent's own values, so an
agent whose value hardly varies has large numbers there. All are means over agents with 95% t intervals over training seeds, on
held-out levels of the training kind; goal preference is on `off_path`."""
LIMITS = """\
One world, one recipe, one net with a trunk shared by policy and value. A map averages over backgrounds, and a saturated policy hides an
influence, which is why logits are printed. States are those of shortest paths, not those that only a failing agent visits. The untrained
net's last layer starts near 0, so its policy hardly moves whatever is lit: that null is weak; the blind agents are the strong one."""
TABLE = (
    "agents",
    "α",
    "n",
    "policy moves",
    "pull",
    "logits",
    "value without the coin",
    "value without the wall",
    "goal preference",
)


def figure_of(maps: pl.DataFrame, title: str) -> Drawn | None:
    """Mean maps over the seeds of four α: the coin lit, as in training and shifted, and the level's end moved."""
    known = sorted(set(maps.filter(pl.col("arm") == MAIN)["alpha"]))
    shown = [alpha for alpha in SHOWN if alpha in known] or known[:4]
    rows = []
    for thing, role, label in (
        (GOAL, CONTROL, "the coin placed in each cell; levels as in training"),
        (GOAL, SHIFT, "the same; levels with the coin off the path"),
        (PROXY, CONTROL, "the level's end placed in each column; levels as in training"),
    ):
        some = maps.filter(pl.col("arm") == MAIN, pl.col("thing") == thing, pl.col("role") == role)
        tables = [some.filter(pl.col("alpha") == alpha).select("row", "col", "mean") for alpha in shown]
        rows.append(MapRow(label, tables))
    caption = (
        "The change of p(actions towards the cell) − p(actions away from it) if the coin is in that cell, or the level ends "
        "there. Means over the agents of each α, the fraction of training levels with the coin anywhere. The dot is the agent; it falls "
        "and jumps: down and up are not free moves. White: no change. Grey: the coin can never be there."
    )
    heads = [f"{100 * alpha:g}%" for alpha in shown]
    return influence_maps(rows, heads, title, caption, heading="training levels with the coin anywhere:")


def title_of(agents: pl.DataFrame) -> str:
    """State how far the coin moves the policy at the smallest and the largest α."""
    seen = agents.filter(pl.col("arm") == MAIN)
    low, high = seen["alpha"].min(), seen["alpha"].max()
    ends = [_mean(seen.filter(pl.col("alpha") == alpha), "goal_tv_control") for alpha in (low, high)]
    return (
        f"A coin in view changes {100 * ends[0]:.1f}% of the actions of agents trained with it {_where(low)}, "  # type: ignore[operator]
        f"{100 * ends[1]:.0f}% of those trained with it {_where(high)}"  # type: ignore[operator]
    )


def _where(alpha: Any) -> str:
    return {0.0: "at the edge", 1.0: "anywhere"}.get(alpha, f"anywhere in {100 * alpha:g}% of levels")


def page(agents: pl.DataFrame, links: dict[str, RankLink | None], name: str, use: Sequence[str]) -> str:
    """The page below its header."""
    return "\n".join(
        [
            f"# {title_of(agents)}",
            "",
            _introduction(agents),
            "",
            f"![{title_of(agents)}]({name}.svg)",
            "",
            *_table(agents),
            "",
            COLUMNS,
            "",
            "## Does the map track the goal preference?",
            "",
            *_links(links),
            "",
            "## Are the nulls null?",
            "",
            *_nulls(agents),
            "",
            "## Policy against value",
            "",
            *_critic(agents),
            "",
            "## Probes and interventions",
            "",
            *use,
            "",
            "## What it does not show",
            "",
            LIMITS,
            "",
        ]
    )


def _introduction(agents: pl.DataFrame) -> str:
    able = agents.filter(pl.col("arm") == MAIN)["capability"]
    return INTRODUCTION.format(low=100 * float(able.min()), high=100 * float(able.max()))  # type: ignore[arg-type]


def _mean(table: pl.DataFrame, column: str) -> float:
    return float(table[column].drop_nulls().mean() or 0.0)  # type: ignore[arg-type]


def _spread(table: pl.DataFrame, column: str) -> str:
    """Mean with its 95% t interval over agents."""
    values = table[column].drop_nulls().to_numpy() if column in table.columns else np.empty(0)
    if not len(values):
        return "—"
    text = f"{values.mean() + 0.0:.3f}"
    if len(values) > 1:
        half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        text += f" [{values.mean() - half + 0.0:.3f}, {values.mean() + half + 0.0:.3f}]"
    return text.replace("-", "−")


def _table(agents: pl.DataFrame) -> list[str]:
    lines = [f"| {' | '.join(TABLE)} |", f"|{'---|' * len(TABLE)}"]
    columns = (
        *("goal_tv_control", "goal_pull_control", "goal_logits_control"),
        *("value_without_goal", "value_without_proxy", "preference"),
    )
    for arm in (MAIN, BLIND, UNTRAINED):
        some = agents.filter(pl.col("arm") == arm)
        for alpha in sorted(set(some["alpha"])):
            group = some.filter(pl.col("alpha") == alpha)
            cells = [_spread(group, column) for column in columns]
            lines.append(f"| {arm} | {100 * alpha:g}% | {group.height} | {' | '.join(cells)} |")
    return lines


def _score(one: RankScore) -> str:
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"


def _links(links: dict[str, RankLink | None]) -> list[str]:
    lines = []
    for what, link in links.items():
        if link is None:
            lines.append(f"- {what}: too few agents.")
            continue
        text = f"- {what}: Spearman {_score(link.pooled)} over {link.n} agents"
        if link.within is not None:
            text += f"; within α {_score(link.within)} ({link.groups} values of α with at least five agents)"
        lines.append(f"{text}.".replace("-0.", "−0."))
    return [
        *lines,
        "",
        "Intervals are bootstrapped over agents. Pooled correlations can read α alone; those within α cannot.",
    ]


def _nulls(agents: pl.DataFrame) -> list[str]:
    lines = []
    for arm in (BLIND, UNTRAINED):
        some = agents.filter(pl.col("arm") == arm)
        if not some.height:
            lines.append(f"- {arm}: no agent in this folder, so this null was not tested.")
            continue
        most = max(float(some[f"goal_tv_{role}"].max()) for role in (CONTROL, SHIFT))  # type: ignore[arg-type]
        held = "null" if most < NULL else f"**not null** (bound {NULL})"
        exact = ", exactly" if most == 0 else ""
        lines.append(
            f"- {arm} ({some.height} agents): the coin moves at most {100 * most:.3f}% of the action probability{exact}: {held}."
        )
    return lines


def _critic(agents: pl.DataFrame) -> list[str]:
    lines = []
    seen = agents.filter(pl.col("arm") == MAIN)
    for alpha in sorted({min(seen["alpha"]), max(seen["alpha"])}):
        some = seen.filter(pl.col("alpha") == alpha)
        lines.append(
            f"- α = {100 * alpha:g}% (n = {some.height}): without the coin the value changes by "
            f"{_spread(some, 'value_without_goal')} SD and "
            f"{_spread(some, 'policy_without_goal')} of the action probability moves; without the walls at the level's end "
            f"{_spread(some, 'value_without_proxy')} SD and {_spread(some, 'policy_without_proxy')}. {_drop(some)}"
        )
    fresh = agents.filter(pl.col("arm") == UNTRAINED)
    if fresh.height:
        lines.append(
            f"- Untrained nets (n = {fresh.height}): the value changes by {_spread(fresh, 'value_without_goal')} SD and "
            f"{_spread(fresh, 'value_without_proxy')} SD."
        )
    return [
        *lines,
        "",
        "Policy and value share one trunk here, so an edit that moves the policy can move the value too, whatever it values.",
    ]


def _drop(some: pl.DataFrame) -> str:
    if "drop_failures" not in some.columns:
        return ""
    parts = []
    for name, words in (("failures", "failed"), ("successes", "successful"), ("control", "control")):
        k, n = int(some[f"drop_{name}"].sum()), int(some[f"n_{name}"].sum())
        rate = "none" if not n else f"{100 * wilson(k, n).value:.0f}% of {n:,}"
        parts.append(f"{rate} {words}")
    return (
        f"The value ends below its usual range in {', '.join(parts)} episodes (levels of all agents pooled)."
    )
