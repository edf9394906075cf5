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
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program

from ...interpretation.states import LEVELS
from ...study.results.page_header import front_matter, golden_of, with_missed
from ...system.atomic_files import RunError, check_parent, write_atomic
from .answers import answers
from .figures import critic_maps, figure_of, side_by_side, worlds_figure
from .full import ALPHAS, PROBES, USE, full_tables
from .numbers import MAIN, UNTRAINED, finished_runs, gather, rank_link, with_verdicts
from .others import PAIRS, SEPARATE, WORLDS, pairs_table, separate_table, worlds_tables
from .page import SUPPORT, page, title_of
from .parts import PARTS

TABLES = (USE, PROBES, SUPPORT, PAIRS, SEPARATE, WORLDS, f"{WORLDS}-maps")  # besides that of the agents
MEASURES = {
    "policy moves, levels as in training": "goal_tv_control",
    "policy moves, shifted levels": "goal_tv_shift",
    "pull, levels as in training": "goal_pull_control",
    "value changes without the coin (sign reversed)": "value_without_goal",
}


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.explain", __doc__)
    parser.add_argument("--runs", type=Path, help="the runs of goalposts study alpha")
    parser.add_argument("--levels", type=int, default=LEVELS, help="held-out levels per kind of states")
    parser.add_argument("--full", type=int, default=0, help="seeds per α for probes and interventions")
    parser.add_argument("--alphas", type=float, nargs="+", default=ALPHAS, help="the values of α of --full")
    parser.add_argument("--parts", type=Path, default=PARTS, help="folder of the agents that are done")
    parser.add_argument("--pairs", type=int, default=0, help="pairs of agents to interpolate and graft")
    parser.add_argument("--separate", type=Path, nargs="+", help="folders with runs of separate nets")
    parser.add_argument("--worlds", type=Path, nargs="+", help="folders with runs of other worlds")
    parser.add_argument("--seeds", type=int, default=5, help="agents per condition of --worlds")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    for name, table in _tables(given):
        path = given.out.with_name(f"{given.out.stem}-{name}.csv" if name else given.out.name)
        write_atomic(path, table.write_csv(float_precision=5).encode())
    maps = given.out.with_name(f"{given.out.stem}-maps.csv")
    if not given.out.exists() or not maps.exists():
        raise RunError(
            f"there is no {given.out} with {maps.name} yet; make them with --runs studies/alpha/runs"
        )
    _write_page(given.out, pl.read_csv(given.out, infer_schema_length=None), pl.read_csv(maps))


def _tables(given: argparse.Namespace) -> Iterator[tuple[str, pl.DataFrame]]:
    """The tables that the arguments ask for, as (the end of the file's name, table)."""
    other = given.full or given.pairs
    if given.runs is not None and given.full:
        runs = finished_runs(given.runs)
        yield from full_tables(runs, given.full, given.levels, given.alphas, given.parts).items()
    if given.runs is not None and given.pairs:
        yield PAIRS, pairs_table(finished_runs(given.runs), given.pairs, given.levels, given.parts)
    if given.separate:
        yield SEPARATE, separate_table(given.separate, given.levels, given.parts)
    if given.worlds:
        agents, maps = worlds_tables(given.worlds, given.seeds, given.levels, given.parts)
        yield WORLDS, agents
        yield f"{WORLDS}-maps", maps
    if given.runs is not None and not other:
        tables = gather(finished_runs(given.runs), given.levels, given.parts)
        yield "", tables.agents
        yield "maps", tables.maps
        yield SUPPORT, tables.support


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
    paths = {name: out.with_name(f"{out.stem}-{name}.csv") for name in TABLES}
    tables = {
        name: pl.read_csv(path, infer_schema_length=None) for name, path in paths.items() if path.exists()
    }
    text = page(with_verdicts(agents, out.with_name("alpha.csv")), links, out.stem, tables)
    table = answers(agents, tables.get(PROBES))
    write_atomic(out.with_name(f"{out.stem}-answers.csv"), table.write_csv().encode())
    _write_figures(out, agents, maps, tables)
    write_atomic(out.with_suffix(".md"), (header + with_missed(n, text)).encode())


def _write_figures(
    out: Path, agents: pl.DataFrame, maps: pl.DataFrame, tables: Mapping[str, pl.DataFrame]
) -> None:
    worlds = tables.get(f"{WORLDS}-maps")
    figures = {
        "": figure_of(maps, title_of(agents)),
        "-agents": side_by_side(
            maps, "Only agents trained with the coin anywhere turn towards it wherever it is"
        ),
        "-value": critic_maps(
            maps, "What the critic expects of a coin in each cell, and of a nearer end of the level"
        ),
        "-worlds": None
        if worlds is None
        else worlds_figure(worlds, "What moves agents in other worlds: goal and proxy, by training levels"),
    }
    for name, figure in figures.items():
        if figure is not None:
            write_atomic(out.with_name(f"{out.stem}{name}.svg"), figure.svg())
            write_atomic(out.with_name(f"{out.stem}{name}.png"), figure.png())


if __name__ == "__main__":
    sys.exit(main())
