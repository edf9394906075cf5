"""A custom method on the leaderboard: the study that trains it, its row next to recorded ones, resuming, invalid methods."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from fixtures.methods_planted import ALPHAS, ROLLOUT, cells_from, planted, table
from fixtures.places import ROOT

from goalposts.errors import UserError
from goalposts.experiments.cli.main import main
from goalposts.experiments.study.leaderboard import added as module
from goalposts.experiments.study.leaderboard import committed
from goalposts.experiments.study.leaderboard.added import add_method
from goalposts.experiments.study.leaderboard.cells import COLUMNS
from goalposts.experiments.study.workers.local import LocalEngine

MINE = """
class Mine:
    label_class = {label_class!r}

    def train(self, task, seed):
        return task.run(task.learner()).agent()
"""
TINY = (
    "set.train.total_steps=2048",
    *ROLLOUT,
    *(
        "set.env.levels=100",
        "levels=30",
        "seeds=[510, 511]",
        'grid.env.condition=["mixture(0.01)", "mixture(0.1)"]',
    ),
)


def written(folder: Path, label_class: str) -> str:
    (folder / "mine.py").write_text(MINE.format(label_class=label_class))
    return "mine.py:Mine"


@pytest.mark.parametrize(
    ("label_class", "runs", "labels"),
    [("L0", 5, {0}), ("L1", 15, {0}), ("L2", 3, {1}), ("L3", 9, {1, 10, 100})],
)
def test_a_method_is_trained_at_the_points_of_its_label_class_with_the_settings_of_the_recorded_rows(
    folder: Path, label_class: str, runs: int, labels: set[int]
) -> None:
    found = add_method(written(folder, label_class))
    configs = list(found.task.plan.runs.values())
    assert len(configs) == runs
    assert found.compared
    methods = [config.method for config in configs if config.method is not None]
    assert {one.name for one in methods} == {"mine:Mine"}
    assert {one.labels for one in methods} == labels
    assert {config.evaluate.levels for config in configs} == {1000}
    assert {config.train.total_steps for config in configs} == {1_000_000}
    assert found.task.folder.path == Path("studies/methods-Mine")
    assert not (folder / "studies").exists()


def test_a_method_that_says_something_else_of_its_labels_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="label_class is 'L7'; it must be one of L0, L1, L2, L3"):
        add_method(written(folder, "L7"))


@pytest.mark.slow
def test_a_method_is_shown_next_to_recorded_rows_and_the_command_resumes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = cells_from(table(planted("methods-l1", "plain", [(a, 0.3) for a in ALPHAS])))
    recorded.write_csv(folder / "committed.csv")
    program = next(
        part
        for part in (ROOT / "docs" / "bring-your-own.md").read_text("utf-8").split("```python\n")
        if "class ReplayFailures" in part
    )
    (folder / "replay_failures.py").write_text(program.partition("```")[0])
    monkeypatch.setattr(committed, "COMMITTED", folder / "committed.csv")
    monkeypatch.setenv("COLUMNS", "200")  # each row on one line, whatever the trained agents' numbers are
    command = [
        "study",
        "methods",
        "--add",
        "replay_failures.py:ReplayFailures",
        *TINY,
        "--workers",
        "1",
        "-q",
    ]
    added = add_method(command[3], TINY)
    assert added.task.run(LocalEngine(1)).done == 4  # as if the command had been stopped after the last run
    with pytest.raises(SystemExit) as ended:
        main(command)
    said = capsys.readouterr().out
    assert not ended.value.code, said
    assert "0 to do now" in said
    shown = map(str.strip, said.splitlines())
    lines = [line for line in shown if line.startswith(("method ", "ReplayFailures ", "plain "))]
    assert [line.split()[0] for line in lines] == ["method", "ReplayFailures", "plain"]
    assert lines[1].startswith("ReplayFailures (budget: 2,048 steps)")
    assert lines[1].partition(")")[2].split()[0] == "2"
    assert "[" in lines[1]
    assert "note: this method was trained with changed settings, so its row does not compare" in said
    page = (folder / "studies" / "methods-ReplayFailures" / "leaderboard.md").read_text("utf-8")
    assert "ReplayFailures: 4 of 4 agents" in page
    cells = pl.read_csv(
        folder / "studies" / "methods-ReplayFailures" / "leaderboard.csv", infer_schema_length=None
    )
    own = cells.filter((pl.col("method") == "ReplayFailures") & (pl.col("measure") == "effective_alpha"))
    assert own["n"].to_list() == [2, 2]
    assert own["value"][1] > own["value"][0]
    assert json.loads(
        (folder / "studies" / "methods-ReplayFailures" / "calls.jsonl").read_text().splitlines()[0]
    )


def test_a_method_meets_recorded_ones_of_its_class_and_plain_under_a_name_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [(0.001, 0.3), (0.01, 0.4)]
    agents = table(
        *(planted("methods-labelled", name, few, 2) for name in ("plain", "diverse-heads", "dagger")),
    ).with_columns(
        label_class=pl.when(pl.col("method") == "diverse-heads").then(pl.lit("L2")).otherwise("label_class")
    )
    control = {
        "study": "methods-labelled",
        "measure": "control/x",
        "method": "x",
        "words": "CoinRun, α = 1: fails",
    }
    cells = pl.concat([cells_from(agents), pl.DataFrame([control], schema=COLUMNS)])
    cells.write_csv(folder / "committed.csv")
    monkeypatch.setattr(committed, "COMMITTED", folder / "committed.csv")
    known = module.committed_cells("methods-labelled", "L2")
    assert known["method"].unique().sort().to_list() == ["diverse-heads", "plain"]
    assert module.committed_cells("methods-labelled", "L3")["method"].unique().sort().to_list() == [
        "dagger",
        "plain",
    ]
    mine = add_method(written(folder, "L2"))
    assert module.name_of(mine, known) == "Mine"
    assert module.name_of(replace(mine, name="plain"), known) == "plain (yours)"
    notes = module.notes_of(mine, known, module.controls_of("methods-labelled"))
    assert notes == [
        "controls of the recorded rows do not hold (CoinRun, α = 1: fails), and "
        "nothing is concluded from rows whose control fails without a known cause"
    ]
