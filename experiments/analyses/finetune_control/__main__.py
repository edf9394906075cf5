"""The page of the fine-tuning test with its positive control, from runs that were fine-tuned.

    python -m goalposts.experiments.analyses.finetune_control docs/results/finetune.csv --edge RUN… --control RUN…

    python -m goalposts.experiments.analyses.finetune_control docs/results/finetune.csv

writes the page again from its table, without runs; the goal preferences, which the table does not hold, come from the page.

The control had the capability for certain: it was trained with the coin anywhere, then paid for the edge only, until it ran to the edge.
If it does not recover faster than a fresh net, slow recovery is no evidence of a missing capability.
Read next: `page.py`, which writes the page; docs/results/regenerate.sh, which trains the agents.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from goalposts.errors import UserError, tells_exit_code
from goalposts.process.command_line import table_program

from ...evaluation.evaluated_run import open_runs
from ...study.results.page_header import front_matter, golden_of
from ...system.atomic_files import check_parent, write_atomic
from .page import curve, curves_of, page, preference, preferences_of, rows_of


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.finetune_control", __doc__)
    parser.add_argument(
        "--edge",
        type=Path,
        nargs="+",
        help="fine-tuned runs, trained with the coin at the edge",
    )
    parser.add_argument("--control", type=Path, nargs="+", help="fine-tuned runs that had the capability")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    if bool(given.edge) != bool(given.control):
        raise UserError("give both --edge and --control, or neither to write the page again from its table")
    if given.edge:
        groups = {"edge": open_runs(given.edge), "control": open_runs(given.control)}
        curves = {name: curve(runs) for name, runs in groups.items()}
        preferences = {name: preference(runs) for name, runs in groups.items()}
        write_atomic(given.out, rows_of(curves).write_csv(float_precision=5).encode())
    else:
        curves = curves_of(pl.read_csv(given.out))
        preferences = preferences_of(given.out.with_suffix(".md").read_text(encoding="utf-8"))
    seeds = {name: group_curve.points[0].gain.seeds for name, group_curve in curves.items()}
    header = front_matter(
        "docs/results/regenerate.sh 9",
        f"{seeds['edge']} edge agents and {seeds['control']} controls",
        ["coinrun/edge", "coinrun/anywhere", "coinrun/proxy_anywhere"],
        {"CoinRun": golden_of(given.out.parent)["CoinRun"]},
    )
    text = page(curves, preferences, seeds["edge"])
    write_atomic(given.out.with_suffix(".md"), (header + text).encode())


if __name__ == "__main__":
    sys.exit(main())
