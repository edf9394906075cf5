"""A finished study rewrites nothing, and any change of its files or their sources is noticed. No training."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.study_small import write_study

from goalposts.experiments.study.design.plan import StudyPlan, plan_study
from goalposts.experiments.study.folder import stamp
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.folder.stamp import is_made, remember
from goalposts.experiments.study.workers.job import Done

RUN_FILES = ("measures.json", "episodes.parquet", "trajectories.parquet")


@pytest.fixture
def plan(tmp_path: Path) -> StudyPlan:
    return plan_study(write_study(tmp_path))


@pytest.fixture
def folder(plan: StudyPlan, tmp_path: Path) -> StudyFolder:
    """A folder that looks like a study with two finished runs."""
    folder = StudyFolder(tmp_path / "out")
    with folder.begin(plan.study):
        for one in list(plan.runs)[:2]:
            folder.keep(Done(one, dict.fromkeys(RUN_FILES, b"x")))
    for name in ("summary.csv", "episodes.parquet", "report.html", "figures/a.svg", "figures/a.png"):
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).write_bytes(name.encode())
    remember(folder, plan)
    return folder


def test_finished_study_is_recognised(folder: StudyFolder, plan: StudyPlan) -> None:
    assert is_made(folder, plan)
    assert is_made(StudyFolder(folder.path), plan)


def _touch(path: Path) -> None:
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))


CHANGES: dict[str, Callable[[StudyFolder, StudyPlan], object]] = {
    "no stamp": lambda folder, plan: (folder.path / ".made.json").unlink(),
    "half a stamp": lambda folder, plan: (folder.path / ".made.json").write_text('{"from": "'),
    "a stamp of something else": lambda folder, plan: (folder.path / ".made.json").write_text("[1]"),
    "no page": lambda folder, plan: (folder.path / "report.html").unlink(),
    "another page": lambda folder, plan: (folder.path / "report.html").write_text("x"),
    "no summary": lambda folder, plan: (folder.path / "summary.csv").unlink(),
    "no episodes": lambda folder, plan: (folder.path / "episodes.parquet").unlink(),
    "a figure gone": lambda folder, plan: (folder.path / "figures/a.png").unlink(),
    "a figure changed": lambda folder, plan: (folder.path / "figures/a.svg").write_text("x"),
    "a run gone": lambda folder, plan: folder.run(list(plan.runs)[1]).rename(folder.path / "elsewhere"),
    "a run more": lambda folder, plan: folder.keep(Done(list(plan.runs)[3], dict.fromkeys(RUN_FILES, b"x"))),
    "a run evaluated anew": lambda folder, plan: _touch(
        folder.run(next(iter(plan.runs))) / "episodes.parquet"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_a_file_is_noticed(folder: StudyFolder, plan: StudyPlan, change: str) -> None:
    CHANGES[change](folder, plan)
    assert not is_made(folder, plan)


def test_changed_plan_code_or_template_is_noticed(
    folder: StudyFolder, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_made(folder, plan_study(tmp_path / "small.yaml", ["seeds=2"]))
    for name, other in (
        ("code_digest", lambda: "other"),
        ("version_of", lambda package: "0"),
        ("_templates", lambda: ["style.css 0"]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(stamp, name, other)
            assert not is_made(folder, plan)
    assert is_made(folder, plan)


def test_the_stamp_names_every_file(folder: StudyFolder) -> None:
    made = json.loads((folder.path / ".made.json").read_text())["made"]
    assert sorted(made) == [
        "episodes.parquet",
        "figures/a.png",
        "figures/a.svg",
        "report.html",
        "summary.csv",
    ]
