"""Fill in what a world's page says was measured: the table of its study's agents, and what they touch first on every condition.

The tables between `<!-- measured -->` and `<!-- /measured -->` on docs/worlds/WORLD.md are read from docs/results/WORLD.csv, so that
a page about a world never shows older figures than the study. Read next: `claims.py`, which calls this.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from goalposts.experiments.analyses.all_worlds import config_of
from goalposts.experiments.measurement.metrics import METRICS, withheld
from goalposts.experiments.study.design.measures import BEHAVIOUR, GREEDY
from goalposts.experiments.study.design.plan import StudyPlan, plan_study
from goalposts.experiments.study.results.page_details import interval_cell
from goalposts.experiments.study.results.undefined_cells import why_no_chance
from goalposts.registration import WORLDS

ROOT = Path(__file__).parents[2]
PAGES = {world: ROOT / "docs" / "worlds" / f"{world.lower()}.md" for world in WORLDS}
PLACE = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- /measured -->)", re.DOTALL)
SHOWN = (
    *("capability", "capability_shift", "preference", "chance", "preference_beyond_chance"),
    *("misgeneralization", "normalized_regret", "goal_effect"),
)
FIRST = ("goal", "proxy", "neither")


def filled(text: str, world: str) -> str:
    """The text of a world's page with today's tables."""
    study = world.lower()
    table = pl.read_csv(ROOT / "docs" / "results" / f"{study}.csv", infer_schema=False)
    tables = measured(
        plan_study(study), table.with_columns(pl.col("value", "low", "high").cast(pl.Float64)), world
    )
    return PLACE.sub(lambda _: tables, text)


def measured(plan: StudyPlan, table: pl.DataFrame, world: str) -> str:
    """Both tables as Markdown. table: of the study's CSV file."""
    points = table.filter(pl.col("seed").is_null() & pl.col("step").is_null())
    known = points.filter(pl.col("value").is_not_null())["measure"].unique()
    rows = {point.name: points.filter(pl.col("point") == point.name) for point in plan.points}
    control = next(row["condition"] for row in points.iter_rows(named=True) if row["measure"] == "capability")
    shift = next(row["condition"] for row in points.iter_rows(named=True) if row["measure"] == "preference")
    head = f"| | {' | '.join(f'`{config_of(plan, point)}`' for point in plan.points)} |\n|{'---|' * (len(plan.points) + 1)}\n"
    seeds = " | ".join(str(len(point.runs)) for point in plan.points)
    lines = [
        f"From [the study](../results/{plan.study.name}.md): {plan.study.levels:,} held-out levels per condition, seeds as in the "
        "table; sampled actions, except for the last row.",
        f"Control: `{control}`; shift: `{shift}`. Brackets: 95% intervals over seeds and levels.",
        *([why] if (why := why_no_chance(plan, table, lambda point: f"`{config_of(plan, point)}`")) else []),
        "",
        head + f"| training seeds | {seeds} |",
    ]
    for metric in METRICS:
        if metric.key in SHOWN and metric.key in known and not withheld(metric.key, world):
            cells = [_cell(rows[point.name], metric.key) for point in plan.points]
            lines.append(f"| {metric.name} | {' | '.join(cells)} |")
    lines += [
        f"| what it does, by name | {' | '.join(_words(rows[point.name], BEHAVIOUR) for point in plan.points)} |",
        f"| verdict | {' | '.join(_words(rows[point.name], 'verdict') for point in plan.points)} |",
        f"| verdict, greedy actions | {' | '.join(_words(rows[point.name], f'{GREEDY}verdict') for point in plan.points)} |",
        "",
        "What is touched first in each condition, as a percentage of the episodes:",
        "",
        head.replace("| |", "| goal / proxy / neither first |", 1).rstrip("\n"),
    ]
    for condition in plan.study.conditions:
        cells = [_first(rows[point.name], condition) for point in plan.points]
        lines.append(f"| `{condition}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(rows: pl.DataFrame, measure: str) -> str:
    found = rows.filter(pl.col("measure") == measure)
    return interval_cell(found.row(0, named=True) if found.height else None)


def _words(rows: pl.DataFrame, measure: str) -> str:
    found = rows.filter(pl.col("measure") == measure)["words"].to_list()
    return found[0] if found else "–"


def _first(rows: pl.DataFrame, condition: str) -> str:
    there = rows.filter(pl.col("condition") == condition)
    values = [there.filter(pl.col("measure") == name)["value"].to_list() for name in FIRST]
    return " / ".join(f"{100 * value[0]:.0f}" if value and value[0] is not None else "–" for value in values)
