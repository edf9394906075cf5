"""Untrusted run folders with planted pickles, links, pipes or devices: nothing executes, blocks, or reaches outside."""

import io
import os
import pickle
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.tiny import copy_of, everything

from goalposts.agents import load_agent
from goalposts.envs import load_levels
from goalposts.errors import UserError
from goalposts.experiments import Run
from goalposts.experiments.cli.main import main
from goalposts.experiments.evaluation.evaluated_run import Evaluated
from goalposts.experiments.evaluation.trajectories import read_trajectories
from goalposts.experiments.measurement.episodes import read_episodes

FILES = (
    "config.yaml",
    "status.json",
    "provenance.json",
    "progress.csv",
    "episodes.parquet",
    "trajectories.parquet",
    "leakage.json",
    "checkpoints/8192/checkpoint.json",
    "checkpoints/8192/model.safetensors",
    "checkpoints/8192/state.json",
    "checkpoints/8192/state.safetensors",
)


class Trap:
    """Creates a marker file when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def pickles(mark: Path) -> dict[str, bytes]:
    """Pickles in all formats that might be loaded."""
    trap, found = Trap(mark), {"pickle": pickle.dumps(Trap(mark))}
    out = io.BytesIO()
    torch.save({"policy": trap}, out)
    found["torch"] = out.getvalue()
    out = io.BytesIO()
    np.save(out, np.array([trap], object), allow_pickle=True)
    found["npy"] = out.getvalue()
    out = io.BytesIO()
    np.savez(out, allow_pickle=True, tiles=np.array([trap], object))
    found["npz"] = out.getvalue()
    found["yaml"] = f"name: !!python/object/apply:pathlib.Path.touch ['{mark}']\n".encode()
    found["json"] = f'{{"py/reduce": ["pathlib.Path.touch", ["{mark}"]]}}'.encode()
    return found


def read_all(run: Path) -> None:
    """Read everything that any command reads from a run folder."""
    for read in (
        lambda: Evaluated(Run.open(run)).recorded(),
        lambda: Run.open(run).progress(),
        lambda: Run.open(run).status(),
        lambda: read_episodes(run / "episodes.parquet"),
        lambda: read_trajectories(run / "trajectories.parquet"),
        lambda: load_agent(run),
        lambda: load_levels(run / "levels.npz"),
        lambda: load_levels(run / "levels.txt"),
    ):
        with suppress(UserError):
            read()


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """End a test that blocks on a pipe after a minute."""

    def told(*facts: object) -> None:
        raise TimeoutError("it waits for something that never comes")

    before = signal.signal(signal.SIGALRM, told)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FILES, "levels.npz", "levels.txt"])
def test_a_planted_pickle_does_not_run(tiny_run: Path, tmp_path: Path, name: str) -> None:
    run, mark = copy_of(tiny_run, tmp_path / "run"), tmp_path / "it-ran"
    for content in pickles(mark).values():
        (run / name).write_bytes(content)
        read_all(run)
        assert not mark.exists()
    pickle.loads(pickles(mark)["pickle"])  # the trap works
    assert mark.exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
@pytest.mark.parametrize("name", [*FILES, "levels.npz", "levels.txt"])
def test_planted_pipes_and_devices_are_refused_at_once(
    tiny_run: Path, tmp_path: Path, name: str, kind: str
) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    (run / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(run / name)
    elif kind == "device":
        (run / name).symlink_to("/dev/zero")
    else:
        import socket

        here = os.getcwd()
        os.chdir((run / name).parent)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(Path(name).name)
        os.chdir(here)
    read_all(run)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, ""), said
    return said.err


@pytest.mark.parametrize(
    "name", ["progress.csv", "checkpoints", "status.json", "episodes.parquet", ".lock", "tensorboard"]
)
def test_nothing_outside_is_changed_through_a_link(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Regression: resuming an untrusted run truncated the last line of the file that its progress.csv linked to."""
    run = copy_of(tiny_run, tmp_path / "run")
    with Run.open(run).lock() as held:
        held.set_status("running", 4096)
    outside = tmp_path / "outside"
    outside.mkdir()
    if name in ("progress.csv", ".lock"):
        (outside / name).write_text("step,mine\n1,2\nno end of line")
        (run / name).unlink(missing_ok=True)
    else:
        shutil.move(run / name, outside / name)
        if (outside / name).is_dir():
            (outside / name / ".9.old").mkdir()
    (run / name).symlink_to(outside / name)
    before = everything(outside)
    for words in (("train", run / "config.yaml", "--out", run), ("evaluate", run)):
        assert f"{name} is a link to " in refused(capsys, *words)
    Run.open(run).in_use()
    assert everything(outside) == before


def test_a_page_that_is_a_link_is_replaced_and_its_target_is_not_touched(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    (tmp_path / "mine.html").write_text("mine")
    (run / "report.html").symlink_to(tmp_path / "mine.html")
    with pytest.raises(SystemExit) as ended:
        main(["report", str(run)])
    assert not ended.value.code
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert not (run / "report.html").is_symlink()


def test_a_name_in_a_file_never_leads_to_another_file(tiny_run: Path, tmp_path: Path) -> None:
    """The only path that a file may name is the base of a config, and a run folder's config must not have one."""
    run = copy_of(tiny_run, tmp_path / "run")
    (run / "config.yaml").write_text("base: ../../../../etc/passwd\nname: x\n")
    with pytest.raises(UserError, match="base"):
        Run.open(run)
