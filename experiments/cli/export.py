"""`goalposts export`: a model card of a run, and a zip for stable-baselines3. Read next: `experiments/external/export.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import MAIN, RunPath, app, say


@app.command(rich_help_panel=MAIN)
def export(
    run: RunPath,
    out: Annotated[
        Path | None, typer.Option(help="The model card; default: model-card.md in the run's folder.")
    ] = None,
    sb3: Annotated[
        Path | None, typer.Option("--sb3", help="Also write the agent as a zip that stable-baselines3 loads.")
    ] = None,
) -> None:
    """Write a model card in Markdown: what the agent was trained on, its verdict with intervals, provenance, limits."""
    from ..external.export import export_run

    say(export_run(run, out, sb3=sb3))
    if sb3 is not None:
        say(f"{sb3}: contains pickle, as every zip of stable-baselines3 does")
