"""Disks, editors and git that treat files differently than a local disk and this program."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.faults import row
from fixtures.places import TESTS
from fixtures.small_run import CONFIG, fill
from fixtures.tiny import YAML, copy_of

from goalposts.envs import Level, generate, load_levels, save_levels
from goalposts.envs.levels.level_file import world_of
from goalposts.errors import UserError
from goalposts.experiments import Run, load_config
from goalposts.experiments.cli.main import main
from goalposts.experiments.evaluation.evaluate import subject_of
from goalposts.experiments.system import locks
from goalposts.experiments.system.atomic_files import write_atomic
from goalposts.experiments.training.train import train

MADE = TESTS / "fixtures" / "made_by_adb767d"


def command(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0), capsys.readouterr().err


# --- B5, B7, B11: disks


def no(code: int) -> Callable[..., None]:
    def refuse(*anything: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@row("B5")
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP])
@pytest.mark.parametrize("missing", [("flock",), ("flock", "lockf")])
def test_a_lock_file_from_a_disk_with_flock_is_used_on_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, missing: tuple[str, ...]
) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    assert (run.path / ".lock").read_bytes() == b""
    for name in missing:
        monkeypatch.setattr(locks.fcntl, name, no(code))
    for _ in range(2):
        with run.lock():
            run.set_status("running")
            with pytest.raises(UserError, match="in use"), Run.open(run.path).lock():
                pytest.fail("two at once")
        assert not Run.open(run.path).in_use()
    held = run.path / ".lock.held"
    if missing == ("flock",):
        return
    held.write_text(f"999999999 {os.uname().nodename}\n")
    with run.lock():  # held by a dead process of this machine
        pass
    held.write_text("123 elsewhere\n")
    assert Run.open(run.path).in_use()
    with (
        pytest.raises(UserError, match=r"process 123 on elsewhere by .*\.lock\.held; delete that file"),
        run.lock(),
    ):
        pytest.fail("it is held elsewhere")
    assert held.exists()


@row("B5")
def test_two_processes_exclude_each_other_without_flock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks.fcntl, "flock", no(errno.ENOSYS))
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        child = os.fork()
        if child == 0:
            code = 1
            try:
                other = Run.open(run.path)
                code = 3 if other.in_use() else 4
                with other.lock():
                    code = 5
            except UserError:
                pass
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


NAMES = [os.fsdecode(b"caf\xe9"), "x" * 255, "ä" * 127, "x" * 230]


@row("B7")
@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_bytes_and_length_are_written_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("sys.argv", ["goalposts", "train", "--out", name])
    run = Run.create(tmp_path / "new" / name, CONFIG)
    with run.lock():
        run.save_checkpoint(10, fill(10))
    assert [one.step for one in Run.open(run.path).checkpoints()] == [10]
    short = name
    while len(os.fsencode(short)) > 251:
        short = short[:-1]
    save_levels(generate("CoinRun", "off_path", 0, 1), tmp_path / f"{short}.txt")
    assert len(load_levels(tmp_path / f"{short}.txt")) == 1


@row("B7")
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_names_of_any_bytes_and_length(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run = copy_of(tiny_run, tmp_path / name)
    finetune = ("finetune", run, "--steps", 1, "--levels", 2, "-q")
    for words in (("evaluate", run, "-q"), ("diagnose", run), ("report", run), ("record", run), finetune):
        code, said = command(capsys, *words)
        assert code == 0, said


@row("B11")
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_without_fsync_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(os, "fsync", no(code))
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        run.save_checkpoint(10, fill(10))
        run.append_progress({"step": 1})
    assert [one.step for one in Run.open(run.path).checkpoints()] == [10]
    save_levels(generate("CoinRun", "off_path", 0, 1), tmp_path / "levels.npz")


@row("B11")
@pytest.mark.parametrize("code", [errno.EBADF, errno.EACCES, errno.EPERM, errno.EIO])
def test_a_folder_that_cannot_be_flushed_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As on network disks, and in folders that may be written but not listed; a failing disk is still reported."""
    real = os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, os.strerror(code))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    if code == errno.EIO:
        with pytest.raises(UserError, match="Check the disk"):
            write_atomic(tmp_path / "file", b"content")
        return
    write_atomic(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


# --- B13, B15: editors and git

LEVELS = [level.to_text() for level in generate("CoinRun", "off_path", 0, 2)]


@row("B13")
@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + "\n\n".join(LEVELS),
        "\n\n".join(LEVELS) + "\n\x1a",
        "\n\n".join(LEVELS) + "\x1a",
        "\ufeff; CoinRun\r\n" + "\r\n\r\n".join(text.replace("\n", "\r\n") for text in LEVELS) + "\r\n\x1a",
        "# the first level\n" + "\n# the second\n".join(LEVELS),
        "; one\n" + "\n; two\n".join(LEVELS),
        "; a remark within a level\n".join(LEVELS[0].splitlines(True)) + "\n\n" + LEVELS[1],
        "\n\n".join(LEVELS).replace("\n", "\r\r\n"),  # Windows, text with CR LF written as text
    ],
)
def test_level_files_of_any_editor_are_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "l.txt").write_text(content, encoding="utf-8", newline="")
    assert [level.to_text() for level in load_levels(tmp_path / "l.txt")] == LEVELS


