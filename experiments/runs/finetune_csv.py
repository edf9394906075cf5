"""`finetune.csv` in a run's folder: what the fine-tuning test left, one row per episode.

Reads and writes the table; neither torch nor an agent is needed. Read next: `experiments/measurement/relearning.py`, which makes the
recovery curve of it, and `experiments/training/finetune.py`, which fills it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ...envs.worlds.contract.sources import shown_command
from ..config.schema import ExperimentConfig
from ..measurement.relearning import ARMS, SCHEMA, Recovery, recovery
from ..system.atomic_files import RunError, read_limited
from ..system.parquet import Unreadable, read_csv
from .run import Run

FILE = "finetune.csv"
# Of files that hold sampled episodes only, written before greedy ones were played.
SAMPLED_ONLY = {name: dtype for name, dtype in SCHEMA.items() if name != "sampled"}
MAX_BYTES, MAX_ROWS = 1 << 28, 5_000_000


def read_finetuned(run: Run) -> pl.DataFrame | None:
    """The run's table, or None if it was not fine-tuned. Raises RunError if it is damaged."""
    path = run.path / FILE
    if not path.exists():
        return None
    return parse_table(read_limited(path, MAX_BYTES), path)


def parse_table(content: bytes, path: Path) -> pl.DataFrame:
    """A table from the bytes of a file; one without the column `sampled` holds sampled episodes. Raises RunError."""
    sampled_only = content.startswith(",".join(SAMPLED_ONLY).encode())
    schema = SAMPLED_ONLY if sampled_only else SCHEMA
    try:
        table = read_csv(content, MAX_ROWS, schema, exact=True, what=path)
        if sampled_only:
            table = table.with_columns(sampled=True).select(list(SCHEMA))
        known = pl.col("arm").is_in(ARMS) & pl.col("steps").ge(0) & pl.all_horizontal(pl.all().is_not_null())
        if not table.height or not table.select(known.all()).item():
            raise ValueError("a row that is none")
    except (pl.exceptions.PolarsError, Unreadable, ValueError, OverflowError) as error:
        raise RunError(
            f"{path} is damaged. Remove it, then run: {shown_command('finetune', path.parent)}"
        ) from error
    return table


def as_csv(table: pl.DataFrame) -> bytes:
    """The bytes of the file."""
    return table.select(list(SCHEMA)).write_csv().encode()


def recoveries(items: Sequence[tuple[ExperimentConfig, pl.DataFrame]]) -> list[tuple[str, Recovery]]:
    """The recovery curve of each config, by its name; runs that differ in the seed alone are put together."""
    groups: dict[str, list[tuple[ExperimentConfig, pl.DataFrame]]] = {}
    for config, table in items:
        groups.setdefault(config.override(["seed=0"]).hash(), []).append((config, table))
    return [
        (group[0][0].name, recovery([table for _, table in group], group[0][0].verdict.capability_shift))
        for group in groups.values()
    ]
