"""Commands × surroundings that are more than a variable: folders, disks, streams, caches, locks, other code.

Each cell ends in success or in one message; never in a traceback, and never in "interrupted". The fast suite has light commands in five
surroundings, the slow one every surrounding with one command, in turns;
GOALPOSTS_SURROUNDINGS=all runs the whole table (720 cells), a row at a time with one start of Python.
"""

import os
from pathlib import Path

import pytest
from fixtures.faults import row
from fixtures.surroundings import COMMANDS, SURROUNDINGS, check, check_all

ALL = os.environ.get("GOALPOSTS_SURROUNDINGS") == "all"
LIGHT = [
    ("HOME unset", "levels"),
    ("gbk", "worlds"),
    ("path that is not UTF-8", "config"),
    ("CRLF", "status"),
    ("all closed", "config show"),
]
ONLY_IN_ALL = ("config schema", "explain", "foresee", "export", "study compare", "study docs")
SAMPLED = [name for name in COMMANDS if name not in ONLY_IN_ALL]
IN_TURNS = [
    (surrounding, SAMPLED[(5 * turn + 3) % len(SAMPLED)]) for turn, surrounding in enumerate(SURROUNDINGS)
]
"""Each surrounding with a different command: 5 and the number of commands have no common factor."""


@row("B4", "B7", "B8", "B15")
@pytest.mark.parametrize(("surrounding", "command"), LIGHT)
def test_light_commands_in_odd_surroundings(
    surrounding: str, command: str, tmp_path: Path, tiny_run: Path
) -> None:
    check(surrounding, command, tmp_path, tiny_run)


@row("B1", "B4", "B5", "B6", "B7", "B8", "B10", "B11", "B12", "B13", "B15")
@pytest.mark.slow
@pytest.mark.parametrize(("surrounding", "command"), IN_TURNS)
def test_every_surrounding(surrounding: str, command: str, tmp_path: Path, tiny_run: Path) -> None:
    if not ALL:
        check(surrounding, command, tmp_path, tiny_run)
        return
    found = check_all(surrounding, list(COMMANDS), tmp_path, tiny_run)
    wrong = [error[:1500] for _, error in found if error]
    assert not wrong, "\n\n".join(wrong)
