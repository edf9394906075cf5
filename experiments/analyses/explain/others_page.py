"""Other worlds and pairs of agents: the lines of the page. Read next: `others.py`, `page.py`."""

from __future__ import annotations

import polars as pl
from scipy.stats import spearmanr

from ....envs.worlds.registry import get_world
from .critic import _drops
from .numbers import FEWEST, MAIN, UNTRAINED
from .numbers_as_text import spread
from .others import variety
from .texts import BETWEEN, SIZE, WORLDS

WORLD_HEADS = (
    *(
        "world",
        "trained on levels",
        "n",
        "goal placed: policy moves",
        "pull",
        "proxy placed: policy moves",
        "pull",
    ),
    *(
        "value without the goal",
        "without the proxy",
        "goal preference",
        "value below its range: failed",
        "control",
    ),
)
WORLD_COLUMNS = (
    *("goal_tv_control", "goal_pull_control", "proxy_tv_control", "proxy_pull_control"),
    *("value_without_goal", "value_without_proxy", "preference"),
)
PAIR_HEADS = ("change", "goal preference", "random changes", "capability", "random changes", "size")


def worlds_lines(agents: pl.DataFrame | None) -> list[str]:
    """A row per world and training condition, and its nets before training."""
    if agents is None:
        return ["Not explained in this edition of the page; `--worlds` of its command does that."]
    lines = [f"| {' | '.join(WORLD_HEADS)} |", f"|{'---|' * len(WORLD_HEADS)}"]
    for world in sorted(set(agents["world"])):
        here = agents.filter(pl.col("world") == world)
        for condition in sorted(set(here["condition"]), key=variety):
            some = here.filter(pl.col("arm") == MAIN, pl.col("condition") == condition)
            lines.append(_world_row(world, _phrase(world, condition), some))
        fresh = here.filter(pl.col("arm") == UNTRAINED)
        if fresh.height:
            lines.append(_world_row(world, "untrained", fresh))
    nouns = [
        f"{world}: {get_world(world).words.get('goal')} and {get_world(world).words.get('proxy')}"
        for world in sorted(set(agents["world"]))
    ]
    return [
        *lines,
        "",
        f"Goal and proxy are, in {'; in '.join(nouns)}. {WORLDS}",
        "",
        *_world_findings(agents),
    ]


def _world_findings(agents: pl.DataFrame) -> list[str]:
    """Does the map track the preference in each world, and does the critic notice failures?"""
    lines = []
    seen = agents.filter(pl.col("arm") == MAIN)
    for world in sorted(set(seen["world"])):
        here = seen.filter(pl.col("world") == world)
        known = here.drop_nulls("preference") if "preference" in here.columns else here.head(0)
        if known.height < FEWEST:
            continue
        link = {
            thing: float(spearmanr(known[f"{thing}_tv_control"], known["preference"])[0])  # type: ignore[arg-type]
            for thing in ("goal", "proxy")
            if f"{thing}_tv_control" in known.columns
        }
        listed = ", ".join(f"{value:.2f} for the {thing}".replace("-", "−") for thing, value in link.items())
        lines.append(
            f'- {world}: rank correlation of "policy moves" with the goal preference over {known.height} agents: {listed}.'
        )
    return [*lines, "", *_drop_findings(seen)]


def _drop_findings(seen: pl.DataFrame) -> list[str]:
    if "drop_failures" not in seen.columns:
        return []
    parts = []
    for world in sorted(set(seen["world"])):
        here = seen.filter(pl.col("world") == world)
        first = min(set(here["condition"]), key=variety)
        parts.append(f"{_drops(here.filter(pl.col('condition') == first))[0]} in {world}")
    return [
        "A drop of the value below its range does not separate being lost from being content in every world: of the failures of agents "
        f"trained with goal and proxy together it accompanies {', '.join(parts)}."
    ]


def _phrase(world: str, condition: str) -> str:
    return get_world(world).condition(condition).phrase_of() or condition


def _world_row(world: str, trained: str, some: pl.DataFrame) -> str:
    drops = _drops(some)
    cells = [spread(some, column, 2) for column in WORLD_COLUMNS] + [drops[0], drops[2]]
    return f"| {world} | {trained} | {some.height} | {' | '.join(cells)} |"


def pair_lines(pairs: pl.DataFrame | None) -> list[str]:
    """Means over pairs: the line between the weights, and every graft with its random changes."""
    if pairs is None:
        return ["Not measured in this edition of the page; `--pairs N` of its command does that."]
    n, levels = pairs.n_unique("seed"), int(pairs["levels"][0])
    lines = [f"| {' | '.join(PAIR_HEADS)} |", f"|{'---|' * len(PAIR_HEADS)}"]
    for (change, what, into), some in pairs.group_by("change", "what", "into", maintain_order=True):
        name = (
            f"{100 * float(str(what)):g}% of the way"
            if change == "interpolated"
            else f"{what}: {_way(str(into))}"
        )
        columns = ("preference", "random_preference", "capability", "random_capability", "norm")
        lines.append(f"| {name} | {' | '.join(spread(some, column, 2) for column in columns)} |")
    return [
        BETWEEN,
        "",
        *lines,
        "",
        f"Means over {n} pairs with 95% t intervals, {levels} shifted and {levels} control levels each. {SIZE}",
        "",
        *_pair_findings(pairs),
    ]


def _way(into: str) -> str:
    return "anywhere into edge" if into == "first" else "edge into anywhere"


def _pair_findings(pairs: pl.DataFrame) -> list[str]:
    line = pairs.filter(pl.col("change") == "interpolated")
    ends = line.filter(pl.col("what").is_in(["0", "1"]))["capability"].mean()
    lowest = min(float(group["capability"].mean() or 0.0) for _, group in line.group_by("what"))  # type: ignore[arg-type]
    barrier = float(ends or 0.0) - lowest  # type: ignore[arg-type]
    phrase = "crosses a capability barrier" if barrier > 0.1 else "crosses no capability barrier"
    grafts = pairs.filter(pl.col("change") == "grafted", pl.col("into") == "first")
    plain = float(line.filter(pl.col("what") == "0")["preference"].mean() or 0.0)  # type: ignore[arg-type]
    best = max(
        ((float(some["preference"].mean() or 0.0), str(what[0])) for what, some in grafts.group_by("what")),  # type: ignore[arg-type]
        default=(0.0, ""),
    )
    return [
        f"The straight line {phrase}: mean capability falls from {lowest + barrier:.2f} to {lowest:.2f}. The graft that raises the edge "
        f"agent's goal preference most ({best[1]}) takes it from {plain:.2f} to {best[0]:.2f}."
    ]
