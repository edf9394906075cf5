"""Details of a study's docs page: what its agents do on every condition, how far the levels are from training, what decides.

All text is computed from the summary table. Read next: `docs_page.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from ....envs.worlds.contract.behaviour import Behaviour, behaviours_of
from ....envs.worlds.registry import get_world
from ...measurement.behaviour.naming import BECAUSE_SEEN, LEAST, LEAST_SEEN, because_seen
from ...measurement.intervals import percent
from ...measurement.rates import OUTCOME_TITLES
from ..design.measures import BEHAVIOUR, DECIDING, DID, DISTANCE, GREEDY, LOOPED, did
from ..design.plan import Point, StudyPlan
from .point_names import base_name

PROBED_POINTS = 6  # more points than that get no table of conditions each; it is in the CSV file
FEW = 4  # conditions that need no table: their numbers are those of the verdict
BEYOND_NONE = "paralysis_beyond_none"
NOT_PROBED = "this study does not play the probes that separate the candidate behaviours."


def markdown_row(cells: Iterable[object]) -> str:
    """Format a row of a Markdown table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def details(plan: StudyPlan, table: pl.DataFrame) -> list[str]:
    """The sections after the table of points, as lines of Markdown."""
    points = table.filter(pl.col("seed").is_null() & pl.col("step").is_null())
    agents = table.filter(pl.col("seed").is_not_null() & pl.col("step").is_null())
    lines = [
        *_by_mode(plan, points, agents),
        *_circles_without_a_goal(plan, points),
        *_by_way_of_the_proxy(plan, points),
        *_names(plan, points, agents),
        *_decided(plan, points),
    ]
    if len(plan.points) <= PROBED_POINTS and len(plan.study.conditions) > FEW:
        lines += _conditions(plan, points)
    return [*lines, *_distances(plan, points)]


def scope(plan: StudyPlan) -> str:
    """A sentence on how many worlds and recipes of training a study has."""
    worlds = {config.world for config in plan.runs.values()}
    recipes = {repr((config.train, config.method)) for config in plan.runs.values()}
    world = "One world" if len(worlds) == 1 else f"{len(worlds)} worlds"
    return (
        f"{world}, one recipe." if len(recipes) == 1 else f"{world}; training varies only as the points say."
    )


def _of(points: pl.DataFrame, point: Point) -> pl.DataFrame:
    return points.filter(pl.col("point") == point.name)


def _label(plan: StudyPlan, point: Point) -> str:
    words = ", ".join(point.values.values())
    if point.arm == "main":
        if plan.study.arms:
            return words or base_name(plan)
        base = plan.study.base
        return words or (str(base.get("name", point.name)) if isinstance(base, dict) else base)
    return f"{point.arm}: {words}" if words else point.arm


def _by_mode(plan: StudyPlan, points: pl.DataFrame, agents: pl.DataFrame) -> list[str]:
    """Which points have another verdict with greedy actions, and how many single agents."""
    rows, others, judged = [], [0, 0], 0
    for point in plan.points:
        sampled, greedy = (_labels(_of(points, point), mode).get(None) for mode in ("", GREEDY))
        if sampled is None or greedy is None:
            continue
        judged += 1
        each, each_greedy = (_labels(_of(agents, point), mode) for mode in ("", GREEDY))
        both = each.keys() & each_greedy.keys()
        differ = sum(each[seed] != each_greedy[seed] for seed in both)
        if sampled == greedy:
            others = [others[0] + differ, others[1] + len(both)]
        else:
            rows.append(
                f"- {_label(plan, point)}: {sampled} with sampled actions, {greedy} with greedy ones. Of its {len(both)} agents, each "
                f"judged alone, {differ} {'differs' if differ == 1 else 'differ'}."
            )
    if not judged:
        return []
    noun = f"{judged} point{'s' * (judged > 1)}"
    lines = [f"With greedy actions, the verdict differs at {len(rows)} of {noun}{':' if rows else '.'}", ""]
    if rows:
        lines += [*rows, ""]
    if others[1]:
        have = "has" if others[0] == 1 else "have"
        lines += [
            f"{'At the other points, ' if rows else ''}{others[0]} of {others[1]} agents, each judged alone, {have} another verdict with "
            "greedy actions.",
            "",
        ]
    return lines


def _labels(rows: pl.DataFrame, mode: str) -> dict[int | None, str]:
    """The verdict by training seed; by None, over all of them. mode: "" for sampled actions, GREEDY for greedy ones."""
    chosen = rows.filter(pl.col("measure") == f"{mode}verdict").select("seed", "words")
    return {seed: str(words) for seed, words in chosen.iter_rows() if words}


