"""The table of agents: config, predictors and outcomes, one row per agent, from the recorded rows of the foresight studies.

The predictors were computed in each run's own job, before any analysis. Read next: `page.py`; `experiments/foresight/comparison.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ....envs.worlds.registry import get_world
from ...config.schema import ExperimentConfig
from ...foresight.predictors import CHOICES, DISAGREEMENT, PREDICTORS
from ...measurement.rates import DISTINGUISHING, EITHER_FIRST, GOAL_FIRST
from ...study.design.measures import FORESIGHT, GREEDY, PLAN
from ...study.design.plan import MAIN, StudyPlan, plan_study
from ...study.results.recorded_rows import RecordedRows, read_rows
from .outcomes import OF_GREEDY, OUTCOMES, PREFIX, VERDICT, Z, columns_of, values_of

STUDIES = ("foresight", "foresight-corner", "foresight-beacon", "foresight-colourshape")
CONFIG: Mapping[str, type[pl.DataType]] = {
    "run": pl.String,
    "study": pl.String,
    "world": pl.String,
    "cell": pl.String,
    "axis": pl.String,
    "seed": pl.Int64,
    "condition": pl.String,
    "observation": pl.String,
    "total_steps": pl.Int64,
    "trunk": pl.String,
    "heads": pl.String,
    "plan_sha256": pl.String,
}


def schema() -> dict[str, type[pl.DataType]]:
    """Columns of the table, in order."""
    columns = dict(CONFIG) | {"verdict": pl.String}
    columns |= columns_of(OUTCOMES)
    columns |= dict.fromkeys(("target", "target_error", "target_even", "target_odd"), pl.Float64)
    columns |= {predictor.name: pl.Float64 for predictor in PREDICTORS}
    columns |= {DISAGREEMENT[0]: pl.Float64, CHOICES: pl.String, VERDICT: pl.String}
    return columns | columns_of(OF_GREEDY, PREFIX)


def agents_of(rows: Path, studies: Sequence[str] = STUDIES) -> pl.DataFrame:
    """One row per agent in the recorded rows of these studies. Raises RunError, EpisodesError."""
    records: list[dict[str, Any]] = []
    for study in studies:
        path = rows / f"{Path(study).stem}.parquet"
        if path.exists():
            records += _of_study(plan_study(study), read_rows(path))
    return with_disagreement(pl.DataFrame(records, schema=schema(), infer_schema_length=None))


def _of_study(plan: StudyPlan, recorded: RecordedRows) -> Iterator[dict[str, Any]]:
    for point in plan.points:
        for seed, run in point.runs:
            if run in recorded.measures:
                config = plan.runs[run]
                net = config.train.net
                row = {
                    "run": run,
                    "study": plan.study.name,
                    "world": config.world,
                    "cell": point.name,
                    "axis": "alpha" if point.arm == MAIN else point.arm.partition("-")[0],
                    "seed": seed,
                    "condition": config.env.condition,
                    "observation": config.env.observation,
                    "total_steps": config.train.total_steps,
                    "trunk": " ".join(map(str, net.trunk)),
                    "heads": " ".join(map(str, net.pi)),
                }
                yield row | _measured(recorded.measures[run]) | _halves(recorded.episodes[run], config)


def _measured(text: str) -> dict[str, Any]:
    """Outcomes and predictors from the measures of one run, as JSON."""
    known = {row["measure"]: row for row in json.loads(text) if row["step"] is None}
    record: dict[str, Any] = {"verdict": known["verdict"]["words"]}
    record |= values_of(known, OUTCOMES)
    record["target"] = record["preference_beyond_chance"]
    if record["target"] is not None:
        width = record["preference_beyond_chance_high"] - record["preference_beyond_chance_low"]
        record["target_error"] = width / (2 * Z)
    for predictor in PREDICTORS:
        record[predictor.name] = known.get(FORESIGHT + predictor.name, {}).get("value")
    record[CHOICES] = known.get(FORESIGHT + CHOICES, {}).get("words")
    record["plan_sha256"] = known.get(PLAN, {}).get("words")
    record[VERDICT] = known.get(f"{GREEDY}verdict", {}).get("words")
    return record | values_of(known, OF_GREEDY, PREFIX)


def _halves(episodes: pl.DataFrame, config: ExperimentConfig) -> dict[str, float | None]:
    """Goal preference on even and on odd levels of the usual shift."""
    shift = get_world(config.world).default_condition("shift")
    chosen = episodes.filter(
        pl.col("sampled") & (pl.col("condition") == shift) & DISTINGUISHING & EITHER_FIRST
    )
    halves = (chosen.filter(pl.col("level_index") % 2 == k) for k in (0, 1))
    names = ("target_even", "target_odd")
    return {name: part.select(GOAL_FIRST.mean()).item() for name, part in zip(names, halves, strict=True)}


def with_disagreement(agents: pl.DataFrame) -> pl.DataFrame:
    """Fill in how often the likeliest action on shifted states differs from that of another agent of the cell, mean over the others."""
    disagreements: dict[str, float | None] = {}
    for _, part in agents.group_by("world", "cell"):
        known = part.drop_nulls(CHOICES)
        if known.height < 2 or known[CHOICES].str.len_chars().n_unique() > 1:
            continue
        digits = np.array([list(text) for text in known[CHOICES]])
        same = (digits[:, None] == digits[None]).mean(axis=2)
        others = (same.sum(axis=1) - 1) / (len(digits) - 1)
        disagreements |= dict(zip(known["run"], (1 - others).tolist(), strict=True))
    values = [disagreements.get(run) for run in agents["run"]]
    return agents.with_columns(pl.Series(DISAGREEMENT[0], values, dtype=pl.Float64))
