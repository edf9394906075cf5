"""The points of a study of methods: which method, how many shifted levels, the episodes of its agents and what they cost.

Reads recorded rows or a study folder. Read next: `agents.py`, a row per agent; `cells.py`, a row per point and measure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ...config.schema import ExperimentConfig
from ...measurement.progress_columns import RETURN, SPENT
from ...measurement.study_curves import parameter
from ...system.atomic_files import read_limited
from ..design.plan import MAIN, Point, StudyPlan
from ..folder.folder import EPISODES, StudyFolder
from ..results.recorded_rows import RecordedRows, as_played, read_rows
from ..workers.job import MEASURES

STUDIES = ("methods-l0", "methods-l1", "methods-labelled", "methods-corner")
CLASSES = {"methods-l0": "L0", "methods-l1": "L1", "methods-corner": "L1", "methods-labelled": "L3"}
UNLABELLED = "diverse-heads"  # the arm of class L2 in the study of labels
PLAIN = "plain"  # the main runs of every study of methods
SECOND_SHIFT = {"CoinRun": "left", "Corner": "opposite"}  # conditions on which nothing was tuned
CONTROLS = ("all-levels", "salient", "blind", "PLR-shuffled")  # of class L1; they take no part in comparisons
ALPHA, LABELS = "env.condition", "method.labels"
SYMBOLS = {"methods-l1": "α", "methods-corner": "α", "methods-labelled": "k"}  # of the parameter
# The parameter at which boards show all measures.
FULL = {"methods-l0": 0.0, "methods-l1": 0.01, "methods-corner": 0.003, "methods-labelled": 30.0}
ONE_LABEL = 1.0  # the same for class L2
PLANNED = {
    "study": pl.String(),
    "method": pl.String(),
    "parameter": pl.Float64(),
    "seed": pl.Int64(),
    "run": pl.String(),
}
MAX_FILE = 1 << 28


@dataclass(frozen=True)
class MethodPoint:
    """One method at one α or number of labels. parameter: that number; 0 in a study without one.

    runs: the finished runs by training seed; planned: number of runs. episodes: of the finished runs, by run, with one agent label.
    spent: by run, what the agent cost, by the names of `SPENT`, `steps` and `cpu`; verdicts: the labels of the single agents, by run.
    budget: the budgets that differ from those of the study's main runs, such as `100 labels`; empty: none.
    """

    study: str
    world: str
    label_class: str
    method: str
    parameter: float
    config: ExperimentConfig
    runs: Mapping[int, str]
    planned: int
    episodes: pl.DataFrame
    spent: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)
    budget: str = ""


def points_of(
    plan: StudyPlan,
    known: RecordedRows,
    label_class: str | None = None,
    usual: ExperimentConfig | None = None,
) -> Iterator[MethodPoint]:
    """Points of a study, with the recorded runs of each. Points without a finished run have empty episodes.

    usual: a config with the budgets that need no mark; default: that of the study's main runs.
    """
    usual = usual or main_config(plan)
    for point in plan.points:
        runs = {seed: run for seed, run in point.runs if run in known.episodes}
        config = plan.runs[point.runs[0][1]]
        method = _method(point)
        parts = [as_played(known.episodes[run], plan.study.conditions) for run in runs.values()]
        measures = {run: json.loads(known.measures[run]) for run in runs.values()}
        given = label_class or CLASSES.get(plan.study.name, "L1")
        yield MethodPoint(
            plan.study.name,
            config.world,
            "L2" if method == UNLABELLED else given,
            method,
            _parameter(point, config),
            config,
            runs,
            len(point.runs),
            pl.concat(parts).with_columns(agent=pl.lit(point.name)) if parts else pl.DataFrame(),
            {run: _spent(rows, known.times.get(run)) for run, rows in measures.items()},
            {run: _verdict(rows) for run, rows in measures.items()},
            other_budget(config, usual, given),
        )


def main_config(plan: StudyPlan) -> ExperimentConfig:
    """The config of a study's first main run."""
    return plan.runs[plan.points[0].runs[0][1]]


def other_budget(config: ExperimentConfig, usual: ExperimentConfig, label_class: str) -> str:
    """The budgets of a config that differ from the usual ones, such as `5,038,080 steps`; empty if none does.

    In class L0 and L1, labels are another budget; in L3 their number is the parameter.
    """
    words = [f"{config.step_budget:,} steps"] if config.step_budget != usual.step_budget else []
    if config.method is not None and config.method.labels and label_class in ("L0", "L1"):
        words.append(f"{config.method.labels:,} label{'s' * (config.method.labels > 1)}")
    return ", ".join(words)


def planned_of(plan: StudyPlan) -> pl.DataFrame:
    """All agents that a study plans, with the columns of `PLANNED`."""
    rows = [
        (plan.study.name, _method(point), _parameter(point, plan.runs[run]), seed, run)
        for point in plan.points
        for seed, run in point.runs
    ]
    return pl.DataFrame(rows, schema=PLANNED, orient="row")


def _method(point: Point) -> str:
    return PLAIN if point.arm == MAIN else point.arm


def recorded(path: Path) -> RecordedRows:
    """Recorded rows of a file, or of a study folder. Raises RunError, EpisodesError."""
    if not path.is_dir():
        return read_rows(path)
    from ...measurement.episodes import read_episodes

    folder = StudyFolder.open(path)
    runs = sorted(folder.finished())
    times = {run: folder.times(run) for run in runs}
    return RecordedRows(
        {run: read_limited(folder.run(run) / MEASURES, MAX_FILE).decode() for run in runs},
        {run: read_episodes(folder.run(run) / EPISODES, follow=False) for run in runs},
        times={run: {"cpu": run_times.cpu} for run, run_times in times.items() if run_times is not None},
    )


def _parameter(point: Point, config: ExperimentConfig) -> float:
    if LABELS in point.values:
        return float(point.values[LABELS])
    if ALPHA in point.values:
        return parameter(point.values[ALPHA])
    return float(config.method.labels) if config.method is not None else 0.0


def _spent(rows: list[dict[str, Any]], times: Mapping[str, float] | None) -> dict[str, float]:
    last = {row["measure"]: row for row in rows if row["step"] is not None}
    costs = {name: float(last[name]["value"]) for name in SPENT if name in last}
    steps = [row["step"] for name, row in last.items() if name in (RETURN, *SPENT)]
    if steps:
        costs["steps"] = float(max(steps))
    if times is not None and "cpu" in times:
        costs["cpu"] = float(times["cpu"])
    return costs


def _verdict(rows: list[dict[str, Any]]) -> str:
    return next((str(row["words"]) for row in rows if row["measure"] == "verdict"), "not judged")
