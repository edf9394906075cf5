"""Agents from and for other tools: `goalposts adopt`, a run folder for an agent that was trained elsewhere; `goalposts export`, a
model card and a zip for stable-baselines3. Read next: `experiments/external/adopt.py`, `experiments/external/export.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..external.agent_options import AgentOptions
from .app import MAIN, Frames, OneWorld, RunPath, Trust, VecNormalized, app, chosen_world, say


@app.command(rich_help_panel=MAIN)
def adopt(
    agent: Annotated[
        str,
        typer.Argument(
            help="A function without arguments that returns the agent, as module:NAME: this runs its code. Or, with --trust, a zip of "
            "stable-baselines3."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The new run folder.")],
    name: Annotated[
        str | None, typer.Option(help="What results call the agent; default: its own name, or its class.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The seed that it was trained with; default: none is recorded.")
    ] = None,
    observation: Annotated[str, typer.Option(help="What it sees: view, full or rgb.")] = "view",
    condition: Annotated[list[str] | None, typer.Option(help="Only this condition; may be repeated.")] = None,
    levels: Annotated[int | None, typer.Option(min=1, max=10_000_000, help="Layouts per condition.")] = None,
    world: OneWorld = None,
    trust: Trust = False,
    frames: Frames = 1,
    vec_normalize: VecNormalized = None,
) -> None:
    """Evaluate an agent that was trained elsewhere into a run folder, for diagnose, report, record and compare."""
    from ...envs.worlds.contract.sources import shown_command
    from ...envs.worlds.registry import load_world
    from ..external.adopt import adopt as adopt_agent
    from ..external.named_agent import agent_named

    kind = load_world(chosen_world(world))
    run = adopt_agent(
        agent_named(agent, AgentOptions(trust, frames, vec_normalize)),
        out,
        name=name,
        seed=seed,
        world=kind,
        observation=observation,
        conditions=condition or None,
        levels=levels,
    )
    say(f"adopted: {run.path}")
    say(f"next: {shown_command('diagnose', run.path)}; {shown_command('report', run.path)}")


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
