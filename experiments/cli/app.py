"""Shared parts of all commands: the typer app, printing, and common options.

Nothing heavy is imported before a command needs it. Read next: `main.py`.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperGroup
from typer.models import OptionInfo

from goalposts import __version__
from goalposts.closest import closest, near
from goalposts.errors import UserError
from goalposts.process.patience import heard, own_display, show_progress
from goalposts.process.streams import takes_unicode
from goalposts.text import json_text, plain, plain_lines

from ...envs.worlds.contract.sources import sources
from ..system.screen import block_bar, coloured, fitted
from .renamed import with_new_names

AGENTS = ("GoToGoal", "GoToProxy", "Random", "Mixture", "goal-seeker", "proxy-seeker", "random", "mixture")
FOLDERS = ("config.yaml", "study.yaml")  # what a run or study folder holds
MOST = 100_000  # characters of a line


class Commands(TyperGroup):
    """A group whose unknown commands are answered with those that there are."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        args = with_new_names("" if ctx.parent is None else ctx.info_name, args)
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            hint = f"there are {', '.join(self.commands)}.{closest(args[0], self.commands)}"
            raise UserError(f"there is no command {args[0]!r}; {hint} See: {ctx.command_path} --help")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Commands,
    name="goalposts",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Train an agent, then move the goalposts, and see what it was really after.\n\n"
    "Start with [bold]goalposts demo[/bold]: two agents with the same score and different goals, in a few minutes.",
)
config_app = typer.Typer(cls=Commands, help="Check, show and describe configs.")
app.add_typer(config_app, name="config", rich_help_panel="Look up")

CustomWorlds = Annotated[
    list[str] | None,
    typer.Option(
        "--world",
        metavar="MODULE:NAME",
        help="Import a custom world, module:NAME or path/to/file.py:NAME: this runs its code.",
    ),
]
CustomCode = Annotated[
    list[str] | None,
    typer.Option(
        "--code",
        metavar="MODULE:NAME",
        help="Import a custom policy, features extractor or method, module:NAME or path/to/file.py:NAME: this runs its code.",
    ),
]
OneWorld = Annotated[
    str | None,
    typer.Option(
        help="A world, or a custom one as module:NAME or path/to/file.py:NAME; default: the custom world named before, else CoinRun."
    ),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Load a zip of stable-baselines3, which may run any code in it.")
]
Frames = Annotated[
    int, typer.Option(min=1, max=64, help="How many observations the agent sees at once (frame stacking).")
]
VecNormalized = Annotated[
    Path | None,
    typer.Option(
        "--vec-normalize",
        help="Statistics that VecNormalize.save wrote, for a model trained on normalized observations; pickle, so it needs --trust.",
    ),
]
_PARAMETER, _CODE = "custom_worlds", "custom_code"


def load_worlds(specs: Sequence[str] | None) -> None:
    """Import the custom worlds that the user named: this runs their code. Raises WorldError."""
    for spec in specs or ():
        from ...envs.worlds.registry import load_world

        load_world(spec)


def load_custom_code(specs: Sequence[str] | None) -> None:
    """Import the methods and classes that the user named: this runs their code. Raises CodeError."""
    for spec in specs or ():
        from ...agents.named_code import load_code

        load_code(spec)


def chosen_world(given: str | None) -> str:
    """The world that a command is about: the one given, else the one custom world that was named, else CoinRun."""
    named = sources()
    return given or (named[0].place if len(named) == 1 else "CoinRun")


def is_agent_word(word: str | os.PathLike[str]) -> bool:
    """Whether a word names an agent that is not a run: module:NAME, or a zip of stable-baselines3."""
    text = os.fspath(word)
    return not os.path.isdir(text) and (text.endswith(".zip") or ":" in text)


def check_runs(arguments: Mapping[str, Any]) -> None:
    """Refuse a run folder that is missing before anything heavy is imported. Raises RunError."""
    words = [arguments.get("run"), *(arguments.get("runs") or ())]
    for word in (os.fspath(word) for word in words if isinstance(word, str | Path)):
        is_agent = is_agent_word(word) or bool(near(word.partition("(")[0], AGENTS))
        if not is_agent and not any(os.path.exists(os.path.join(word, name)) for name in FOLDERS):
            from ..runs.folder_names import RunError, not_a_run

            raise RunError(not_a_run(Path(word)))


