"""Write the page and the tables of the study of why exact regret compares otherwise than published.

    python -m goalposts.experiments.analyses.methods.why docs/results/methods-why.csv --rows docs/results/rows

reads the recorded rows of `methods-why` and of `methods-l1`. docs/results/methods-why-plan.md is the plan. Read next:
`predictions.py`, `page.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program

from ....study.design.plan import plan_study
from ....study.results.page_header import front_matter, golden_of
from ....system.atomic_files import check_parent, write_atomic
from ..comparison.controls import L1
from ..comparison.page_parts import save_figures
from ..entropy.page import equal_of
from .figures import draw, draw_training
from .page import STUDY, page
from .predictions import judged, read_agents
from .shows import shows


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.methods.why", __doc__)
    parser.add_argument("--rows", type=Path, required=True, help="the folder of recorded rows")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    agents = read_agents(given.rows)
    write_atomic(given.out, agents.write_csv(float_precision=5).encode())
    figures = [figure for figure in (draw_training(agents), draw(agents)) if figure is not None]
    save_figures(given.out, figures)
    header = front_matter(
        f"python -m goalposts.experiments.analyses.methods.why {given.out} --rows {given.rows}",
        f"{agents.height} agents, {agents['seed'].n_unique()} training seeds",
        [f"studies/{STUDY}", f"studies/{L1}"],
        {"CoinRun": golden_of(given.out.parent)["CoinRun"]},
    )
    planned, equal = len(plan_study(STUDY).runs), equal_of(given.rows)
    later = f"{equal} [The experiment](methods-entropy.md)." if equal else ""
    text = page(agents, judged(agents), list(shows(agents)), figures, planned, later)
    write_atomic(given.out.with_suffix(".md"), (header + text).encode())


if __name__ == "__main__":
    sys.exit(main())
