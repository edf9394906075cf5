"""The run folder: metadata, refusal to open damaged folders or overwrite anything, checkpoints and status."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.small_run import CONFIG, OTHER, fill, results, train

from goalposts.experiments.config.schema import ExperimentConfig, load_config
from goalposts.experiments.runs import provenance
from goalposts.experiments.runs.run import Run, RunError, default_out


@pytest.fixture(autouse=True)
def _no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip git, since these tests create a thousand runs; provenance from git is tested separately."""
    monkeypatch.setattr(provenance, "_commit", lambda root: ("0" * 40, False))


def test_a_new_run_is_complete_and_describes_itself(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "deep" / "run", CONFIG)
    assert sorted(os.listdir(run.path)) == [".lock", "config.yaml", "provenance.json", "status.json"]
    again = Run.open(str(run.path))
    assert again.config == CONFIG
    assert again.status().state == "created"
    assert (again.status().step, again.status().total) == (0, 40)
    assert again.checkpoints() == ()
    assert again.latest_checkpoint() is None
    assert again.progress() == []
    facts = again.provenance()
    assert facts.config_hash == CONFIG.hash()
    assert facts.config_sha256 == hashlib.sha256((run.path / "config.yaml").read_bytes()).hexdigest()
    assert facts.argv == tuple(sys.argv)
    assert {"numpy", "torch", "goalposts"} <= set(facts.packages)
    assert load_config(run.path / "config.yaml") == CONFIG


def test_provenance_of_a_checkout_names_the_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    assert provenance._commit(tmp_path) == (None, None)
    for command in ("init -q", "-c user.name=a -c user.email=a@b commit -q --allow-empty -m x"):
        assert os.system(f"git -C '{tmp_path}' {command}") == 0
    commit, dirty = provenance._commit(tmp_path)
    assert commit is not None
    assert (len(commit), dirty) == (40, False)
    (tmp_path / "docs" / "results").mkdir(parents=True)
    (tmp_path / "docs" / "results" / "rows.csv").touch()  # what a study records is no change of the code
    assert provenance._commit(tmp_path) == (commit, False)
    (tmp_path / "new.py").write_text("x")
    assert provenance._commit(tmp_path) == (commit, True)


def test_default_out_names_config_and_seed() -> None:
    assert default_out(OTHER) == Path("runs/small-s7")


def test_unfinished_run_of_the_same_config_is_resumed(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        run.save_checkpoint(10, fill(10))
        run.set_status("failed", 10, "killed")
    latest = Run.create(tmp_path / "run", CONFIG.override(["notes=hello"])).latest_checkpoint()
    assert latest is not None
    assert latest.step == 10


def finished(path: Path) -> None:
    train(path)


def foreign(path: Path) -> None:
    path.mkdir()
    (path / "thesis.tex").write_text("years of work")


def a_file(path: Path) -> None:
    path.write_text("years of work")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("make", "config", "said"),
    [
        (finished, CONFIG, "already holds the finished run of this config. Nothing was changed. See it with"),
        (finished, OTHER, r"another config \(seed 0 and 7, train.gamma 0.99 and 0.5: there, and here\)"),
        (foreign, CONFIG, r"not empty and not a run folder \(it holds thesis.tex\)"),
        (a_file, CONFIG, "is not a folder"),
        (dangling, CONFIG, "is not a folder"),
    ],
)
def test_nothing_is_overwritten(
    tmp_path: Path, make: Callable[[Path], None], config: ExperimentConfig, said: str
) -> None:
    make(tmp_path / "run")
    before = [(path, path.is_file() and path.read_bytes()) for path in sorted(tmp_path.rglob("*"))]
    with pytest.raises(RunError, match=said):
        Run.create(tmp_path / "run", config)
    assert before == [(path, path.is_file() and path.read_bytes()) for path in sorted(tmp_path.rglob("*"))]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert Run.create(tmp_path, CONFIG).config == CONFIG


def damage_status(path: Path) -> None:
    (path / "status.json").write_text('{"state": "happy"}')


def cut_provenance(path: Path) -> None:
    (path / "provenance.json").write_text((path / "provenance.json").read_text()[:-9])


