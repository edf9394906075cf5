"""The run folder: whole at every moment, one writer at a time, nothing overwritten, every refusal in words."""

import errno
import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goalposts.experiments import provenance, runs, storage
from goalposts.experiments.config import ExperimentConfig, load_config
from goalposts.experiments.progress import append_row, read_rows, rewind_rows
from goalposts.experiments.runs import Run, RunError, default_out
from goalposts.experiments.storage import read_limited, write_atomic

CONFIG = ExperimentConfig.parse({"name": "small", "train": {"total_steps": 40}})
OTHER = CONFIG.override(["seed=7", "train.gamma=0.5"])
TABLE = b"PAR1 a table PAR1"


@pytest.fixture(autouse=True)
def _no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is made a thousand times here; asking git each time is tested once."""
    monkeypatch.setattr(provenance, "_commit", lambda root: ("0" * 40, False))


def fill(step: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(f"weights {step}".encode() * 10)
        (folder / "checkpoint.json").write_text(json.dumps({"step": step}))

    return write


def train(path: Path) -> Run:
    """A training in small: makes or continues a run and ends in bytes that depend on the config alone."""
    run = Run.create(path, CONFIG)
    with run.lock():
        last = run.latest_checkpoint()
        step = last.step if last else 0
        run.rewind_progress(step)
        run.set_status("running", step)
        while step < 40:
            step += 5
            run.append_progress(
                {"step": step, "loss": 1 / step, **({"probe": step} if step % 20 == 0 else {})}
            )
            if step % 10 == 0:
                run.save_checkpoint(step, fill(step), keep=2)
        write_atomic(run.episodes_path, TABLE)
        run.set_status("finished", step)
    return run


def results(path: Path) -> dict[str, bytes]:
    """The files that must not depend on when a run was killed."""
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in ("status.json", "provenance.json", ".lock")
    }


def in_a_child(work: Callable[[], object]) -> int:
    """Do something in a forked process; its exit code, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except RunError:
            code = 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# --- making and opening


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
    (tmp_path / "new.py").write_text("x")
    assert provenance._commit(tmp_path) == (commit, True)


def test_default_out_names_config_and_seed() -> None:
    assert default_out(OTHER) == Path("runs/small-s7")


def test_an_unfinished_run_of_the_same_config_goes_on(tmp_path: Path) -> None:
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
        (finished, OTHER, r"another config \(seed: 0 there, 7 here, train.gamma: 0.99 there, 0.5 here\)"),
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
    with pytest.raises(RunError, match="is a file; give the run folder"):
        Run.open(tmp_path / "run" / "config.yaml")
    with pytest.raises(RunError, match="Train one first: goalposts train"):
        Run.open(tmp_path / "none" / "of" / "these")


def test_a_lost_status_is_worked_out_anew(tmp_path: Path) -> None:
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
    run.progress(), run.checkpoints(), run.status(), run.in_use()
    assert sorted(path.rglob("*")) == before


# --- status, checkpoints, tables


def test_status_goes_forward(tmp_path: Path) -> None:
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


def test_a_checkpoint_may_be_written_anew(tmp_path: Path) -> None:
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


# --- progress


def test_progress_is_rewound_to_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    for step in (1, 2, 3):
        append_row(path, {"step": step, "loss": 0.5 / step})
    append_row(path, {"step": 4, "loss": float("nan"), "probe/off_path": 3})
    assert path.read_text().splitlines()[0] == "step,loss,probe/off_path"
    rewind_rows(path, 2)
    assert read_rows(path) == [
        {"step": 1, "loss": 0.5, "probe/off_path": None},
        {"step": 2, "loss": 0.25, "probe/off_path": None},
    ]
    append_row(path, {"loss": None, "step": 10})
    assert read_rows(path)[-1] == {"step": 10, "loss": None, "probe/off_path": None}


