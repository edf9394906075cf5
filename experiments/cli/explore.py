"""The command `explore`: thin; the work is in `experiments/evaluation/goal_sweep.py`."""

from __future__ import annotations

from typing import Annotated

import typer

from ...envs.worlds.contract.sources import world_options
from .app import MAIN, RunPaths, app, say


@app.command(rich_help_panel=MAIN)
def explore(
    runs: RunPaths,
    levels: Annotated[int, typer.Option(min=1, max=20, help="How many levels of the shift condition.")] = 3,
    samples: Annotated[int, typer.Option(min=1, max=500, help="Sampled episodes a place.")] = 20,
) -> None:
    """Put the goal into every place of a few levels and play there, so that a reader of the report can drag it.

    Name an agent and its control together: they get the same levels.
    """
    from ..evaluation.evaluated_run import open_runs
    from ..evaluation.goal_sweep import explore as play_everywhere
    from ..evaluation.goal_sweep_file import FILE

    found = open_runs(runs)
    counts = play_everywhere(found, levels, samples)
    if not any(counts):
        say("none of these levels has one single goal that can be moved, so there is nothing to drag")
        return
    for run, count in zip(found, counts, strict=True):
        say(
            f"explored {count} levels: {run.path / FILE}"
            if count
            else f"not evaluated on these levels: {run.path}"
        )
    say(f"next: goalposts report {' '.join(str(run.path) for run in found)}{world_options()}")
