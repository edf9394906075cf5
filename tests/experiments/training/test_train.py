"""Training into a run folder: byte-identical results, and the state after failed runs."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fixtures.places import HARNESS
from fixtures.tiny import copy_of, everything, results
from stable_baselines3.common.logger import Logger

from goalposts.agents.ppo.planes_ppo import PlanesPPO
from goalposts.agents.ppo.training import TrainingDiverged
from goalposts.experiments import Run, RunError, load_config, train
from goalposts.experiments.cli.main import main

DRIVER = HARNESS / "kill_training.py"
CHECKPOINT = ("checkpoint.json", "model.safetensors", "state.json", "state.safetensors")


def test_a_run_holds_what_it_promises(tiny_run: Path) -> None:
    steps = (4096, 6144, 8192)  # the last three
    assert set(results(tiny_run)) == {
        "config.yaml",
        "progress.csv",
        "episodes.parquet",
        "trajectories.parquet",
        "leakage.json",
        *(f"checkpoints/{step}/{name}" for step in steps for name in CHECKPOINT),
    }
    status = Run.open(tiny_run).status()
    assert (status.state, status.step, status.total) == ("finished", 8192, 8192)


def test_progress_is_reported_during_training(tiny_run: Path) -> None:
    rows = list(csv.DictReader((tiny_run / "progress.csv").open()))
    assert [int(row["step"]) for row in rows] == list(range(1024, 8193, 1024))
    probes = [name for name in rows[0] if name.startswith("eval/")]
    assert probes == [
        "eval/edge_held_out/reached",
        "eval/off_path/goal_first",
        "eval/off_path/proxy_first",
        "eval/off_path/levels",
    ]
    for row in rows:
        measured = int(row["step"]) % 4096 == 0
        assert all((row[name] != "") == measured for name in probes)
        assert float(row["entropy"]) > 0
        assert row["ep_rew_mean"] == "" or 0 <= float(row["ep_rew_mean"]) <= 1


@pytest.mark.slow
def test_another_process_in_another_folder_makes_the_same_bytes(
    tiny_run: Path, tiny_config: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "goalposts",
            "train",
            os.path.relpath(tiny_config, tmp_path),
            "--out",
            "again",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert done.returncode == 0
    assert done.stderr in ("", "goalposts: loading PyTorch …\n")  # the latter on a slow machine
    assert done.stdout.splitlines()[0] == "trained 8,192 steps: again"
    assert results(tmp_path / "again") == results(tiny_run)


@pytest.mark.slow
def test_killed_training_resumes_to_the_same_bytes(tiny_run: Path, tiny_config: Path, tmp_path: Path) -> None:
    """A process trains and is killed before its n-th operation on the folder; the next one finishes."""
    moments = (0.04, 0.35, 0.7, 0.93, 0.99)
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(tiny_config), str(tmp_path), *map(str, moments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = results(tiny_run)
    assert found.pop("undisturbed") == {"states": ["finished"], "results": expected}
    assert len(found) == len(moments)
    for moment, made in found.items():
        assert made["states"][-1] == "finished"
        assert made["states"][0] in (None, "created", "running"), moment
        assert made["results"] == expected, f"killed at {moment}"


def test_a_finished_run_is_not_trained_again(tiny_run: Path, tiny_config: Path) -> None:
    before = everything(tiny_run)
    with pytest.raises(
        RunError, match=r"already holds the finished run of this config\. Nothing was changed"
    ):
        train(load_config(tiny_config), tiny_run)
    with pytest.raises(RunError, match=r"another config \(seed 0 and 1: there, and here\)"):
        train(load_config(tiny_config, ["seed=1"]), tiny_run)
    assert everything(tiny_run) == before


def test_without_evaluation_there_is_a_run_and_no_table(tiny_config: Path, tmp_path: Path) -> None:
    run = train(load_config(tiny_config, ["train.total_steps=1024"]), tmp_path / "run", evaluate=False)
    assert run.status().state == "finished"
    assert not run.episodes_path.exists()
    assert [checkpoint.step for checkpoint in run.checkpoints()] == [1024]


def test_tensorboard_errors_do_not_stop_training(
    tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(tiny_config, ["train.total_steps=2048"])
    expected = results(train(config, tmp_path / "one").path)

    def full(logger: Logger, step: int = 0) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Logger, "dump", full)
    assert results(train(config, tmp_path / "two").path) == expected


@pytest.mark.parametrize("when", ["in the midst of an update", "at its end"])
def test_a_training_that_diverges_is_marked_failed_and_keeps_its_last_good_state(
    tiny_run: Path, tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    update = PlanesPPO.train

    def poisoned(model: PlanesPPO) -> None:
        if model.num_timesteps < 5000:
            return update(model)
        if when == "at its end":
            update(model)
        for weights in model.policy.parameters():
            weights.data.fill_(float("nan"))
        if when != "at its end":
            update(model)
        return None

    monkeypatch.setattr(PlanesPPO, "train", poisoned)
    said = (
        r"the training diverged at step 5,120: .* Lower train.learning_rate .* the last checkpoint is intact"
    )
    with pytest.raises(TrainingDiverged, match=said):
        train(load_config(tiny_config), tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert (run.status().state, run.status().step) == ("failed", 5120)
    assert "diverged at step 5,120" in run.status().message
    assert [checkpoint.step for checkpoint in run.checkpoints()] == [2048, 4096]
    assert [row["step"] for row in run.progress()] == [1024, 2048, 3072, 4096]
    assert not run.episodes_path.exists()
    monkeypatch.undo()  # if the machine was at fault, the run can be resumed
    assert results(train(load_config(tiny_config), tmp_path / "run").path) == results(tiny_run)


class CtrlC:
    """Context manager that interrupts this process, like a terminal, once a file has a given number of lines."""

    def __init__(self, file: Path, lines: int) -> None:
        self.file, self.lines, self.over = file, lines, threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self.watch, daemon=True).start()

    def __exit__(self, *error: object) -> None:
        self.over.set()

    def watch(self) -> None:
        while not self.over.is_set():
            if self.file.exists() and self.file.read_text().count("\n") >= self.lines:
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.001)


@pytest.mark.parametrize(("lines", "state"), [(2, "created"), (4, "running"), (9, "running")])
def test_ctrl_c_prints_one_line_and_the_same_command_resumes(
    tiny_run: Path,
    tiny_config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    lines: int,
    state: str,
) -> None:
    command = ["train", str(tiny_config), "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as ended, CtrlC(tmp_path / "run" / "progress.csv", lines):
        main(command)
    assert ended.value.code == 130
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("goalposts: interrupted")
    assert said.err.count("\n") == 1
    run = Run.open(tmp_path / "run")
    assert run.status().state == state
    assert "interrupted" in run.status().message
    assert not run.in_use()
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code in (0, None)
    assert results(run.path) == results(tiny_run)


def test_two_processes_never_train_the_same_run(tiny_run: Path, tiny_config: Path, tmp_path: Path) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    (path / "status.json").unlink()
    before = results(path)
    with Run.open(path).lock(), pytest.raises(RunError, match="in use by another process"):
        train(load_config(tiny_config), path)
    assert results(path) == before


def test_tensorboard_holds_the_figures_of_progress_csv(tiny_run: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tiny_run / "tensorboard"))
    events.Reload()
    rows = Run.open(tiny_run).progress()
    for column in ("ep_rew_mean", "policy_loss", "entropy", "learning_rate"):
        logged = {event.step: event.value for event in events.Scalars(f"goalposts/{column}")}
        expected = {row["step"]: row[column] for row in rows if row[column] is not None}
        assert logged == pytest.approx(expected, rel=1e-6), column