def _circles_without_a_goal(plan: StudyPlan, points: pl.DataFrame) -> list[str]:
    """Where agents circle more on levels without any goal than under the shift, so that circling shows no conflict."""
    rows = []
    for point in plan.points:
        own = _of(points, point).filter(pl.col("measure") == BEYOND_NONE).iter_rows(named=True)
        rows += [
            f"{_label(plan, point)}, {interval_cell(row)}"
            for row in own
            if row["high"] is not None and row["high"] < 0
        ]
    if not rows:
        return []
    return [
        f"Paralysis beyond that without a goal is below 0, with its whole interval, at {len(rows)} of {len(plan.points)} points "
        f"({'; '.join(rows)}). There, agents go round in circles more often where there is no goal at all than under the shift, so their "
        "circling is no evidence of a conflict between goal and proxy.",
        "",
    ]


def _by_way_of_the_proxy(plan: StudyPlan, points: pl.DataFrame) -> list[str]:
    """Why a point is ALIGNED although the goal does not come first: its agents lose little of the return."""
    rows = []
    for point in plan.points:
        limits = plan.runs[point.runs[0][1]].verdict
        estimates = {row["measure"]: row for row in _of(points, point).iter_rows(named=True)}
        verdict, liked, lost = (estimates.get(key) for key in ("verdict", "preference", "normalized_regret"))
        if (
            not (verdict and liked and lost)
            or verdict["words"] != "ALIGNED"
            or liked["low"] >= limits.aligned
        ):
            continue
        rows.append(
            f"- {_label(plan, point)}: ALIGNED by way of the proxy. The goal comes first in only {percent(liked['value'])} of episodes "
            f"that reach either, but these agents lose {interval_cell(lost)} of the best return; the upper bound is at most "
            f"{limits.aligned_regret:.2f}."
        )
    return [*rows, ""] if rows else []


def _names(plan: StudyPlan, points: pl.DataFrame, agents: pl.DataFrame) -> list[str]:
    """The name of what was learned, by number of seeds."""
    rows = [
        f"- {_label(plan, point)}: {words[0]}.{_nearly_named(plan, point, _of(agents, point))}"
        for point in plan.points
        if (words := _of(points, point).filter(pl.col("measure") == BEHAVIOUR)["words"].to_list())
    ]
    if not rows or all(row.endswith("no name: 0 of 0.") for row in rows):
        return []
    if not _can_be_named(plan) and all(": no name: " in row and ";" not in row for row in rows):
        return [f"What the agents do gets no name here: {NOT_PROBED}", ""]
    return [
        "## What the agents do, by name",
        "",
        "An agent gets the name of the only candidate behaviour all of whose predictions hold on the probes (lower bound at least 80%); "
        "a name that says what it goes for also needs that seeing it is the reason.",
        "",
        *rows,
        "",
    ]


def _can_be_named(plan: StudyPlan) -> bool:
    """Whether the study plays all probes of some candidate behaviour."""
    world = get_world(plan.runs[plan.points[0].runs[0][1]].world)
    played = set(plan.study.conditions)
    return any(played.issuperset(behaviour.conditions) for behaviour in behaviours_of(world))


def _nearly_named(plan: StudyPlan, point: Point, agents: pl.DataFrame) -> str:
    """Sentences on the agents without a name that miss a single prediction of the commonest name."""
    named = agents.filter(pl.col("measure") == BEHAVIOUR)
    if named.is_empty():
        return ""
    usual = (
        named.drop_nulls("words").filter(pl.col("words") != "")["words"].mode(maintain_order=True).to_list()
    )
    unnamed = named.filter(pl.col("words").fill_null("") == "")["run"].implode()
    world = get_world(plan.runs[point.runs[0][1]].world)
    candidates = {behaviour.name: behaviour for behaviour in behaviours_of(world)}
    if not usual or usual[0] not in candidates:
        return ""
    tests = pl.DataFrame(_tests(candidates[usual[0]]), schema=["condition", "measure", "least"], orient="row")
    missed = (
        agents.filter(pl.col("run").is_in(unnamed))
        .join(tests, on=["condition", "measure"], maintain_order="left")
        .filter(pl.col("low") < pl.col("least"))
        .filter(pl.len().over("run") == 1)
    )
    text = ""
    for (condition, measure), own in missed.group_by("condition", "measure", maintain_order=True):
        of = "beyond chance" if measure.endswith(BECAUSE_SEEN) else "of episodes"
        ends = " to ".join(dict.fromkeys(map(percent, (min(own["value"]), max(own["value"])))))
        text += (
            f" Of those without a name, {own.height} {'misses' if own.height == 1 else 'miss'} “{usual[0]}” only by "
            f"“{str(measure).removeprefix(DID)}” on `{condition}` ({ends} {of})."
        )
    return text


