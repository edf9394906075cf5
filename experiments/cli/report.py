"""Pages and films of runs: `goalposts report`, `goalposts live`, `goalposts record`. Thin; next: `experiments/publish/run_report.py`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from goalposts.errors import UserError

from ...envs.worlds.contract.sources import shown_command
from ..system.atomic_files import check_new
from .app import MAIN, RunPaths, app, say
from .renamed import agent_words


@app.command(rich_help_panel=MAIN)
def report(
    runs: RunPaths,
    out: Annotated[
        Path | None, typer.Option(help="The page; default: report.html in the first run's folder.")
    ] = None,
) -> None:
    """Write one self-contained HTML page for a run, several runs side by side, or a study. It works offline."""
    from ..study.folder.folder import STUDY

    if len(runs) == 1 and (runs[0] / STUDY).is_file():
        from .study import say_study_report

        if out is not None:
            raise UserError(
                f"{runs[0]} is a study: its page and figures are written into its own folder; leave out --out"
            )
        return say_study_report(runs[0])
    from ..evaluation.evaluated_run import open_runs
    from ..publish.run_report import report_data
    from ..report.page.page import write_page

    opened_runs = open_runs(runs)
    check_new(out)
    command = shown_command("report", *runs)
    page, live = out or runs[0] / "report.html", runs[0] / "live.html"
    address = quote(Path(os.path.relpath(live, page.parent)).as_posix()) if live.is_file() else ""
    data = report_data(opened_runs, command)
    write_page(replace(data, live=address), page)
    say(f"{page} ({page.stat().st_size / 1e6:.1f} MB)")
    say(f"next: {shown_command('record' if data.boards is None else 'live', *runs[:2])}")


@app.command(rich_help_panel=MAIN)
def live(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="A run folder, two to compare, or several: the first board then has a slider over all."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The page; default: live.html in the first run's folder.")
    ] = None,
) -> None:
    """Write one offline HTML page in which you paint levels and the agents answer at once."""
    from ..evaluation.evaluated_run import open_runs
    from ..publish.live_page import live_page
    from ..report.live.page import write_live_page

    opened_runs = open_runs(runs)
    check_new(out)
    command = shown_command("live", *runs)
    page = out or runs[0] / "live.html"
    write_live_page(live_page(opened_runs, command), page)
    say(f"{page} ({page.stat().st_size / 1e6:.1f} MB)")


@app.command(rich_help_panel=MAIN)
def record(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="A run folder, or two to show both on the same level. With --file also GoToGoal …"
        ),
    ],
    out: Annotated[Path | None, typer.Option(help=".gif, .png (a strip) or .mp4 (extra `video`).")] = None,
    condition: Annotated[
        str | None, typer.Option(help="Default: the condition that the verdict is about.")
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=64, help="Number of levels; more than one are shown as a grid.")
    ] = 1,
    outcome: Annotated[
        str | None,
        typer.Option(help="Only episodes with this outcome: misgeneralized, goal, death, timeout."),
    ] = None,
    before_after: Annotated[
        bool,
        typer.Option("--before-after", help="One run on one layout, before and after the goal is moved."),
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="Film episodes on the levels of this file.")
    ] = None,
    start: Annotated[int, typer.Option(min=0, help="Index of the first level of the file to film.")] = 0,
    tile_size: Annotated[int, typer.Option(help="Pixels per tile: 8, 16 or 32.")] = 16,
    fps: Annotated[float, typer.Option(min=1, max=50, help="Frames per second.")] = 8,
    wordless: Annotated[
        bool,
        typer.Option("--wordless", help="Two runs: what each was trained on, then both on one new level."),
    ] = False,
) -> None:
    """Make a film of recorded episodes, chosen in proportion to their outcomes, never by hand."""
    from ..publish.films import FilmSpec, record_film

    names = list(map(str, runs))
    spec = FilmSpec(condition, count, outcome, before_after, file, start, tile_size, fps, wordless)
    path = record_film(agent_words(names) if file else names, out, spec)
    say(f"{path} ({path.stat().st_size / 1e3:.0f} kB)")
    if file is None:
        say(f"next: {shown_command('report', *runs)}")
    else:
        say(f"next: {shown_command('evaluate', names[0], '--file', file)}")
