"""Training return versus goal preference, run by run: outer and inner alignment of trained agents, with attributions.

    python -m goalposts.experiments.analyses.outer_vs_inner OUT.csv RUN…    measure evaluated runs, write the table, draw the figure
    python -m goalposts.experiments.analyses.outer_vs_inner OUT.csv         draw the figure from an existing table

The figure (OUT.svg, OUT.png) shows the return in training, the goal preference after the goal is moved and the goal effect:
agents with the same return can have different goals, and agents with the same goal different rewards.
Read next: `experiments/evaluation/diagnosis.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goalposts.errors import tells_exit_code

from ..evaluation.attribution import attribute, gather
from ..evaluation.diagnosis import ATTRIBUTED, until_first_touch
from ..evaluation.evaluated_run import Evaluated, evaluated, open_runs
from ..evaluation.trajectories import levels_and_actions
from ..measurement import Estimate, outcomes
from ..measurement.attribution import Attribution, weigh
from ..report.figures.charts import PALETTE
from ..report.figures.dot_rows import DotRow, RowDot, dot_rows
from ..report.figures.drawn import Drawn, study_style
from ..system.atomic_files import write_atomic

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
        "training_return": _last(item.run.progress()),
    }
    for name, number in verdict.numbers.items():
        row |= _estimate(name, number)
    for condition in ON:
        if condition in item.conditions():
            row |= _estimate(f"proxy_first_{condition}", outcomes(item.episodes, condition=condition).proxy)
    for attribution in diagnosis.attributions:
        a = attribution.found
        behind = a.table["log_evidence"].max()
        row |= {
            "episodes": a.episodes,
            "steps": a.steps,
            "best": a.best,
            "second": a.second,
            "margin": a.margin,
        }
        row |= {
            "agent_over_device": a.agent_over_device,
            "agent_over_device_without_habits": _without_habits(item, attribution.condition),
        }
        gaps = {r["hypothesis"]: behind - r["log_evidence"] for r in a.table.iter_rows(named=True)}
        row |= {f"nats_behind_{name}": gap for name, gap in sorted(gaps.items())}
        whole = _whole(item, attribution.condition)
        row |= {"best_whole": whole.best, "second_whole": whole.second, "margin_whole": whole.margin}
    return row


def _whole(item: Evaluated, condition: str) -> Attribution:
    """Attribute whole episodes, including the actions after the first touch of goal or proxy."""
    chosen = item.trajectories().filter(pl.col("condition") == condition)
    return attribute(*levels_and_actions(chosen), item.config.env.max_steps)


def _without_habits(item: Evaluated, condition: str) -> float:
    """`agent_over_device` of agents that pick among equally good actions at random, on the same episodes."""
    chosen = item.trajectories().filter(pl.col("condition") == condition).head(ATTRIBUTED)
    played = until_first_touch(item.recorded(), chosen)
    return weigh(gather(*played, item.config.env.max_steps, "habit uniform")).agent_over_device


def _last(progress: Sequence[Any]) -> float | None:
    """Last logged mean return of training episodes; None if none was logged."""
    returns = [float(row["ep_rew_mean"]) for row in progress if str(row.get("ep_rew_mean") or "")]
    return returns[-1] if returns else None


def _estimate(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    ends = ("", "_low", "_high")
    values = (None, None, None) if estimate is None else (estimate.value, estimate.low, estimate.high)
    return {f"{name}{end}": value for end, value in zip(ends, values, strict=True)}


PROCEDURES = {  # name: what is rewarded, where the coin is, colour; the twins have their colours of every page
    "anywhere": ("coin pays, coin anywhere", "agent-2"),
    "edge": ("coin pays, coin at the edge", "agent-1"),
    "proxy-anywhere": ("edge pays, coin anywhere", "muted"),
}
QUESTIONS = (
    ("training_return", "In training: reward earned"),
    ("preference", "Coin moved: coin first"),
    ("goal_effect", "Coin hidden: how much less often it is touched"),
)


def draw(table: pl.DataFrame) -> Drawn:
    """Draw three questions to each agent: its score, what it reaches first, and whether seeing the coin is the reason."""
    rows = []
    names = table["procedure"].unique(maintain_order=True).to_list()
    for column, question in QUESTIONS:
        for k, name in enumerate(names):
            label, colour = PROCEDURES.get(name, (name, f"agent-{k % 4 + 1}"))
            own = table.filter((pl.col("procedure") == name) & pl.col(column).is_not_null())
            values = own[column].to_list()
            middle = float(np.mean(values))
            dot = RowDot(middle, min(values), max(values), PALETTE[colour], agents=tuple(values))
            rows.append(DotRow(label, (dot,), heading=question if k == 0 else ""))
    with study_style():
        figure, _ = dot_rows(rows, (), "")
    sizes = sorted(set(table.group_by("procedure").len()["len"]))
    seeds = " or ".join(map(str, sizes))
    caption = (
        f"Large dots: means over n = {seeds} training seeds per procedure; bars: from the lowest to the highest seed; small dots: "
        "single agents, each measured on held-out `off_path` levels; the 95% interval of each is in the table."
    )
    return Drawn("outer-inner", _title(table), figure, caption)


def _title(table: pl.DataFrame) -> str:
    """State whether the score, and what is reached first, distinguish the procedures."""
    spread = {}
    for column, _ in QUESTIONS:
        means = table.group_by("procedure").agg(pl.col(column).mean())[column]
        spread[column] = float(means.max() or 0) - float(means.min() or 0)  # pyright: ignore
    score = "The score is the same" if spread["training_return"] < 0.02 else "The scores differ"
    goal = (
        "moving the coin shows two goals"
        if spread["preference"] > 0.5
        else "moving the coin shows no two goals"
    )
    own = table.group_by("procedure").agg(pl.col("preference").mean())
    by_name = dict(own.iter_rows())
    same = abs(by_name.get("edge", 0) - by_name.get("proxy-anywhere", 1)) < 0.05
    joined = "; " if spread["training_return"] < 0.02 else ", and "
    return f"{score}{joined}{goal}{', but not which reward was wrong' if same else ''}"


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
    figure = draw(pl.read_csv(given.out))
    for suffix, content in ((".svg", figure.svg()), (".png", figure.png())):
        write_atomic(given.out.with_suffix(suffix), content)


if __name__ == "__main__":
    sys.exit(main())
