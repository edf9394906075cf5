"""Write the page, the figure and the table of the finalists; or only say who they are.

    python -m goalposts.experiments.analyses.methods.finalists docs/results/methods-finalists.csv --rows docs/results/rows --choose
    python -m goalposts.experiments.analyses.methods.finalists docs/results/methods-finalists.csv --rows docs/results/rows

The first command prints the candidates with their critical α on the old seeds, and who is chosen; the study files under
configs/studies/methods/ hold these arms. docs/results/methods-finalists-plan.md is the plan. Read next: `choice.py`, `page.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program

from ....study.leaderboard.board import markdown
from ....study.results.page_header import front_matter, golden_of
from ....system.atomic_files import check_parent, write_atomic
from ..comparison.bonus import STUDY as OF_BONUSES
from ..comparison.controls import L1
from ..comparison.page_parts import save_figures
from .choice import candidates_of, finalists_of, new_agents, old_agents
from .page import choice_rows, draw, page, planned_agents
from .predictions import WORLDS, judged


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.methods.finalists", __doc__)
    parser.add_argument("--rows", type=Path, required=True, help="the folder of recorded rows")
    parser.add_argument("--choose", action="store_true", help="print who is chosen, and write nothing")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    candidates = candidates_of(old_agents(given.rows))
    chosen = finalists_of(candidates)
    if given.choose:
        print("\n".join(markdown(choice_rows(candidates, chosen))))
        return
    agents = new_agents(given.rows)
    write_atomic(given.out, agents.write_csv(float_precision=5).encode())
    figure = draw(agents, chosen)
    save_figures(given.out, [figure] if figure is not None else [])
    golden, worlds = golden_of(given.out.parent), agents["world"].unique(maintain_order=True).to_list()
    counts = {
        world: agents.filter(pl.col("world") == world)["seed"].n_unique()
        for world in WORLDS
        if world in worlds
    }
    header = front_matter(
        f"python -m goalposts.experiments.analyses.methods.finalists {given.out} --rows {given.rows}",
        f"{agents.height} agents, {' or '.join(map(str, sorted(set(counts.values()), reverse=True)))} training seeds per point",
        [
            f"studies/{name}"
            for name in (*agents["study"].unique(maintain_order=True).to_list(), L1, OF_BONUSES)
        ],
        {world: golden[world] for world in worlds if world in golden},
    )
    text = page(agents, candidates, chosen, judged(agents, chosen), figure, planned_agents())
    write_atomic(given.out.with_suffix(".md"), (header + text).encode())


if __name__ == "__main__":
    sys.exit(main())
