"""`goalposts explain`: what an agent's net uses. Read next: `experiments/interpretation/explain.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goalposts.errors import UserError

from ...envs.worlds.contract.sources import shown_command
from ..external.agent_options import AgentOptions
from ..system.atomic_files import check_new
from .app import (
    MAIN,
    Frames,
    Json,
    OneWorld,
    Quiet,
    Trust,
    VecNormalized,
    app,
    chosen_world,
    is_agent_word,
    progress_bars,
    say,
    show,
    show_json,
)

if TYPE_CHECKING:
    from ..interpretation.explain import Explanation


@app.command(rich_help_panel=MAIN)
def explain(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Run folders, shown side by side. Or one agent as module:NAME, or, with --trust, a zip."
        ),
    ],
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Also probes, erasure, patching, steering, and what is between the first two nets."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write tables (CSV), explanation.json and influence.svg into this new folder."),
    ] = None,
    levels: Annotated[int, typer.Option(min=2, max=10_000, help="Held-out levels per kind of states.")] = 100,
    world: OneWorld = None,
    observation: Annotated[
        str, typer.Option(help="What an agent that is not a run sees: view or full.")
    ] = "view",
    trust: Trust = False,
    frames: Frames = 1,
    vec_normalize: VecNormalized = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Explain what an agent's net uses: place the goal in every cell of the view, erase it, and compare policy and value.

    The net before training is shown next to the runs. The result is kept in each run's folder, where `report` finds it.
    """
    from ..interpretation.files import to_json, write_folder
    from ..interpretation.words import explanation_text

    check_new(out)
    loading = AgentOptions(trust, frames, vec_normalize)
    if any(map(is_agent_word, runs)):
        explanations = _outside(runs, full, levels, chosen_world(world), observation, loading)
    else:
        loading.refuse_for_runs(observation)
        explanations = _of_runs(runs, full, levels, quiet)
    if out is not None:
        write_folder(explanations, out)
    if as_json:
        return show_json([to_json(explanation) for explanation in explanations])
    show(explanation_text(explanations))
    say(f"wrote: {out}" if out is not None else "maps and tables as files: --out FOLDER")


def _outside(
    words: list[Path], full: bool, levels: int, world: str, observation: str, loading: AgentOptions
) -> list[Explanation]:
    """Explain an agent that is not a run, by its answers alone."""
    from ..evaluation.evaluate import subject_of
    from ..external.named_agent import agent_named
    from ..interpretation.explain import explain_agent

    if len(words) > 1 or full:
        raise UserError(
            "an agent that is not a run is explained by itself, by its answers alone: give only that one, without --full"
        )
    return [explain_agent(subject_of(agent_named(str(words[0]), loading), world, observation), levels=levels)]


def _of_runs(paths: list[Path], full: bool, levels: int, quiet: bool) -> list[Explanation]:
    """Explain runs, and keep the result in their folders."""
    from ..evaluation.evaluated_run import open_runs
    from ..interpretation.explain import explain_runs
    from ..interpretation.files import record

    runs = open_runs(paths)
    with progress_bars([str(path) for path in paths], quiet) as told:
        explanations = explain_runs(runs, full, lambda k, words: told(k, 0, 1, words), levels)
    for run, own in zip(runs, explanations, strict=False):
        record(run, explanations, own)
    if not quiet:
        say(f"next: {shown_command('report', *paths)}", err=True)
    return explanations
