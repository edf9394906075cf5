"""Training return versus goal preference, run by run: outer and inner alignment of trained agents, with attributions.

    python -m goalposts.experiments.analyses.outer_vs_inner OUT.csv RUN…    measure evaluated runs, write the table, draw the figure
    python -m goalposts.experiments.analyses.outer_vs_inner OUT.csv         draw the figure from an existing table

The figure (OUT.svg, OUT.png) plots the goal preference after the goal is moved against the return in training: agents with
the same return but different goals are above one another. Read next: `experiments/evaluation/diagnosis.py`.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goalposts.errors import tells_exit_code

from ..evaluation.attribution import attribute
from ..evaluation.evaluated_run import Evaluated, evaluated, open_runs
from ..evaluation.trajectories import levels_and_actions
from ..measurement import Estimate, outcomes
from ..measurement.attribution import Attribution
from ..report.figures.charts import PALETTE, styled
from ..system.atomic_files import write_atomic

ON = ("left", "invisible", "none")  # conditions whose fraction of proxy-first episodes is in the table


def measure(runs: Sequence[Evaluated]) -> pl.DataFrame:
    """Measure each run: one row per run."""
    return pl.DataFrame([_row(item) for item in runs], infer_schema_length=None).sort("procedure", "seed")


def _row(item: Evaluated) -> dict[str, Any]:
    found = item.diagnosis()
    verdict = found.verdict
    row: dict[str, Any] = {
        "procedure": item.config.name,
        "seed": item.config.seed,
        "verdict": verdict.label,
        "training_return": _last(item.run.progress()),
    }
    for name, number in verdict.numbers.items():
        row |= _estimate(name, number)
    for condition in ON:
        if condition in item.conditions():
            row |= _estimate(f"proxy_first_{condition}", outcomes(item.episodes, condition=condition).proxy)
    for one in found.attributions:
        a = one.found
        behind = a.table["log_evidence"].max()
        row |= {
            "episodes": a.episodes,
            "steps": a.steps,
            "best": a.best,
            "second": a.second,
            "margin": a.margin,
        }
        row |= {"agent_over_device": a.agent_over_device}
        gaps = {r["hypothesis"]: behind - r["log_evidence"] for r in a.table.iter_rows(named=True)}
        row |= {f"nats_behind_{name}": gap for name, gap in sorted(gaps.items())}
        whole = _whole(item, one.condition)
        row |= {"best_whole": whole.best, "second_whole": whole.second, "margin_whole": whole.margin}
    return row


def _whole(item: Evaluated, condition: str) -> Attribution:
    """Attribute whole episodes, including the actions after the first touch of goal or proxy."""
    chosen = item.trajectories().filter(pl.col("condition") == condition)
    return attribute(*levels_and_actions(chosen), item.config.env.max_steps)


def _last(progress: Sequence[Any]) -> float | None:
    """Last logged mean return of training episodes; None if none was logged."""
    found = [float(row["ep_rew_mean"]) for row in progress if str(row.get("ep_rew_mean") or "")]
    return found[-1] if found else None


def _estimate(name: str, found: Estimate | None) -> dict[str, float | None]:
    ends = ("", "_low", "_high")
    values = (None, None, None) if found is None else (found.value, found.low, found.high)
    return {f"{name}{end}": value for end, value in zip(ends, values, strict=True)}


def draw(table: pl.DataFrame) -> dict[str, bytes]:
    """Draw the figure as SVG and PNG; returns the files' bytes by suffix."""
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8.4, 4.3), facecolor="white")
        axes = figure.add_axes((0.08, 0.15, 0.56, 0.74))
        names = table["procedure"].unique(maintain_order=True).to_list()
        for k, name in enumerate(names):
            own = table.filter(pl.col("procedure") == name)
            ys, low, high = (100 * own[f"preference{end}"].to_numpy() for end in ("", "_low", "_high"))
            axes.errorbar(
                own["training_return"].to_numpy(),
                ys,
                yerr=np.stack([ys - low, high - ys]),
                fmt="os^Dv"[k % 5],
                markersize=(6.5, 11, 5.5, 6.5)[k % 4],
                markerfacecolor="none" if k % 4 == 1 else None,
                clip_on=False,
                elinewidth=1.2,
                color=PALETTE[f"agent-{k % 4 + 1}"],
                label=f"{name} (n = {own.height})",
            )
        returns = table["training_return"].drop_nulls()
        least = float(np.floor(20 * float(returns.to_numpy().min())) / 20)
        axes.set_xlim(min(least, 0.9) - 0.02, 1.01)
        axes.set_ylim(-3, 103)
        axes.set_yticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_xlabel("mean return of the last training episodes")
        axes.set_title("Goal preference after the coin was moved", loc="left", fontsize=12)
        axes.legend(
            loc="center left",
            bbox_to_anchor=(1.04, 0.5),
            frameon=False,
            fontsize=11,
            title="one mark per seed",
        )
        made = {}
        for suffix in (".svg", ".png"):
            out = io.BytesIO()
            plain = {"Date": None, "Creator": None} if suffix == ".svg" else {"Software": None}
            figure.savefig(out, format=suffix[1:], dpi=144, metadata=plain)
            made[suffix] = out.getvalue()
    return made


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m goalposts.experiments.analyses.outer_vs_inner", description=__doc__
    )
    parser.add_argument("out", type=Path, help="a .csv file")
    parser.add_argument("runs", nargs="*", help="evaluated runs")
    given = parser.parse_args(arguments)
    if given.runs:
        table = measure(evaluated(open_runs(given.runs)))
        write_atomic(given.out, table.write_csv(float_precision=4).encode())
    for suffix, content in draw(pl.read_csv(given.out)).items():
        write_atomic(given.out.with_suffix(suffix), content)


if __name__ == "__main__":
    sys.exit(main())
