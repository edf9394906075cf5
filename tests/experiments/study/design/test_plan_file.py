"""The plan of a preregistered study: its hash is checked before any run, and every run records it."""

import hashlib
import json
from pathlib import Path

import pytest
from fixtures.faults import row

from goalposts.errors import UserError
from goalposts.experiments.runs.run import Run
from goalposts.experiments.study.design.config import PlanFile, read_study
from goalposts.experiments.study.design.measures import FORESIGHT, PLAN
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.design.study_file import shipped_studies
from goalposts.experiments.study.session import prepare_study
from goalposts.experiments.study.workers.job import Done, Job, perform

ROOT = Path(__file__).parents[4]
FORESIGHT_STUDIES = [name for name in shipped_studies() if name.startswith("foresight")]


@pytest.mark.parametrize("name", FORESIGHT_STUDIES)
def test_a_shipped_study_states_the_hash_of_its_plan_and_uses_each_seed_once(name: str) -> None:
    study = read_study(name)[0]
    assert study.plan is not None
    assert hashlib.sha256((ROOT / study.plan.file).read_bytes()).hexdigest() == study.plan.sha256
    plan = plan_study(name)
    seeds = [config.seed for config in plan.runs.values()]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 200
    assert all(config.record.initial and config.record.support for config in plan.runs.values())


METHOD_STUDIES = [name for name in shipped_studies() if name.startswith("methods-")]


@pytest.mark.parametrize("name", METHOD_STUDIES)
def test_the_studies_of_methods_state_the_hash_of_their_plan(name: str) -> None:
    study = read_study(name)[0]
    assert study.plan is not None
    assert hashlib.sha256((ROOT / study.plan.file).read_bytes()).hexdigest() == study.plan.sha256


def test_there_are_420_agents_in_four_worlds() -> None:
    runs = [config for name in FORESIGHT_STUDIES for config in plan_study(name).runs.values()]
    assert len(runs) == 420
    assert {config.world for config in runs} == {"CoinRun", "Corner", "Beacon", "ColourShape"}


def test_a_changed_plan_is_refused_before_any_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.md").write_text("the score must exceed 0.5\n")
    digest = hashlib.sha256(b"the score must exceed 0.5\n").hexdigest()
    PlanFile(file="plan.md", sha256=digest).check()
    (tmp_path / "plan.md").write_text("the score must exceed 0.4\n")
    overrides = ["plan.file=plan.md", f"plan.sha256='{digest}'"]
    with pytest.raises(UserError, match="is not the plan that the study names"):
        prepare_study("foresight-corner", overrides, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_line_endings_that_git_changed_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.md").write_bytes(b"one\r\ntwo\r\n")
    PlanFile(file="plan.md", sha256=hashlib.sha256(b"one\ntwo\n").hexdigest()).check()


@row("A6")
@pytest.mark.parametrize("file", ["/etc/passwd", "../secret", "link", "a/../../secret"])
def test_a_study_folder_names_no_plan_elsewhere(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the file was read, and its hash printed."""
    (work := tmp_path / "work").mkdir()
    (tmp_path / "secret").write_text("swordfish")
    (work / "link").symlink_to(tmp_path / "secret")
    monkeypatch.chdir(work)
    plan = f"plan: {{file: {file}, sha256: '{'a' * 64}'}}"
    (work / "study").mkdir()
    (work / "study" / "study.yaml").write_text(f"name: s\nbase: coinrun/edge\nseeds: 1\n{plan}\n")
    with pytest.raises(UserError, match="leads out of"):
        prepare_study("study")


def test_a_study_without_a_plan_is_written_as_before() -> None:
    assert not {"plan", "predictors"} & read_study("alpha")[0].to_dict().keys()


@pytest.mark.slow
def test_a_run_records_its_plan_and_predictors_and_keeps_what_they_were_computed_from(
    tiny_config: Path, tmp_path: Path
) -> None:
    from goalposts.experiments import load_config

    config = load_config(tiny_config, ["record.initial=true", "record.support=true"])
    (tmp_path / "study").mkdir()
    job = Job(
        "0" * 16,
        config,
        str(tmp_path / "study" / ".work" / "one"),
        plan=("plan.md", "ab" * 32),
        predictors=True,
    )
    done = perform(job)
    assert isinstance(done, Done), done
    assert json.loads(done.files["provenance.json"])["plan"] == {"plan.md": "ab" * 32}
    assert Run.open(job.scratch or "").provenance().plan == {"plan.md": "ab" * 32}
    rows = {row["measure"]: row for row in json.loads(done.files["measures.json"])}
    assert rows[PLAN]["words"] == "ab" * 32
    assert 0 <= rows[f"{FORESIGHT}move"]["value"] <= 1
    kept = [name for name in done.files if name.endswith(("model.safetensors", "support.safetensors"))]
    assert sorted(name.split("/")[1] == "0" for name in kept) == [False, False, True, True]
