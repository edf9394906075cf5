"""Users' files are never removed, overwritten or reached through a link in an untrusted folder."""

import os
import stat
from pathlib import Path

import pytest
from fixtures.faults import row
from fixtures.places import TESTS
from fixtures.small_run import CONFIG, fill
from fixtures.study_small import write_study
from fixtures.tiny import copy_of, everything

from goalposts.agents import load_agent
from goalposts.envs import generate, load_levels, save_levels
from goalposts.errors import UserError
from goalposts.experiments import Run
from goalposts.experiments.cli.main import main
from goalposts.experiments.study.demo import run_demo
from goalposts.experiments.study.design.plan import StudyPlan, plan_study
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.workers.job import Done, Failed, Job, perform
from goalposts.experiments.system.leftovers import discard
from goalposts.experiments.training.finetune import finetune, is_scratch
from goalposts.experiments.training.reproduce import reproduce

DEAD = 999_999_999
MADE = TESTS / "fixtures" / "made_by_adb767d"
USERS = (
    "thesis.part-1.txt",
    ".thesis.part-1",
    ".part-",
    "config.yaml.part-999999999-0123abcd",
    ".config.yaml.part-999999999-draft",
    ".thesis.part-999999999-0123abcd",
    ".notes.old",
)
"""Names of a user that look like those of unfinished work."""


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, ""), said
    assert said.err.count("\n") == 1
    return said.err


def write_users(folder: Path) -> dict[str, str]:
    """Put a user's files into a folder; returns their digests."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in USERS:
        (folder / name).write_text("mine")
    (folder / "notes.old.d").mkdir()
    (folder / "notes.old.d" / "a").write_text("mine")
    return everything(folder)


def missing(folder: Path, before: dict[str, str]) -> list[str]:
    """Files that are missing or have changed."""
    now = everything(folder)
    return [name for name in before if now.get(name) != before[name]]


@pytest.fixture
def plan(tmp_path: Path) -> StudyPlan:
    return plan_study(write_study(tmp_path))


# --- A3: removal


@row("A3")
@pytest.mark.parametrize("name", [*USERS, "status.json", "provenance.json", ".lock"])
def test_a_folder_of_a_user_is_not_taken_for_a_run(
    tmp_path: Path, tiny_config: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Regression: a file `thesis.part-1.txt` was deleted, and a folder with a user's status.json was overwritten."""
    place = tmp_path / "d"
    place.mkdir()
    (place / name).write_text("mine")
    said = refused(capsys, "train", tiny_config, "--out", place)
    assert "Nothing was changed" in said
    assert everything(place).keys() == {name}
    assert (place / name).read_text() == "mine"


