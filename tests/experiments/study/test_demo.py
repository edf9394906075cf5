"""The demo: two parallel trainings, the page, the films; interruption and resumption, early refusal of bad input."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.tiny import everything

from goalposts.errors import UserError
from goalposts.experiments import Run, train
from goalposts.experiments.config.schema import ExperimentConfig
from goalposts.experiments.study import demo
from goalposts.experiments.study.demo import demo_configs, run_demo, train_side_by_side

SMALL = [
    "env.levels=200",
    "train.total_steps=2048",
    "train.num_envs=16",
    "train.n_steps=32",
    "train.batch_size=256",
    "train.net.trunk=[16]",
    "train.net.pi=[8]",
    "train.net.vf=[8]",
    "train.probe_every=null",
    "evaluate.levels=30",
]


def configs(*more: str) -> list[ExperimentConfig]:
    return demo_configs("CoinRun", 0, [*SMALL, *more])


def test_twins_differ_only_in_the_coins_placement() -> None:
    edge, control = (config.to_dict() for config in demo_configs("CoinRun", 3))
    assert (edge["env"].pop("condition"), control["env"].pop("condition")) == ("edge", "anywhere")
    for config in (edge, control):
        config["name"] = config["notes"] = ""
    assert edge == control
    assert edge["seed"] == 3
    with pytest.raises(UserError, match="no demo of 'Maze'"):
        demo_configs("Maze", 0)


@pytest.mark.slow
def test_the_demo_from_end_to_end_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int, int, str]] = []
    made = run_demo(tmp_path / "demo", configs(), 2, lambda *words: told.append(words), "goalposts demo")
    assert {which for which, *_ in told} == {0, 1}
    assert {step for _, step, _, _ in told} >= {512, 1024, 1536, 2048}
    assert [item.name for item in made.twins] == ["edge-s0", "anywhere-s0"]
    assert all(item.judged_leakage() == 0 for item in made.twins)
    page = made.page.read_text(encoding="utf-8")
    for words in ("CoinRun demo", "trained with the coin at the edge", "trained with the coin anywhere"):
        assert words in page
    assert made.film.read_bytes().startswith(b"GIF89a")
    for item in made.twins:
        assert (item.run.path / "rollout.gif").read_bytes().startswith(b"GIF89a")
    before = everything(tmp_path)
    monkeypatch.setattr(demo, "_train_all", lambda *anything: pytest.fail("it trains again"))
    run_demo(tmp_path / "demo", configs(), 2, lambda *words: None, "goalposts demo")
    assert everything(tmp_path) == before  # page and films are byte-identical too
    with pytest.raises(
        UserError, match=r"edge-s0 holds a run of another config \(train.total_steps 2048 and 512"
    ):
        run_demo(tmp_path / "demo", configs("train.total_steps=512"), 2, lambda *words: None, "")
    assert everything(tmp_path) == before


def test_folder_problems_are_reported_before_any_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo" / "anywhere-s0").mkdir(parents=True)
    (tmp_path / "demo" / "anywhere-s0" / "thesis.tex").write_text("mine")
    monkeypatch.setattr(demo, "_train_all", lambda *anything: pytest.fail("it trains"))
    with pytest.raises(UserError, match="anywhere-s0 is not empty and not a run folder"):
        train_side_by_side(configs(), tmp_path / "demo", 2, lambda *words: None)
    assert not (tmp_path / "demo" / "edge-s0").exists()


def test_a_run_trained_alone_is_taken_over(tmp_path: Path) -> None:
    edge, control = configs("train.total_steps=512")
    for config in (edge, control):
        train(config, tmp_path / f"{config.name}-s0")
    before = everything(tmp_path)
    runs = train_side_by_side([edge, control], tmp_path, 1, lambda *words: pytest.fail("it trains"))
    assert [run.path.name for run in runs] == ["edge-s0", "anywhere-s0"]
    assert everything(tmp_path) == before


@pytest.mark.slow
def test_error_in_one_training_stops_both_and_is_reported(tmp_path: Path) -> None:
    """One folder is in use; the other training would continue for days."""
    edge, control = configs("train.total_steps=10_000_000_000")
    began = time.monotonic()
    with (
        Run.create(tmp_path / "edge-s0", edge).lock(),
        pytest.raises(UserError, match="edge-s0 is in use by another"),
    ):
        train_side_by_side([edge, control], tmp_path, 2, lambda *words: None)
    assert time.monotonic() - began < 60
    assert not Run.open(tmp_path / "anywhere-s0").in_use()


def members(session: int) -> list[str]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of a terminal")
@pytest.mark.parametrize("how", ["Ctrl-C", pytest.param("kill -9", marks=pytest.mark.slow)])
def test_interrupted_demo_leaves_no_process_and_can_be_resumed(tmp_path: Path, how: str) -> None:
    """In a separate session, as in a terminal: Ctrl-C goes to all of its processes, kill -9 to the first."""
    command = [sys.executable, "-m", "goalposts", "demo", "--out", "demo", "--steps", "500000"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    files = [tmp_path / "demo" / name / "progress.csv" for name in ("edge-s0", "anywhere-s0")]
    try:
        patience = time.monotonic() + 120
        while not all(file.exists() for file in files) and time.monotonic() < patience:
            time.sleep(0.05)
        assert process.poll() is None
        if how == "Ctrl-C":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.kill()
        out, err = process.communicate(timeout=60)
        patience = time.monotonic() + 60
        while members(process.pid) and time.monotonic() < patience:
            time.sleep(0.05)
        assert members(process.pid) == []
    finally:
        for straggler in members(process.pid):
            os.kill(int(straggler), signal.SIGKILL)
    assert out == ""
    if how == "Ctrl-C":
        assert process.returncode == 130
        assert (
            err
            == "goalposts: interrupted; no file is left half-written. Run the same command again to resume or restart\n"
        )
    for file in files:
        run = Run.open(file.parent)
        assert run.status().state in ("created", "running")
        assert not run.in_use()
        with run.lock():
            run.rewind_progress(0)
