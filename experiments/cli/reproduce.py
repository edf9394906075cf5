"""`goalposts reproduce`: make a run again from its folder, and say what differs. Thin; read next: `experiments/training/reproduce.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goalposts.text import plain_lines

from .app import MAIN, Json, Quiet, RunPath, app, progress_bars, show, show_json

if TYPE_CHECKING:
    from ..training.reproduce import Reproduction


@app.command(rich_help_panel=MAIN)
def reproduce(
    run: RunPath,
    out: Annotated[
        Path | None,
        typer.Option(help="Keep the re-run in this folder; default: delete it after the comparison."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train and evaluate a run again from its folder alone, and compare. Exit code 0: identical; 1: different.

    Other processor features make other bytes: then exit code 0 says that the rates lie within their intervals.
    The run itself is not changed.
    """
    from ..runs.run import Run

    Run.open(run)
    from ..training.reproduce import reproduce as again  # torch: only for a run that is there

    with progress_bars([f"re-run of {run.name}"], quiet) as told:
        reproduction = again(run, out, lambda step, total, words: told(0, step, total, words))
    if as_json:
        show_json(reproduction.to_dict())
    else:
        show(reproduction_text(reproduction))
    if not reproduction.agrees:
        raise typer.Exit(1)


def reproduction_text(reproduction: Reproduction) -> str:
    """For the terminal: the answer, then what is not as it was."""
    same = sum(file.state == "same bytes" for file in reproduction.files)
    if reproduction.same:
        headline = "REPRODUCED" + (
            "" if same == len(reproduction.files) else " (some files have the same content in other bytes)"
        )
    elif reproduction.agrees:
        headline = "REPRODUCED WITHIN INTERVALS (the processor's features differ, so the bytes do)"
    else:
        headline = "NOT REPRODUCED"
    lines = [
        f"{headline}: {reproduction.run}",
        f"  {same} of {len(reproduction.files)} files have the same bytes",
    ]
    for file in reproduction.files:
        if file.state != "same bytes":
            lines.append(f"  {file.file}: {file.state}" + (f"; {file.note}" if file.note else ""))
    if reproduction.changed:
        lines.append("changed since the run was made:")
        lines += [f"  {change.what}: {change.was} → {change.now}" for change in reproduction.changed]
    else:
        lines.append("code, versions and machine are unchanged")
    if reproduction.rates:
        out_of = [rate for rate in reproduction.rates if not rate.within]
        lines.append(
            f"{len(reproduction.rates) - len(out_of)} of {len(reproduction.rates)} rates lie within the recorded 95% interval"
        )
        for rate in out_of:
            lines.append(
                f"  {rate.condition}, {'sampled' if rate.sampled else 'greedy'}, {rate.share}: {rate.was:.3f} "
                f"[{rate.low:.3f}, {rate.high:.3f}], now {rate.now:.3f}"
            )
    if reproduction.kept is not None:
        lines.append(f"the re-run: {reproduction.kept}")
    return plain_lines(lines)