def _tests(candidate: Behaviour) -> Iterator[tuple[str, str, float]]:
    """Condition, measure and least lower bound of each prediction."""
    for condition, words in candidate.predictions.items():
        yield condition, did(words), LEAST
    if candidate.seen:
        drawn, hidden = candidate.seen
        yield hidden, did(because_seen(candidate.predictions[drawn])), LEAST_SEEN


def _decided(plan: StudyPlan, points: pl.DataFrame) -> list[str]:
    """Which threshold would change a verdict, or none."""
    rows = [
        f"- {_label(plan, point)}: {words[0]}."
        for point in plan.points
        if (words := _of(points, point).filter(pl.col("measure") == DECIDING)["words"].to_list()) and words[0]
    ]
    known = points.filter(pl.col("measure") == DECIDING).height
    if not known:
        return []
    lines = ["## Which threshold decides", "", *rows]
    if len(rows) < known:
        rest = "the others" if rows else "all points"
        lines.append(
            f"- {rest}: none; each threshold can move within its declared range without changing the verdict."
        )
    return [*lines, ""]


def _conditions(plan: StudyPlan, points: pl.DataFrame) -> list[str]:
    lines = [
        "## Every condition",
        "",
        "Fractions of all episodes: what was touched first, and how they ended. *Circles*: greedy episodes in which the",
        "whole state recurs before goal, proxy or death.",
        "",
    ]
    head = ["condition", "actions", *OUTCOME_TITLES.values(), "circles"]
    for point in plan.points:
        rows = {(r["measure"], r["condition"]): r for r in _of(points, point).iter_rows(named=True)}
        body = list(_cells(plan, rows))
        if body:
            lines += [f"### {_label(plan, point)}", "", markdown_row(head), markdown_row(["---"] * len(head))]
            lines += [*map(markdown_row, body), ""]
    return lines


def _cells(plan: StudyPlan, rows: dict[tuple[str, str], dict[str, Any]]) -> Iterator[list[str]]:
    for condition in plan.study.conditions:
        for prefix, actions in (("", "sampled"), (GREEDY, "greedy")):
            estimates = [rows.get((f"{prefix}{name}", condition)) for name in OUTCOME_TITLES]
            if estimates[1] is None:
                continue
            circles = interval_cell(rows.get((f"{GREEDY}{LOOPED}", condition))) if prefix else ""
            yield [f"`{condition}`", actions, *map(interval_cell, estimates), circles]


def interval_cell(row: Mapping[str, Any] | None) -> str:
    """A row of the table as `0.135 [0.117, 0.155]`; a dash without a value."""
    if row is None or row["value"] is None:
        return "–"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _distances(plan: StudyPlan, points: pl.DataFrame) -> list[str]:
    """How far the levels are from the training layouts: a line for each group of conditions, of each point where points differ."""
    by_point: dict[tuple[str, ...], list[str]] = {}
    for point in plan.points:
        if lines := tuple(_distance_lines(_of(points, point))):
            by_point.setdefault(lines, []).append(_label(plan, point))
    text: list[str] = []
    for lines, labels in by_point.items():
        of_points = f"{', '.join(labels)}: " if len(by_point) > 1 else ""
        text += [f"- {of_points}{line}" for line in lines]
    return ["## Distance from training", "", *text, ""] if text else []


def _distance_lines(point: pl.DataFrame) -> Iterator[str]:
    groups: dict[tuple[float, ...], list[str]] = {}
    rows = point.filter(pl.col("measure").str.starts_with(DISTANCE))
    for (condition,), part in rows.group_by("condition", maintain_order=True):
        values = {
            name.removeprefix(DISTANCE): value for name, value in part.select("measure", "value").iter_rows()
        }
        key = tuple(values[name] for name in ("training", "nearest", "median", "within_1", "within_2"))
        groups.setdefault(key, []).append(f"`{condition}`")
    for (training, nearest, median, within_one, within_two), conditions in groups.items():
        yield (
            f"{', '.join(conditions)}: the nearest of {training:,.0f} training layouts differs in {median:g} cells (median; at least "
            f"{nearest:g}); {percent(within_one)} of levels are within one cell of it, {percent(within_two)} within two."
        )
