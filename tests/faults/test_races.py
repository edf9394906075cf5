"""Folders that become links between check and use: nothing below a run or study folder is reached through a link."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from fixtures.faults import row
from fixtures.places import TESTS
from fixtures.tiny import YAML, copy_of, untouched

from goalposts import safe_folder
from goalposts.errors import UserError
from goalposts.experiments import load_config, train
from goalposts.experiments.runs.checkpoints import list_checkpoints, sweep_checkpoints, write_checkpoint
from goalposts.experiments.runs.progress_csv import append_row, read_rows
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.workers.job import Done, Failed, Job, perform
from goalposts.experiments.system.atomic_files import RunError, read_limited, write_atomic
from goalposts.experiments.system.leftovers import discard, of_name, sweep
from goalposts.experiments.system.locks import FolderLock

MADE = TESTS / "fixtures" / "made_by_adb767d"


@pytest.fixture
def swapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """(root/a, outside): `a` is a link to `outside`, which contains files that commands would read, replace or remove."""
    monkeypatch.setattr(safe_folder, "_guarded", set())
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    (outside / "8").mkdir(parents=True)
    (outside / "8" / "model.safetensors").write_text("mine")
    (outside / "progress.csv").write_text("step\n1\nunfinished")
    (outside / ".x.json.part-999999999-abcd").write_text("mine")
    (outside / ".8.part-999999999-abcd").mkdir()
    (root / "a").symlink_to(outside)
    return root / "a", outside


def refusal(attempt: Callable[[], object]) -> str:
    """Message of a refusal; empty if nothing is refused."""
    try:
        attempt()
    except (UserError, OSError) as error:
        return str(error)
    return ""


def locked(folder: Path) -> None:
    lock = FolderLock(folder / ".lock")
    lock.acquire()
    lock.release()


OPERATIONS: dict[str, Callable[[Path], object]] = {
    "write": lambda a: write_atomic(a / "x.json", b"1"),
    "write deeper": lambda a: write_atomic(a / "8" / "x.json", b"1"),
    "read": lambda a: read_limited(a / "progress.csv", 100),
    "append": lambda a: append_row(a / "progress.csv", {"step": 2}),
    "rows": lambda a: read_rows(a / "progress.csv"),
    "list": list_checkpoints,
    "checkpoint": lambda a: write_checkpoint(a, 8, lambda part: (part / "model.safetensors").touch(), 2),
    "sweep checkpoints": sweep_checkpoints,
    "sweep": lambda a: sweep(a, of_name("x.json")),
    "discard": lambda a: discard(a / "8", lambda path: True),
    "lock": locked,
    "remove": lambda a: safe_folder.remove_tree(a / "8"),
    "remove all": safe_folder.remove_tree,
    "remove a file": lambda a: safe_folder.remove_file(a / "progress.csv"),
    "rename": lambda a: safe_folder.rename(a / "8", a.parent / "8"),
    "make": lambda a: safe_folder.make_folder(a / "new"),
    "make or use": lambda a: safe_folder.make_folder(a, exist_ok=True),
}


@row("A2")
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_passes_through_a_link_below_a_guarded_folder(
    swapped: tuple[Path, Path], name: str
) -> None:
    folder, outside = swapped
    safe_folder.guard(folder.parent)
    before = untouched(outside)
    silent = "sweep" in name or "remove" in name or name == "discard"
    assert "link" in refusal(lambda: OPERATIONS[name](folder)) or silent
    assert untouched(outside) == before
    assert folder.is_symlink()


@row("A2")
def test_a_guarded_folder_may_itself_be_reached_through_links(swapped: tuple[Path, Path]) -> None:
    folder, outside = swapped
    safe_folder.guard(folder)
    write_atomic(folder / "x.json", b"1")
    assert (outside / "x.json").read_bytes() == b"1"
    assert read_limited(folder / "x.json", 9) == b"1"


@row("A2")
def test_a_folder_that_is_swapped_all_the_time_never_leads_outside(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "checkpoints", outside):
        folder.mkdir(parents=True)
    safe_folder.guard(root)
    ended = threading.Event()

    def swap() -> None:
        turn = 0
        while not ended.is_set():
            turn += 1
            with suppress(OSError):
                os.rename(root / "checkpoints", root / f"aside{turn}")
            with suppress(OSError):
                (root / "checkpoints").symlink_to(outside)
                os.unlink(root / "checkpoints")
            time.sleep(turn % 5 / 1000)

    attacker = threading.Thread(target=swap)
    attacker.start()
    outcomes = {True: 0, False: 0}
    try:
        for step in range(1, 100):
            try:
                write_checkpoint(root / "checkpoints", step, lambda part: (part / "a").write_bytes(b"1"), 2)
                write_atomic(root / "checkpoints" / "x.json", b"1")
                outcomes[True] += 1
            except RunError:
                outcomes[False] += 1
    finally:
        ended.set()
        attacker.join()
    assert os.listdir(outside) == []
    assert outcomes[False] > 0  # otherwise the attack never took place


@row("A2")
def test_a_training_ends_when_its_checkpoints_become_a_link(tmp_path: Path) -> None:
    outside, run = tmp_path / "outside", tmp_path / "run"
    outside.mkdir()

    def attack(step: int, total: int, words: str) -> None:
        if step >= 4096 and not (run / "checkpoints").is_symlink():
            os.rename(run / "checkpoints", run / "aside")
            (run / "checkpoints").symlink_to(outside)

    config = tmp_path / "tiny.yaml"
    config.write_text(YAML)
    with pytest.raises(RunError, match="link"):
        train(load_config(config, ["evaluate.levels=5"]), run, attack, evaluate=False)
    assert os.listdir(outside) == []


@row("A2")
@pytest.mark.parametrize("name", ["runs", "failed", ".work"])
def test_a_driver_keeps_nothing_behind_a_link(tmp_path: Path, name: str, tiny_run: Path) -> None:
    outside, study = tmp_path / "outside", copy_of(MADE / "study", tmp_path / "study")
    copy_of(tiny_run, outside / ("0" * 16))
    before = untouched(outside)
    folder = StudyFolder.open(study)
    with folder.hold():  # after the check, an attacker plants a link
        if (study / name).exists():
            os.rename(study / name, study / "aside")
        (study / name).symlink_to(outside)
        for attempt in (
            lambda: folder.keep(Done("1" * 16, {"a/b": b"1"})),
            lambda: folder.note(Failed("0" * 16, "why", "log")),
            folder.end_work,
            folder.failed,
            folder.finished,
        ):
            assert "link" in (refusal(attempt) or "link")
    assert untouched(outside) == before


@row("A2")
def test_a_worker_trains_nowhere_else(tmp_path: Path) -> None:
    outside, study = tmp_path / "outside", tmp_path / "study"
    outside.mkdir()
    study.mkdir()
    (study / ".work").symlink_to(outside)
    (tmp_path / "tiny.yaml").write_text(YAML)
    one = "0" * 16
    found = perform(Job(one, load_config(tmp_path / "tiny.yaml"), str(study / ".work" / one)))
    assert isinstance(found, Failed)
    assert "link" in found.message
    assert [*outside.rglob("*")] in ([], [outside / one])  # at most an empty folder


@row("A2")
def test_only_one_module_renames_and_removes() -> None:
    """All others go through `goalposts/safe_folder.py`, or work in a private folder."""
    allowed = {
        "experiments/study/workers/job.py",  # in a folder of the temporary folder
        "envs/jit/kernel_cache.py",  # where only the user can write
    }
    root = TESTS.parent
    found = {
        path.relative_to(root).as_posix()
        for top in ("agents", "envs", "experiments", "goalposts")
        for path in (root / top).rglob("*.py")
        for word in ("os.replace(", ".rename(", "rmtree(", ".unlink(", "os.remove(", "shutil.move(")
        if word in path.read_text("utf-8") and not path.is_relative_to(root / "experiments" / "analyses")
    }
    assert found - allowed == {"goalposts/safe_folder.py"}


@row("A2")
def test_a_pipe_put_into_an_unfinished_checkpoint_does_not_hang(tmp_path: Path) -> None:
    def attacked(part: Path) -> None:
        (part / "a").write_bytes(b"1")
        os.mkfifo(part / "b")

    made = write_checkpoint(tmp_path / "checkpoints", 1, attacked, 2)
    assert sorted(os.listdir(made.path)) == ["a", "b"]
