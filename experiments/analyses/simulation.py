"""Command line of the analyses that simulate: a table and the page that shows it. Read next: `interval_coverage.py`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import polars as pl

from ..system.atomic_files import write_atomic


def run_simulation(
    name: str,
    description: str | None,
    measure: Callable[[int], pl.DataFrame],
    page: Callable[[pl.DataFrame], str],
    repetitions: int,
    arguments: list[str] | None,
) -> int:
    """Measure, and write the table as CSV and the page next to it as Markdown; returns the exit code.

    repetitions: simulations per cell, if `--repetitions` does not say otherwise.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m goalposts.experiments.analyses.{name}", description=description
    )
    parser.add_argument("out", type=Path, help="a .csv file")
    parser.add_argument("--repetitions", type=int, default=repetitions)
    given = parser.parse_args(arguments)
    table = measure(given.repetitions)
    write_atomic(given.out, table.write_csv(float_precision=4).encode())
    write_atomic(given.out.with_suffix(".md"), page(table).encode())
    return 0
