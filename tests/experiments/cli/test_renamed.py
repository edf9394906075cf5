"""Old spellings of commands, options and agents still work, and one line on stderr names the new one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from goalposts.experiments.cli import renamed
from goalposts.experiments.cli.app import app
from goalposts.experiments.cli.main import main

Done = tuple[int, str, str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[[str], Done]:
    def run(words: str) -> Done:
        with pytest.raises(SystemExit) as end:
            main(words.split())
        printed = capsys.readouterr()
        return int(str(end.value.code)), printed.out, printed.err

    return run


def commands() -> dict[str, list[str]]:
    """Every command with its options, as the command line knows them."""
    top = typer.main.get_command(app)
    found = dict(top.commands)  # type: ignore[attr-defined]
    for group in [name for name, command in found.items() if hasattr(command, "commands")]:
        found |= {f"{group} {name}": command for name, command in found.pop(group).commands.items()}
    return {name: [o for p in command.params for o in p.opts] for name, command in found.items()}


def test_help_shows_new_names_only() -> None:
    known = commands()
    assert set(renamed.COMMANDS.values()) <= set(known)
    assert set(renamed.COMMANDS).isdisjoint(known)
    for command, options in renamed.OPTIONS.items():
        assert set(options.values()) <= set(known[command])
        assert set(options).isdisjoint(known[command])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("levels --first 3 --count 1", "levels --start 3 --count 1", "--first is now called --start"),
        ("levels --first=3 --count 1", "levels --start=3 --count 1", "--first is now called --start"),
        ("explore --help", "sweep-goal --help", "goalposts explore is now called goalposts sweep-goal"),
        ("study page --help", "study docs --help", "goalposts study page is now called goalposts study docs"),
        ("evaluate goal-seeker --levels 3 -q", "evaluate GoToGoal --levels 3 -q", "is now called GoToGoal"),
        ("evaluate mixture(0.5) --levels 3 -q", "evaluate Mixture(0.5) --levels 3 -q", "Mixture(0.5)"),
    ],
)
def test_an_old_spelling_does_what_the_new_one_does(
    run: Callable[[str], Done], old: str, new: str, said: str
) -> None:
    before, now = run(old), run(new)
    assert before[:2] == now[:2]
    assert before[0] == 0
    assert (now[2], before[2].count("\n")) == ("", 1)
    assert said in before[2]


@pytest.mark.parametrize("command", renamed.OPTIONS)
def test_every_old_option_is_replaced(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = list(renamed.OPTIONS[command]), list(renamed.OPTIONS[command].values())
    assert renamed.with_new_names("", [command, *old, "--", *old]) == [command, *new, "--", *old]
    assert capsys.readouterr().err.count("is now called") == len(old)


def test_unrenamed_arguments_are_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["bench", "--all"], ["report", "page"], ["record", "--pic"]):
        assert renamed.with_new_names("", words) == words
    assert renamed.with_new_names("study", ["explore"]) == ["explore"]
    assert capsys.readouterr().err == ""


def test_a_goal_sweep_under_its_old_name_is_read(tmp_path: Path) -> None:
    from goalposts.experiments.evaluation.goal_sweep_file import FILE, OLD_FILE, sweep_path

    assert sweep_path(tmp_path) == tmp_path / FILE
    (tmp_path / OLD_FILE).touch()
    assert sweep_path(tmp_path) == tmp_path / OLD_FILE
    (tmp_path / FILE).touch()
    assert sweep_path(tmp_path) == tmp_path / FILE
