"""Failing disks at the command line: full, read-only, vanished. One message, exit code 2, earlier results intact."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from fixtures.tiny import copy_of, everything, results

from goalposts.experiments import Run
from goalposts.experiments.cli.main import main
from goalposts.experiments.system import atomic_files

NOBODY = 65534


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path, code: int = 2) -> str:
    """Message of a command that is expected to fail."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (code, ""), said
    assert said.err.startswith("goalposts: cannot write ") or "cannot be written" in said.err
    assert said.err.count("\n") == 1
    return said.err


def done(capsys: pytest.CaptureFixture[str], *words: str | Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err


def fill_at(monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """Simulate a disk that is full from the n-th flush on."""
    true_fsync, calls = os.fsync, iter(range(10**9))

    def fsync(handle: int) -> None:
        if next(calls) >= nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        true_fsync(handle)

    monkeypatch.setattr(atomic_files.os, "fsync", fsync)


@pytest.mark.parametrize("nth", [0, 5, 10, 30, 45])
def test_a_disk_that_fills_up_in_training(
    tiny_run: Path,
    tiny_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nth: int,
) -> None:
    path = tmp_path / "runs" / "tiny"
    fill_at(monkeypatch, nth)
    said = refused(capsys, "train", tiny_config, "--out", path)
    assert "the disk is full (" in said
    assert "Free some space and give the same command again" in said
    assert path.parent.exists() == (nth > 0)
    if path.exists():
        run = Run.open(path)
        assert run.status().state in ("created", "running")
        assert not run.in_use()
    monkeypatch.undo()
    done(capsys, "train", tiny_config, "--out", path)
    assert results(path) == results(tiny_run)


@pytest.mark.parametrize(
    ("command", "nth"), [("evaluate", 0), ("evaluate", 1), ("evaluate", 2), ("report", 0), ("record", 0)]
)
def test_a_disk_that_is_full_leaves_what_is_there(
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    nth: int,
) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    done(capsys, "report", path)
    before = everything(path)
    fill_at(monkeypatch, nth)
    more = ("--levels", "20") if command == "evaluate" else ()
    assert "the disk is full (" in refused(capsys, command, path, *more)
    assert everything(path) == before
    assert not atomic_files.unfinished(path)


@pytest.mark.parametrize("suffix", ["npz", "txt"])
def test_a_full_disk_leaves_no_level_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    fill_at(monkeypatch, 0)
    said = refused(capsys, "levels", "--out", tmp_path / f"levels.{suffix}")
    assert "No space left on device" in said
    assert os.listdir(tmp_path) == []


# --- read-only


@pytest.fixture
def readonly(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    """A run in a folder that this process can read but not write, even if the tests run as root."""
    home = Path(tempfile.mkdtemp(prefix="goalposts-readonly-"))
    path = copy_of(tiny_run, home / "run")
    for command in ("report", "record"):  # fills the kernel cache
        done(capsys, command, path)
    for name in (
        "study.demo",
        "evaluation.missing_probes",
        "evaluation.evaluate",
    ):  # an unprivileged user may lack access to Python's files
        import_module(f"goalposts.experiments.{name}")
    for folder, _, files in os.walk(home):
        os.chmod(folder, 0o755 if folder == str(home) else 0o555)
        for file in files:
            os.chmod(Path(folder) / file, 0o444)
    home.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield path
    finally:
        if root:
            os.seteuid(0)
        for folder, _, _ in os.walk(home):
            os.chmod(folder, 0o755)
        shutil.rmtree(home)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_writing_commands_fail_cleanly_on_a_read_only_run(
    readonly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(readonly)
    for words in (
        ("evaluate", readonly),
        ("report", readonly),
        ("record", readonly),
        ("levels", "--out", readonly / "x.txt"),
        ("train", "coinrun/edge", "--out", readonly.parent / "new"),
        ("demo", "--out", readonly.parent / "demo"),
        ("diagnose", readonly, "--evaluate-missing"),
        ("report", readonly, "--out", readonly / "page.html"),
    ):
        said = refused(capsys, *words)
        assert str(readonly.parent) in said
        assert any(word in said for word in ("choose another", "Choose another")), said
    assert everything(readonly) == before
    assert os.listdir(readonly.parent) == ["run"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_reading_commands_work_on_a_read_only_run(readonly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything(readonly)
    elsewhere = Path(tempfile.mkdtemp())
    try:
        done(capsys, "diagnose", readonly)
        done(capsys, "report", readonly, "--out", elsewhere / "page.html")
        done(capsys, "record", readonly, "--out", elsewhere / "film.gif")
        done(capsys, "evaluate", readonly, "--out", elsewhere / "table.parquet", "--levels", "5")
        assert sorted(os.listdir(elsewhere)) == ["film.gif", "page.html", "table.parquet"]
    finally:
        shutil.rmtree(elsewhere)
    assert everything(readonly) == before


# --- gone


def test_folder_that_vanishes_during_training_is_reported_and_not_recreated(
    tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs" / "tiny"
    append = Run.append_progress

    def vanish(run: Run, row: dict) -> None:
        if row["step"] == 3072:
            shutil.rmtree(path)
        append(run, row)

    monkeypatch.setattr(Run, "append_progress", vanish)
    said = refused(capsys, "train", tiny_config, "--out", path, code=1)
    assert "its folder is not there (any more)" in said
    assert not (path / "config.yaml").exists()


def test_lock_that_is_a_folder_is_reported(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    (path / ".lock").unlink(missing_ok=True)
    (path / ".lock").mkdir()
    before = everything(path)
    refused(capsys, "evaluate", path)
    assert everything(path) == before
    assert (path / ".lock").is_dir()
