"""The recorded leaderboard as `goalposts study methods` prints it: a board for each label class, n and intervals, controls."""

import re
from pathlib import Path

import polars as pl
import pytest
from fixtures.command import Cli
from fixtures.methods_planted import ALPHAS, LABELS, cells_from, planted, table

from goalposts.experiments.study.leaderboard import committed
from goalposts.experiments.study.leaderboard.cells import BUDGET, COLUMNS

CURVE = list(zip(ALPHAS, (0.1, 0.2, 0.4, 0.6, 0.9), strict=True))


def record(path: Path, monkeypatch: pytest.MonkeyPatch, *more: dict[str, object]) -> None:
    agents = table(
        planted("methods-l1", "plain", CURVE),
        planted("methods-l1", "ACCEL-free-regret", CURVE, 9),
        planted("methods-l1", "PLR-shuffled", CURVE),
        planted("methods-l0", "dropout-0.1", [(0.0, 0.1)]),
        planted("methods-labelled", "dagger", [(k, 0.5) for k in LABELS], 5),
        planted("methods-labelled", "diverse-heads", [(1, 0.5)], 5),
        planted("algorithms", "A2C", [(0.0, 0.1)]),
    )
    heads = pl.col("method") == "diverse-heads"
    agents = agents.with_columns(label_class=pl.when(heads).then(pl.lit("L2")).otherwise("label_class"))
    cells = pl.concat([cells_from(agents), pl.DataFrame(list(more), schema=COLUMNS)])
    cells.write_csv(path)
    monkeypatch.setattr(committed, "COMMITTED", path)


def test_without_a_recorded_board_the_command_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr(committed, "COMMITTED", tmp_path / "none.csv")
    code, said, error = cli("study", "methods")
    assert (code, said) == (2, "")
    assert "no leaderboard is recorded yet" in error
    assert "docs/results/regenerate.sh 13 14 15 16 17" in error
    assert "goalposts study methods --add my_file.py:MyMethod" in error
    code, _, error = cli("study", "methods", "seeds=3")
    assert code == 2
    assert "name it, as in --add my_file.py:MyMethod" in error


def test_each_label_class_has_its_own_board_with_n_and_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    mark = {"study": "methods-l1", "method": "ACCEL-free-regret", "measure": BUDGET, "label_class": "L1"}
    record(tmp_path / "board.csv", monkeypatch, {**mark, "world": "CoinRun", "words": "100 labels"})
    monkeypatch.setenv("COLUMNS", "200")
    code, said, _ = cli("study", "methods")
    assert code == 0
    parts = re.split(r"(?m)^(?=label class )", said)[1:]
    found = {
        part.split(",")[0]: re.findall(
            r"(?m)^ +(plain|ACCEL\S+|PLR\S+|dropout\S+|dagger|diverse\S+|A2C)", part
        )
        for part in parts
    }
    assert found == {
        "label class L1": ["plain", "ACCEL-free-regret"],  # no control, no other class
        "label class L0": ["dropout-0.1"],
        "label class L3": ["dagger"],
        "label class L2": ["diverse-heads"],
    }
    (row,) = re.findall(r"ACCEL-free-regret \(budget: 100 labels\) +(.+)", said)
    n, *cells = re.split(r"  +", row.strip())
    assert n == "9"
    assert len(cells) == 3
    assert all(re.search(r"\[.+, .+\]$", cell) for cell in cells)
    assert "label class L1, CoinRun (methods-l1), at α = 0.01:" in said
    assert "add your method: goalposts study methods --add my_file.py:MyMethod" in said


def test_a_world_that_does_not_enter_has_no_board_and_failed_controls_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    rows: list[dict[str, object]] = [
        {"study": "methods-l0", "measure": "control/CoinRun, α = 1", "words": "CoinRun, α = 1: fails"},
        {"study": "methods-l1", "measure": "control/negative: blind", "words": "negative: blind: fails"},
    ]
    record(tmp_path / "board.csv", monkeypatch, *rows)
    _, said, _ = cli("study", "methods")
    assert (
        "note: controls that do not hold: CoinRun, α = 1: fails; nothing is concluded from rows whose control fails without a known cause"
        in said
    )
    assert "this world does not enter, so its methods are not compared" in said
    assert "dropout-0.1" not in said
    assert "note: controls that do not hold: negative: blind: fails" in said
    assert "ACCEL-free-regret" in said
