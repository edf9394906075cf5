"""The commands that open a window: watch, play, edit. Thin: what they show is in `experiments/interactive/players.py` and
`experiments/interactive/human_session.py`.

Neither pygame nor torch is loaded before it is needed. Read next: `envs/window/window.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goalposts.errors import UserError
from goalposts.process.patience import own_display

from ...envs.worlds.contract.sources import shown_command
from ..system.atomic_files import check_new
from .app import MAIN, app, chosen_world, say
from .renamed import agent_words

if TYPE_CHECKING:
    from ...envs.window.opening import Opening
    from ...envs.window.view import View

Conditions = Annotated[
    list[str] | None, typer.Option("--condition", help="Only this condition; may be repeated.")
]
Start = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Index of the first level.")]
LevelFile = Annotated[Path | None, typer.Option("--file", help="Play the levels of this file instead.")]
WorldName = Annotated[
    str | None,
    typer.Option(
        help="A world, or a custom one as module:NAME or path/to/file.py:NAME; default: that of the runs or the file, else CoinRun."
    ),
]
Dark = Annotated[bool, typer.Option("--dark", help="Dark mode.")]
Screenshot = Annotated[
    Path | None, typer.Option(help="Write an image of the window to this .png without a screen, and exit.")
]
Keys = Annotated[
    str, typer.Option(help="Keys to press first, such as 'right*5 v g'; wait pauses for a second.")
]


@app.command(rich_help_panel=MAIN)
def watch(
    subjects: Annotated[
        list[str], typer.Argument(help="Run folders, GoToGoal, GoToProxy, Random or Mixture(q).")
    ],
    condition: Conditions = None,
    start: Start = 0,
    file: LevelFile = None,
    world: WorldName = None,
    dark: Dark = False,
    screenshot: Screenshot = None,
    keys: Keys = "",
) -> None:
    """Watch agents play, with values per cell and shortest paths. Switch between several agents and conditions."""
    opening = _check(screenshot, condition, file, f"watch {' '.join(subjects)}", dark)
    from ...envs.window.watch import Watch
    from ...envs.worlds.registry import get_world
    from ..evaluation.subjects import labels_of, level_seed_of, subjects_named
    from ..interactive.players import course_of, course_of_file, player_of

    subjects = agent_words(subjects)
    agents = subjects_named(subjects, _world_of(world, file, subjects))
    known = next((s.config.evaluate.conditions for s in agents if s.config is not None), None)
    of = _warm(opening, agents[0].world)
    course = (
        course_of_file(file, of)
        if file
        else course_of(get_world(of), condition or known, level_seed_of(agents))
    )
    players = [player_of(s, label) for s, label in zip(agents, labels_of(subjects, agents), strict=True)]
    shift = next(
        (c for c in course.conditions if c == course.world.default_condition("shift")), course.conditions[0]
    )
    _show(Watch(course, players, (condition[0] if condition else shift, start)), dark, screenshot, keys)


@app.command(rich_help_panel=MAIN)
def play(
    world: Annotated[
        str | None, typer.Argument(help="World; default: that of the file, else CoinRun.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the player in the tables.")] = "human",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the episodes; default: runs/<name>-<world>.")
    ] = None,
    condition: Conditions = None,
    start: Start = 0,
    file: LevelFile = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Show the whole level, not only what agents see.")
    ] = False,
    dark: Dark = False,
    screenshot: Screenshot = None,
    keys: Keys = "",
) -> None:
    """Play the agents' levels yourself. Your episodes are stored like an agent's, so diagnose and report accept the folder."""
    import tempfile

    opening = _check(screenshot, condition, file, f"play {world or ''}".strip(), dark)
    from ...envs.window.play import Play
    from ...envs.worlds.registry import load_world
    from ..interactive.human_session import Human, human_run
    from ..interactive.players import course_for_people, course_of_file

    name_of_world = world or (None if file else chosen_world(None))
    known = load_world(name_of_world) if name_of_world else None
    _warm(opening, known.name if known else "")
    course = course_of_file(file, known and known.name) if file else course_for_people(known, condition)
    folder = out or Path("runs") / f"{name}-{course.world.name.lower()}{f'-{file.stem}' if file else ''}"
    with tempfile.TemporaryDirectory() as nowhere:
        run = human_run(Path(nowhere) / "run" if screenshot else folder, name, course.world, whole)
        with run.lock():
            game = Human(run, course, start)
            _show(Play(game, whole), dark, screenshot, keys)
        counts = {c: sum(row.values()) for c, row in game.tally().items()}
    if screenshot is None:
        say("played: " + ", ".join(f"{n} of {c}" for c, n in counts.items()))
        say(f"kept in {folder}; next: {shown_command('diagnose', folder)}")


@app.command(rich_help_panel=MAIN)
def edit(
    file: Annotated[Path | None, typer.Argument(help="A level file, .txt or .npz, existing or new.")] = None,
    world: WorldName = None,
    agent: Annotated[
        list[str] | None,
        typer.Option(help="Agent that replays the level; default: GoToGoal and GoToProxy."),
    ] = None,
    condition: Annotated[str | None, typer.Option(help="Condition of the first level of a new file.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Seed of the sequence of levels for a new file.")
    ] = 0,
    start: Start = 0,
    dark: Dark = False,
    screenshot: Screenshot = None,
    keys: Keys = "",
) -> None:
    """Draw levels, see the planner's results at once, let agents play them, and save a level file."""
    path = file or _free("level")
    if path.suffix not in (".txt", ".npz"):
        raise UserError(f"{path}: a level file ends in .txt or .npz, not {path.suffix!r}")
    if path.exists() and (condition or seed):
        raise UserError(
            f"{path} is there already, with its own levels; leave --condition and --seed out, or name a new file"
        )
    opening = _check(screenshot, None, None, f"edit {path.name}", dark)
    from ...envs.window.edit import Edit
    from ...envs.worlds.registry import load_world
    from ..interactive.players import begin_edit

    names = agent_words(agent or ["GoToGoal", "GoToProxy"])
    of = load_world(world).name if world else None
    _warm(opening, of or ("" if path.exists() else load_world(chosen_world(None)).name))
    levels, players, first = begin_edit(path, names, of, chosen_world(of), (condition, seed, start))
    view = Edit(levels, path, players, first)
    _show(view, dark, screenshot, keys, keep=screenshot is None)
    if view.rescued:
        say(f"not saved; a copy is in {view.rescued}")


