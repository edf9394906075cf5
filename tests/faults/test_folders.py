"""Untrusted folders, whose claims are checked; folders that vanish; disks, editors and git that change files."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.faults import row
from fixtures.places import TESTS
from fixtures.small_run import CONFIG
from fixtures.study_small import write_study
from fixtures.tiny import YAML, copy_of

from goalposts.errors import UserError
from goalposts.experiments import Run, load_config
from goalposts.experiments.cli.main import main
from goalposts.experiments.config.schema import ConfigError
from goalposts.experiments.evaluation.chunked import evaluate_named
from goalposts.experiments.evaluation.evaluate import Evaluation, evaluate_fully, subject_of
from goalposts.experiments.runs import provenance
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.folder.stamp import is_made, remember
from goalposts.experiments.study.workers.job import Done
from goalposts.experiments.system.atomic_files import RunError
from goalposts.experiments.system.locks import FolderGone
from goalposts.experiments.training.finetune import finetune
from goalposts.experiments.training.reproduce import Reproduction
from goalposts.experiments.training.run_comparison import Compared, Rate, compare_environments

MADE = TESTS / "fixtures" / "made_by_adb767d"


def command(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


# --- A6: bases


@row("A6")
def test_long_chain_of_bases_is_refused_with_a_message(tmp_path: Path) -> None:
    for k in range(1_100):
        (tmp_path / f"{k}.yaml").write_text(f"base: {k + 1}.yaml\n")
    (tmp_path / "1100.yaml").write_text("name: x\n")
    with pytest.raises(UserError, match="more than 16 files are each the base of another"):
        load_config(str(tmp_path / "0.yaml"))
    (tmp_path / "study.yml").write_text("name: s\nbase: 0.yaml\n")
    with pytest.raises(UserError, match="more than 16 files are each the base of another"):
        plan_study(tmp_path / "study.yml")
    assert load_config(str(tmp_path / "1090.yaml")).name == "x"


@row("A6")
@pytest.mark.parametrize("how", ["absolute", "above", "link", "through a base"])
def test_a_study_folder_has_no_base_outside_itself(tmp_path: Path, how: str) -> None:
    folder, secret = tmp_path / "study", tmp_path / "secret.yaml"
    folder.mkdir()
    secret.write_text(YAML)
    (folder / "inner.yaml").write_text("base: ../secret.yaml\n")
    (folder / "link.yaml").symlink_to(secret)
    base = {
        "absolute": secret,
        "above": "../secret.yaml",
        "link": "link.yaml",
        "through a base": "inner.yaml",
    }
    (folder / "study.yaml").write_text(f"name: s\nbase: {base[how]}\n")
    with pytest.raises(UserError, match="may not name a file outside it"):
        plan_study(folder)
    (folder / "own.yaml").write_text(YAML)
    for allowed in ("own.yaml", "coinrun/edge"):
        (folder / "study.yaml").write_text(f"name: s\nbase: {allowed}\n")
        assert plan_study(folder).study.name == "s"


@row("A6")
@pytest.mark.parametrize(
    "content",
    [
        "swordfish: 1\nroot: x\n",
        "swordfish: [\n",
        "a: 'swordfish\n",
        "%swordfish\n---\na: 1\n",
        "- swordfish\n",
    ],
)
def test_content_of_a_file_that_is_not_a_config_is_never_quoted(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret").write_text(content)
    (tmp_path / "mine.yaml").write_text("base: secret\n")
    (tmp_path / "study.yml").write_text("name: s\nbase: secret\n")
    for read in (
        lambda: load_config(str(tmp_path / "mine.yaml")),
        lambda: load_config(str(tmp_path / "secret")),
        lambda: plan_study(tmp_path / "study.yml"),
        lambda: plan_study(tmp_path / "secret"),
    ):
        with pytest.raises(UserError) as caught:
            read()
        assert "swordfish" not in str(caught.value)


@row("A6")
def test_a_run_or_study_folder_names_no_other_folder(
    tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`init_from` of a config that you name is read; in a folder from anywhere its hash must be stated, and nothing is read."""
    source = copy_of(tiny_run, tmp_path / "source")
    (tmp_path / "s.yaml").write_text(
        f"name: s\nbase: {source}/config.yaml\nseeds: 1\nset: {{init_from: {source}}}\n"
    )
    plan = plan_study(tmp_path / "s.yaml")
    assert list(plan.study.weights) == [str(source)]
    folder = StudyFolder(tmp_path / "study")
    with folder.begin(plan.study):
        pass
    monkeypatch.setattr(
        "goalposts.experiments.config.initial_section.digest_of", lambda _: pytest.fail("read")
    )
    assert plan_study(folder.path) == plan
    text = (folder.path / "study.yaml").read_text()
    (folder.path / "study.yaml").write_text(text.partition("weights:")[0])
    with pytest.raises(ConfigError, match=r"must state the weights' SHA-256"):
        plan_study(folder.path)
    with (source / "config.yaml").open("a") as file:
        file.write(f"init_from: {tmp_path}\n")
    with pytest.raises(RunError, match=r"must state the weights' SHA-256"):
        Run.open(source)


