"""The text of docs/results/explain.md, computed from tables alone. Read next: `numbers.py`, `full.py`, `others.py`, the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ...foresight.scores import RankScore
from ...interpretation.states import CONTROL, SHIFT
from ...measurement.intervals import percent, unseen_share
from ...measurement.verdict.rules import LOST
from .answers import answer_lines, answers
from .critic import critic_lines
from .full import PROBES, use_lines
from .numbers import BLIND, MAIN, UNTRAINED, VERDICT, RankLink
from .numbers_as_text import mean, spread
from .others import PAIRS, SEPARATE, WORLDS
from .others_page import pair_lines, worlds_lines
from .texts import ACTIONS, AGREEMENT, SIDE_BY_SIDE, WEIGHTS

NULL = 0.05
SUPPORT = "support"
INTRODUCTION = """\
All agents that see the coin score alike on levels as in training: they take it in {low:.1f} to {high:.1f}% of held-out levels. What their
nets use is not alike. `goalposts explain` sets the coin's bit in every cell of the view where it could be, in states of 100 held-out
levels, and records the exact change of policy and value. [How to read a map](../explain.md)."""
COLUMNS = """\
Policy moves: mean total variation, the fraction of the action probability that moves to other actions. Pull: the change of p(actions
towards the cell) − p(actions away from it). Logits: mean absolute change. Value: in standard deviations of the agent's own values, so an
agent whose value hardly varies has large numbers there. All are means over agents with 95% t intervals over training seeds, on
held-out levels of the training kind; goal preference is on `off_path`."""
LIMITS = """\
One recipe per world; probes, interventions and pairs in CoinRun only. A map averages over backgrounds, and a saturated policy hides an
influence, which is why logits are printed. States are those of shortest paths, not those that only a failing agent visits. The untrained
net's last layer starts near 0, so its policy hardly moves whatever is placed: that null is weak; the blind agents are the strong one."""
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


def title_of(agents: pl.DataFrame) -> str:
    """State how far the coin moves the policy at the smallest and the largest α."""
    seen = agents.filter(pl.col("arm") == MAIN)
    low, high = seen["alpha"].min(), seen["alpha"].max()
    ends = [mean(seen.filter(pl.col("alpha") == alpha), "goal_tv_control") for alpha in (low, high)]
    return (
        f"A coin in view changes {100 * ends[0]:.1f}% of the actions of agents trained with it {_where(low)}, "  # type: ignore[operator]
        f"{100 * ends[1]:.0f}% of those trained with it {_where(high)}"  # type: ignore[operator]
    )


def _where(alpha: Any) -> str:
    return {0.0: "at the edge", 1.0: "anywhere"}.get(alpha, f"anywhere in {100 * alpha:g}% of levels")


def page(
    agents: pl.DataFrame,
    links: Mapping[str, RankLink | None],
    name: str,
    tables: Mapping[str, pl.DataFrame],
) -> str:
    """The page below its header. tables: those of `full_tables` and of `others.py` that are there, by name, and the support."""
    table = answers(agents, tables.get(PROBES))
    worlds = (
        [f"![Maps of the goal and the proxy in other worlds]({name}-worlds.svg)", ""]
        if WORLDS in tables
        else []
    )
    sections = {
        "Decodable, used, valued": answer_lines(table, name),
        "How much the coin and the wall move": [*_table(agents), "", COLUMNS, *_left_out(agents)],
        "Does the map track the goal preference?": _links(links),
        "Do seeds agree on the map?": _agreement(agents),
        "What training showed and changed": _support(tables.get(SUPPORT)),
        "Are the nulls null?": _nulls(agents),
        "Policy against value": [
            f"![Maps of the change of the critic's value]({name}-value.svg)",
            "",
            *critic_lines(agents, tables.get(SEPARATE)),
        ],
        "Other worlds": [*worlds, *worlds_lines(tables.get(WORLDS))],
        "Probes and interventions": use_lines(tables),
        "Between two nets": pair_lines(tables.get(PAIRS)),
        "What it does not show": [LIMITS, "", ACTIONS, *_fewer_seeds(tables)],
    }
    title = title_of(agents)
    head = [f"# {title}", "", _introduction(agents), "", f"![{title}]({name}.svg)", "", SIDE_BY_SIDE, ""]
    head += [f"![Edge, anywhere, blind and untrained agents]({name}-agents.svg)", ""]
    body = [line for heading, lines in sections.items() for line in (f"## {heading}", "", *lines, "")]
    return "\n".join([*head, *body])


