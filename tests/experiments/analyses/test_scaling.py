"""Cost is measured at every requested size; no test asserts how it grows."""

from typing import Any

import pytest

from goalposts.experiments.analyses import scaling
from goalposts.experiments.analyses.scaling import (
    Growth,
    main,
    with_envs,
    with_grid,
    with_levels,
    with_runs,
    with_threads,
)


def numbers(word: str) -> list[float]:
    """Number in a table cell."""
    return [float(part.replace(",", "")) for part in word.removesuffix(" M").split(", ")]


def check(found: Growth, first: list[str]) -> None:
    assert [row[0] for row in found.rows] == first
    for row in found.rows:
        assert len(row) == len(found.columns)
        assert all(number >= 0 for word in row[1:] for number in numbers(word))
        assert sum(number > 0 for word in row[1:] for number in numbers(word)) >= len(row) - 1


def test_with_environments():
    check(with_envs(0.0, (1, 3)), ["1", "3"])


def test_with_the_grid():
    """Levels of one length, in arrays of exactly that size: 12 rows, and a wall on each side."""
    check(with_grid(0.0, (6, 32), count=30), ["12 × 8", "12 × 34"])


def test_with_levels():
    check(with_levels(0.0, (50, 1000)), ["50", "1,000"])


@pytest.mark.slow
def test_with_threads_and_runs():
    check(with_threads(1, rounds=1, most=2), ["1", "2"])
    found = with_runs(1, rounds=1, most=3)
    check(found, ["1", "2"])
    assert [len(numbers(row[1])) for row in found.rows] == [1, 2]


def test_the_round_with_the_highest_rate_counts(monkeypatch):
    told = iter([3.0, 10.0, 7.0, 8.0])
    begun = []

    def side_by_side(tasks):
        begun.append(len(tasks))
        return [scaling.Took(1, 1 / next(told), 9.0) for _ in tasks[:1]]

    monkeypatch.setattr(scaling, "side_by_side", side_by_side)
    tasks: Any = [["one"], ["one", "two"]]
    found = scaling._best(2, tasks)
    assert begun == [1, 2, 1, 2]
    assert [round(took[0].rate) for took in found] == [7, 10]


def test_a_table_is_markdown():
    text = Growth("With x", ("a", "b"), (("1", "2"), ("3", "4"))).markdown()
    assert text == "With x\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"


def test_command_prints_the_requested_tables(capsys):
    assert main(["grid", "--seconds", "0.01"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("With the size of the grid")
    assert "| 12 × 46 |" in said.out
    assert said.err == "measuring growth with grid …\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seconds", "0"], "--seconds: 0 is not allowed: it must be a number from 0.01 to 600"),
        (["--seconds", "nan"], "nan is not allowed"),
        (["--updates", "1.5"], "--updates: 1.5 is not allowed: it must be a whole number from 1 to 10000"),
        (["--most", "0"], "--most: 0 is not allowed"),
        (["envs", "gird"], "gird: there is no such table; must be some of envs, grid, levels, threads, runs"),
    ],
)
def test_invalid_options_are_reported(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