def _free(stem: str) -> Path:
    """A name that is not taken."""
    return next(path for k in range(1, 10**6) if not (path := Path(f"{stem}-{k}.txt")).exists())


def _check(
    screenshot: Path | None, condition: list[str] | None, file: Path | None, title: str, dark: bool
) -> Opening | None:
    """Refuse what cannot be, before any work; open the window, unless there is to be none."""
    check_new(screenshot, "--screenshot")
    if screenshot is not None and screenshot.suffix.lower() != ".png":
        raise UserError(f"--screenshot {screenshot}: the name must end in .png")
    if condition and file is not None:
        raise UserError(
            "--condition and --file contradict each other: a file has its own levels; leave one out"
        )
    if screenshot is not None:
        return None
    from ...envs.window.opening import Opening

    return Opening(title, dark)  # on the screen before anything is imported or compiled


def _world_of(world: str | None, file: Path | None, subjects: list[str]) -> str | None:
    """The world that the options of `watch` name; None: that of the runs."""
    from ...envs.worlds.registry import load_world
    from ..evaluation.level_files import read_level_file
    from ..evaluation.subjects import is_scripted

    name = load_world(world).name if world else None
    if file is not None:
        return read_level_file(file, name).world
    return load_world(chosen_world(world)).name if all(map(is_scripted, subjects)) else name


def _warm(opening: Opening | None, world: str) -> str:
    """Compile a world's rules while the window says so, and return its name. Raises Exit if it is closed meanwhile."""
    if opening is not None and world:
        from ...envs.worlds.registry import get_world
        from ..interactive.players import warm_up

        if not opening.during(f"compiling the rules of {world} …", lambda: warm_up(get_world(world))):
            raise typer.Exit
    return world


def _show(view: View, dark: bool, screenshot: Path | None, keys: str, keep: bool = True) -> None:
    """Open a window; or, for a screenshot, pretend to. `keep` False: what the view would keep when it closes is dropped."""
    if screenshot is not None:
        os.environ["SDL_VIDEODRIVER"] = "dummy"
    from ...envs.window.window import Window

    with Window(view, dark=dark) as window:
        window.press_all(keys)
        if screenshot is None:
            with own_display():
                window.run()
        else:
            window.save_image(screenshot)
            say(f"{screenshot} ({screenshot.stat().st_size / 1e3:.0f} kB)")
        if not keep:
            window.views.clear()
