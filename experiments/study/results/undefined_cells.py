"""Why cells of a study's table are undefined: the goal preference by chance, and paralysis.

Read next: `report.py`, the table; `experiments/measurement/chance_correction.py`, what chance needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from ....envs.worlds.contract.behaviour import HIDDEN, hides_goal
from ....envs.worlds.registry import get_world
from ...measurement.chance_correction import LEAST
from ...measurement.verdict.rules import LOST
from ..design.plan import Point, StudyPlan

CHANCE, PARALYSIS = "chance", "paralysis"  # measures
Label = Callable[[Point], str]


def undefined_cells(plan: StudyPlan, table: pl.DataFrame, label: Label) -> str:
    """Sentences on the cells of chance and of paralysis that hold a dash or have no column, each after a space."""
    sentences = (why_no_chance(plan, table, label), _why_no_paralysis(plan, table, label))
    return "".join(f" {sentence}" for sentence in sentences if sentence)


def why_no_chance(plan: StudyPlan, table: pl.DataFrame, label: Label) -> str:
    """Why points have no goal preference by chance, and so no chance-corrected one; empty if all have one."""
    points = list(_without(plan, table, CHANCE))
    if not points:
        return ""
    if HIDDEN not in plan.study.conditions:
        return (
            f"The goal preference by chance needs the condition `{HIDDEN}`, which this study does not play."
        )
    worlds = [get_world(name) for name in sorted({config.world for config in plan.runs.values()})]
    if others := [world for world in worlds if not hides_goal(world)]:
        names = " and ".join(world.name for world in others)
        hidden = " and ".join(world.condition(HIDDEN).hidden or "something else" for world in others)
        return (
            f"In {names}, no goal preference by chance is defined, and so no chance-corrected one: `{HIDDEN}` hides {hidden}, not the "
            "goal, and is not on the levels of the shift."
        )
    return (
        "Where the goal preference by chance and the chance-corrected one are undefined (–), some seeds reach the proxy first in fewer "
        f"than {LEAST} episodes while the goal is invisible, too few to estimate chance: {_seeds(points, label)}."
    )


def _why_no_paralysis(plan: StudyPlan, table: pl.DataFrame, label: Label) -> str:
    """Why points have no paralysis although others do; empty if all or none have it."""
    points = list(_without(plan, table, PARALYSIS))
    if not points or len(points) == len(plan.points):
        return ""
    return (
        "Where paralysis is undefined (–), some agents have a memory or act differently in one and the same state, so it is not decided "
        f"whether their greedy episodes loop: {_seeds(points, label)}."
    )


def _without(plan: StudyPlan, table: pl.DataFrame, measure: str) -> Iterator[tuple[Point, pl.DataFrame]]:
    """Each point that has a measure without a value, and its rows."""
    for point in plan.points:
        own = table.filter((pl.col("point") == point.name) & pl.col("step").is_null())
        over_seeds = own.filter((pl.col("measure") == measure) & pl.col("seed").is_null())
        if over_seeds.height and over_seeds["value"].null_count():
            yield (
                point,
                own.with_columns(undefined=(pl.col("measure") == measure) & pl.col("value").is_null()),
            )


def _seeds(points: list[tuple[Point, pl.DataFrame]], label: Label) -> str:
    """How many seeds of each point lack the number, and how many of them lost their capability."""
    words = []
    for point, own in points:
        lacking = own.filter(pl.col("undefined") & pl.col("seed").is_not_null())["seed"].unique()
        verdicts = own.filter((pl.col("measure") == "verdict") & pl.col("seed").is_in(lacking.implode()))
        lost = verdicts.filter(pl.col("words") == LOST).height
        of_them = f" ({lost} judged {LOST})" if lost else ""
        words.append(f"at {label(point)}, {len(lacking)} of {len(point.runs)} seeds{of_them}")
    return "; ".join(words)
