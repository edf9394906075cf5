"""Write the agents' table, the scores, the figures, the page, the data card and the calibration of the foresight study.

    python -m goalposts.experiments.analyses.foresight docs/results/foresight.csv --rows docs/results/rows
    python -m goalposts.experiments.analyses.foresight docs/results/foresight.csv --table docs/results/foresight-agents.parquet

The first command makes the table from recorded rows; the second reads it, and needs nothing else. --calibration also writes the file that
`goalposts foresee` and `goalposts diagnose` forecast from. Read next: `agents.py`, `page.py`.
"""

from __future__ import annotations

import hashlib
import io
import math
import sys
from dataclasses import asdict
from pathlib import Path

import polars as pl

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program

from ...foresight.comparison import SHUFFLES, PredictorComparison, compare, conclude
from ...foresight.forecast import Calibration
from ...study.design.plan import plan_study
from ...study.results.page_header import front_matter, golden_of
from ...system.atomic_files import RunError, check_parent, write_atomic
from .agents import STUDIES, agents_of
from .data_card import data_card
from .figure import forest
from .greedy import greedy_lines
from .page import MAIN, OPENING, page, title_of
from .scripted import scripted_lines

TABLE = "foresight-agents.parquet"


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.foresight", __doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--rows", type=Path, help="the folder of recorded rows")
    source.add_argument("--table", type=Path, help="a table of agents that was written before")
    parser.add_argument("--calibration", type=Path, help="also write the calibration to this file")
    parser.add_argument("--shuffles", type=int, default=SHUFFLES, help="shuffled targets of the null")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    agents = agents_of(given.rows) if given.table is None else pl.read_parquet(given.table)
    if not agents.height:
        raise RunError(
            f"{given.rows or given.table} holds no agents of {', '.join(STUDIES)}; record some with: goalposts study run foresight "
            "--rows ROWS/foresight.parquet"
        )
    comparison = compare(agents, MAIN, given.shuffles)
    calibration = Calibration.of(agents, comparison, conclude(comparison), agents["plan_sha256"][0] or "")
    _write(given.out, agents, comparison, calibration)
    if given.calibration is not None:
        write_atomic(given.calibration, calibration.to_json().encode())


def _write(
    out: Path, agents: pl.DataFrame, comparison: PredictorComparison, calibration: Calibration
) -> None:
    figures = [
        forest(
            comparison, world, OPENING[conclude(comparison)] if world == MAIN else title_of(comparison, world)
        )
        for world in dict.fromkeys(score.world for score in comparison.scores)
    ]
    buffer = io.BytesIO()
    agents.write_parquet(buffer, compression="zstd", compression_level=19)
    table = buffer.getvalue()
    golden, worlds = golden_of(out.parent), agents["world"].unique(maintain_order=True).to_list()
    header = front_matter(
        f"docs/results/regenerate.sh 10 11 (or, from recorded rows: python -m goalposts.experiments.analyses.foresight {out} --rows "
        "docs/results/rows)",
        f"{agents.height} agents, each with its own training seed within its world",
        [f"studies/{name}" for name in agents["study"].unique(maintain_order=True)],
        {world: golden[world] for world in worlds if world in golden},
    )
    greedy = greedy_lines(agents, MAIN)
    body = page(comparison, figures, scripted_lines(calibration), agents.height, caveats_of(agents), greedy)
    write_atomic(out.with_name(TABLE), table)
    write_atomic(out, _csv(comparison).encode())
    for figure in figures:
        write_atomic(out.with_name(f"{figure.name}.svg"), figure.svg())
        write_atomic(out.with_name(f"{figure.name}.png"), figure.png())
    card = data_card(agents, TABLE, hashlib.sha256(table).hexdigest(), len(table))
    write_atomic(out.with_name("foresight-data.md"), (header + card).encode())
    write_atomic(out.with_suffix(".md"), (header + body).encode())


def caveats_of(agents: pl.DataFrame) -> list[str]:
    """Sentences on planned agents that are missing, and on agents that were not trained under the plan of today."""
    plans = [plan_study(name) for name in STUDIES]
    planned = {run for plan in plans for run in plan.runs}
    present = len(planned & set(agents["run"]))
    caveats = []
    if present < len(planned):
        caveats.append(
            f"**Incomplete.** {present} of {len(planned)} planned agents are in the table, so this page is not the study's conclusion."
        )
    if agents.height > present:
        caveats.append(f"{agents.height - present} agents are none of the plan's.")
    known = {plan.study.plan.sha256 for plan in plans if plan.study.plan is not None}
    others = agents.filter(~pl.col("plan_sha256").is_in(known).fill_null(value=False)).height
    if others:
        caveats.append(f"{others} agents record another plan, or none.")
    return caveats


def _csv(comparison: PredictorComparison) -> str:
    """One row per world and predictor, with every score, interval and p."""
    rows = []
    for score in comparison.scores:
        row = asdict(score)
        corrected = {"pooled_p_holm": row.pop("pooled_p"), "within_p_holm": row.pop("within_p")}
        for name in ("auroc", "pooled", "within"):
            row |= {
                f"{name}_{key}" if key != "value" else name: value for key, value in row.pop(name).items()
            }
        row |= corrected
        rows.append({key: None if isinstance(v, float) and math.isnan(v) else v for key, v in row.items()})
    return pl.DataFrame(rows, infer_schema_length=None).write_csv(float_precision=4)


if __name__ == "__main__":
    sys.exit(main())
