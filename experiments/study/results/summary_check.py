"""Validate the numbers of a study that are read from untrusted files.

`read_measures` reads a worker's measures of one run; `check` compares a whole table with the plan of its study. Validated
tables can be drawn and described without further checks. Read next: `summary.py`, which uses both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import ConfigDict, FailFast, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from goalposts.process.budget import reading_budget

from ...config.fields import LARGEST, LARGEST_COUNT, Whole
from ...measurement.metrics import METRICS
from ...measurement.progress_columns import EVAL, current_column
from ...measurement.rates import OUTCOMES
from ...measurement.verdict.rules import LABELS
from ...system.atomic_files import RunError, read_limited
from ..design.measures import (
    BEHAVIOUR,
    DECIDING,
    DID,
    DISTANCE,
    FORESIGHT,
    GREEDY,
    LOGGED,
    LOOPED,
    PLAN,
    RELOCATION,
    Row,
)
from ..design.plan import StudyPlan

MAX_MEASURES = 1 << 26  # bytes
A_VALUE = 200  # memory of a JSON value during validation, in bytes
LONGEST = 2_000  # characters of a name or a warning

_Real = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
_Text = Annotated[str, StringConstraints(max_length=LONGEST)]


@dataclass(config=ConfigDict(extra="forbid", strict=True))
class _Measure:
    measure: _Text
    condition: _Text | None
    step: Whole | None
    value: _Real | None
    low: _Real | None
    high: _Real | None
    n: Whole | None
    seeds: Whole | None
    kept: _Real | None
    words: _Text | None


_MEASURES = TypeAdapter(Annotated[list[_Measure], FailFast()])


def read_measures(path: Path, remedy: str) -> list[Row]:
    """Read the rows of one run and check their names and types. Raises RunError with the remedy."""
    content, budget = read_limited(path, MAX_MEASURES), reading_budget()
    values = sum(map(content.count, (b"[", b"{", b",", b":")))
    budget.claim(A_VALUE * values + 2 * len(content), path)
    try:
        rows = [vars(row) for row in _MEASURES.validate_json(content)]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        at = f" at {place[:80]}" if place else ""
        raise RunError(f"{path} is damaged{at}: {first['msg'][:200]}. {remedy}") from None
    return [row | {"measure": current_column(row["measure"])} for row in rows]


def check(table: pl.DataFrame, plan: StudyPlan, path: Path, remedy: str) -> pl.DataFrame:
    """Return the table if it is a possible result of this plan's runs. Raises RunError with `path` and the remedy."""
    if not table.height:
        raise RunError(f"{path} holds no numbers. {remedy}")
    if missing := [key for key in plan.keys if key not in table.columns]:
        raise RunError(f"{path} has no column {missing[0]}, a key of the study's grid. {remedy}")
    for wrong, words in (*_numbers(table), *_names(table, plan)):
        rows = table.filter(wrong.fill_null(value=False)).head(1)
        if rows.height:
            row = rows.row(0, named=True)
            of = f"run {row['run']}" if row["run"] is not None else f"point {row['point']}"
            raise RunError(f"{path} is damaged: {words} ({of}, {row['measure']})"[:LONGEST] + f". {remedy}")
    _whole(table, path, remedy)
    return table


def _spans() -> dict[str, tuple[float, float]]:
    """Map every measure that is an estimate to its range of values."""
    spans = {metric.key: metric.span for metric in METRICS}
    greedy = {f"{GREEDY}{key}": span for key, span in spans.items()}
    shares = [*OUTCOMES, *(f"{GREEDY}{name}" for name in (*OUTCOMES, LOOPED))]
    return spans | greedy | dict.fromkeys(shares, (0.0, 1.0)) | {RELOCATION: (-1.0, 1.0)}


