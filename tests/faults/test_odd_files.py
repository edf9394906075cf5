"""Unusual files and folders of a run: digits of other scripts, further names of a file, cells that are in a map twice."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.faults import row
from fixtures.tiny import copy_of

from goalposts.agents import load_agent
from goalposts.errors import UserError
from goalposts.experiments.config.initial_section import weights_in
from goalposts.experiments.evaluation.trajectories import read_leakage
from goalposts.experiments.publish.explained import COLUMNS, MOST_CELLS, explained
from goalposts.experiments.runs.checkpoints import list_checkpoints
from goalposts.experiments.runs.progress_csv import append_row, read_rows, rewind_rows
from goalposts.experiments.runs.run import Run
from goalposts.experiments.system import locks

NO_STEPS = (
    "١٢٣٤٥٦٧",
    "９９９９９９",
    "²",
    "+99999",
    "-0",
    "1e9",
    "1_000_000",
    "099999",
    "9" * 19,
    " 99999",
    "99999.old",
)


@row("A8")
def test_every_reader_of_a_run_takes_the_same_checkpoint(tmp_path: Path, tiny_run: Path) -> None:
    """Regression: digits of other scripts counted as a later checkpoint for `load_agent` and `init_from`, for nothing else."""
    run = copy_of(tiny_run, tmp_path / "run")
    last = list_checkpoints(run / "checkpoints")[-1]
    for name in NO_STEPS:
        shutil.copytree(run / "checkpoints" / "4096", run / "checkpoints" / name)
    assert list_checkpoints(run / "checkpoints")[-1] == last
    assert load_agent(run).card.step == last.step
    assert weights_in(run) == last.path / "model.safetensors"


@row("A2", "A3")
def test_another_name_of_the_progress_keeps_what_it_held(tmp_path: Path) -> None:
    """A backup that shares unchanged files (`cp -al`, `rsync --link-dest`), or a link made by an attacker."""
    path, backup = tmp_path / "progress.csv", tmp_path / "backup.csv"
    append_row(path, {"step": 1, "x": 1.0})
    path.write_bytes(path.read_bytes() + b"2,")  # a line that was never finished
    os.link(path, backup)
    before = backup.read_bytes()
    rewind_rows(path, 1)
    append_row(path, {"step": 2, "x": 2.0})
    assert backup.read_bytes() == before
    assert [entry["step"] for entry in read_rows(path)] == [1, 2]
    os.unlink(backup)
    os.link(path, backup)
    before = backup.read_bytes()
    append_row(path, {"step": 3, "x": 3.0})
    assert backup.read_bytes() == before
    assert [entry["step"] for entry in read_rows(path)] == [1, 2, 3]
    assert [entry.name for entry in tmp_path.iterdir()].count("progress.csv") == len(
        list(tmp_path.iterdir())
    ) - 1


@row("B5")
@pytest.mark.parametrize("who", ["²", "١٢", "+1", "9" * 30, "\0", ""])
def test_a_marker_of_a_lock_that_names_no_process_is_reported(tmp_path: Path, who: str) -> None:
    (tmp_path / ".lock.held").write_text(f"{who} {os.uname().nodename}\n", "utf-8")
    told = locks._holder(tmp_path / ".lock.held")
    assert told is None if who == "9" * 30 else "delete that file" in str(told)


@row("A4")
@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([(0, 1)] * 2, "is damaged"),
        ([(k // 100, k % 100) for k in range(MOST_CELLS + 1)], "is damaged"),
        ([(k // 100, k % 100) for k in range(MOST_CELLS)], ""),
    ],
    ids=["twice", "too many", "most"],
)
def test_a_map_has_each_cell_once(
    cells: list[tuple[int, int]], said: str, tmp_path: Path, tiny_run: Path
) -> None:
    """Regression: 15,000 equal cells took 21 s to draw."""
    run = Run.open(copy_of(tiny_run, tmp_path / "run"))
    last = run.latest_checkpoint()
    assert last is not None
    rows = [["control", "goal", *cell, 0.5, 0.1, 5, 5] for cell in cells]
    words = dict.fromkeys(("decodable", "goal_used", "proxy_used", "critic_values"), "yes")
    kept = {"agent": "a", "step": last.step, "in_words": words, "map": {"columns": COLUMNS, "rows": rows}}
    (run.path / "explanation.json").write_text(json.dumps([kept]))
    item: Any = SimpleNamespace(run=run, name="A name")
    if said:
        with pytest.raises(UserError, match=said):
            explained([item])
    else:
        assert len(explained([item])) == 1


@row("A4")
def test_an_explanation_of_millions_of_values_is_refused_before_it_is_read(
    tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOALPOSTS_BUDGET", "100MB")
    run = Run.open(copy_of(tiny_run, tmp_path / "run"))
    (run.path / "explanation.json").write_bytes(b"[" + b"[]," * 2_000_000 + b"[]]")
    item: Any = SimpleNamespace(run=run, name="A name")
    with pytest.raises(UserError, match="would take"):
        explained([item])


@row("A8")
@pytest.mark.parametrize("count", [-1, 10**30, 1.0, True, None])
def test_counts_of_shared_layouts_are_possible_ones(count: object, tmp_path: Path, tiny_run: Path) -> None:
    run = Run.open(copy_of(tiny_run, tmp_path / "run"))
    (run.path / "leakage.json").write_text(json.dumps({"edge": count}))
    with pytest.raises(UserError, match="is damaged"):
        read_leakage(run)
