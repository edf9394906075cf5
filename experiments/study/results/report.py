"""The report of a study: its figures as files, its table, and its page, from summary.csv. Does not need torch.

Read next: `page_data.py`, which gathers the page; `experiments/report/figures/study_charts.py`; `docs_page.py`, the page for the docs.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from goalposts.safe_folder import make_folder

from ....envs.worlds.contract.world import World
from ....envs.worlds.registry import get_world
from ...measurement.intervals import percent, unseen_share
from ...measurement.metrics import METRICS, NO_RELOCATION, moves_goal, withheld
from ...measurement.verdict.kinds import OF_KINDS
from ...publish.wording import notes_of, training_label, words_of
from ...report.figures.drawn import Drawn
from ...report.figures.findings import ArmNames
from ...report.figures.study_charts import draw
from ...report.page.study_page import StudyTable
from ...report.words import phrase
from ...system.atomic_files import disk_errors, write_together
from ..design.measures import GREEDY, RELOCATION
from ..design.plan import MAIN, Point, StudyPlan
from ..folder.folder import FIGURES, StudyFolder
from .page_details import interval_cell
from .point_names import base_name
from .undefined_cells import undefined_cells

GREEDY_VERDICT = "verdict, greedy actions"  # as the head of a column
LONG = 40  # characters of a description of training levels that does not fit a title


def figures_of(plan: StudyPlan, table: pl.DataFrame) -> list[Drawn]:
    """Draw the study's figures from its summary."""
    world = get_world(next(iter(plan.runs.values())).world)
    return draw(plan.study.figure, table, words_of(world), arm_names(plan, table, world))


def arm_names(plan: StudyPlan, table: pl.DataFrame, world: World) -> ArmNames:
    """Words for the study's arms, by their training levels and rewards, and for the levels that decide the preference."""
    trained: dict[str, str] = {}
    for point in plan.points:
        label = training_label(world, plan.runs[point.runs[0][1]].env).removeprefix("trained ")
        levels, rewarded, what = label.partition(", rewarded")
        name = base_name(plan) if point.arm == MAIN else point.arm.replace("_", " ")
        words = f"on “{name}”{rewarded}{what}" if len(levels) > LONG else label
        if words in trained.values():
            words = f"as “{name}”"
        trained.setdefault(point.arm, words)
    judged = table.filter(pl.col("measure") == "preference")["condition"].drop_nulls()
    shift = phrase(notes_of(world, [judged[0]])[0], words_of(world)) if len(judged) else ""
    return ArmNames(base_name(plan), trained, shift)


def file_stem(study: str, figure: str) -> str:
    """Name of a figure's files in the docs, without the suffix."""
    return figure if figure == study or figure.startswith(f"{study}-") else f"{study}-{figure}"


def write_figures(folder: StudyFolder, figures: list[Drawn]) -> list[Path]:
    """Write figures as SVG and PNG, under figures/. Raises RunError."""
    place = folder.path / FIGURES
    with disk_errors(place, "write"):
        make_folder(place, exist_ok=True)
    contents = {}
    for figure in figures:
        contents |= {place / f"{figure.name}.svg": figure.svg(), place / f"{figure.name}.png": figure.png()}
    write_together(contents)
    return sorted(contents)


def relocates(table: pl.DataFrame) -> bool:
    """Whether the relocation effect of a point over its seeds was measured."""
    rows = table.filter((pl.col("measure") == RELOCATION) & pl.col("seed").is_null())
    return rows["value"].is_not_null().any()


def relocation_words(plan: StudyPlan, table: pl.DataFrame) -> str:
    """What the relocation effect of a study is, or why it has none."""
    worlds = sorted({config.world for config in plan.runs.values()})
    if relocates(table):
        row = table.filter((pl.col("measure") == RELOCATION) & pl.col("seed").is_null()).row(0, named=True)
        return (
            f"Relocation effect: how much more often the goal's place under `{row['condition']}` is visited before its place under "
            f"`{row['words']}` if the goal is there; a blind agent's is exactly 0. Mean over seeds; its interval adds the spread of seeds "
            "to the mean interval over levels, so it is rather too wide."
        )
    if fixed := [world for world in worlds if not moves_goal(world)]:
        return f"In {' and '.join(fixed)}, {NO_RELOCATION}."
    shifts = [
        name for name in plan.study.conditions if get_world(worlds[0]).condition_or_own(name).role == "shift"
    ]
    if len(shifts) < 2:
        return (
            "The relocation effect needs a second shift on the same layouts, which this study does not play."
        )
    return "The relocation effect was not measured."


