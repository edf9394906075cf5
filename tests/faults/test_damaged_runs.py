"""Studies and runs of which files are missing, cut short or edited: every command names the file and what to do."""

import json
import shutil
from pathlib import Path

import pytest
from fixtures.faults import row
from fixtures.places import TESTS

from goalposts.experiments import study_status
from goalposts.experiments.cli.main import main
from goalposts.experiments.study.driver import report_study
from goalposts.experiments.system.atomic_files import RunError
from goalposts.experiments.training.reproduce import reproduce

STUDY = TESTS / "fixtures" / "made_by_adb767d" / "study"
FILES = sorted(
    path.relative_to(run).as_posix()
    for run in sorted((STUDY / "runs").iterdir())[:1]
    for path in run.rglob("*")
    if path.is_file() and path.name != "times.json"
)


def copied(folder: Path) -> tuple[Path, Path]:
    """A copy of a finished study of two runs, and the folder of one of them."""
    study = Path(shutil.copytree(STUDY, folder / "study"))
    return study, sorted((study / "runs").iterdir())[0]


@row("B11")
@pytest.mark.parametrize("harm", ["missing", "empty", "cut"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_run_of_a_study_is_not_counted_as_done(tmp_path: Path, name: str, harm: str) -> None:
    """As a full disk, a broken copy or a disk without fsync leaves it."""
    study, run = copied(tmp_path)
    path = run / name
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 0 if harm == "empty" else path.stat().st_size // 2])
    if name == "progress.csv" and harm == "cut":
        return  # any beginning of a table of text is one
    status = study_status(study)
    assert (status.done, status.runs) == (1, 2)
    assert list(status.damaged) == [str(run)]
    assert path.name in status.damaged[str(run)]
    assert sorted(point.done for point in status.points) == [0, 1]


@row("B11")
def test_status_says_which_run_is_damaged_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, run = copied(tmp_path)
    (run / "episodes.parquet").unlink()
    with pytest.raises(SystemExit) as ended:
        main(["study", "status", str(study)])
    said = capsys.readouterr().out
    assert not ended.value.code
    assert "1 of 2 runs done" in said
    assert f"damaged: {run}: episodes.parquet is missing" in said
    assert "restore this folder from a copy, or remove this folder and resume" in said
    with pytest.raises(SystemExit):
        main(["study", "status", str(study), "--json"])
    assert json.loads(capsys.readouterr().out)["damaged"] == {str(run): "episodes.parquet is missing"}


@row("B11")
def test_other_things_in_the_place_of_a_run(tmp_path: Path) -> None:
    study, run = copied(tmp_path)
    config = run / "config.yaml"
    config.write_bytes(config.read_bytes().replace(b"seed: ", b"seed: 1"))
    assert "was edited after the run began" in study_status(study).damaged[str(run)]
    shutil.rmtree(run / "checkpoints")
    shutil.copy(STUDY / "runs" / run.name / "config.yaml", config)
    assert study_status(study).damaged == {str(run): "checkpoints is missing"}
    shutil.rmtree(run)
    run.touch()
    assert "is a file, not a folder" in study_status(study).damaged[str(run)]
    run.unlink()
    other = next((study / "runs").iterdir())
    shutil.copytree(other, run)
    assert "the run of another config" in study_status(study).damaged[str(run)]
    shutil.rmtree(run)
    assert not study_status(study).damaged


@row("B11")
@pytest.mark.parametrize("name", ["episodes.parquet", "measures.json"])
def test_tables_of_a_study_name_its_damaged_run(tmp_path: Path, name: str) -> None:
    study, run = copied(tmp_path)
    path = run / name
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(RunError, match=rf"{run} is damaged: {name}.*remove it and run the study's command"):
        report_study(study)


@row("B11")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("config.yaml", "it has no config.yaml"),
        ("provenance.json", "provenance.json does not exist"),
        (
            "checkpoints/8192/model.safetensors",
            "model.safetensors is missing, so there is no agent to compare",
        ),
        ("checkpoints", "no longer has a checkpoint"),
        ("episodes.parquet", "episodes.parquet is missing, although the run was evaluated"),
    ],
)
def test_reproduce_names_what_is_missing_before_it_trains(tmp_path: Path, name: str, said: str) -> None:
    run = Path(shutil.copytree(STUDY.parent / "run", tmp_path / "run"))
    path = run / name
    if name.startswith("checkpoints/"):
        path = max((run / "checkpoints").iterdir(), key=lambda folder: int(folder.name)) / path.name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = sorted(run.parent.rglob("*"))
    with pytest.raises(RunError, match=said):
        reproduce(run, tell=lambda step, total, words: pytest.fail("it trained"))
    assert sorted(run.parent.rglob("*")) == before
