"""The command `sweep-goal`: thin; the work is in `experiments/evaluation/goal_sweep.py`."""

from __future__ import annotations

from typing import Annotated

import typer

from ...envs.worlds.contract.sources import shown_command
from .app import MAIN, RunPaths, app, say


@app.command(rich_help_panel=MAIN)
def sweep_goal(
    runs: RunPaths,
    levels: Annotated[int, typer.Option(min=1, max=20, help="Number of levels of the shift condition.")] = 3,
    samples: Annotated[int, typer.Option(min=1, max=500, help="Sampled episodes per placement.")] = 20,
) -> None:
    """Play every placement of the goal on a few levels, so that readers of the report can drag the goal.

    Give an agent and its control together, so that they get the same levels.
    """
    from ..evaluation.evaluated_run import open_runs
    from ..evaluation.goal_sweep import sweep_goal as sweep
    from ..evaluation.goal_sweep_file import FILE

    found = open_runs(runs)
    counts = sweep(found, levels, samples)
    if not any(counts):
        say("none of these levels has exactly one movable goal, so there is nothing to drag")
        return
    for run, count in zip(found, counts, strict=True):
        say(
            f"swept {count} levels: {run.path / FILE}"
            if count
            else f"not evaluated on these levels: {run.path}"
        )
    say(f"next: {shown_command('report', *(run.path for run in found))}")
