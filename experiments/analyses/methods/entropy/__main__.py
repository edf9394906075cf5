"""Write the page, the figure and the table of the study of equal entropy bonuses.

    python -m goalposts.experiments.analyses.methods.entropy docs/results/methods-entropy.csv --rows docs/results/rows

reads the recorded rows of `methods-entropy`, `methods-l1` and `methods-why`. docs/results/methods-entropy-plan.md is the plan. Read next:
`page.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program

from ....study.design.plan import plan_study
from ....study.results.page_header import front_matter, golden_of
from ....system.atomic_files import check_parent, write_atomic
from ..comparison.bonus import STUDY
from ..comparison.page_parts import save_figures
from .page import draw, page
from .predictions import SOURCES, judged, read_agents


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.methods.entropy", __doc__)
    parser.add_argument("--rows", type=Path, required=True, help="the folder of recorded rows")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    agents = read_agents(given.rows)
    write_atomic(given.out, agents.write_csv(float_precision=5).encode())
    figure = draw(agents)
    save_figures(given.out, [figure] if figure is not None else [])
    sizes = agents.group_by("method", "parameter").len()["len"].unique().sort(descending=True).to_list()
    header = front_matter(
        f"python -m goalposts.experiments.analyses.methods.entropy {given.out} --rows {given.rows}",
        f"{agents.height} agents, {' or '.join(map(str, sizes))} training seeds per point",
        [f"studies/{name}" for name in SOURCES],
        {"CoinRun": golden_of(given.out.parent)["CoinRun"]},
    )
    text = page(agents, judged(agents), figure, len(plan_study(STUDY).runs))
    write_atomic(given.out.with_suffix(".md"), (header + text).encode())


if __name__ == "__main__":
    sys.exit(main())
