"""The light commands: worlds, levels, doctor, config. None of them loads torch.

Read next: `runs.py`, the commands that train and measure.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated, Any

import typer

from goalposts import __version__

from .app import (
    LOOK_UP,
    Config,
    Json,
    OneWorld,
    Overrides,
    app,
    check_new,
    chosen_world,
    config_app,
    say,
    show,
    show_json,
)


@app.command(rich_help_panel=LOOK_UP)
def worlds(
    name: Annotated[str | None, typer.Argument(help="Only this world, with all its conditions.")] = None,
    as_json: Json = False,
) -> None:
    """List the worlds with their goals, proxies and conditions."""
    from ...envs.worlds.registry import known_worlds, load_world

    chosen = [load_world(name)] if name else list(known_worlds().values())
    if as_json:
        show_json(
            [
                {
                    "name": w.name,
                    "summary": w.summary,
                    "goal": w.goal.name,
                    "proxies": [p.name for p in w.proxies],
                    "actions": [a.name for a in w.actions],
                    "planes": w.planes,
                    "conditions": [
                        {"name": c.name, "role": c.role, "tells": c.distinguishes, "hidden": c.hidden}
                        for c in w.conditions
                    ],
                }
                for w in chosen
            ]
        )
        return
    for world in chosen:
        proxies = ", ".join(p.name for p in world.proxies)
        say(f"{world.name}: {world.summary}")
        say(
            f"  goal: {world.goal.name}   proxy: {proxies}   actions: {', '.join(a.name for a in world.actions)}"
        )
        for c in world.conditions:
            parameter = "(…)" if c.parameter is not None else ""
            say(
                f"    {c.name + parameter:18} {c.role:8} {c.distinguishes}"
                + (f" [hidden from the agent: {c.hidden}]" if c.hidden else "")
            )
        if name:
            show("\n  A level is a picture of:\n" + world.legend.explain())


@app.command(rich_help_panel=LOOK_UP)
def levels(
    condition: Annotated[
        str | None, typer.Argument(help="Such as off_path or 'mixture(0.03)'; default: as in training.")
    ] = None,
    world: OneWorld = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the sequence of levels.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="Number of levels.")] = 3,
    start: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Index of the first level.")] = 0,
    file: Annotated[Path | None, typer.Option("--file", help="Show the levels of this file instead.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write them to this .txt or .npz file instead of showing them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print levels as text with the planner's results, or write them to a file."""
    from ...envs import generate, load_levels, load_world, save_levels, survey_levels

    check_new(out)
    kind = load_world(chosen_world(world))
    wanted = condition or kind.default_condition("train")
    chosen = load_levels(file, kind.name) if file else generate(kind, wanted, seed, count, start)
    if out is not None:
        save_levels(chosen, out)
        say(f"{len(chosen):,} levels written to {out}")
        return
    survey = survey_levels(chosen)
    facts = [
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
        for i, (k, level) in enumerate(zip(chosen.index, chosen, strict=True))
    ]
    if as_json:
        show_json(facts)
        return
    for fact in facts:
        number = f"level {fact['index']}" if fact["index"] >= 0 else "level"
        say(f"; {chosen.world} {chosen.condition} {number}, layout {fact['layout_hash']}")
        say(
            f"; steps: {_or_never(fact['steps_to_goal'])} to the goal, {_or_never(fact['steps_to_proxy'])} to the proxy, "
            f"{_or_never(fact['steps_to_proxy_avoiding_goal'])} to the proxy past the goal; "
            + ("distinguishing" if fact["distinguishing"] else "not distinguishing")
        )
        show(str(fact["text"]) + "\n")


def _steps(value: Any) -> int | None:
    return None if value < 0 else int(value)


def _or_never(value: Any) -> str:
    return "no way" if value is None else str(value)


@app.command(rich_help_panel=LOOK_UP)
def doctor(as_json: Json = False) -> None:
    """Check this installation: versions, compiler cache, window, cores."""
    import os
    import tempfile
    from importlib import metadata

    names = (
        "numpy",
        "numba",
        "gymnasium",
        "torch",
        "stable-baselines3",
        "polars",
        "pydantic",
        "pygame-ce",
        "pillow",
        "ray",
    )
    versions: dict[str, str | None] = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    problems = [
        f"{name} is not installed: pip install goalposts"
        for name, v in versions.items()
        if v is None and name != "ray"
    ]
    try:
        pygame_too = metadata.version("pygame")
        problems.append(
            f"pygame {pygame_too} is installed beside pygame-ce: pip uninstall pygame, then reinstall pygame-ce"
        )
    except metadata.PackageNotFoundError:
        pass
    try:
        with tempfile.TemporaryFile(dir="."):
            writable = True
    except OSError:
        writable = False
        problems.append("this folder is not writable; give runs an --out in a folder that is")
    from goalposts.process.cache_place import kernel_place

    from ...envs import generate, solve
    from ...envs.jit.kernel_cache import damaged_files

    place = kernel_place()
    damaged = damaged_files(place.folder) if place.folder else []
    problems += [
        f"{path} is no file, so no kernel can be kept there: remove it" for path in damaged if path.is_dir()
    ]
    plan = solve(generate("CoinRun", "off_path", 0, 1)[0])
    if not plan.solvable:
        problems.append(
            "the planner cannot solve a generated level: the installation is damaged; reinstall goalposts"
        )
    facts = {
        "goalposts": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "packages": versions,
        "writable": writable,
        "planner": plan.solvable,
        "problems": problems,
        "kernel_cache": place.folder and str(place.folder),
        "damaged_kernels": list(map(str, damaged)),
    }
    if as_json:
        show_json(facts)
    else:
        say(f"goalposts {__version__}, Python {facts['python']}, {facts['cores']} cores, {facts['platform']}")
        for name, version in versions.items():
            say(f"  {name:18} {version or 'not installed'}")
        say(
            f"Compiled kernels are kept in {place.folder}."
            if place.folder
            else "Compiled kernels are not kept."
        )
        for path in damaged:
            say(f"  {path} is damaged; its kernel is compiled again when it is needed")
        say("A level was drawn, compiled and solved." if plan.solvable else "")
        for problem in problems:
            say(f"  problem: {problem}")
        if not problems:
            say("No problem found.")
    if problems:
        raise typer.Exit(1)


@config_app.command("check")
def config_check(config: Config, overrides: Overrides = None) -> None:
    """Check a config and report all mistakes at once."""
    from ..config.schema import load_config

    found = load_config(config, overrides or [])
    say(f"{config} is valid: experiment {found.name}, seed {found.seed}, hash {found.hash()[:12]}")


@config_app.command("show")
def config_show(config: Config, overrides: Overrides = None, as_json: Json = False) -> None:
    """Print the resolved config: every key, with overrides applied."""
    from ..config.schema import load_config

    found = load_config(config, overrides or [])
    if as_json:
        show_json(found.to_dict())
    else:
        show(found.to_yaml().rstrip())


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of a config, for editors and other tools."""
    from ..config.schema import config_schema as schema

    show_json(schema())
