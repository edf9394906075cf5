"""Write the agents, the cells, the figures and the page of the study of methods.

    python -m goalposts.experiments.analyses.methods docs/results/methods.csv --rows docs/results/rows

reads the recorded rows that are there, and the page says which are missing. Besides the page it writes one row per agent
(`methods-agents.parquet`). With `--board experiments/study/leaderboard/committed.csv` it also writes the cells that
`goalposts study methods` prints, with `--add` next to your method. Read next:
`comparison/page.py`, `experiments/study/leaderboard/cells.py`.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program

from ...report.figures.drawn import Drawn
from ...study.design.plan import plan_study
from ...study.leaderboard.agents import Copy, agents_of, distinct, without
from ...study.leaderboard.board import criticals_of, missing_of
from ...study.leaderboard.cells import cells_of
from ...study.leaderboard.points import STUDIES, MethodPoint, planned_of, points_of, recorded
from ...study.results.page_header import front_matter, golden_of
from ...system.atomic_files import RunError, check_parent, write_atomic
from .comparison.controls import L1, LABELS, control_cells, of
from .comparison.figures import effective_figure, relearning_figure
from .comparison.in_short import Others
from .comparison.page import ALGORITHMS, page
from .comparison.page_parts import save_figures
from .comparison.predictions import Findings, findings_of
from .entropy.page import cause_of, equal_of
from .finalists.page import on_new_seeds
from .why.predictions import why_of


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.methods", __doc__)
    parser.add_argument("--rows", type=Path, required=True, help="the folder of recorded rows")
    parser.add_argument("--board", type=Path, help="also write the cells to this file")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    points, planned = read_points(given.rows)
    everyone = agents_of(points)
    agents, copies = distinct(everyone)
    if not of(agents, STUDIES[0]).height and not agents.filter(pl.col("study") != ALGORITHMS).height:
        raise RunError(
            f"{given.rows} holds no rows of {', '.join(STUDIES)}; record some with: goalposts study run methods/l1 --rows "
            f"{given.rows / 'methods-l1.parquet'}"
        )
    left = {(copy.study, copy.method) for copy in copies}
    kept = [point for point in points if (point.study, point.method) not in left]
    cells = pl.concat([cells_of(kept, agents), criticals_of(agents)])
    buffer = io.BytesIO()
    everyone.write_parquet(buffer, compression="zstd", compression_level=19)
    write_atomic(given.out.with_name(f"{given.out.stem}-agents.parquet"), buffer.getvalue())
    write(given, agents, cells, without(planned, copies), copies)


def read_points(rows: Path) -> tuple[list[MethodPoint], pl.DataFrame]:
    """All points of the recorded studies, and all agents that the studies of methods plan. Raises RunError."""
    points: list[MethodPoint] = []
    planned: list[pl.DataFrame] = []
    for study in (*STUDIES, ALGORITHMS):
        plan, path = plan_study(study), rows / f"{study}.parquet"
        if study != ALGORITHMS:
            planned.append(planned_of(plan))
        if path.exists():
            points += points_of(plan, recorded(path), "L0" if study == ALGORITHMS else None)
    return points, pl.concat(planned)


def write(
    given: argparse.Namespace,
    agents: pl.DataFrame,
    cells: pl.DataFrame,
    planned: pl.DataFrame,
    copies: Sequence[Copy],
) -> None:
    """Write tables, figures and page next to `given.out`. All tables are without copies of methods."""
    own = agents.filter(pl.col("study") != ALGORITHMS)
    why = why_of(given.rows)
    others = Others(equal_of(given.rows), why.longer, on_new_seeds(given.rows))
    findings = findings_of(own, cells, planned, cause_of(given.rows) or why.cause)
    figures = figures_of(own, findings)
    golden = golden_of(given.out.parent)
    counts = own.group_by("study", "method", "parameter").len()["len"].sort()
    per_point = " or ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    header = front_matter(
        f"python -m goalposts.experiments.analyses.methods {given.out} --rows {given.rows}",
        f"{own.height} agents, {per_point} training seeds per point",
        [f"studies/{name}" for name in agents["study"].unique(maintain_order=True)],
        {world: golden[world] for world in own["world"].unique(maintain_order=True) if world in golden},
    )
    table = pl.concat([cells, control_cells(findings.controls)]).write_csv(float_precision=5).encode()
    for path in (given.out, *([given.board] if given.board else [])):
        write_atomic(path, table)
    save_figures(given.out, figures)
    text = page(own, cells, findings, missing_of(own, planned), figures, copies, others)
    write_atomic(given.out.with_suffix(".md"), (header + text).encode())


def figures_of(agents: pl.DataFrame, findings: Findings) -> list[Drawn]:
    """The figures of the page: none of a world that does not enter, nor of a class whose control fails."""
    drawn = []
    if findings.curve and not findings.stopped(L1):
        drawn.append(effective_figure(of(agents, L1), findings.curve, "CoinRun", "methods"))
    relearned = None if findings.stopped(LABELS) else relearning_figure(agents)
    return drawn if relearned is None else [*drawn, relearned]


if __name__ == "__main__":
    sys.exit(main())
