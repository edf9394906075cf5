"""Write the agents, the cells, the figures and the page of the study of methods.

    python -m goalposts.experiments.analyses.methods docs/results/methods.csv --rows docs/results/rows

reads the recorded rows that are there, and the page says which are missing. Besides the page it writes one row per agent
(`methods-agents.parquet`). With `--board experiments/study/leaderboard/committed.csv` it also writes the cells that
`goalposts study methods --add` shows next to your method. Read next: `page.py`, `experiments/study/leaderboard/cells.py`.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import polars as pl

from goalposts.errors import tells_exit_code

from ...report.figures.drawn import Drawn
from ...study.design.plan import plan_study
from ...study.leaderboard.agents import agents_of
from ...study.leaderboard.board import criticals_of, missing_of
from ...study.leaderboard.cells import cells_of
from ...study.leaderboard.points import STUDIES, MethodPoint, points_of, recorded
from ...study.results.page_header import front_matter, golden_of
from ...system.atomic_files import RunError, check_parent, write_atomic
from .figures import effective_figure, relearning_figure
from .page import ALGORITHMS, page
from .predictions import L1, curve_of, of


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m goalposts.experiments.analyses.methods",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, help="a .csv file, in a folder that exists")
    parser.add_argument("--rows", type=Path, required=True, help="the folder of recorded rows")
    parser.add_argument("--board", type=Path, help="also write the cells to this file")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    points, planned = read_points(given.rows)
    agents = agents_of(points)
    if not of(agents, STUDIES[0]).height and not agents.filter(pl.col("study") != ALGORITHMS).height:
        raise RunError(
            f"{given.rows} holds no rows of {', '.join(STUDIES)}; record some with: goalposts study run methods/l1 --rows "
            f"{given.rows / 'methods-l1.parquet'}"
        )
    cells = pl.concat([cells_of(points, agents), criticals_of(agents)])
    write(given, agents, cells, planned)


def read_points(rows: Path) -> tuple[list[MethodPoint], list[tuple[str, int]]]:
    """All points of the recorded studies, and the planned number of agents of each study of methods. Raises RunError."""
    points: list[MethodPoint] = []
    planned = []
    for study in (*STUDIES, ALGORITHMS):
        plan, path = plan_study(study), rows / f"{study}.parquet"
        if study != ALGORITHMS:
            planned.append((study, sum(len(point.runs) for point in plan.points)))
        if path.exists():
            points += points_of(plan, recorded(path), "L0" if study == ALGORITHMS else None)
    return points, planned


def write(
    given: argparse.Namespace, agents: pl.DataFrame, cells: pl.DataFrame, planned: list[tuple[str, int]]
) -> None:
    """Write all files of the page next to `given.out`."""
    own = agents.filter(pl.col("study") != ALGORITHMS)
    curve = curve_of(agents)
    figures = [] if not curve else [effective_figure(of(agents, L1), curve, "CoinRun", "methods")]
    relearned = relearning_figure(agents)
    figures += [] if relearned is None else [relearned]
    golden = golden_of(given.out.parent)
    counts = own.group_by("study", "method", "parameter").len()["len"]
    header = front_matter(
        f"python -m goalposts.experiments.analyses.methods {given.out} --rows {given.rows}",
        f"{own.height} agents, {counts.min()} or {counts.max()} training seeds per point",
        [f"studies/{name}" for name in agents["study"].unique(maintain_order=True)],
        {world: golden[world] for world in own["world"].unique(maintain_order=True) if world in golden},
    )
    buffer = io.BytesIO()
    agents.write_parquet(buffer, compression="zstd", compression_level=19)
    write_atomic(given.out.with_name(f"{given.out.stem}-agents.parquet"), buffer.getvalue())
    table = cells.write_csv(float_precision=5).encode()
    for path in (given.out, *([given.board] if given.board else [])):
        write_atomic(path, table)
    _save(given.out, figures)
    text = page(own, cells, missing_of(cells, planned), curve, figures)
    write_atomic(given.out.with_suffix(".md"), (header + text).encode())


def _save(out: Path, figures: list[Drawn]) -> None:
    for figure in figures:
        for suffix, content in ((".svg", figure.svg()), (".png", figure.png())):
            write_atomic(out.with_name(f"{figure.name}{suffix}"), content)


if __name__ == "__main__":
    sys.exit(main())
