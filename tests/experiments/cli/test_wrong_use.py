"""Invalid use of every command: exit code 2, one message on stderr with the place and the next step, no side effects.

Each row of the tables (`tests/fixtures/wrong_use_of_runs.py`, `tests/fixtures/wrong_use_elsewhere.py`): the words of the
command, and what the message
must say. Words in braces are places that the fixture `places` makes. After each, the folder must be as it was.
"""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from fixtures.tiny import YAML, copy_of, untouched
from fixtures.wrong_use_elsewhere import ELSEWHERE
from fixtures.wrong_use_of_runs import OF_RUNS
from safetensors.numpy import save_file

from goalposts.envs import generate, save_levels
from goalposts.experiments import Run
from goalposts.experiments.cli.main import main
from goalposts.experiments.runs.status import State


@pytest.fixture(scope="module")
def places(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of everything, intact and damaged."""
    here = tmp_path_factory.mktemp("places")
    copy_of(tiny_run, here / "run")
    (here / "tiny.yaml").write_text(YAML)
    (here / "empty").mkdir()
    (here / "full").mkdir()
    (here / "full" / "thesis.tex").write_text("mine")
    (here / "there.txt").write_text("mine")
    (here / "list.yaml").write_text("- a\n- b\n")
    (here / "tab.yaml").write_text("name: x\ntrain:\n\tgamma: 0.9\n")
    (here / "binary.yaml").write_bytes(b"\x00\xff\xfe" * 20)
    (here / "wrong.yaml").write_text(
        "name: x\nseed: [1, 2]\ntrain: {gama: 0.9, batch_size: 1000}\nenv: {condition: mixture(1.2)}\n"
    )
    (here / "circle.yaml").write_text("base: circle.yaml\n")
    (here / "anchor.yaml").write_text("name: &a x\nnotes: *a\n")
    (here / "ragged.txt").write_text("####\n#A.C#\n####\n")
    (here / "strange.txt").write_text("####\n#AZ#\n####\n")
    (here / "none.txt").write_text("; nothing here\n")
    (here / "binary.txt").write_bytes(b"\xff\xfe\x00" * 30)
    (here / "zeros.npz").write_bytes(b"PK\x03\x04" + b"\x00" * 100)
    whole = here / "run"
    for name, file, content in (
        ("edited", "config.yaml", YAML.encode() + b"seed: 9\n"),
        ("no-yaml", "config.yaml", b"\x00\x01"),
        ("bad-status", "status.json", b'{"state": "flying"}'),
        ("bad-provenance", "provenance.json", b"{"),
        ("bad-episodes", "episodes.parquet", b"PAR1 no table PAR1"),
        ("other-table", "episodes.parquet", (whole / "trajectories.parquet").read_bytes()),
        ("bad-trajectories", "trajectories.parquet", b"PAR1 no table PAR1"),
        ("bad-leakage", "leakage.json", b'["edge"]'),
        ("bad-progress", "progress.csv", b"step,a\n1,2\nmore,less,all\n"),
        ("bad-card", "checkpoints/8192/checkpoint.json", b'{"format": 1, "world": "CoinRun"}'),
        ("bad-weights", "checkpoints/8192/model.safetensors", b"\x80\x04\x95pickle"),
    ):
        path = copy_of(whole, here / name)
        (path / file).write_bytes(content)
    states: tuple[tuple[State, int], ...] = (("created", 0), ("failed", 5120))
    for state, step in states:
        with Run.open(copy_of(whole, here / state)).lock() as run:
            run.set_status(state, step)
    (here / "bad-study.yaml").write_text("name: x\nbase: coinrun/edge\nseeds: many\n")
    (here / "no-base.yaml").write_text("name: x\nbase: nothing.yaml\n")
    for name, content in (
        (
            "study",
            "version: 1\nname: small\nbase: coinrun/edge\ngrid: {env.condition: [edge, anywhere]}\nseeds: 2\n",
        ),
        ("broken-study", "name: x\nbase: coinrun/edge\nseeds: many\n"),
    ):
        (here / name).mkdir()
        (here / name / "study.yaml").write_text(content)
    save_levels(generate("CoinRun", "off_path", 1, 1), here / "good.txt")
    (copy_of(whole, here / "bad-finetune") / "finetune.csv").write_text("a,b\n1\n")
    other = copy_of(whole, here / "other-net")  # weights that do not match its config and card
    save_file({"w": np.zeros((2, 2), np.float32)}, other / "checkpoints/8192/model.safetensors")
    bare = copy_of(whole, here / "unevaluated")
    for file in ("episodes.parquet", "trajectories.parquet", "leakage.json"):
        (bare / file).unlink()
    shutil.rmtree(copy_of(whole, here / "no-checkpoint") / "checkpoints")
    (copy_of(whole, here / "no-trajectories") / "trajectories.parquet").unlink()
    return here


@pytest.mark.parametrize(
    ("words", "said"),
    [*OF_RUNS, *ELSEWHERE],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_command_lines_give_one_message(
    places: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = untouched(places)
    given = words.replace("{", f"{places}/").replace("}", "").split()
    with pytest.raises(SystemExit) as ended:
        main(given)
    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (2, "")
    assert shown.err.startswith("goalposts: ")
    assert shown.err.endswith("\n")
    assert shown.err.count("goalposts: ") == 1
    message = shown.err.removeprefix("goalposts: ").rstrip("\n")
    assert re.search(said, message), message
    for jargon in (
        "Traceback",
        "Error:",
        "NoneType",
        "pydantic",
        "polars",
        "errno",
        "Errno",
        "<class",
        "object at 0x",
    ):
        assert jargon not in message
    assert untouched(places) == before
    assert os.listdir(tmp_path) == []
