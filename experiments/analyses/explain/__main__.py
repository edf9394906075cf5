"""Write the tables, the figure and the page of what nets use over α.

    python -m goalposts.experiments.analyses.explain docs/results/explain.csv --runs studies/alpha/runs
    python -m goalposts.experiments.analyses.explain docs/results/explain.csv --runs studies/alpha/runs --full 2
    python -m goalposts.experiments.analyses.explain docs/results/explain.csv

The first command explains every agent (two seconds of one core per agent) and writes the tables, next to each other. The second runs
probes and interventions for two seeds at five values of α instead (about ten seconds per agent). Both then write the page from the tables
that are there, and the third does nothing else. A command that was stopped resumes: agents that are done are kept in --parts.
Read next: `numbers.py`, `full.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import polars as pl

from goalposts.errors import tells_exit_code

from ...interpretation.states import LEVELS
from ...study.results.page_header import front_matter, golden_of, with_missed
from ...system.atomic_files import RunError, check_parent, write_atomic
from .full import ALPHAS, full_tables, read_tables, use_lines
from .numbers import MAIN, UNTRAINED, finished_runs, gather, rank_link
from .page import figure_of, page, title_of
from .parts import PARTS

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
    parser.add_argument("--runs", type=Path, help="the runs of goalposts study alpha")
    parser.add_argument("--levels", type=int, default=LEVELS, help="held-out levels per kind of states")
    parser.add_argument("--full", type=int, default=0, help="seeds per α for probes and interventions")
    parser.add_argument("--alphas", type=float, nargs="+", default=ALPHAS, help="the values of α of --full")
    parser.add_argument("--parts", type=Path, default=PARTS, help="folder of the agents that are done")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    maps = given.out.with_name(f"{given.out.stem}-maps.csv")
    if given.runs is not None and given.full:
        runs = finished_runs(given.runs)
        for name, table in full_tables(runs, given.full, given.levels, given.alphas, given.parts).items():
            path = given.out.with_name(f"{given.out.stem}-{name}.csv")
            write_atomic(path, table.write_csv(float_precision=4).encode())
    elif given.runs is not None:
        found = gather(finished_runs(given.runs), given.levels, given.parts)
        write_atomic(given.out, found.agents.write_csv(float_precision=5).encode())
        write_atomic(maps, found.maps.write_csv(float_precision=4).encode())
        support = given.out.with_name(f"{given.out.stem}-support.csv")
        write_atomic(support, found.support.write_csv(float_precision=5).encode())
    if not given.out.exists() or not maps.exists():
        raise RunError(
            f"there is no {given.out} with {maps.name} yet; make them with --runs studies/alpha/runs"
        )
    _write_page(given.out, pl.read_csv(given.out, infer_schema_length=None), pl.read_csv(maps))


def _write_page(out: Path, agents: pl.DataFrame, maps: pl.DataFrame) -> None:
    effects = agents.with_columns(-agents["value_without_goal"])
    links = {words: rank_link(effects, column) for words, column in MEASURES.items()}
    golden = golden_of(out.parent)
    trained, seen = agents.filter(agents["arm"] != UNTRAINED), agents.filter(agents["arm"] == MAIN)
    numbers = sorted(set(seen.group_by("alpha").len()["len"].to_list()))
    n = f"{trained.height} agents, {' or '.join(map(str, dict.fromkeys((numbers[0], numbers[-1]))))} training seeds per α"
    header = front_matter(
        f"goalposts study alpha; python -m goalposts.experiments.analyses.explain {out} --runs studies/alpha/runs",
        n,
        ["studies/alpha"],
        {"CoinRun": golden["CoinRun"]} if "CoinRun" in golden else {},
    )
    text = page(agents, links, out.stem, use_lines(read_tables(out)))
    figure = figure_of(maps, title_of(agents))
    if figure is not None:
        write_atomic(out.with_suffix(".svg"), figure.svg())
        write_atomic(out.with_suffix(".png"), figure.png())
    write_atomic(out.with_suffix(".md"), (header + with_missed(n, text)).encode())


if __name__ == "__main__":
    sys.exit(main())