# --- A7: marks


@row("A7")
def test_forged_mark_does_not_protect_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anyone can compute the digests of a forged page from this code, but cannot sign them."""
    plan = plan_study(write_study(tmp_path))
    folder = StudyFolder(tmp_path / "out")
    with folder.begin(plan.study):
        names = ("measures.json", "episodes.parquet", "trajectories.parquet")
        folder.keep(Done(next(iter(plan.runs)), dict.fromkeys(names, b"x")))
    for name in ("summary.csv", "report.html", "figures/a.svg"):
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).write_text("theirs")
    module = "goalposts.experiments.study.folder.stamp"
    for signature in ("0" * 64, None, 1):
        with monkeypatch.context() as other_machine:
            other_machine.setattr(f"{module}.sign", lambda content, signature=signature: signature)
            remember(folder, plan)
        assert not is_made(folder, plan)
    remember(folder, plan)
    assert is_made(folder, plan)
    mark = json.loads((folder.path / ".made.json").read_text())
    del mark["by"]
    (folder.path / ".made.json").write_text(json.dumps(mark))
    assert not is_made(folder, plan)


# --- A8: cards


CARDS = {
    "world": "Beacon",
    "observation": "full",
    "precision": "bf16",
    "step": 10**24,
    "seed": 7,
    "name": "other",
    "n_actions": 3,
    "trunk": [64],
}


@row("A8")
@pytest.mark.parametrize("key", CARDS)
def test_a_card_that_contradicts_its_run_is_refused(tiny_run: Path, tmp_path: Path, key: str) -> None:
    run = Run.open(copy_of(tiny_run, tmp_path / "run"))
    path = run.path / "checkpoints/8192/checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: CARDS[key]}))
    reads: list[Callable[[], object]] = [
        lambda: subject_of(run),
        lambda: finetune(run, steps=(1000,), levels=10),
    ]
    for read in reads:
        with pytest.raises(UserError, match=r"checkpoint\.json|weights do not match"):
            read()
    if key in ("world", "seed", "name"):
        with pytest.raises(UserError, match=f"contradicts the run that it lies in: {key} .*, not "):
            subject_of(run)


@row("A8")
def test_a_checkpoint_under_another_step_is_refused(tiny_run: Path, tmp_path: Path) -> None:
    run = Run.open(copy_of(tiny_run, tmp_path / "run"))
    (run.path / "checkpoints/8192").rename(run.path / "checkpoints/999424")
    with pytest.raises(UserError, match="step 8192, not 999424"):
        subject_of(run)
    path = run.path / "checkpoints/999424/checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"step": 999424}))
    with pytest.raises(UserError, match="and the run trains 8,192"):
        subject_of(run)


# --- A9: folders that vanish


@row("A9")
@pytest.mark.parametrize("how", ["removed", "replaced", "emptied", "moved"])
def test_a_run_that_vanishes_while_it_trains_is_not_called_trained(
    tiny_config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """Regression: it reported "trained 200,704 steps" with exit code 0 for a folder that could not be opened."""
    path = tmp_path / "run"

    def vanish(run: Run, *anything: object) -> None:
        if how in ("removed", "replaced"):
            shutil.rmtree(path)
        if how == "replaced":
            path.mkdir()
        if how == "moved":
            path.rename(tmp_path / "elsewhere")
        if how == "emptied":
            (path / "config.yaml").unlink()

    monkeypatch.setattr("goalposts.experiments.training.train.Run.append_progress", vanish)
    code, out, err = command(capsys, "train", tiny_config, "--out", path, "--quiet", "train.total_steps=1024")
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert "its folder is not there (any more)" in err
    assert not (path / "config.yaml").exists()


@row("A9")
def test_an_evaluation_writes_nothing_into_a_folder_that_took_its_runs_place(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the message came after three files had been written there."""
    path = copy_of(tiny_run, tmp_path / "run")

    def replaced(*given: object, **named: object) -> Evaluation:
        found = evaluate_fully(*given, **named)  # type: ignore[arg-type]
        shutil.rmtree(path)
        path.mkdir()
        (path / "thesis.txt").write_text("mine")
        return found

    monkeypatch.setattr("goalposts.experiments.evaluation.chunked.evaluate_fully", replaced)
    with pytest.raises(FolderGone):
        evaluate_named(str(path), levels=2)
    assert os.listdir(path) == ["thesis.txt"]