def test_a_line_that_was_cut_off_is_neither_read_nor_kept(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    append_row(path, {"step": 1, "loss": 0.5})
    with open(path, "ab") as file:
        file.write(b"2,0.2")
    assert [row["step"] for row in read_rows(path)] == [1]
    append_row(path, {"step": 2, "loss": 0.25})
    assert path.read_text() == "step,loss\n1,0.5\n2,0.25\n"


def test_numpy_numbers_are_numbers(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "progress.csv"
    append_row(path, {"step": np.int64(1), "loss": np.float32(0.5), "n": np.uint8(3)})
    assert path.read_text() == "step,loss,n\n1,0.5,3\n"


@pytest.mark.parametrize(
    "row", [{}, {"step": 1.5}, {"step": True}, {"step": 9, "a,b": 1}, {"step": 5}, {"step": 9, "x": "text"}]
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, row: dict) -> None:
    path = tmp_path / "progress.csv"
    append_row(path, {"step": 5, "x": 1})
    with pytest.raises((ValueError, TypeError)):
        append_row(path, row)
    assert path.read_text() == "step,x\n5,1\n"


@pytest.mark.parametrize("text", ["step,a\n1,2\n2\n3,4\n", "step,a\n1,2\nx,1\n", "step,a\n1,2\n3,=SUM(A1)\n"])
def test_a_damaged_line_is_named_and_mended_by_a_rewind(tmp_path: Path, text: str) -> None:
    path = tmp_path / "progress.csv"
    path.write_text(text)
    with pytest.raises(RunError, match="line 3 is damaged"):
        read_rows(path)
    rewind_rows(path, 100)
    assert read_rows(path)[0] == {"step": 1, "a": 2}


@pytest.mark.parametrize("content", [b"\0\0\0", b"hello\n", b"hello", b"\xff\xfe\n1,2\n"])
def test_a_file_that_is_no_progress_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "progress.csv"
    path.write_bytes(content)
    for work in (lambda: append_row(path, {"step": 1}), lambda: rewind_rows(path, 1)):
        with pytest.raises(RunError, match="line 1 is damaged"):
            work()
    assert path.read_bytes() == content


# --- killed at any moment


class Kill:
    """Ends the process without any clean-up just before it touches the file system for the n-th time."""

    EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")

    def __init__(self, folder: Path, at: int) -> None:
        self.folder, self.left = str(folder), at

    def __call__(self, event: str, arguments: tuple) -> None:
        if event in self.EVENTS and str(arguments[0]).startswith(self.folder):
            self.left -= 1
            if self.left < 0:
                os._exit(9)


def test_killed_anywhere_it_goes_on_and_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ())
    monkeypatch.setattr(storage.os, "fsync", lambda handle: None)  # it matters when the power fails, not here
    expected = results(train(tmp_path / "undisturbed").path)
    assert sorted(expected) == [
        "checkpoints/30/checkpoint.json",
        "checkpoints/30/model.safetensors",
        "checkpoints/40/checkpoint.json",
        "checkpoints/40/model.safetensors",
        "config.yaml",
        "episodes.parquet",
        "progress.csv",
    ]
    kills = 0
    for at in range(1000):
        path = tmp_path / "run"

        def work(path: Path = path, at: int = at) -> None:
            sys.addaudithook(Kill(path, at))
            train(path)

        code = in_a_child(work)
        if code == 0:
            break
        assert code == 9
        kills += 1
        if (path / "config.yaml").exists():
            run = Run.open(path)  # whatever stands there is whole
            assert not run.in_use()
            assert [row["step"] for row in run.progress()] == list(range(5, 5 * len(run.progress()) + 1, 5))
            for checkpoint in run.checkpoints():
                assert (
                    checkpoint.path / "model.safetensors"
                ).read_bytes() == f"weights {checkpoint.step}".encode() * 10
            if run.episodes_path.exists():
                assert run.episodes_path.read_bytes() == TABLE
        if not (path / "config.yaml").exists() or Run.open(path).status().state != "finished":
            train(path)
        assert results(path) == expected
        shutil.rmtree(path)
    assert kills > 80


def test_a_kill_in_the_midst_of_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.bin"
    write_atomic(path, b"old")

    def die(file: object) -> None:
        file.write(b"new, but only ha")  # type: ignore[attr-defined]
        file.flush()  # type: ignore[attr-defined]
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_child(lambda: write_atomic(path, die)) == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    write_atomic(path, b"newer")
    assert path.read_bytes() == b"newer"


# --- several processes


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[Run, int]]:
    """A run that another process holds; it is killed at the end."""
    run = Run.create(tmp_path / "run", CONFIG)
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with Run.open(run.path).lock() as held:
            held.set_status("running", 3)
            os.write(tell, b"x")
            time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    yield run, child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_one_writer_at_a_time_and_the_dead_hold_nothing(holder: tuple[Run, int]) -> None:
    run, child = holder
    assert run.in_use()
    assert Run.open(run.path).status().state == "running"
    before = results(run.path)
    with pytest.raises(RunError, match=rf"in use by another process \(process {child} on "), run.lock():
        pytest.fail("two processes hold the same run")
    assert results(run.path) == before
    os.kill(child, signal.SIGKILL)
    with run.lock(wait=10):
        assert run.in_use()
        assert run.set_status("running").pid == os.getpid()
    assert not run.in_use()


