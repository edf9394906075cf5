"""What the terminal shows: lists with hanging indents that fit the width, verdicts in colour only where it is wanted."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from goalposts.experiments.cli.app import show_bullets, show_verdict

LONG = "goal preference 0.13 [0.11, 0.16], below 0.50, n = 1 training seed, 1,000 levels, 99.8% of them kept, chance level 0.12"


@pytest.mark.parametrize("width", [80, 100, 120])
def test_lists_fit_the_terminal_with_hanging_indents(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))
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