def _numbers(table: pl.DataFrame) -> list[tuple[pl.Expr, str]]:
    value, low, high = pl.col("value"), pl.col("low"), pl.col("high")
    spans = _spans()
    estimated = pl.col("measure").is_in(list(spans))
    least, most = (
        pl.col("measure").replace_strict({name: span[end] for name, span in spans.items()}, default=None)
        for end in (0, 1)
    )
    probe = pl.col("measure").str.starts_with(EVAL) & ~pl.col("measure").str.ends_with("/levels")
    faults = [
        (
            ~pl.col(name).is_finite() | (pl.col(name).abs() > LARGEST),
            f"{name} is not a number of any study's size",
        )
        for name in ("value", "low", "high", "kept")
    ]
    faults += [
        (~pl.col(name).is_between(0, LARGEST_COUNT), f"{name} is not a number of any study's size")
        for name in ("seed", "step", "n", "seeds")
    ]
    faults += [
        (pl.col(name).str.len_chars() > LONGEST, f"{name} is longer than {LONGEST:,} characters")
        for name in table.columns
        if table.schema[name] == pl.String
    ]
    for column in (value, low, high):
        faults.append(
            ((column < least - 1e-9) | (column > most + 1e-9), "a fraction is less than 0 or more than 1")
        )
    faults += [
        (probe & ~value.is_between(0, 1), "a fraction is less than 0 or more than 1"),
        (pl.col("measure").str.starts_with(EVAL) & (value < 0), "a number of levels is negative"),
        (pl.col("step").is_not_null() & value.is_null(), "there is a step without a value"),
        (low.is_null() != high.is_null(), "an interval has only one end"),
        (low > high, "an interval ends before it begins"),
        (
            value.is_not_null() & low.is_null() & estimated,
            "a value has no interval",
        ),
    ]
    return faults


def _names(table: pl.DataFrame, plan: StudyPlan) -> list[tuple[pl.Expr, str]]:
    measure, seed, run = pl.col("measure"), pl.col("seed"), pl.col("run")
    known = measure.is_in(
        [*_spans(), *LOGGED, "verdict", f"{GREEDY}verdict", "leaked", "outlier", BEHAVIOUR, DECIDING, PLAN]
    )
    known |= measure.str.contains(rf"^({DID}[\w ]{{1,80}}|({DISTANCE}|{FORESIGHT})\w{{1,40}})$")
    probe = measure.str.contains(rf"^{EVAL}[^/]{{1,200}}/\w{{1,40}}$")
    whose = [
        f"{point.name}\t{run_id}\t{number}" for point in plan.points for number, run_id in point.runs
    ]  # names, ids and seeds hold no tab
    points = {
        point.name: "\t".join([point.arm, *(point.values.get(key, "") for key in plan.keys)])
        for point in plan.points
    }
    where = pl.concat_str([pl.col("arm"), *(pl.col(key).fill_null("") for key in plan.keys)], separator="\t")
    planned = pl.col("point").replace_strict(points, default=None, return_dtype=pl.String)
    verdict = measure.is_in(["verdict", f"{GREEDY}verdict"])
    return [
        (
            measure.is_null() | pl.col("point").is_null() | pl.col("arm").is_null(),
            "a row has no arm, point or measure",
        ),
        (~(known | probe), "there is no such measure"),
        (planned.is_null() | (planned != where), "the study has no such point"),
        (
            run.is_not_null()
            & ~pl.concat_str("point", "run", "seed", separator="\t").is_in(whose).fill_null(value=False),
            "the study has no such run",
        ),
        (seed.is_not_null() & run.is_null() & (measure != "outlier"), "a seed without its run"),
        (
            (measure == "outlier") & (seed.is_null() | pl.col("words").is_null()),
            "an outlier without its seed",
        ),
        (~pl.col("condition").is_in(list(plan.study.conditions)), "the study has no such condition"),
        (
            measure.is_in(list(_spans())) & pl.col("value").is_not_null() & pl.col("condition").is_null(),
            "a value of no condition",
        ),
        (verdict & ~pl.col("words").is_in(LABELS).fill_null(value=False), "there is no such verdict"),
        (verdict & pl.col("seeds").is_null(), "a verdict on no seeds"),
        (
            (measure == "leaked") & (pl.col("value").is_null() | (pl.col("value") < 0)),
            "the count of levels that were trained on is missing",
        ),
    ]


def _whole(table: pl.DataFrame, path: Path, remedy: str) -> None:
    """Check that every run and every point in the table has a verdict, and that no row occurs twice. Raises RunError."""
    same = ["point", "seed", "run", "measure", "condition", "step"]
    twice = table.filter(table.select(same).is_duplicated())
    if twice.height:
        row = twice.row(0, named=True)
        raise RunError(
            f"{path} is damaged: {row['measure']} of {row['run'] or row['point']} occurs twice. {remedy}"
        )
    judged = table.filter(pl.col("measure") == "verdict")
    alone = pl.col("run").is_not_null()
    for what, rows, have in (
        ("run", table.filter(alone), judged.filter(alone)),
        ("point", table, judged.filter(~alone)),
    ):
        names = sorted({"point", what})
        lost = rows.select(names).unique().join(have, on=names, how="anti").sort(names)
        if lost.height:
            raise RunError(f"{path} is damaged: {what} {lost[what][0]} has no verdict. {remedy}")
