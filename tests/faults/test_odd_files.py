"""Unusual files and folders of a run: digits of other scripts, further names of a file, cells that are in a map twice."""

import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.faults import row
from fixtures.tiny import copy_of

from goalposts.agents import load_agent, load_code
from goalposts.envs import load_world
from goalposts.errors import UserError
from goalposts.experiments.config.initial_section import weights_in
from goalposts.experiments.evaluation.trajectories import read_leakage
from goalposts.experiments.external.sb3_zip import as_wrapped, load_sb3
from goalposts.experiments.publish.explained import COLUMNS, MOST_CELLS, explained
from goalposts.experiments.runs.checkpoints import list_checkpoints
from goalposts.experiments.runs.progress_csv import append_row, read_rows, rewind_rows
from goalposts.experiments.runs.run import Run
from goalposts.experiments.system import locks
from goalposts.experiments.system.leftovers import DEEPEST, discard, sweep

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


@row("A3", "A4")
def test_folders_a_thousand_levels_deep_are_foreign_and_are_left(tmp_path: Path) -> None:
    """Python's functions for whole trees, `os.walk` and `shutil.rmtree`, raise RecursionError there."""
    here = os.getcwd()
    place = tmp_path / "scratch"
    for start in (place, tmp_path / ".1.part-99999999-ab"):
        start.mkdir()
        try:
            os.chdir(start)
            for _ in range(1_200):
                os.mkdir("d")
                os.chdir("d")
        finally:
            os.chdir(here)
    assert discard(place, lambda name: True) == ["/".join("d" * (DEEPEST + 1))]
    assert (place / "d").is_dir()
    sweep(tmp_path, re.compile("1"))
    subprocess.run(["rm", "-rf", *map(str, tmp_path.iterdir())], check=True)


def zipped(change: str) -> bytes:
    """A zip like those of stable-baselines3, damaged in one way."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", json.dumps({"n_epochs": 1}) * 10)
        if change == "bomb":
            archive.writestr("policy.pth", bytes(20_000_000))
    data = bytearray(content.getvalue())
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    if change == "encrypted":
        data[local + 6] |= 1
        data[central + 8] |= 1
    elif change == "unknown method":
        data[local + 8] = data[central + 10] = 99
    elif change == "damaged":
        data[local + 36] ^= 255
    return bytes(data)


@row("A4", "A11")
@pytest.mark.parametrize("change", ["encrypted", "unknown method", "damaged", "bomb", "pipe", "device"])
def test_a_zip_of_any_content_gets_one_message(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a pipe was waited for, an encrypted zip was a traceback."""
    path = tmp_path / "model.zip"
    if change == "pipe":
        os.mkfifo(path)
    elif change == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(zipped(change))
    monkeypatch.setenv("GOALPOSTS_BUDGET", "10MB")
    said = {"bomb": "would take 20 MB", "pipe": "not an ordinary file", "device": "not an ordinary file"}
    with pytest.raises(UserError, match=said.get(change, "is not a zip that stable-baselines3 saved")):
        load_sb3(path, trust=True)
    if change in ("pipe", "device"):
        model: Any = SimpleNamespace(observation_space=SimpleNamespace(shape=(2, 3, 4)))
        with pytest.raises(UserError, match="not an ordinary file"):
            as_wrapped(model, trust=True, vec_normalize=path)


@row("A4", "C1")
def test_a_file_larger_than_any_program_is_not_imported(tmp_path: Path) -> None:
    """Regression: a sparse file of 5 GB, named as an agent's, took 5.4 GB of memory."""
    path = tmp_path / "agent.py"
    path.touch()
    os.truncate(path, 5 << 30)
    for load in (load_code, load_world):
        with pytest.raises(UserError, match="is larger than any program"):
            load(f"{path}:make")
