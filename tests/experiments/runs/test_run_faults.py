"""Kills, concurrent processes and failing disks: a run folder stays intact and messages name the remedy."""

import errno
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.small_run import CONFIG, OTHER, TABLE, fill, in_a_child, results, train
from fixtures.touching import touches

from goalposts.experiments.runs import provenance
from goalposts.experiments.runs import run as runs
from goalposts.experiments.runs.run import Run, RunError
from goalposts.experiments.system import atomic_files
from goalposts.experiments.system.atomic_files import read_limited, write_atomic


@pytest.fixture(autouse=True)
def _no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip git, since these tests create a thousand runs; provenance from git is tested separately."""
    monkeypatch.setattr(provenance, "_commit", lambda root: ("0" * 40, False))


# --- killed at any moment


class Kill:
    """Kill the process without clean-up just before its n-th file-system operation."""

    def __init__(self, folder: Path, at: int) -> None:
        self.folder, self.left = str(folder), at

    def __call__(self, event: str, arguments: tuple) -> None:
        if touches(event, arguments, self.folder):
            self.left -= 1
            if self.left < 0:
                os._exit(9)


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ())
    monkeypatch.setattr(atomic_files.os, "fsync", lambda handle: None)  # matters only for power failures
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
            run = Run.open(path)  # an existing run is complete
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
    """A run locked by another process, which is killed at the end."""
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


def test_lock_admits_one_writer_and_dead_processes_release_it(holder: tuple[Run, int]) -> None:
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
        atomic_files.unfinished_name(run.path / "report.html"),
        run.path / ".report.html.part-999999999-ab",
    )
    living.write_text("half")
    dead.write_text("half")
    with run.lock():
        assert atomic_files.unfinished(run.path) == [living]


def test_the_lock_nests_and_excludes_within_a_process(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock(), run.lock():
        run.set_status("running")
        with pytest.raises(RunError, match="in use"), Run.open(run.path).lock():
            pass
    assert not run.in_use()


def test_many_processes_make_one_folder(tmp_path: Path) -> None:
    """Same config: all processes share it. Another config: refused, regardless of the order."""
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


# --- failing disks


def refuse_at(monkeypatch: pytest.MonkeyPatch, code: int, nth: int) -> None:
    """Let the n-th flush to disk fail, as on a full or broken disk."""
    true_fsync, calls = os.fsync, iter(range(10**9))

    def fsync(handle: int) -> None:
        if next(calls) >= nth:
            raise OSError(code, os.strerror(code))
        true_fsync(handle)

    monkeypatch.setattr(atomic_files.os, "fsync", fsync)


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
    assert not list(atomic_files.unfinished(run.path))


def test_errors_of_rust_libraries_are_reported_alike(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)

    def writer(folder: Path) -> None:
        raise Exception("Error while serializing: I/O error: No space left on device (os error 28)")

    with run.lock(), pytest.raises(RunError, match="the disk is full"):
        run.save_checkpoint(1, writer)


def test_vanished_folder_is_not_recreated(tmp_path: Path) -> None:
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


def test_path_below_a_file_is_refused_with_a_message(tmp_path: Path) -> None:
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
        ("big", r"too large: 11 bytes \(limit 10\)"),
        ("pipe", "not an ordinary file"),
        ("none", "does not exist"),
        (".", "is a folder"),
    ):
        with pytest.raises(RunError, match=said):
            read_limited(tmp_path / name, 10)
    with pytest.raises(RunError, match="not an ordinary file"):
        read_limited(Path("/dev/zero"), 10)
