"""`goalposts finetune`: was the capability there? Thin; read next: `experiments/training/finetune.py`."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import MAIN, Json, Quiet, RunPaths, app, progress_bars, show, show_json


@app.command(rich_help_panel=MAIN)
def finetune(
    runs: RunPaths,
    condition: Annotated[
        str | None, typer.Option(help="Condition to fine-tune on; default: the world's usual shift.")
    ] = None,
    steps: Annotated[
        list[int] | None,
        typer.Option(min=1, max=10**10, help="Measure after this many training steps; may be repeated."),
    ] = None,
    levels: Annotated[int, typer.Option(min=1, max=1_000_000, help="Held-out levels per measurement.")] = 500,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Test whether the capability was lost or merely misdirected: fine-tune on shifted levels, against training from scratch.

    The result is stored in the run folder, where `diagnose` and `report` find it. Run the command again to resume.
    """
    from ..evaluation.evaluated_run import open_runs
    from ..runs.finetune_csv import recoveries

    found = open_runs(runs)
    from ..training.finetune import STEPS, marks_of, shifted  # torch: only for runs that are there
    from ..training.finetune import finetune as test
    from .tables import recovery_text

    for run in found:
        marks_of(shifted(run.config, condition, steps or STEPS), steps or STEPS)  # refused before any work
    tables = []
    with progress_bars([str(run.path) for run in found], quiet) as told:
        for k, run in enumerate(found):
            tables.append(
                test(run, condition, steps or STEPS, levels, lambda *at, k=k: told(k, *at))  # type: ignore[misc]
            )
    curves = recoveries(list(zip([run.config for run in found], tables, strict=True)))
    if as_json:
        made = [{"agent": name, **curve.to_dict()} for name, curve in curves]
        show_json(made if len(made) > 1 else made[0])
        return
    show("\n\n".join(f"{name}\n{recovery_text(curve)}" for name, curve in curves))
