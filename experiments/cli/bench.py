"""`goalposts bench`: speed and memory on this machine. Thin; read next: `experiments/bench/everything.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import LOOK_UP, Json, OneWorld, app, chosen_world, say, show, show_json


@app.command(rich_help_panel=LOOK_UP)
def bench(
    world: OneWorld = None,
    seconds: Annotated[
        float, typer.Option(min=0.05, max=600, help="Time per measurement, in seconds.")
    ] = 1.0,
    training: Annotated[bool, typer.Option(help="Measure training too.")] = True,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also every world with every interface and observation, a whole run, rollouts, and memory.",
        ),
    ] = False,
    peers: Annotated[
        bool, typer.Option(help="Also measure comparable software: SB3, torch, Minigrid if installed.")
    ] = False,
    check: Annotated[
        Path | None,
        typer.Option(
            help="A file written by --json; exit code 1 if a ratio fell below half of its value there."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure speed on this machine, with one thread per measurement."""
    from dataclasses import asdict

    from ...envs.worlds.registry import load_world
    from ..bench.everything import bench_everything
    from ..bench.timing import fallen, read_figures
    from .tables import bench_table, grid_table

    def tell(what: str) -> None:
        say(f"measuring {what} …", err=True)

    baseline = read_figures(check) if check else []
    home = load_world(chosen_world(world)).name
    figures, grids = bench_everything(home, seconds, training, everything, peers, tell)
    if as_json:
        of_grids = [figure for grid in grids for figure in grid.figures.values()]
        show_json([asdict(figure) for figure in [*figures, *of_grids]])
    else:
        show("\n".join([bench_table(figures), *map(grid_table, grids)]))
    if slower := fallen(figures, baseline):
        show("\n".join(["slower than half the baseline:", *slower]), err=True)
        raise typer.Exit(1)