@row("A9")
def test_vanishing_run_and_study_are_reported(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with pytest.raises(FolderGone, match="removed or replaced"), run.lock():
        shutil.rmtree(run.path)
    plan = plan_study(write_study(tmp_path))
    folder = StudyFolder(tmp_path / "out")

    def replace(path: Path) -> Path:
        shutil.rmtree(path)
        path.mkdir()
        return path

    with pytest.raises(FolderGone, match="removed or replaced"), folder.begin(plan.study):
        folder.keep(Done(next(iter(plan.runs)), {replace(folder.path).name: b"1"}))
    assert os.listdir(folder.path) == []


# --- A10: processors


@row("A10")
def test_provenance_records_what_arithmetic_depends_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    facts = provenance.processor_facts()
    assert facts["MKL_CBWR"] == "COMPATIBLE"
    assert facts["torch"]
    assert Run.create(tmp_path / "run", CONFIG).provenance().processor == facts


@row("A10")
def test_other_processor_features_are_judged_by_rates(tiny_run: Path) -> None:
    was = Run.open(tiny_run).provenance()
    now = was.model_copy(update={"processor": was.processor | {"torch": "another"}})
    old = was.model_copy(update={"processor": {}})
    changed = compare_environments(was, now)
    assert [one.what for one in changed] == ["processor features"]
    assert compare_environments(old, now) == ()
    files = (Compared("progress.csv", "differs"),)
    rates = tuple(Rate("edge", True, "goal", 0.5, 0.4, 0.6, now) for now in (0.45, 0.5, 0.55))
    far = tuple(Rate("edge", True, "goal", 0.5, 0.4, 0.6, 0.9) for _ in range(3))
    assert Reproduction(tiny_run, files, changed, rates, None).agrees
    assert not Reproduction(tiny_run, files, changed, far, None).agrees
    assert not Reproduction(tiny_run, files, (), rates, None).agrees


# --- A3: the study file


@row("A3")
def test_a_study_file_of_the_user_is_not_written_over(tmp_path: Path) -> None:
    """Regression: a study.yaml in the folder given as --out lost its comments."""
    (folder := tmp_path / "s").mkdir()
    (folder / "tiny.yaml").write_text(YAML)
    mine = "# why these seeds\nname: s\nbase: tiny.yaml\nseeds: 2\n"
    (folder / "study.yaml").write_text(mine)
    for study, files in (
        (plan_study(folder), 0),
        (plan_study(folder, ["seeds=3"]), 1),
        (plan_study(folder), 1),
    ):
        with StudyFolder(folder).begin(study.study):
            pass
        kept = [path.read_text() for path in folder.glob("study*.yaml")]
        assert mine in kept
        assert len(kept) == 1 + files
        assert plan_study(folder).study == study.study


@row("A2", "A3")
@pytest.mark.slow
def test_a_page_that_is_a_hard_link_leaves_the_other_file_unchanged(tmp_path: Path, tiny_run: Path) -> None:
    run_folder = copy_of(tiny_run, tmp_path / "run")
    (tmp_path / "thesis.txt").write_text("mine")
    (run_folder / "report.html").unlink(missing_ok=True)
    os.link(tmp_path / "thesis.txt", run_folder / "report.html")
    with pytest.raises(SystemExit) as ended:
        main(["report", str(run_folder)])
    assert ended.value.code == 0
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert "<html" in (run_folder / "report.html").read_text("utf-8")[:500]
