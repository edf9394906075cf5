"""Read the episodes of many finished runs, many files at a time: thousands of small tables in seconds.

If anything is wrong with a bundle of files, they are read again one by one, so that validation and error messages are the
same as for a single run. Read next: `summary.py`; `experiments/measurement/episodes.py`, which reads one table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from goalposts.process.budget import OverBudget, reading_budget

from ...measurement.episodes import (
    FEW_ROWS,
    MAX_BYTES,
    MAX_ROWS,
    READABLE,
    VERSION_KEY,
    EpisodesError,
    read_episodes,
    validate,
)
from ...system.atomic_files import RunError, read_limited
from ...system.parquet import Unreadable, read_parquets

FILES, BYTES = 500, 1 << 23  # limits of a bundle; a single file may be larger
LARGE = 1 << 18  # bytes from which a file is read by itself


def read_episodes_of(paths: Mapping[str, Path]) -> dict[str, pl.DataFrame]:
    """Read episodes tables, by run id. Raises EpisodesError or RunError, as `read_episodes`."""
    tables: dict[str, pl.DataFrame] = {}
    for bundle in _bundles(paths):
        together = _together(bundle) if len(bundle) > 1 else None
        tables |= together or {run: read_episodes(path, follow=False) for run, path in bundle.items()}
    return tables


def _bundles(paths: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    bundle: dict[str, Path] = {}
    size = 0
    for run, path in paths.items():
        own = path.stat().st_size if path.is_file() else LARGE
        if bundle and (len(bundle) == FILES or size + own > BYTES or own >= LARGE):
            yield bundle
            bundle, size = {}, 0
        bundle[run] = path
        size += own
        if own >= LARGE:
            yield bundle
            bundle, size = {}, 0
    if bundle:
        yield bundle


def _together(bundle: Mapping[str, Path]) -> dict[str, pl.DataFrame] | None:
    """Read the tables of a bundle; None if they cannot be read together, or if one is not of exactly its own run."""
    try:
        contents = [read_limited(path, MAX_BYTES) for path in bundle.values()]
        most = sum(min(MAX_ROWS, FEW_ROWS + len(content)) for content in contents)
        parquet = read_parquets(
            contents, min(MAX_ROWS, most), (VERSION_KEY,), f"{len(contents)} tables of episodes"
        )
        if parquet.metadata.get(VERSION_KEY) not in READABLE or parquet.table is None:
            return None
        table = validate(parquet.table)
    except (Unreadable, EpisodesError, RunError, OverBudget):
        return None
    runs = table["run"].rle().struct.unnest()
    if runs["value"].to_list() != list(bundle):
        return None
    ends, a_row = runs["len"].cum_sum().to_list(), parquet.size / max(table.height, 1)
    return {
        run: reading_budget().hold(table.slice(end - length, length), a_row * length, bundle[run])
        for run, length, end in zip(bundle, runs["len"].to_list(), ends, strict=True)
    }
