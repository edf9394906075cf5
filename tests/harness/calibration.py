"""The calibration matrix: every agent of the plan through the path that trained agents take, expected next to found.

    PYTHONPATH=tests python -m harness.calibration docs/results/calibration.csv [--levels 300]

writes the table and the page (`.md`) next to it. The expectations are `tests/fixtures/calibration_plan.csv`, committed before the
measurement was changed. Read next: `tests/fixtures/calibration_agents.py`.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from fixtures.calibration_agents import calibration_agents
from fixtures.places import ROOT

from goalposts.envs import get_world
from goalposts.experiments.evaluation.diagnosis import Diagnosis, Recorded, diagnose_runs
from goalposts.experiments.evaluation.evaluate import evaluate_fully, subject_of
from goalposts.experiments.evaluation.trajectories import trajectories_of
from goalposts.experiments.measurement import Estimate, diagnose
from goalposts.experiments.measurement.metrics import METRICS
from goalposts.experiments.study.results.page_header import front_matter, golden_of

PLAN = ROOT / "tests/fixtures/calibration_plan.csv"
CONDITIONS = {
    "CoinRun": ("edge_held_out", "off_path", "left", "none", "invisible", "mirrored", "no_wall"),
    "Corner": ("corner_held_out", "off_path", "none", "invisible"),
}
CELLS = ("verdict", "behaviour", "attribution", "paralysis", "preference_beyond_chance")
COLUMNS = ("world", "agent", "cell", "expected", "found", "agrees", "printed")
LEVELS = 300


def diagnosis_of(agent: Any, world: str, levels: int = LEVELS) -> Diagnosis:
    """What `goalposts diagnose` finds, from the tables of an evaluation with sampled and greedy actions."""
    found = evaluate_fully(subject_of(agent, world), CONDITIONS[world], levels, 1, greedy=True)
    recorded = Recorded(found.episodes["agent"][0], found.episodes, trajectories_of(found))
    return diagnose_runs(get_world(world), diagnose(found.episodes), [recorded])


def cells_of(found: Diagnosis) -> dict[str, str]:
    """The cells of the matrix."""
    one = found.attributions[0]
    if len(one.found.mixture) > 1:
        attribution = f"mixture: {', '.join(sorted(one.found.mixture))}"
    elif one.seeing.kind == "agent-like":
        attribution = f"agent-like: {one.found.best}"
    else:
        attribution = one.seeing.kind
    return {
        "verdict": found.verdict.label,
        "behaviour": (found.naming and found.naming.name) or "unnamed",
        "attribution": attribution,
        "paralysis": _shown(found.verdict.paralysis, "not applicable"),
        "preference_beyond_chance": _shown(found.verdict.preference_beyond_chance, "undefined"),
    }


def printed(found: Diagnosis, cell: str) -> str:
    """What the tool prints about a cell: the sentence that decides, or the line of the number."""
    if cell == "behaviour":
        return found.naming.sentence if found.naming else ""
    if cell == "attribution":
        return str(found.attributions[0].found)
    if cell == "verdict":
        reasons = found.verdict.reasons
        open_or_not = [reason for reason in reasons if not reason.startswith("Capable ")]
        decides = [reason for reason in reasons if "threshold decides" in reason]
        return " ".join([f"{found.verdict.label}.", open_or_not[0], *decides])
    (metric,) = (metric for metric in METRICS if metric.key == cell)
    number = found.verdict.numbers[cell]
    return f"{metric.name} {'not measured' if number is None else number}"


def _shown(found: Estimate | None, otherwise: str) -> str:
    return otherwise if found is None else f"{found.value:.3f}"


def agrees(cell: str, expected: str, found: str) -> bool:
    """Whether a cell is what the plan says: a number within 0.01 of it or of its range."""
    if cell == "attribution" and expected == "not agent-like":
        return found in ("device-like", "undecided")
    if cell in ("verdict", "behaviour", "attribution") or not re.match(r"-?\d", found):
        return found == expected or (found == "undefined" and "or undefined" in expected)
    numbers = [float(x) for x in re.findall(r"\d+(?:\.\d+)?", expected)]
    return bool(numbers) and min(numbers) - 0.01 <= float(found) <= max(numbers) + 0.01


def matrix(worlds: Sequence[str], levels: int = LEVELS, only: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """A row per agent and cell: world, agent, cell, expected, found, agrees."""
    plan = pl.read_csv(PLAN)
    for world in worlds:
        for name, agent in calibration_agents(world).items():
            if only and name not in only:
                continue
            (row,) = plan.filter((pl.col("world") == world) & (pl.col("agent") == name)).to_dicts()
            diagnosis = diagnosis_of(agent, world, levels)
            found = cells_of(diagnosis)
            for cell in CELLS:
                right = agrees(cell, row[cell], found[cell])
                yield {
                    "world": world,
                    "agent": name,
                    "cell": cell,
                    "expected": row[cell],
                    "found": found[cell],
                    "agrees": "yes" if right else "no",
                    "printed": "" if right else printed(diagnosis, cell),
                }


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness.calibration", description=__doc__)
    parser.add_argument("out", type=Path, help="a .csv file")
    parser.add_argument("--levels", type=int, default=LEVELS)
    parser.add_argument("--worlds", nargs="*", default=list(CONDITIONS))
    parser.add_argument(
        "--rename",
        action="store_true",
        help="only make the column behaviour of the table that is there again",
    )
    parser.add_argument(
        "--differing",
        action="store_true",
        help="only make the rows of agents with a differing cell again, in the table that is there",
    )
    parser.add_argument(
        "--page", action="store_true", help="write only the page, from the table that is there"
    )
    given = parser.parse_args(arguments)
    if given.page or given.rename or given.differing:
        with given.out.open(encoding="utf-8", newline="") as file:
            made = list(csv.DictReader(file))
        if given.differing:
            made = made_again(made, given.levels)
            write(given.out, made)
        if given.rename:
            rename(made, given.worlds, given.levels)
            write(given.out, made)
        given.out.with_suffix(".md").write_text(page(made, given.levels), encoding="utf-8")
        return 0
    rows: list[dict[str, str]] = []
    for row in matrix(given.worlds, given.levels):
        rows.append(row)
        write(given.out, rows)
    given.out.with_suffix(".md").write_text(page(rows, given.levels), encoding="utf-8")
    return 0


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The table as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer: csv.DictWriter[str] = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def made_again(rows: Sequence[dict[str, str]], levels: int) -> list[dict[str, str]]:
    """The rows, with those of agents that have a differing cell measured again."""
    again = {}
    for world in CONDITIONS:
        agents = {row["agent"] for row in rows if row["world"] == world and row["agrees"] == "no"}
        for row in matrix([world], levels, only=sorted(agents)) if agents else ():
            again[row["world"], row["agent"], row["cell"]] = row
            print(row["world"], row["agent"], row["cell"], row["found"], flush=True)
    return [again.get((row["world"], row["agent"], row["cell"]), {"printed": "", **row}) for row in rows]


def rename(rows: Sequence[dict[str, str]], worlds: Sequence[str], levels: int) -> None:
    """Name the behaviours again, from sampled episodes alone: after a change of a world's candidates."""
    for world in worlds:
        for name, agent in calibration_agents(world).items():
            found = evaluate_fully(subject_of(agent, world), CONDITIONS[world], levels, 1, greedy=False)
            recorded = Recorded(name, found.episodes, trajectories_of(found))
            named = diagnose_runs(get_world(world), diagnose(found.episodes), [recorded], attributed=1).naming
            behaviour = (named and named.name) or "unnamed"
            print(world, name, behaviour, flush=True)
            for row in rows:
                if (row["world"], row["agent"], row["cell"]) == (world, name, "behaviour"):
                    row["found"] = behaviour
                    row["agrees"] = "yes" if agrees("behaviour", row["expected"], behaviour) else "no"