def check_studies(command: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Refuse a study that is missing before anything heavy is imported. Raises RunError, UserError."""
    if command.__module__ != f"{__package__}.study":
        return
    from ..study.design.study_file import check_study_folder, find_study

    if "config" in arguments:
        find_study(arguments["config"])
    for name in ("path", "first", "second"):
        if name in arguments:
            check_study_folder(arguments[name])


def with_worlds(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with a `--world` and a `--code` that import; one that has a `--world` already keeps its own."""
    signature = inspect.signature(command, eval_str=True)
    own = signature.parameters.get("world")
    more = {_CODE: CustomCode}
    if own is None or not any(isinstance(metadata, OptionInfo) for metadata in get_args(own.annotation)):
        more = {_PARAMETER: CustomWorlds, **more}

    @wraps(command)
    def knowing(
        *given: Any,
        custom_worlds: list[str] | None = None,
        custom_code: list[str] | None = None,
        **named: Any,
    ) -> Any:
        check_runs(named)
        check_studies(command, named)
        load_worlds(custom_worlds)
        load_custom_code(custom_code)
        return command(*given, **named)

    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in more.items()
    ]
    knowing.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *options])  # type: ignore[attr-defined]
    knowing.__annotations__ = {**command.__annotations__, **more}
    return knowing


Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text.")]
LOOK_UP, MAIN = "Look up", "Experiments"


def say(text: object = "", err: bool = False) -> None:
    """Print one line: whatever names and paths are in it, it stays one line that a terminal only shows."""
    typer.echo(fitted(plain(text, MOST)), err=err)
    heard()


def show(text: str, err: bool = False, verbatim: bool = False) -> None:
    """Print several lines, such as a table. Names in them must be `plain` already: a line break in them is a line.

    On a terminal, long lines are wrapped and verdicts are coloured, unless they are `verbatim`, as a config is.
    """
    text = plain_lines(text)
    typer.echo(text if verbatim else coloured(fitted(text)), err=err)
    heard()


def show_verdict(label: str, words: str, reasons: Iterable[object]) -> None:
    """Print an empty line, a verdict, in colour on a terminal unless NO_COLOR is set, what it is about, and its reasons."""
    say()
    typer.echo(coloured(f"{plain(label)}: {plain(words, MOST)}"))
    show_bullets(reasons)


def show_bullets(sentences: Iterable[object]) -> None:
    """Print a list with hanging indents, as wide as the terminal; where the output is no terminal, one line each."""
    for sentence in sentences:
        typer.echo(fitted(f"  • {plain(sentence, MOST)}"))


def show_json(value: Any) -> None:
    """Print JSON to stdout; escaped where the output's encoding has not all characters."""
    typer.echo(json_text(value, ascii_only=not takes_unicode(sys.stdout), indent=1, default=str))


@app.callback(invoke_without_command=True)
def about(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    world: CustomWorlds = None,
    code: CustomCode = None,
) -> None:
    load_worlds(world)
    load_custom_code(code)
    if version:
        say(f"goalposts {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


@config_app.callback(invoke_without_command=True)
def about_configs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


Config = Annotated[str, typer.Argument(help="A YAML file, or a shipped name such as coinrun/edge.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Changes, such as seed=3 train.total_steps=500_000.")
]


RunPath = Annotated[Path, typer.Argument(help="A run folder, such as runs/edge-s0.")]


RunPaths = Annotated[list[Path], typer.Argument(help="Run folders; several are judged together.")]


@contextmanager
def progress_bars(labels: list[str], quiet: bool) -> Iterator[Any]:
    """Progress of each label on stderr: bars on a terminal, else a line now and then; yields update(which, step, total, words)."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        block_bar(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}", markup=False),
    )
    console = Console(stderr=True)
    bars = Progress(*columns, console=console, disable=quiet or not console.is_interactive)
    tasks = [bars.add_task(plain(label), total=None, words="waiting") for label in labels]
    lines = dict.fromkeys(range(len(labels)), "")
    display = ExitStack()

    def told(which: int, step: int, total: int, words: str) -> None:
        if not bars.live.is_started and (quiet or console.is_interactive):
            display.enter_context(own_display())
        bars.start()  # only now: what is refused before any work needs no bar
        bars.update(tasks[which], completed=step, total=total, words=plain(words))
        steps = f"{step:,} of {total:,}" if 0 < step < total or not words else ""
        lines[which] = f"{labels[which]}: {', '.join(filter(None, (steps, words)))}"
        show_progress("; ".join(filter(None, lines.values())))

    try:
        yield told
    finally:
        bars.stop()
        display.close()
        show_progress("")


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
