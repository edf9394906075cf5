"""The two tables of a study: all episodes, and the summary from which figures are drawn.

Both depend only on the finished runs, in the order of the plan, and contain no times, so they are byte-identical no matter
how often the study was interrupted. Read next: `experiments/study/design/measures.py`, the rows of summary.csv.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import polars as pl

from goalposts.safe_folder import remove_file
from goalposts.safe_write import Content

from ....envs.worlds.contract.sources import shown_command
from ...measurement.episodes import METADATA, episodes_file
from ...measurement.progress_columns import current_column
from ...system.atomic_files import RunError, read_limited, write_together
from ...system.parquet import Unreadable, read_csv
from ...system.pieces import Pieces
from ..design.measures import COLUMNS, Row, is_of_actions, measured_again, measures_of_point
from ..design.plan import Point, StudyPlan
from ..folder.damage import refuse_damaged
from ..folder.estimate import measured_by_other_code
from ..folder.folder import EPISODES, RUNS, SUMMARY, StudyFolder
from ..workers.job import MEASURES
from .episodes import read_episodes_of
from .summary_check import check, read_measures

MAX_TOGETHER = 10_000_000  # episodes in one file
MAX_HELD = (
    2_000_000  # held in memory at once, about 300 bytes each; fixed, so that equal runs give equal bytes
)
MAX_ROWS = 50_000_000  # of summary.csv
DIGITS = 6


def write_tables(folder: StudyFolder, plan: StudyPlan) -> None:
    """Write episodes.parquet and summary.csv from the finished runs, if there are any. Raises RunError.

    A study with more than MAX_TOGETHER episodes gets no episodes.parquet: its episodes are in the folders of its runs. Beyond
    MAX_HELD they are written one point at a time, so that memory does not grow with their number.
    """
    finished = folder.finished()
    chosen = [run for run in plan.runs if run in finished]
    if not chosen:
        return
    refuse_damaged(folder, chosen)
    total = len(chosen) * episodes_of(plan)
    rows: list[Row] = []
    large = MAX_HELD < total <= MAX_TOGETHER
    with Pieces.beside(folder.path / EPISODES) if large else nullcontext() as pieces:
        kept: dict[str, pl.DataFrame] = {}
        written: set[str] = set()
        for point in plan.points:
            tables = _tables_of(folder, point, finished, kept)
            rows += list(_of_point(folder, plan, point, tables))
            if total <= MAX_HELD:
                kept |= tables
            elif pieces and (new := [tables[run] for run in tables if run not in written]):
                pieces.add("episodes", episodes_file(pl.concat(new)))
                written |= set(tables)
        remedy = "Remove the run's folder and run the study's command again"
        table = check(summary_table(plan, rows), plan, folder.path / RUNS, remedy)
        contents: dict[Path, Content] = {
            folder.path / SUMMARY: table.write_csv(float_precision=DIGITS).encode()
        }
        if total <= MAX_HELD:
            contents[folder.path / EPISODES] = episodes_file(pl.concat(kept.values()))
        elif pieces:
            contents[folder.path / EPISODES] = pieces.joined("episodes", METADATA)
        else:
            remove_file(folder.path / EPISODES)
        write_together(contents)


def episodes_of(plan: StudyPlan) -> int:
    """Number of episodes per run."""
    study = plan.study
    return study.levels * len(study.conditions) * (2 if study.greedy else 1)


def summary_table(plan: StudyPlan, rows: list[Row]) -> pl.DataFrame:
    """Build the summary with its columns in order; the grid's keys follow the point."""
    schema = dict(COLUMNS)
    head = {name: schema.pop(name) for name in ("arm", "point")}
    return pl.DataFrame(rows, schema=head | dict.fromkeys(plan.keys, pl.String) | schema)


def read_summary(path: str | Path, plan: StudyPlan) -> pl.DataFrame:
    """Read a summary.csv with its types, checked against the plan of its study. Raises RunError."""
    path = Path(path)
    content = read_limited(path, 1 << 28)
    remedy = f"Write it again with: {shown_command('study', 'report', path.parent)}"
    try:
        table = read_csv(content, MAX_ROWS, COLUMNS, what=path)
    except Unreadable as error:
        raise RunError(f"{path} is damaged: it is not a summary of a study. {remedy}") from error
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise RunError(f"{path} is not the summary of a study: it has no column {missing[0]}. {remedy}")
    measures = {name: current_column(name) for name in table["measure"].drop_nulls().unique()}
    table = table.with_columns(pl.col("measure").replace(measures))
    return check(table, plan, path, remedy)


def _tables_of(
    folder: StudyFolder, point: Point, finished: set[str], known: dict[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """Read the episodes of each finished run of a point; a run shared by several points is read once."""
    chosen = [run for _, run in point.runs if run in finished]
    read = read_episodes_of({run: folder.run(run) / EPISODES for run in chosen if run not in known})
    return {run: known[run] if run in known else read[run] for run in chosen}


def _of_point(
    folder: StudyFolder, plan: StudyPlan, point: Point, tables: dict[str, pl.DataFrame]
) -> Iterator[Row]:
    where = {"arm": point.arm, "point": point.name, **point.values}
    own, leaked = [], 0
    of_actions: list[Row] = []
    for seed, run in point.runs:
        if run not in tables:
            continue
        own.append(tables[run])
        remedy = f"Remove {folder.run(run)} and run the study's command again"
        measures = read_measures(folder.run(run) / MEASURES, remedy)
        if measured_by_other_code(folder.run(run)):
            measures = measured_again(tables[run], plan.runs[run], measures)
        of_actions += [row for row in measures if is_of_actions(row["measure"])]
        leaked += sum(int(row["value"] or 0) for row in measures if row["measure"] == "leaked")
        yield from (where | {"seed": seed, "run": run} | row for row in measures)
    if own:
        config = plan.runs[point.runs[0][1]]
        episodes = pl.concat(own).with_columns(agent=pl.lit(point.name))
        for row in measures_of_point(episodes, config, leaked, of_actions):
            yield where | {"seed": None, "run": None} | row