@row("A3")
def test_locking_a_run_removes_only_what_a_dead_process_of_ours_left(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        run.save_checkpoint(10, fill(10))
    write_users(run.path / "checkpoints")
    write_users(run.path)
    before = everything(run.path)
    dead = [
        run.path / f".status.json.part-{DEAD}-0123abcd",
        run.path / f".report.html.part-{DEAD}-ab",
        run.path / "checkpoints" / f".20.part-{DEAD}-0123abcd",
        run.path / "checkpoints" / f".10.old.part-{DEAD}-0123abcd",
    ]
    for path in dead[:2]:
        path.write_text("half")
    for path in dead[2:]:
        path.mkdir()
        (path / "half").write_text("half")
    (alive := run.path / f".status.json.part-{os.getppid()}-0123abcd").write_text("half")
    with run.lock():
        run.save_checkpoint(20, fill(20))
    assert not missing(run.path, before)
    assert not [path for path in dead if path.exists()]
    assert alive.exists()


@row("A3")
def test_a_checkpoint_that_was_about_to_be_replaced_comes_back(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        run.save_checkpoint(10, fill(10))
        before = everything(run.path / "checkpoints")
        folder = run.path / "checkpoints"
        (folder / "10").rename(folder / f".10.old.part-{DEAD}-0123abcd")
    with run.lock():
        assert everything(folder) == before


@row("A3")
def test_a_checkpoint_with_a_file_of_the_user_is_neither_dropped_nor_replaced(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with run.lock():
        run.save_checkpoint(10, fill(10), keep=2)
        (run.path / "checkpoints/10/notes.txt").write_text("mine")
        for step in (20, 30, 40):
            run.save_checkpoint(step, fill(step), keep=2)
        assert [one.step for one in run.checkpoints()] == [10, 30, 40]
        with pytest.raises(UserError, match=r"notes\.txt is nothing that a training writes"):
            run.save_checkpoint(10, fill(11), keep=2)
    assert (run.path / "checkpoints/10/notes.txt").read_text() == "mine"


@row("A3")
def test_fine_tuning_leaves_a_folder_of_the_user_alone(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    write_users(run / "finetune")
    before = everything(run)
    with pytest.raises(UserError, match="Move that file away"):
        finetune(Run.open(run), steps=(1000,), levels=10)
    assert everything(run) == before


@row("A3")
def test_scratch_work_is_removed_only_where_nothing_else_lies_in_it(tmp_path: Path) -> None:
    work = tmp_path / "finetune"
    (work / "scratch" / "1024").mkdir(parents=True)
    for name in ("settings.json", "scratch/1024/model.safetensors", "scratch/1024/finetune.csv"):
        (work / name).write_text("ours")
    (work / "scratch" / "1024" / "mine.csv").write_text("mine")
    before = everything(tmp_path)
    assert discard(work, is_scratch) == ["scratch/1024/mine.csv"]
    assert everything(tmp_path) == before
    (work / "scratch" / "1024" / "mine.csv").unlink()
    assert discard(work, is_scratch) == []
    assert os.listdir(tmp_path) == []


@row("A3")
def test_a_study_removes_only_what_it_made(plan: StudyPlan, tmp_path: Path) -> None:
    folder, one = StudyFolder(tmp_path / "out"), next(iter(plan.runs))
    with folder.begin(plan.study):
        pass
    places = [folder.path, *(folder.path / name for name in ("runs", "failed", "figures", ".work"))]
    before = [write_users(place) for place in places]
    dead = folder.path / "runs" / f".{one}.part-{DEAD}-0123abcd"
    (dead / "checkpoints").mkdir(parents=True)
    (folder.scratch(one)).mkdir()
    (folder.scratch(one) / "notes.txt").write_text("mine")
    with folder.begin(plan.study):
        folder.note(Failed(one, "it failed", "log"))
        assert not folder.scratch(one).exists()
        folder.keep(Done(one, {"a.txt": b"1"}))
        folder.end_work()
    assert not any(missing(place, files) for place, files in zip(places, before, strict=True))
    assert [path.read_text() for path in (folder.path / ".work").glob("*/notes.txt")] == ["mine"]
    assert not dead.exists()


@row("A3")
def test_reproducing_a_run_removes_no_neighbouring_file(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    names = (".run.part-1.txt", f".run.part-{DEAD}-notes", f".runs.part-{DEAD}-ab", f".run.part-{DEAD}-cd")
    for name in names:
        (tmp_path / name).write_text("mine")
    (dead := tmp_path / f".run.part-{DEAD}-ab").mkdir()

    def stop(*anything: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(run, tell=stop)
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "run"])
    assert not dead.exists()


@row("A3")
@pytest.mark.parametrize("name", ["report.html", "twins.gif"])
def test_the_demo_overwrites_no_file_of_the_user(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="Nothing was changed"):
        run_demo(tmp_path, [CONFIG, CONFIG.override(["seed=1"])], 1, lambda *at: None, "")
    assert everything(tmp_path).keys() == {name}


# --- A2: links in a folder


def outside_of(tmp_path: Path) -> Path:
    """An outside folder with content, as the target of a link."""
    outside = tmp_path / "outside"
    write_users(outside)
    (outside / "1024").mkdir()
    (outside / "1024" / "model.safetensors").write_text("mine")
    return outside


RUN_LINKS = (
    "finetune",
    "finetune/scratch",
    "finetune/finetuned",
    "finetune/scratch/1024",
    "finetune/scratch/1024/finetune.csv",
    "checkpoints",
    "checkpoints/8192",
    "checkpoints/8192/model.safetensors",
    "checkpoints/4096",
    "tensorboard",
    "tensorboard/events",
    "trajectories.parquet",
    "leakage.json",
    "finetune.csv",
    "goal_sweep.parquet",
    "unfinished.json",
)


@row("A2")
@pytest.mark.parametrize("name", RUN_LINKS)
def test_no_command_writes_or_reads_through_a_link_in_a_run(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run, outside = copy_of(tiny_run, tmp_path / "run"), outside_of(tmp_path)
    (run / name).parent.mkdir(parents=True, exist_ok=True)
    if (run / name).is_dir():
        (run / name).rename(outside / "moved")
        (run / name).symlink_to(outside / "moved")
    else:
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(outside / (USERS[0] if "." in name else ""))
    before = everything(tmp_path)
    for words in (("finetune", run, "--steps", 1000, "--levels", 10), ("evaluate", run)):
        assert "is a link" in refused(capsys, *words)
    assert everything(tmp_path) == before


@row("A2")
@pytest.mark.parametrize(
    "name", ["episodes.parquet", "trajectories.parquet", "checkpoints", "checkpoints/8192/model.safetensors"]
)
def test_nothing_is_read_through_a_link_in_a_run(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Regression: a run whose episodes were a link to elsewhere was diagnosed as if they were its own."""
    run = copy_of(tiny_run, tmp_path / "run")
    (run / name).rename(tmp_path / "elsewhere")
    (run / name).symlink_to(tmp_path / "elsewhere")
    command = {"episodes.parquet": "diagnose", "trajectories.parquet": "record"}.get(name)
    if command is not None:
        assert "is a link" in refused(capsys, command, run)
    else:
        with pytest.raises(UserError, match="is a link"):
            load_agent(run)


STUDY_LINKS = (
    "runs",
    "failed",
    "figures",
    ".work",
    "runs/{id}",
    "failed/{id}.log",
    ".work/{id}",
    "summary.csv",
)
STUDY_LINKS += (".work/{id}/checkpoints", ".work/{id}/checkpoints/1024", "calls.jsonl", ".made.json")


@row("A2")
@pytest.mark.parametrize("name", STUDY_LINKS)
def test_a_study_neither_begins_nor_opens_with_a_link_in_its_folder(
    plan: StudyPlan, tmp_path: Path, name: str
) -> None:
    folder, outside = StudyFolder(tmp_path / "out"), outside_of(tmp_path)
    with folder.begin(plan.study):
        pass
    link = folder.path / name.format(id=next(iter(plan.runs)))
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.exists():
        link.rmdir()
    link.symlink_to(outside / (USERS[0] if link.suffix else ""))
    before = everything(tmp_path)
    with pytest.raises(UserError, match="is a link to"), StudyFolder(folder.path).begin(plan.study):
        pytest.fail("it began")
    with pytest.raises(UserError, match="is a link to"):
        StudyFolder.open(folder.path)
    assert everything(tmp_path) == before


@row("A2")
def test_a_worker_does_not_train_into_the_target_of_a_link(plan: StudyPlan, tmp_path: Path) -> None:
    outside, one = outside_of(tmp_path), next(iter(plan.runs))
    before = everything(outside)
    (tmp_path / one).symlink_to(outside)
    (outside / "empty").mkdir()
    (tmp_path / "other").symlink_to(outside / "empty")
    for name in (one, "other"):
        found = perform(Job(one, plan.runs[one], str(tmp_path / name)))
        assert isinstance(found, Failed)
        assert "is a link to" in found.message
    assert everything(outside) == before


@row("A2")
def test_a_file_in_a_run_of_a_study_is_not_read_through_a_link(tmp_path: Path) -> None:
    study = copy_of(MADE / "study", tmp_path / "study")
    run = next(path for path in (study / "runs").iterdir() if (path / "measures.json").exists())
    for name in ("measures.json", "episodes.parquet"):
        (run / name).rename(tmp_path / name)
        (run / name).symlink_to(tmp_path / name)
        with pytest.raises(SystemExit) as ended:
            main(["study", "report", str(study)])
        assert ended.value.code == 2
        (run / name).unlink()
        (tmp_path / name).rename(run / name)


# --- A12: the only writer


@row("A12")
@pytest.mark.parametrize("suffix", [".txt", ".npz"])
def test_levels_are_written_through_safe_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Regression: the temporary name was `.NAME.PID.part`, so a link of that name redirected the levels."""
    outside = tmp_path / "mine"
    outside.write_text("mine")
    levels, path = generate("CoinRun", "off_path", 0, 2), tmp_path / f"levels{suffix}"
    (tmp_path / f".levels{suffix}.{os.getpid()}.part").symlink_to(outside)
    path.symlink_to(outside)
    synced = []
    true_fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (synced.append(stat.S_IFMT(os.fstat(handle).st_mode)), true_fsync(handle))
    )
    save_levels(levels, path)
    assert outside.read_text() == "mine"
    assert not path.is_symlink()
    assert load_levels(path)[1] == levels[1]
    assert synced == [stat.S_IFREG, stat.S_IFDIR]


@row("A12")
def test_no_module_writes_a_file_by_itself() -> None:
    """All others write through `goalposts/safe_write.py`, or into a newly created folder with a unique name."""
    allowed = {
        "agents/policy/checkpoint.py",  # into an unfinished checkpoint
        "agents/input_support.py",  # the same
        "agents/ppo/training.py",
        "experiments/training/finetune.py",
        "experiments/system/pieces.py",  # into an unfinished folder of pieces
        "experiments/study/folder/folder.py",  # into an unfinished run
        "envs/worlds/contract/sources.py",  # into a private temporary folder
        "experiments/study/results/golden.py",  # the same
        "experiments/analyses/recipe_search.py",  # appends to a list while it searches
    }
    root = TESTS.parent
    found = {
        path.relative_to(root).as_posix()
        for top in ("agents", "envs", "experiments", "goalposts")
        for path in (root / top).rglob("*.py")
        for word in (".write_text(", ".write_bytes(", '.open("w', '.open("a', "os.replace(")
        if word in path.read_text("utf-8")
    }
    assert found - allowed == {"goalposts/safe_folder.py"}