def _point_words(plan: StudyPlan, point: Point) -> str:
    """The values of a point, with its arm where a study has several."""
    arms = len({other.arm for other in plan.points}) > 1
    label = ", ".join(point.values.get(key, "") for key in plan.keys)
    if arms and point.arm != MAIN:
        return f"{point.arm}: {label}" if label else point.arm
    return label or (base_name(plan) if arms else point.name)


def _several_kinds(plan: StudyPlan, table: pl.DataFrame) -> str:
    """Sentences on the points whose seeds are of several kinds, by sampled or by greedy actions, so that a mean describes none of them."""
    warned = table.filter(
        pl.col("seed").is_null() & pl.col("step").is_null() & pl.col("words").str.starts_with(OF_KINDS)
    )
    sentences = []
    for point in plan.points:
        greedy = warned.filter(pl.col("point") == point.name)["measure"].str.starts_with(GREEDY)
        where = f" At {_point_words(plan, point)}, the seeds are of several kinds"
        if not greedy.all():
            sentences.append(f"{where}, and no mean in its row describes any of them.")
        if greedy.any():
            sentences.append(
                f"{where} with greedy actions, and no mean of greedy numbers, such as paralysis, describes any of them."
            )
    return "".join(sentences)


def points_table(plan: StudyPlan, table: pl.DataFrame) -> StudyTable:
    """Build the table of a study: one row per point, with the estimates over its seeds."""
    keys = plan.keys
    measured = table.filter(pl.col("value").is_not_null())["measure"].unique()
    worlds = sorted({config.world for config in plan.runs.values()})
    shown = {metric.key: metric.name for metric in METRICS if metric.key in measured}
    hidden = {(key, why) for key in shown for world in worlds if (why := withheld(key, world))}
    left_out = [f" The {shown[key]} is {why}." for key, why in sorted(hidden)]
    shown = {key: name for key, name in shown.items() if key not in dict(hidden)}
    verdicts = {"verdict": "verdict on the procedure"}
    if (table["measure"] == f"{GREEDY}verdict").any():
        verdicts[f"{GREEDY}verdict"] = GREEDY_VERDICT
    moved = {RELOCATION: "relocation effect"} if relocates(table) else {}
    rows = []
    for point in plan.points:
        own = table.filter((pl.col("point") == point.name) & pl.col("seed").is_null())
        if not own.height:
            continue
        estimates = {
            row["measure"]: row for row in own.filter(pl.col("step").is_null()).iter_rows(named=True)
        }
        cells = [_point_words(plan, point), f"{estimates['verdict']['seeds']}"]
        cells += [interval_cell(estimates.get(name)) for name in (*shown, *moved)]
        rows.append([*cells, *((estimates.get(name) or {}).get("words") or "–" for name in verdicts)])
    head = [", ".join(keys) or "point", "seeds", *shown.values(), *moved.values(), *verdicts.values()]
    note = f"Brackets: 95% intervals over training seeds and levels; {plan.study.levels:,} held-out levels per condition. "
    fewest = min((len(point.runs) for point in plan.points), default=1)
    note += (
        f"With {fewest} seed{'s' * (fewest > 1)} per point, a kind of agent that up to {percent(unseen_share(fewest))} of seeds produce "
        "may be missing (95% confidence)."
    )
    note += "".join(left_out) + _several_kinds(plan, table)
    note += undefined_cells(plan, table, lambda point: _point_words(plan, point))
    if NO_RELOCATION not in note:
        note += f" {relocation_words(plan, table)}"
    return StudyTable(head, rows, note, table.filter(pl.col("seed").is_null()).write_csv(float_precision=6))
