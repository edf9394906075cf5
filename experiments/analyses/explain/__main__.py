"""Write the tables, the figure and the page of what nets use over α.

    python -m goalposts.experiments.analyses.explain docs/results/explain.csv --runs studies/alpha/runs
    python -m goalposts.experiments.analyses.explain docs/results/explain.csv --runs studies/alpha/runs --full 2

--full N also runs probes and interventions for N seeds at five values of α and writes `explain-use.csv` and `explain-probes.csv` (about a
minute per agent on one core), which the first command reads if they are there. Read next: `numbers.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from goalposts.errors import tells_exit_code

from ...interpretation.states import LEVELS
from ...study.results.page_header import front_matter, golden_of
from ...system.atomic_files import check_parent, write_atomic
from .full import full_tables, read_tables, use_lines
from .numbers import MAIN, finished_runs, gather, rank_link
from .page import figure_of, page, title_of

MEASURES = {
    "policy moves, levels as in training": "goal_tv_control",
    "policy moves, shifted levels": "goal_tv_shift",
    "pull, levels as in training": "goal_pull_control",
    "value changes without the coin (sign reversed)": "value_without_goal",
}


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m goalposts.experiments.analyses.explain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, help="a .csv file, in a folder that exists")
    parser.add_argument("--runs", type=Path, required=True, help="the runs of goalposts study alpha")
    parser.add_argument("--levels", type=int, default=LEVELS, help="held-out levels per kind of states")
    parser.add_argument("--full", type=int, default=0, help="seeds per α for probes and interventions")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    runs = finished_runs(given.runs)
    if given.full:
        for name, table in full_tables(runs, given.full, given.levels).items():
            write_atomic(
                given.out.with_name(f"{given.out.stem}-{name}.csv"),
                table.write_csv(float_precision=4).encode(),
            )
    found = gather(runs, given.levels)
    agents = found.agents.with_columns(-found.agents["value_without_goal"])  # an effect, like the others
    links = {words: rank_link(agents, column) for words, column in MEASURES.items()}
    golden = golden_of(given.out.parent)
    seeds = found.agents.filter(found.agents["arm"] == MAIN).group_by("alpha").len()["len"]
    header = front_matter(
        f"goalposts study alpha; python -m goalposts.experiments.analyses.explain {given.out} --runs studies/alpha/runs",
        f"{len(runs)} agents, {seeds.min()} or {seeds.max()} training seeds per α, {given.levels} levels per kind of states",
        ["studies/alpha"],
        {"CoinRun": golden["CoinRun"]} if "CoinRun" in golden else {},
    )
    text = page(found.agents, links, given.levels, given.out.stem, use_lines(read_tables(given.out)))
    write_atomic(given.out, found.agents.write_csv(float_precision=5).encode())
    write_atomic(
        given.out.with_name(f"{given.out.stem}-maps.csv"), found.maps.write_csv(float_precision=4).encode()
    )
    figure = figure_of(found.maps, title_of(found.agents))
    if figure is not None:
        write_atomic(given.out.with_suffix(".svg"), figure.svg())
        write_atomic(given.out.with_suffix(".png"), figure.png())
    write_atomic(given.out.with_suffix(".md"), (header + text).encode())


if __name__ == "__main__":
    sys.exit(main())
