"""Write the table, the figure and the page of the paralysis study.

    python -m goalposts.experiments.analyses.paralysis docs/results/paralysis.csv --rows docs/results/rows
    python -m goalposts.experiments.analyses.paralysis docs/results/paralysis.csv --rows docs/results/rows --runs studies/paralysis/runs

The second command also tests the mechanism, with the agents in that folder at the α of the maximum, and writes `paralysis-mechanism.csv`,
which the first command reads if it is there. Read next: `numbers.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program

from ...study.results.page_header import front_matter, golden_of, with_missed
from ...system.atomic_files import RunError, check_parent, write_atomic
from .mechanism import mechanism_of
from .numbers import STUDIES, agents_of, settings_of
from .page import MAIN_SETTING, figure_of, page


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.paralysis", __doc__)
    parser.add_argument("--rows", type=Path, required=True, help="the folder of recorded rows")
    parser.add_argument("--runs", type=Path, help="the study's runs, to test the mechanism")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    agents = agents_of(given.rows)
    if not agents.height:
        raise RunError(
            f"{given.rows} holds no rows of {' or '.join(STUDIES)}; record some with: goalposts study paralysis --rows "
            f"{given.rows / 'paralysis.parquet'}"
        )
    settings = settings_of(agents)
    mechanism_file = given.out.with_name(f"{given.out.stem}-mechanism.csv")
    if given.runs is not None:
        peaks = [setting.peak for setting in settings if setting.name == MAIN_SETTING]
        table = mechanism_of(given.runs, peaks)
        if table.height:
            write_atomic(mechanism_file, table.write_csv(float_precision=4).encode())
        else:
            print(f"{given.runs} holds no agent of the unchanged recipe at the maximum", file=sys.stderr)
    mechanism = None
    if mechanism_file.exists():
        mechanism = pl.read_csv(mechanism_file, infer_schema=False).cast(pl.Float64)
    golden = golden_of(given.out.parent)
    fewest, most = min(min(s.seeds) for s in settings), max(max(s.seeds) for s in settings)
    counted = f"{agents.height} agents, {fewest} or {most} training seeds per point"
    header = front_matter(
        f"docs/results/regenerate.sh 3 4; python -m goalposts.experiments.analyses.paralysis {given.out} --rows {given.rows}",
        counted,
        [f"studies/{name}" for name in STUDIES],
        {world: golden[world] for world in ("CoinRun", "Corner") if world in golden},
    )
    figure = figure_of(settings)
    write_atomic(given.out, agents.write_csv(float_precision=5).encode())
    write_atomic(given.out.with_suffix(".svg"), figure.svg())
    write_atomic(given.out.with_suffix(".png"), figure.png())
    write_atomic(
        given.out.with_suffix(".md"),
        (header + with_missed(counted, page(agents, settings, mechanism))).encode(),
    )


if __name__ == "__main__":
    sys.exit(main())
