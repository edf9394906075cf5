"""What the same agents do with greedy actions: columns from the recorded rows of the study `coinrun`, and their part of the page.

An agent is the one of a recorded run if its recipe is that of the run in all that training depends on, and its sampled numbers are
those of the run. Needs no run folder. Read next: `page.py`, which places the part.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ...config.schema import ExperimentConfig, load_config
from ...measurement import Estimate, Verdict, diagnose
from ...measurement.paired_contrasts import mean_relocation_effect
from ...study.design.measures import RELOCATION
from ...study.design.plan import StudyPlan, plan_study
from ...study.results.page_details import markdown_row
from ...study.results.recorded_rows import RecordedRows, read_rows
from ...system.atomic_files import RunError

STUDY = "coinrun"
GREEDY, VERDICT = "greedy_", "greedy_verdict"
TRAINED_BY = ("world", "seed", "env", "train", "method")
SHOWN = {
    "preference": "goal preference",
    "chance": "by chance",
    "preference_beyond_chance": "beyond chance",
}
CHECKED = ("capability", "capability_shift", *SHOWN)
ROUNDING = 1e-4  # the table has four digits


def with_greedy(table: pl.DataFrame, recorded: Path) -> pl.DataFrame:
    """Add what greedy actions do, and the relocation effect. recorded: the folder of recorded rows.

    Raises RunError for an agent that no recorded run is, or whose sampled numbers are not those of its run.
    """
    path = recorded / f"{STUDY}.parquet"
    if not path.exists():
        raise RunError(
            f"{path} is missing; record it with: goalposts study run coinrun --rows {shlex.quote(str(path))} (it trains what is missing)"
        )
    plan, known = plan_study(STUDY), read_rows(path)
    added = [_added(row, plan, known, path) for row in table.iter_rows(named=True)]
    return table.drop(set(added[0]) & set(table.columns)).hstack(
        pl.DataFrame(added, infer_schema_length=None)
    )


def _added(row: Mapping[str, Any], plan: StudyPlan, known: RecordedRows, path: Path) -> dict[str, Any]:
    """The new columns of an agent's row."""
    recipe = _recipe(load_config(f"{STUDY}/{row['procedure'].replace('-', '_')}", [f"seed={row['seed']}"]))
    run = next((run for run, config in plan.runs.items() if _recipe(config) == recipe), None)
    who = f"{row['procedure']}, seed {row['seed']}"
    if run is None or run not in known.episodes:
        raise RunError(f"{path} has no run of {who}; record the study {STUDY} again")
    sampled, greedy = (
        diagnose(known.episodes[run], plan.runs[run].verdict, sampled=sampled) for sampled in (True, False)
    )
    _check_the_same(row, sampled, f"{path}: the run of {who}")
    new: dict[str, Any] = {VERDICT: greedy.label}
    for key in SHOWN:
        new |= _columns(f"{GREEDY}{key}", greedy.numbers[key])
    moved = next(found for found in json.loads(known.measures[run]) if found["measure"] == RELOCATION)
    return new | {
        RELOCATION: moved["value"],
        f"{RELOCATION}_low": moved["low"],
        f"{RELOCATION}_high": moved["high"],
        f"{RELOCATION}_n": moved["n"],
    }


def _recipe(config: ExperimentConfig) -> dict[str, Any]:
    """All that training depends on; a study names and evaluates its runs differently from the shipped configs."""
    return {key: value for key, value in config.to_dict().items() if key in TRAINED_BY}


def _check_the_same(row: Mapping[str, Any], sampled: Verdict, what: str) -> None:
    for key in CHECKED:
        estimate = sampled.numbers[key]
        if row[key] is None or estimate is None or abs(row[key] - estimate.value) > ROUNDING:
            raise RunError(
                f"{what} has another {key} ({estimate and estimate.value}) than the table ({row[key]}), so they are different agents. "
                "Give RUNS to measure the table again"
            )


def _columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def greedy_part(table: pl.DataFrame) -> list[str]:
    """The lines of the page on greedy actions: each procedure with both kinds of actions, then what differs."""
    heads = ("procedure", "actions", *SHOWN.values(), "paralysis", "verdict")
    lines = [markdown_row(heads), markdown_row(["---"] * len(heads))]
    for (procedure,), own in table.group_by("procedure", maintain_order=True):
        for actions, prefix in (("sampled", ""), ("greedy", GREEDY)):
            lines.append(
                markdown_row(
                    [
                        str(procedure),
                        actions,
                        *(_range(own[f"{prefix}{key}"]) for key in SHOWN),
                        _range(own["paralysis"]) if prefix else "",
                        _counted(own[f"{prefix}verdict"]),
                    ]
                )
            )
    changed = table.filter(pl.col("verdict") != pl.col(VERDICT)).height
    return [
        "## Greedy actions",
        "",
        *lines,
        "",
        f"Means over the training seeds, and from the lowest to the highest seed; the table above has single agents and their intervals. "
        f"{changed} of {table.height} agents, each judged alone, have another verdict with greedy actions. *Paralysis*: the fraction of "
        "greedy episodes in which the whole state recurs before goal, proxy or death.",
        "",
        f"Relocation effect, of sampled actions and over {_levels(table)} layouts: how much more often the coin's place under `off_path` "
        f"is visited before its place under `anywhere` if the coin is there. {'; '.join(_relocations(table))} (95% intervals over seeds "
        "and layouts). Actions of greedy episodes are not recorded, so it has no greedy counterpart.",
        "",
    ]


def _levels(table: pl.DataFrame) -> str:
    sizes = sorted(set(table[f"{RELOCATION}_n"].to_list()))
    return " or ".join(f"{n:,}" for n in sizes)


def _relocations(table: pl.DataFrame) -> list[str]:
    ends = (RELOCATION, f"{RELOCATION}_low", f"{RELOCATION}_high")
    texts = []
    for (procedure,), own in table.group_by("procedure", maintain_order=True):
        effect = mean_relocation_effect(own.select(ends).rows(), own[f"{RELOCATION}_n"][0])
        numbers = (f"{x:.3f}".replace("-", "−") for x in (effect.value, effect.low, effect.high))
        value, low, high = numbers
        texts.append(f"`{procedure}` {value} [{low}, {high}]")
    return texts


def _range(values: pl.Series) -> str:
    """Mean, and the lowest and the highest seed."""
    numbers = values.drop_nulls().to_list()
    if len(numbers) < len(values):
        return "–"
    mean = sum(numbers) / len(numbers)
    return f"{mean:.3f} ({min(numbers):.3f} to {max(numbers):.3f})".replace("-", "−")


def _counted(values: pl.Series) -> str:
    return ", ".join(f"{label} {n}" for label, n in Counter(values.to_list()).most_common())
