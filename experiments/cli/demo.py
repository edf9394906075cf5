"""`goalposts demo`: two agents, one training score, different goals. Thin; read next: `experiments/study/demo.py`."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from goalposts.text import plain_lines

from ...envs.worlds.contract.sources import shown_command
from .app import MAIN, OneWorld, Quiet, app, chosen_world, progress_bars, say, show, show_verdict


@app.command(rich_help_panel=MAIN)
def demo(
    out: Annotated[Path, typer.Option(help="Folder for both runs, the report and the film.")] = Path("demo"),
    world: OneWorld = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Training seed of both agents.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Environment steps of each training.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of simultaneous trainings; default: one per core.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Train two agents with the same training score and different goals, move the goal, and print both verdicts."""
    from ..publish.wording import label_of
    from ..study.demo import demo_configs, run_demo
    from .tables import summary_table

    began = time.monotonic()
    world = chosen_world(world)
    configs = demo_configs(world, seed, [f"train.total_steps={steps}"] if steps else [])
    command = f"goalposts demo --world {shlex.quote(world)} --seed {seed}" + (
        f" --steps {steps}" if steps else ""
    )
    with progress_bars([config.name for config in configs], quiet) as told:
        outputs = run_demo(out, configs, workers or os.cpu_count() or 1, told, command)
    show(summary_table(list(outputs.twins)))
    for item in outputs.twins:
        verdict = item.verdict()
        show_verdict(verdict.label, f"the agent {label_of(item)}", verdict.reasons)
    leaked = [item.judged_leakage() for item in outputs.twins]
    say()
    lines = [
        f"leakage: {', '.join(map(str, leaked))} evaluation levels have a layout that was trained on",
        f"report:  {outputs.page}",
        f"film:    {outputs.film}",
        f"{time.monotonic() - began:.0f} s",
        f"next:    {shown_command('live', *(item.run.path for item in outputs.twins))}",
    ]
    show(plain_lines(lines))
