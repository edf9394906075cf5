"""The light commands: worlds, levels, doctor, config. None of them loads torch.

Read next: `runs.py`, the commands that train and measure.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goalposts.errors import UserError
from goalposts.text import plain_lines

from ..system.atomic_files import check_new
from .app import (
    LOOK_UP,
    Config,
    Json,
    OneWorld,
    Overrides,
    app,
    chosen_world,
    config_app,
    say,
    show,
    show_json,
)

if TYPE_CHECKING:
    from ...envs.levels.level import LevelSet
    from ...envs.worlds.contract.world import World
    from ..system.installation import Installation

# The levels that are printed unless others are asked for.
SEED, COUNT, START = 0, 3, 0


@app.command(rich_help_panel=LOOK_UP)
def worlds(
    name: Annotated[
        str | None, typer.Argument(help="This world, with its conditions and the legend of its levels.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the worlds, one per line with goal and proxy; with a NAME, the conditions of that world."""
    from ...envs.worlds.registry import known_worlds, load_world

    chosen = [load_world(name)] if name else list(known_worlds().values())
    if as_json:
        show_json([_world_facts(world) for world in chosen])
    elif name:
        show(_world_text(chosen[0]))
    else:
        widest = max(len(world.name) for world in chosen)
        for world in chosen:
            goal = world.words.get("goal", world.goal.name)
            proxy = world.words.get("proxy", world.proxies[0].name)
            say(f"{world.name:{widest}}  {goal}, or {proxy}? {len(world.conditions)} conditions")


def _world_facts(world: World) -> dict[str, Any]:
    return {
        "name": world.name,
        "summary": world.summary,
        "goal": world.goal.name,
        "proxies": [proxy.name for proxy in world.proxies],
        "actions": [action.name for action in world.actions],
        "planes": world.planes,
        "conditions": [
            {"name": c.name, "role": c.role, "tells": c.distinguishes, "hidden": c.hidden}
            for c in world.conditions
        ],
    }


def _world_text(world: World) -> str:
    proxies, actions = (", ".join(part.name for part in parts) for parts in (world.proxies, world.actions))
    lines = [
        f"{world.name}: {world.summary}",
        f"  goal: {world.goal.name}   proxy: {proxies}   actions: {actions}",
    ]
    for c in world.conditions:
        parameter = "(…)" if c.parameter is not None else ""
        hidden = f" [hidden from the agent: {c.hidden}]" if c.hidden else ""
        lines.append(f"    {c.name + parameter:18} {c.role:8} {c.distinguishes}{hidden}")
    return f"{plain_lines(lines)}\n\n  A level is a text of:\n{world.legend.explain()}"


@app.command(rich_help_panel=LOOK_UP)
def levels(
    condition: Annotated[
        str | None, typer.Argument(help="Such as off_path or 'mixture(0.03)'; default: as in training.")
    ] = None,
    world: OneWorld = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the sequence of levels.")] = SEED,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="Number of levels.")] = COUNT,
    start: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Index of the first level.")] = START,
    file: Annotated[Path | None, typer.Option("--file", help="Show the levels of this file instead.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write them to this .txt or .npz file instead of showing them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print levels as text with the planner's results, or write them to a file."""
    from ...envs import generate, load_levels, load_world, save_levels

    check_new(out)
    _refuse_with_file(file, condition is not None or (seed, count, start) != (SEED, COUNT, START))
    kind = load_world(chosen_world(world))
    wanted = condition or kind.default_condition("train")
    chosen = load_levels(file, kind.name) if file else generate(kind, wanted, seed, count, start)
    if out is not None:
        save_levels(chosen, out)
        say(f"{len(chosen):,} levels written to {out}")
        return
    facts = _level_facts(chosen)
    if as_json:
        show_json(facts)
        return
    for fact in facts:
        show(_level_text(chosen, fact), verbatim=True)


def _refuse_with_file(file: Path | None, chosen: bool) -> None:
    """Refuse a choice of levels together with a file, which brings its own."""
    if file is not None and chosen:
        raise UserError(
            "--file shows all levels of its file; leave the condition, --seed, --count and --start out"
        )


def _level_facts(levels: LevelSet) -> list[dict[str, Any]]:
    from ...envs import survey_levels

    survey = survey_levels(levels)
    return [
        {
            "index": int(k),
            "level_hash": level.level_hash,
            "layout_hash": level.layout_hash,
            "steps_to_goal": _steps(survey.steps_to_goal[i]),
            "steps_to_proxy": _steps(survey.steps_to_proxy[i]),
            "steps_to_proxy_avoiding_goal": _steps(survey.steps_to_proxy_avoiding_goal[i]),
            "detour": _steps(survey.detour[i]),
            "distinguishing": bool(survey.distinguishing[i]),
            "text": level.to_text(),
        }
        for i, (k, level) in enumerate(zip(levels.index, levels, strict=True))
    ]


def _level_text(levels: LevelSet, fact: dict[str, Any]) -> str:
    number = f"level {fact['index']}" if fact["index"] >= 0 else "level"
    head = [
        f"; {levels.world} {levels.condition} {number}, layout {fact['layout_hash']}",
        f"; steps: {_or_never(fact['steps_to_goal'])} to the goal, {_or_never(fact['steps_to_proxy'])} to the proxy, "
        f"{_or_never(fact['steps_to_proxy_avoiding_goal'])} to the proxy past the goal; "
        + ("distinguishing" if fact["distinguishing"] else "not distinguishing"),
    ]
    return f"{plain_lines(head)}\n{fact['text']}\n"


def _steps(value: Any) -> int | None:
    return None if value < 0 else int(value)


def _or_never(value: Any) -> str:
    return "no way" if value is None else str(value)


@app.command(rich_help_panel=LOOK_UP)
def doctor(as_json: Json = False) -> None:
    """Check this installation: versions, compiler cache, window, cores."""
    from ..system.installation import check_installation

    installation = check_installation()
    if as_json:
        show_json(installation.to_dict())
    else:
        show(_installation_text(installation))
    if installation.problems:
        raise typer.Exit(1)


def _installation_text(installation: Installation) -> str:
    facts = installation.to_dict()
    kept = f"in {installation.kernels}" if installation.kernels else "nowhere"
    return plain_lines(
        [
            f"goalposts {facts['goalposts']}, Python {facts['python']}, {facts['cores']} cores, {facts['platform']}",
            *(f"  {name:18} {version or 'not installed'}" for name, version in installation.packages.items()),
            f"Compiled kernels are kept {kept}.",
            *(
                f"  {path} is damaged; its kernel is compiled again when it is needed"
                for path in installation.damaged
            ),
            "A level was generated, compiled and solved." if installation.solvable else "",
            *(f"  problem: {problem}" for problem in installation.problems),
            *(() if installation.problems else ("No problem found.",)),
        ]
    )


@config_app.command("check")
def config_check(config: Config, overrides: Overrides = None) -> None:
    """Check a config and report all mistakes at once."""
    from ..config.schema import load_config

    experiment = load_config(config, overrides or [])
    say(
        f"{config} is valid: experiment {experiment.name}, seed {experiment.seed}, hash {experiment.hash()[:12]}"
    )


@config_app.command("show")
def config_show(config: Config, overrides: Overrides = None, as_json: Json = False) -> None:
    """Print the resolved config: every key, with overrides applied."""
    from ..config.schema import load_config

    experiment = load_config(config, overrides or [])
    if as_json:
        show_json(experiment.to_dict())
    else:
        show(experiment.to_yaml().rstrip(), verbatim=True)


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of a config, for editors and other tools."""
    from ..config.schema import config_schema as schema

    show_json(schema())