@row("B13")
@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
def test_what_windows_powershell_writes_is_read(tmp_path: Path, coding: str) -> None:
    """Its `>` writes UTF-16 with a byte order mark: `goalposts levels > l.txt`, `goalposts config show … > my.yaml`."""
    for name, text in (("l.txt", "; CoinRun edge\n" + "\n\n".join(LEVELS)), ("tiny.yaml", YAML)):
        (tmp_path / name).write_bytes(("\ufeff" + text.replace("\n", "\r\n")).encode(coding))
    assert [level.to_text() for level in load_levels(tmp_path / "l.txt")] == LEVELS
    assert world_of(tmp_path / "l.txt") == "CoinRun"
    assert load_config(str(tmp_path / "tiny.yaml")).name == "tiny"
    (tmp_path / "l.txt").write_bytes(("\ufeff" + LEVELS[0]).encode(coding)[:-1])
    with pytest.raises(UserError, match="not a text file"):
        load_levels(tmp_path / "l.txt")


@row("B13")
def test_a_row_of_walls_is_never_taken_for_a_comment() -> None:
    for rows in ("#####", "# A #", "#", "# #", "#\t#"):
        with pytest.raises(UserError, match="row 1"):
            Level.from_text(f"{rows}\n{LEVELS[0]}")


@row("B13", "B15")
@pytest.mark.parametrize("change", ["\ufeff{}", "\r\n", "\r\r\n", "{}\x1a"])
def test_config_files_of_any_editor_are_read(tmp_path: Path, change: str) -> None:
    (tmp_path / "tiny.yaml").write_text(YAML)
    plain = load_config(str(tmp_path / "tiny.yaml"))
    text = change.replace("{}", YAML) if "{}" in change else YAML.replace("\n", change)
    (tmp_path / "tiny.yaml").write_text(text, encoding="utf-8", newline="")
    assert load_config(str(tmp_path / "tiny.yaml")) == plain


@row("B15")
@pytest.mark.parametrize("source", ["new", "adb767d"])
def test_a_run_that_came_through_git_is_the_same_run(tiny_run: Path, tmp_path: Path, source: str) -> None:
    """With autocrlf, git converts the line ends of all text files to CRLF."""
    run = copy_of(tiny_run if source == "new" else MADE / "run", tmp_path / "run")
    before = Run.open(run)
    rows = before.progress()
    for path in run.rglob("*"):
        if path.suffix in (".yaml", ".json", ".csv"):
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    after = Run.open(run)
    assert (after.config, after.progress(), after.status()) == (before.config, rows, before.status())
    subject_of(after)
    with after.lock():
        after.append_progress({"step": 10**6})
        assert len(after.progress()) == len(rows) + 1
    (run / "config.yaml").write_bytes((run / "config.yaml").read_bytes().replace(b"seed: ", b"seed: 1"))
    with pytest.raises(UserError, match="was edited after the run began"):
        Run.open(run)


@row("B15")
def test_training_resumes_in_a_run_that_came_through_git(tiny_config: Path, tmp_path: Path) -> None:
    config = load_config(str(tiny_config), ["train.total_steps=1024", "train.probe_every=null"])
    run = Run.create(tmp_path / "run", config)
    path = run.path / "config.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert train(config, run.path, evaluate=False, tensorboard=False).status().state == "finished"
