"""Times and versions of a study outlive its run folders: in recorded rows, and on the page where older rows do not hold them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from fixtures.places import DOCS

from goalposts.experiments.study.design.plan import StudyPlan, plan_study
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.results.page_closing import KEPT, MADE, TIME, closing
from goalposts.experiments.study.results.recorded_rows import (
    KEYS,
    RUNS_KEY,
    made_of,
    read_rows,
    restore_rows,
    write_rows,
)

ROWS = DOCS / "results" / "rows" / "separate.parquet"
TIMES = {"starting": 1.0, "training": 9.0, "evaluating": 2.0, "cpu": 8.0, "steps": 1000, "memory_mb": 500.0}
VERSIONS = "0123456789ab, CPython 3.11.7, torch 2.13.0, numpy 2.4.6"
FACTS = {
    "commit": "0123456789abcdef",
    "python": "CPython 3.11.7",
    "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
    "platform": "Linux",
    "host": "here",
    "argv": [],
    "seed": 0,
    "config_hash": "0",
    "config_sha256": "0",
    "started": "2026-11-30T00:00:00Z",
}
COMMAND = "goalposts study docs studies/separate --out docs/results"


@pytest.fixture(scope="module")
def plan() -> StudyPlan:
    return plan_study("separate")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows as older versions wrote them: with the CPU seconds of the runs, no other times and no versions."""
    path = tmp_path_factory.mktemp("rows") / ROWS.name
    metadata = {
        name: value
        for name, value in pl.read_parquet_metadata(ROWS).items()
        if name in KEYS and name != RUNS_KEY
    }
    pl.read_parquet(ROWS).write_parquet(path, metadata=metadata)
    return path


@pytest.fixture(scope="module")
def restored(old: Path, plan: StudyPlan, tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """A study restored from the older rows. Must not be changed."""
    return restore(old, tmp_path_factory.mktemp("old"), plan)


@pytest.fixture(scope="module")
def trained(restored: StudyFolder, plan: StudyPlan, tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """The same runs, with the times and the provenance of a training. Must not be changed."""
    path = tmp_path_factory.mktemp("trained") / "study"
    shutil.copytree(restored.path, path)
    folder = StudyFolder(path)
    for run in plan.runs:
        (folder.run(run) / "recorded.json").unlink()
        (folder.run(run) / "times.json").write_text(json.dumps(TIMES))
        (folder.run(run) / "provenance.json").write_text(json.dumps(FACTS))
    return folder


def restore(rows: Path, path: Path, plan: StudyPlan) -> StudyFolder:
    folder = StudyFolder(path)
    with folder.begin(plan.study):
        restore_rows(rows, folder, plan, read_rows(rows).golden)
    return folder


def ending(folder: StudyFolder, plan: StudyPlan, before: str = "") -> str:
    return "\n".join(closing(folder, plan, sorted(folder.finished()), COMMAND, before))


def test_recorded_rows_hold_times_and_versions(
    trained: StudyFolder, old: Path, plan: StudyPlan, tmp_path: Path
) -> None:
    assert write_rows(tmp_path / "rows.parquet", trained, plan, read_rows(old).golden) == len(plan.runs)
    again = restore(tmp_path / "rows.parquet", tmp_path / "again", plan)
    for run in plan.runs:
        assert again.times(run) == trained.times(run) is not None
        assert made_of(again.run(run)) == VERSIONS
        assert not again.can_be_played(run)
    assert ending(again, plan) == ending(trained, plan)
    assert f"{len(plan.runs)} runs at {VERSIONS}." in ending(again, plan)
    assert "one run took 12 s" in ending(again, plan)


def test_rows_of_older_versions_are_read_and_hold_no_times(
    restored: StudyFolder, old: Path, plan: StudyPlan
) -> None:
    assert read_rows(old).times.keys() == plan.runs.keys()
    assert all(restored.times(run) is None and made_of(restored.run(run)) is None for run in plan.runs)
    assert f"times and versions are known of 0 of {len(plan.runs)} runs" in ending(restored, plan)


def test_a_page_of_older_rows_keeps_the_times_of_the_page_before(
    restored: StudyFolder, trained: StudyFolder, plan: StudyPlan
) -> None:
    before = f"---\ncommand: goalposts study separate\n---\n\n# Study\n\n{ending(trained, plan)}"
    kept = ending(restored, plan, before)
    known = [line for line in ending(trained, plan).splitlines() if line]
    assert [line for line in kept.splitlines() if line in known] == known
    assert f"- {KEPT} `goalposts study separate` wrote;" in kept
    later = f"---\ncommand: another\n---\n\n# Study\n\n{kept}"
    assert ending(restored, plan, later) == kept


def test_times_of_some_runs_are_not_kept_as_those_of_all(
    restored: StudyFolder, trained: StudyFolder, plan: StudyPlan, tmp_path: Path
) -> None:
    shutil.copytree(restored.path, tmp_path / "mixed")
    mixed = StudyFolder(tmp_path / "mixed")
    first = next(iter(plan.runs))
    shutil.rmtree(mixed.run(first))
    shutil.copytree(trained.run(first), mixed.run(first))
    page = f"# Study\n\n{ending(mixed, plan)}"
    assert f"known of 1 of {len(plan.runs)} runs" in page
    assert KEPT not in ending(restored, plan, page)


def test_times_of_a_page_of_fewer_runs_are_not_kept(
    restored: StudyFolder, trained: StudyFolder, plan: StudyPlan
) -> None:
    every = len(plan.runs)
    fewer = ending(trained, plan).replace(f"{every} runs at ", f"{every - 1} runs at ")
    assert KEPT in ending(restored, plan, f"# Study\n\n{ending(trained, plan)}")
    assert KEPT not in ending(restored, plan, f"# Study\n\n{fewer}")


def test_the_committed_pages_have_times_that_can_be_kept(restored: StudyFolder, plan: StudyPlan) -> None:
    page = (DOCS / "results" / "alpha.md").read_text("utf-8")
    section = page.partition(f"{TIME}\n")[2]
    kept = ending(restored, plan, page)
    times = [line for line in section.partition(MADE)[0].splitlines() if line.startswith("- ")][1:]
    versions = [line for line in section.splitlines() if " runs at " in line]
    assert times
    assert versions
    assert all(line in kept.splitlines() for line in (*times, *versions))