def _fewer_seeds(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """The kinds of agent that the training seeds of other worlds and of separate nets can miss."""
    groups: dict[tuple[str, int], list[str]] = {}
    for name, by in ((WORLDS, ("world", "condition")), (SEPARATE, ("alpha",))):
        if name not in tables:
            continue
        sizes = tables[name].filter(pl.col("arm") == MAIN).group_by(*by).len()
        for (group,), some in sizes.sort(by[0]).group_by(by[0], maintain_order=True):
            words = f"{100 * float(str(group)):g}%" if name == SEPARATE else str(group)
            groups.setdefault((name, int(some["len"].min())), []).append(words)  # type: ignore[arg-type]
    if not groups:
        return []
    lines = []
    for (name, n), words in groups.items():
        who, per = ("Separate nets, α = ", "α") if name == SEPARATE else ("", "condition")
        lines.append(
            f"- {who}{', '.join(words)}: n = {n} training seeds per {per} can miss kinds of agent that up to {percent(unseen_share(n))} of "
            "seeds produce (95% confidence)."
        )
    return ["", *lines]


def _agreement(agents: pl.DataFrame) -> list[str]:
    """Whether a map is a property of the training or of the seed."""
    lines = ["| α | correlation of two seeds' maps |", "|---|---|"]
    for alpha in sorted(set(agents.filter(pl.col("arm") == MAIN)["alpha"])):
        some = agents.filter(pl.col("arm") == MAIN, pl.col("alpha") == alpha)
        lines.append(f"| {100 * alpha:g}% | {spread(some, 'map_agreement', 2)} |")
    fresh = agents.filter(pl.col("arm") == UNTRAINED)
    lines.append(f"| untrained | {spread(fresh, 'map_agreement', 2)} |")
    return [
        *lines,
        "",
        AGREEMENT,
    ]


def _support(table: pl.DataFrame | None) -> list[str]:
    """How many bits have other weights than before training, and by how much."""
    if table is None:
        return ["Not measured in this edition of the page."]
    lines = [
        "| α | n | bits of the coin that changed | mean change of those | mean change of the wall's bits |",
        "|---|---|---|---|---|",
    ]
    seen = table.filter(pl.col("arm") == MAIN)
    for alpha in sorted(set(seen["alpha"])):
        coin, wall = (
            seen.filter(pl.col("alpha") == alpha, pl.col("plane") == plane) for plane in ("coin", "wall")
        )
        bits = int(coin["bits"][0])
        cells = [
            f"{spread(coin, 'changed', 1)} of {bits}",
            *(spread(plane, "mean_change_of_changed", 2) for plane in (coin, wall)),
        ]
        lines.append(f"| {100 * alpha:g}% | {coin.height} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        WEIGHTS,
    ]


def _introduction(agents: pl.DataFrame) -> str:
    able = agents.filter(pl.col("arm") == MAIN)["capability"]
    return INTRODUCTION.format(low=100 * float(able.min()), high=100 * float(able.max()))  # type: ignore[arg-type]


def _table(agents: pl.DataFrame) -> list[str]:
    lines = [f"| {' | '.join(TABLE)} |", f"|{'---|' * len(TABLE)}"]
    columns = (
        *("goal_tv_control", "goal_pull_control", "goal_logits_control"),
        *("value_without_goal", "value_without_proxy"),
    )
    for arm in (MAIN, BLIND, UNTRAINED):
        some = agents.filter(pl.col("arm") == arm)
        for alpha in sorted(set(some["alpha"])):
            group = some.filter(pl.col("alpha") == alpha)
            cells = [*(spread(group, column) for column in columns), _preference(group)]
            lines.append(f"| {arm} | {100 * alpha:g}% | {group.height} | {' | '.join(cells)} |")
    return lines


def _preference(group: pl.DataFrame) -> str:
    """The mean goal preference without the agents judged CAPABILITY LOSS; if all of them are, their mean, marked."""
    lost = _lost(group)
    if not lost.height:
        return spread(group, "preference")
    if lost.height == group.height:
        return f"{spread(group, 'preference')} (all {LOST})"
    return f"{spread(_able(group), 'preference')} (n = {group.height - lost.height})"


def _lost(agents: pl.DataFrame) -> pl.DataFrame:
    return agents.filter(pl.col(VERDICT) == LOST) if VERDICT in agents.columns else agents.clear()


def _able(agents: pl.DataFrame) -> pl.DataFrame:
    return agents.filter(pl.col(VERDICT).ne_missing(LOST))


def _left_out(agents: pl.DataFrame) -> list[str]:
    """Which agents are not in the means of goal preference, and which rows hold only such agents."""
    if VERDICT not in agents.columns:
        return [
            "Verdicts on single agents were not available, so no agent is left out of the means of goal preference."
        ]
    some, whole = [], []
    for (arm, alpha), group in agents.sort("alpha").group_by("arm", "alpha", maintain_order=True):
        lost = _lost(group).height
        if lost:
            where = f"{arm}, α = {100 * float(str(alpha)):g}%"
            (whole if lost == group.height else some).append(f"{lost} of {group.height} ({where})")
    sentences = []
    if some:
        sentences.append(
            f"Agents judged {LOST} are left out of the means of goal preference: {', '.join(some)}."
        )
    if whole:
        sentences.append(
            f"Where all agents of a row are judged {LOST}, its preference is marked and says little: {', '.join(whole)}."
        )
    return [" ".join(sentences)] if sentences else []


def _score(score: RankScore) -> str:
    return f"{score.value:.2f} [{score.low:.2f}, {score.high:.2f}]"


def _links(links: Mapping[str, RankLink | None]) -> list[str]:
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
