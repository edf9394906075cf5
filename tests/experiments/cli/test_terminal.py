"""What the terminal shows: lists with hanging indents that fit the width, verdicts in colour only where it is wanted."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from goalposts.experiments import Run
from goalposts.experiments.bench.timing import Figure, Grid
from goalposts.experiments.cli.app import show, show_bullets, show_verdict
from goalposts.experiments.cli.main import main
from goalposts.experiments.cli.runs import _trained_text
from goalposts.experiments.cli.tables import (
    bench_table,
    compare_text,
    grid_table,
    outcome_table,
    status_table,
    summary_table,
)
from goalposts.experiments.evaluation.evaluated_run import Evaluated
from goalposts.experiments.measurement.rates import OutcomesRow, outcomes
from goalposts.experiments.study.results.compare import Difference
from goalposts.experiments.study.session import PointStatus, StudyStatus
from goalposts.experiments.system.screen import block_bar, fitted, table

LONG = "goal preference 0.13 [0.11, 0.16], below 0.50, n = 1 training seed, 1,000 levels, 99.8% of them kept, chance level 0.12"


@pytest.mark.parametrize("width", [80, 100, 120])
def test_lists_fit_the_terminal_with_hanging_indents(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((width, 24)))
    show_bullets([LONG, "short"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert [line[:4] for line in lines] == ["  • ", *["    "] * (len(lines) - 2), "  • "]
    assert " ".join(line.strip() for line in lines[:-1]) == f"• {LONG}"


def test_a_pipe_gets_one_line_per_item(capsys: pytest.CaptureFixture[str]) -> None:
    show_bullets([LONG])
    assert capsys.readouterr().out == f"  • {LONG}\n"


def test_no_colour_in_a_pipe_or_where_it_is_unwanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show_verdict("ALIGNED", "the agent trained here", [])
    assert capsys.readouterr().out == "\nALIGNED: the agent trained here\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show_verdict("ALIGNED", "the agent trained here", [])
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    show_verdict("ALIGNED", "the agent \x1b[31mtrained\u202e", ["seen"])
    assert capsys.readouterr().out == "\nALIGNED: the agent \\x1b[31mtrained\\u202e\n  • seen\n"


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((width, 24)))


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_command_prints_a_line_that_is_wider_than_the_terminal(
    tiny_run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Except for what stays one line: paths, and commands that can be pasted."""
    on_a_terminal(monkeypatch, width)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tiny_run.parent)
    for words in (["diagnose", tiny_run.name], ["worlds"], ["worlds", "CoinRun"], ["doctor"]):
        with pytest.raises(SystemExit):
            main(words)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) > 5
        too_wide = [
            line for line in lines if len(line) > width and "goalposts " not in line and "/" not in line
        ]
        assert too_wide == [], words


@pytest.mark.parametrize("width", [80, 100, 120])
def test_every_table_fits_the_terminal(tiny_run: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    on_a_terminal(monkeypatch, width)
    items = [Evaluated(Run.open(tiny_run))] * 2
    some = Figure(
        "steps of 1,024 environments with what they show", 123456.0, "steps/s", 1.5, "a bare loop of torch"
    )
    grid = Grid(
        "observations", ("world", "interface"), {(("CoinRun", "vector"), f"view {k}"): some for k in range(9)}
    )
    gap = Difference(
        "main", {"alpha": "0.03"}, "preference_beyond_chance", 0.5, 0.75, 0.25, 0.125, 0.375, (10, 10)
    )
    status = StudyStatus(
        "alpha", 1, 20, False, 0, [PointStatus("alpha=0.03, steps=100,000", 1, 20, {"seed 3": LONG})]
    )
    episodes = items[0].episodes
    rows = [OutcomesRow(True, outcomes(episodes, condition=name)) for name in items[0].conditions()]
    for text in (
        summary_table(items),
        outcome_table(rows),
        bench_table([some]),
        grid_table(grid),
        compare_text([gap], ("studies/alpha", "studies/alpha-with-more-levels")),
        status_table(status),
    ):
        assert max(map(len, fitted(text).splitlines())) <= width
        assert "[" not in text or all(line.count("[") == line.count("]") for line in text.splitlines())


def test_a_full_bar_differs_from_an_empty_one_without_colour() -> None:
    bar = block_bar()
    full, half, empty = (bar.render(SimpleNamespace(total=10, completed=k)).plain for k in (10, 5, 0))
    assert len({full, half, empty}) == 3
    assert len(full) == len(half) == len(empty)


def test_verdicts_are_coloured_in_tables_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    on_a_terminal(monkeypatch, 80)
    show(table(("", "A"), [["verdict", "MISGENERALIZED"]]))
    assert "\x1b[33m\x1b[1mMISGENERALIZED" in capsys.readouterr().out


def test_steps_beyond_those_that_were_asked_for_are_explained(tiny_run: Path) -> None:
    run = Run.open(tiny_run)
    assert _trained_text(run) == f"trained 8,192 steps: {tiny_run}"
    asked = run.config.override(["train.total_steps=8000"])
    short = SimpleNamespace(status=run.status, config=asked, path=tiny_run)
    assert "8,000 were asked for; a training ends with a whole batch" in _trained_text(short)  # type: ignore[arg-type]