def edit_config(path: Path) -> None:
    (path / "config.yaml").write_text((path / "config.yaml").read_text().replace("seed: 0", "seed: 1"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, "there is no run folder .*Runs that are there: .*/edge-s1"),
        (lambda path: (path / "config.yaml").unlink(), "is not a run folder: it has no config.yaml"),
        (lambda path: (path / "config.yaml").write_text("name: ["), "not a usable run folder. .*not YAML"),
        (lambda path: (path / "config.yaml").write_text("name: x\nsede: 3"), "line 2: sede: unknown key"),
        (lambda path: (path / "config.yaml").write_text("base: coinrun/edge"), "base: unknown key"),
        (lambda path: (path / "config.yaml").write_bytes(b"\xff"), "not a usable run folder"),
        (lambda path: (path / "config.yaml").write_bytes(b"#" * 2_000_000), "too large"),
        (edit_config, "was edited after the run began"),
        (damage_status, "status.json is damaged at state. Delete that file"),
        (lambda path: (path / "status.json").write_text("[" * 100_000), "status.json is damaged"),
        (lambda path: (path / "status.json").write_bytes(b"\0" * 300), "status.json is damaged"),
        (cut_provenance, "provenance.json is damaged. Restore it"),
        (lambda path: (path / "provenance.json").unlink(), "provenance.json does not exist"),
    ],
)
def test_open_refuses_what_is_damaged(tmp_path: Path, damage: Callable[[Path], object], said: str) -> None:
    Run.create(tmp_path / "edge-s1", CONFIG)
    path = Run.create(tmp_path / "edge-s0", CONFIG).path
    damage(path)
    with pytest.raises(RunError, match=f"(?s){said}"):
        Run.open(path)


def test_open_says_what_else_there_is(tmp_path: Path) -> None:
    Run.create(tmp_path / "run", CONFIG)
    with pytest.raises(
        RunError, match=r"is not a run folder: it has no config.yaml. Runs that are there: .*run"
    ):
        Run.open(tmp_path)
    with pytest.raises(RunError, match=r"is a part of a run; give the run folder: .*run$"):
        Run.open(tmp_path / "run" / "config.yaml")
    with pytest.raises(RunError, match="Train one first: goalposts train"):
        Run.open(tmp_path / "none" / "of" / "these")


def test_lost_status_is_recomputed(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        run.save_checkpoint(20, fill(20))
    (run.path / "status.json").unlink()
    assert (Run.open(run.path).status().state, Run.open(run.path).status().step) == ("created", 20)


def test_reading_writes_nothing(tmp_path: Path) -> None:
    path = train(tmp_path / "run").path
    (path / ".lock").unlink()
    before = sorted(path.rglob("*"))
    run = Run.open(path)
    for read in (run.progress, run.checkpoints, run.status, run.in_use):
        read()
    assert sorted(path.rglob("*")) == before


# --- status, checkpoints, tables


def test_status_only_moves_forward(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        running = run.set_status("running", 5, "learning")
        assert (running.pid, running.finished, running.message) == (os.getpid(), None, "learning")
        assert run.set_status(step=6).state == "running"
        done = run.set_status("finished")
    assert Run.open(run.path).status() == done
    assert (done.state, done.step, done.pid, done.message) == ("finished", 6, None, "")
    assert done.started == running.started is not None
    assert done.finished is not None


def test_checkpoints_are_kept_and_dropped(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        for step in (100, 20, 9, 1000):
            saved = run.save_checkpoint(step, fill(step), keep=None)
            assert json.loads((saved.path / "checkpoint.json").read_text()) == {"step": step}
        assert [checkpoint.step for checkpoint in run.checkpoints()] == [9, 20, 100, 1000]
        run.save_checkpoint(2000, fill(2000), keep=2)
    assert [checkpoint.step for checkpoint in run.checkpoints()] == [1000, 2000]
    assert sorted(os.listdir(run.path / "checkpoints")) == ["1000", "2000"]


def test_checkpoint_can_be_rewritten(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        run.save_checkpoint(10, fill(1))
        saved = run.save_checkpoint(10, fill(2))
    assert json.loads((saved.path / "checkpoint.json").read_text()) == {"step": 2}
    assert os.listdir(run.path / "checkpoints") == ["10"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, RunError])
def test_a_writer_that_fails_leaves_all_checkpoints_as_they_were(
    tmp_path: Path, error: type[BaseException]
) -> None:
    run = Run.create(tmp_path / "run", CONFIG)

    def fail(folder: Path) -> None:
        fill(99)(folder)
        raise error

    with run.lock():
        run.save_checkpoint(10, fill(10))
        before = results(run.path)
        for step in (10, 20):
            with pytest.raises(error):
                run.save_checkpoint(step, fail, keep=2)
    assert results(run.path) == before


def test_what_is_no_complete_checkpoint_is_not_listed(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    folder = run.path / "checkpoints"
    for name in (".10.part-1-ab", "010", "-1", "1e3", "latest", "1" * 30, "٣"):
        (folder / name).mkdir(parents=True)
    (folder / "7").write_text("a file")
    (folder / "8").symlink_to("/etc")
    assert run.checkpoints() == ()


def test_writing_needs_the_lock(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    for write in (
        lambda: run.set_status("running"),
        lambda: run.save_checkpoint(1, fill(1)),
        lambda: run.append_progress({"step": 1}),
        lambda: run.rewind_progress(0),
    ):
        with pytest.raises(RunError, match="not locked by this process"):
            write()
