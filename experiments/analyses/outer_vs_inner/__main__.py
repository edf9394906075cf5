"""Training return versus goal preference, run by run: outer and inner alignment of trained agents, with attributions.

    python -m goalposts.experiments.analyses.outer_vs_inner OUT.csv RUN…    measure evaluated runs; write table, figure and page
    python -m goalposts.experiments.analyses.outer_vs_inner OUT.csv         write figure and page from an existing table

With `--rows docs/results/rows`, both add what the same agents do with greedy actions, and the relocation effect, from the recorded rows of
the study `coinrun`, to the table.

The figure (OUT.svg, OUT.png) shows the return in training, the goal preference after the goal is moved and the goal effect:
agents with the same return can have different goals, and agents with the same goal different rewards.
Read next: `page.py`, the page; `greedy.py`, greedy actions; `experiments/evaluation/diagnosis.py`, the measurement.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from goalposts.errors import tells_exit_code

from ...evaluation.attribution import gather
from ...evaluation.diagnosis import Attributed, until_first_touch
from ...evaluation.evaluated_run import Evaluated, evaluated, open_runs
from ...measurement import Estimate, outcomes
from ...measurement.attribution import weigh
from ...system.atomic_files import write_atomic
from .greedy import with_greedy
from .page import LEAD, UNDECIDED, draw, page

NO_HABIT = "habit uniform"  # the settings of agents without a habit
ON = ("left", "invisible", "none")  # conditions whose fraction of proxy-first episodes is in the table


def measure(runs: Sequence[Evaluated]) -> pl.DataFrame:
    """Measure each run: one row per run."""
    return pl.DataFrame([_row(item) for item in runs], infer_schema_length=None).sort("procedure", "seed")


def _row(item: Evaluated) -> dict[str, Any]:
    diagnosis = item.diagnosis()
    verdict = diagnosis.verdict
    row: dict[str, Any] = {
        "procedure": item.config.name,
        "seed": item.config.seed,
        "verdict": verdict.label,
        "name": None if diagnosis.naming is None else diagnosis.naming.name,
        "training_return": _last(item.run.progress()),
    }
    for name, number in verdict.numbers.items():
        row |= _estimate(name, number)
    for condition in ON:
        if condition in item.conditions():
            row |= _estimate(f"proxy_first_{condition}", outcomes(item.episodes, condition=condition).proxy)
    for attribution in diagnosis.attributions:
        row |= _attributed(item, attribution)
    for separation in diagnosis.separations:
        row["separated"] = separation.better or UNDECIDED
        row |= {f"{LEAD}{lead.condition}": lead.shared for lead in separation.leads}
    return row


def _attributed(item: Evaluated, attribution: Attributed) -> dict[str, Any]:
    """The best hypothesis and its margin, agents against blind devices with and without habits, and against devices that see."""
    whole = attribution.found
    best = whole.table["log_evidence"].max()
    gaps = {row["hypothesis"]: best - row["log_evidence"] for row in whole.table.iter_rows(named=True)}
    row: dict[str, Any] = {
        "episodes": whole.episodes,
        "steps": whole.steps,
        "best": whole.best,
        "second": whole.second,
        "margin": whole.margin,
        "agent_over_device": whole.agent_over_device,
        "agent_over_device_without_habits": _without_habits(item, attribution.condition, whole.episodes),
        "against_seeing": attribution.seeing.kind,
        "against_seeing_dissent": attribution.seeing.dissent,
    }
    for n in sorted({comparison.episodes for comparison in attribution.seeing.comparisons}):
        leads = [c.agents_ahead for c in attribution.seeing.comparisons if c.episodes == n]
        row |= {f"ahead_of_seeing_{n}_low": min(leads), f"ahead_of_seeing_{n}_high": max(leads)}
    return row | {f"nats_behind_{name}": gap for name, gap in sorted(gaps.items())}


def _without_habits(item: Evaluated, condition: str, episodes: int) -> float:
    """The lead of the agents over the blind devices, in nats, if no agent has a habit."""
    chosen = item.trajectories().filter(pl.col("condition") == condition).head(episodes)
    played = until_first_touch(item.recorded(), chosen)
    return weigh(gather(*played, item.config.env.max_steps, only=NO_HABIT)).agent_over_device


def _last(progress: Sequence[Any]) -> float | None:
    """Last logged mean return of training episodes; None if none was logged."""
    returns = [float(row["ep_rew_mean"]) for row in progress if str(row.get("ep_rew_mean") or "")]
    return returns[-1] if returns else None


def _estimate(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    ends = ("", "_low", "_high")
    values = (None, None, None) if estimate is None else (estimate.value, estimate.low, estimate.high)
    return {f"{name}{end}": value for end, value in zip(ends, values, strict=True)}


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m goalposts.experiments.analyses.outer_vs_inner", description=__doc__
    )
    parser.add_argument("out", type=Path, help="a .csv file")
    parser.add_argument("runs", nargs="*", help="evaluated runs")
    parser.add_argument("--rows", type=Path, help="a folder with recorded rows: add greedy actions from them")
    given = parser.parse_args(arguments)
    if given.runs:
        table = measure(evaluated(open_runs(given.runs)))
        write_atomic(given.out, table.write_csv(float_precision=4).encode())
    if given.rows is not None:
        table = with_greedy(pl.read_csv(given.out), given.rows)
        write_atomic(given.out, table.write_csv(float_precision=4).encode())
    table = pl.read_csv(given.out)
    figure = draw(table)
    for suffix, content in (
        (".svg", figure.svg()),
        (".png", figure.png()),
        (".md", page(table, figure, given.out).encode()),
    ):
        write_atomic(given.out.with_suffix(suffix), content)


if __name__ == "__main__":
    sys.exit(main())