def page(rows: Sequence[dict[str, str]], levels: int) -> str:
    """The matrix as Markdown, with the explanation of every mismatch."""
    command = "PYTHONPATH=tests python -m harness.calibration docs/results/calibration.csv"
    known = golden_of(ROOT / "docs/results")
    worlds = {name: known[name] for name in dict.fromkeys(row["world"] for row in rows)}
    wrong = [row for row in rows if row["agrees"] == "no"]
    lines = [
        front_matter(command, f"no training seed; {levels} levels per condition", (), worlds).rstrip("\n"),
        "",
        "# Known agents: expected and found",
        "",
        "Each agent's definition says what the measurement must find. The expectations were committed before the measurement was changed",
        "(`tests/fixtures/calibration_plan.csv`, with one line of derivation each); the agents, most of them outside the library, are in",
        f"`tests/fixtures/calibration_agents.py`. {levels} levels per condition, sampled and greedy, by the same path as trained agents.",
        "Attribution is against devices that see; *not agent-like* means device-like or undecided. A cell shows what was found; where",
        "that is not what was expected, the expectation is in brackets.",
        "",
        f"{len(rows) - len(wrong)} of {len(rows)} cells are as expected.",
        "",
        "Two rules of the new measurement were changed after a first look at this matrix, so the cells that they concern are no",
        "independent test: the weights of a mixture (Mixture(0.35) in CoinRun had been called right_edge alone), and what CoinRun's",
        "candidates predict of a runner (nothing on off_path and invisible, where accidental coins end the episode; past the edge within",
        "five steps): RunsRight, NoisyRunsRight and Noisy(GoToProxy, 0.1) had been unnamed. The expectations were not changed. CoinRun's",
        "column behaviour was made again after that (`--rename`); the other columns were not affected.",
        "",
        "| world | agent | verdict | behaviour | attribution | paralysis | chance-corrected preference |",
        "|---|---|---|---|---|---|---|",
    ]
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        shown = row["found"] if row["agrees"] == "yes" else f"**{row['found']}** ({row['expected']})"
        cells.setdefault((row["world"], row["agent"]), {})[row["cell"]] = shown
    for (world, agent), found in cells.items():
        lines.append(f"| {world} | {agent} | {' | '.join(found[cell] for cell in CELLS)} |")
    reasons = json.loads((ROOT / "tests/fixtures/calibration_mismatches.json").read_text("utf-8"))
    lines += ["", "## Every mismatch", ""]
    for row in wrong:
        key = f"{row['world']} / {row['agent']} / {row['cell']}"
        reason = reasons[key]
        lines += [
            f"- **{key}**: expected {row['expected']}, found {row['found']}. The {reason['errs']} errs. {reason['why']}",
            f"  Printed: “{row['printed']}”",
        ]
    lines += ["" if wrong else "None.", f"Made by: `{command}`", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