def test_sweeping_spares_what_a_living_process_writes(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    living, dead = (
        storage.unfinished_name(run.path / "report.html"),
        run.path / ".report.html.part-999999999-ab",
    )
    living.write_text("half")
    dead.write_text("half")
    with run.lock():
        assert storage.unfinished(run.path) == [living]


def test_the_lock_nests_and_excludes_within_a_process(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock(), run.lock():
        run.set_status("running")
        with pytest.raises(RunError, match="in use"), Run.open(run.path).lock():
            pass
    assert not run.in_use()


def test_many_processes_make_one_folder(tmp_path: Path) -> None:
    """Same config: all get it. Another config: refused, whoever came first."""
    children = []
    for number in range(12):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                Run.create(tmp_path / "run", OTHER if number % 3 == 0 else CONFIG)
                code = 0
            except RunError:
                code = 2
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    won = Run.open(tmp_path / "run").config
    expected = {OTHER.hash(): [0, 2, 2], CONFIG.hash(): [2, 0, 0]}[won.hash()]
    assert codes == expected * 4


# --- disks that refuse


def refuse_at(monkeypatch: pytest.MonkeyPatch, code: int, nth: int) -> None:
    """The n-th flush to the disk fails, as on a full or broken disk."""
    true_fsync, calls = os.fsync, iter(range(10**9))

    def fsync(handle: int) -> None:
        if next(calls) >= nth:
            raise OSError(code, os.strerror(code))
        true_fsync(handle)

    monkeypatch.setattr(storage.os, "fsync", fsync)


@pytest.mark.parametrize("nth", range(7))
def test_a_full_disk_while_a_run_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    refuse_at(monkeypatch, errno.ENOSPC, nth)
    path = tmp_path / "new" / "run"
    if nth < 5:
        with pytest.raises(RunError, match=r"the disk is full \(.* free\)\. Nothing that was there"):
            Run.create(path, CONFIG)
        assert os.listdir(tmp_path) == []
    monkeypatch.undo()
    assert Run.create(path, CONFIG).status().state == "created"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
def test_a_disk_that_refuses_leaves_earlier_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    run = train(tmp_path / "run")
    before = results(run.path)
    with run.lock():
        refuse_at(monkeypatch, code, 0)
        for write in (
            lambda: run.save_checkpoint(40, fill(99), keep=2),
            lambda: run.save_checkpoint(50, fill(50), keep=2),
            lambda: write_atomic(run.episodes_path, b"half"),
            lambda: run.rewind_progress(5),
            lambda: run.set_status("running"),
        ):
            with pytest.raises(
                RunError, match=rf"cannot write {run.path}.*Nothing that was there has been changed"
            ):
                write()
    monkeypatch.undo()
    assert results(run.path) == before
    assert run.status().state == "finished"
    assert not list(storage.unfinished(run.path))


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(tmp_path: Path) -> None:
    """The system itself stops the write half-way: the file may not grow beyond some bytes."""
    path = tmp_path / "progress.csv"
    append_row(path, {"step": 1, "loss": 0.5})
    before = path.read_bytes()

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, len(before) + 3))
        append_row(path, {"step": 2, "loss": 0.123456789})

    assert in_a_child(work) == 2
    assert path.read_bytes() == before


def test_errors_of_rust_libraries_are_told_alike(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)

    def writer(folder: Path) -> None:
        raise Exception("Error while serializing: I/O error: No space left on device (os error 28)")

    with run.lock(), pytest.raises(RunError, match="the disk is full"):
        run.save_checkpoint(1, writer)


def test_a_folder_that_vanished_is_not_made_again(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        shutil.rmtree(run.path)
        for write in (
            lambda: run.set_status("running"),
            lambda: run.save_checkpoint(1, fill(1)),
            lambda: run.append_progress({"step": 1}),
        ):
            with pytest.raises(RunError, match="its folder is not there"):
                write()
    assert not run.path.exists()


def test_a_path_below_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match=r"cannot write .*a part of this path is a file"):
        Run.create(tmp_path / "file" / "run", CONFIG)
    with pytest.raises(RunError, match="the path is not usable"):
        Run.create(tmp_path / ("x" * 300), CONFIG)


def test_clocks_may_go_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    monkeypatch.setattr(runs, "now", lambda: "1999-01-01T00:00:00Z")
    with run.lock():
        run.set_status("running")
        run.save_checkpoint(40, fill(40))
        run.set_status("finished", 40)
    assert Run.open(run.path).status().state == "finished"


# --- reading with limits


def test_only_ordinary_files_of_sane_size_are_read(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 11)
    os.mkfifo(tmp_path / "pipe")
    for name, said in (
        ("big", "too large: 11 bytes; at most 10"),
        ("pipe", "not an ordinary file"),
        ("none", "does not exist"),
        (".", "is a folder"),
    ):
        with pytest.raises(RunError, match=said):
            read_limited(tmp_path / name, 10)
    with pytest.raises(RunError, match="not an ordinary file"):
        read_limited(Path("/dev/zero"), 10)
