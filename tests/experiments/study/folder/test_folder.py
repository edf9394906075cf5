"""The study folder and the time estimate: stored runs, refused folders, counted runs. No training."""

import json
import os
from pathlib import Path

import pytest
from fixtures.study_small import write_study

from goalposts.experiments.runs.provenance import collect
from goalposts.experiments.study.design.plan import StudyPlan, plan_study
from goalposts.experiments.study.driver import todo_of
from goalposts.experiments.study.folder import estimate
from goalposts.experiments.study.folder.estimate import Cost, kind_of, time_of
from goalposts.experiments.study.folder.folder import Call, StudyFolder
from goalposts.experiments.study.folder.progress import StudyProgress, spell_time
from goalposts.experiments.study.workers.job import Done, Failed, Times
from goalposts.experiments.study.workers.local import At
from goalposts.experiments.system.atomic_files import RunError


@pytest.fixture
def plan(tmp_path: Path) -> StudyPlan:
    return plan_study(write_study(tmp_path))


def test_a_run_is_kept_in_one_step_and_once(plan: StudyPlan, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "out")
    first = next(iter(plan.runs))
    with folder.begin(plan.study):
        folder.note(Failed(first, "broken", "log"))
        assert folder.failed() == {first: "broken"}
        assert folder.keep(Done(first, {"a.txt": b"1", "b/c.txt": b"2"}))
        assert not folder.keep(Done(first, {"a.txt": b"other"}))
    assert folder.finished() == {first}
    assert (folder.run(first) / "a.txt").read_bytes() == b"1"
    assert (folder.run(first) / "b/c.txt").read_bytes() == b"2"
    assert folder.failed() == {}
    assert not (folder.path / "failed").exists()  # no log is left
    assert first not in todo_of(plan, folder)
    assert todo_of(plan, folder, 2) == list(plan.runs)[1:3]


def test_leftovers_of_a_killed_driver_are_not_runs_and_are_removed(plan: StudyPlan, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "out")
    with folder.begin(plan.study):
        part = folder.path / "runs" / f".{next(iter(plan.runs))}.part-99999999-abcd"
        part.mkdir()
        (part / "half").write_text("x")
    assert folder.finished() == set()
    with folder.begin(plan.study):
        assert not part.exists()


@pytest.mark.parametrize("discard", ["keep", "note", "end_work"])
def test_what_was_worked_in_loses_its_name_in_one_step(
    plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, discard: str
) -> None:
    """Regression: a driver killed while deleting a run's scratch folder left half a run folder under the run's name."""
    folder, first = StudyFolder(tmp_path / "out"), next(iter(plan.runs))
    place = folder.scratch(first)

    def killed(path: Path, ignore_errors: bool = False, dir_fd: int | None = None) -> None:
        raise KeyboardInterrupt

    discards = {
        "keep": lambda: folder.keep(Done(first, {"a.txt": b"1"})),
        "note": lambda: folder.note(Failed(first, "broken", "log")),
        "end_work": folder.end_work,
    }
    with folder.begin(plan.study):
        place.mkdir(parents=True)
        (place / "config.yaml").write_text("x")
        monkeypatch.setattr("shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            discards[discard]()
    monkeypatch.undo()
    assert not place.exists()
    left = [path for path in folder.path.rglob("*") if ".part-" in path.name]
    assert len(left) == 1
    with folder.begin(plan.study):
        assert not left[0].exists()


def test_two_drivers_at_once_are_refused(plan: StudyPlan, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "out")
    with folder.begin(plan.study):
        assert folder.in_use()
        with (
            pytest.raises(RunError, match="another process runs this study"),
            StudyFolder(folder.path).hold(),
        ):
            pass
    assert not folder.in_use()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [("notes.txt", "mine", "not a study folder"), ("study.yaml", "name: other\n", "holds the study 'other'")],
)
def test_folders_of_something_else_are_left_alone(
    plan: StudyPlan, tmp_path: Path, name: str, text: str, words: str
) -> None:
    place = tmp_path / "there"
    place.mkdir()
    (place / name).write_text(text)
    with pytest.raises(RunError, match=words), StudyFolder(place).begin(plan.study):
        pass
    assert os.listdir(place) == [name]
    assert (place / name).read_text() == text


def test_invalid_study_folder_is_reported() -> None:
    with pytest.raises(RunError, match="goalposts study CONFIG"):
        StudyFolder.open("nowhere")


def test_costs_come_from_medians_of_whole_runs() -> None:
    times = [
        Times(1, 10, 2, 0, 1000, 0),
        Times(2, 30, 3, 0, 1000, 0),
        Times(3, 20, 4, 0, 1000, 0),
        Times(0, 0, 99, 0, 0, 0),
    ]
    assert Cost.of_times(times) == Cost(2, 0.02, 3)
    assert Cost.of_times(times[3:]) is None


@pytest.mark.parametrize("foreign", [{}, {"code": "other"}, {"host": "elsewhere"}])
def test_only_runs_of_this_code_on_this_machine_are_asked(
    plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, foreign: dict[str, str]
) -> None:
    first, *rest = plan.runs
    made = collect(0, "", "").model_copy(update=foreign).model_dump_json().encode()
    folder = StudyFolder(tmp_path / "out")
    with folder.begin(plan.study):
        took = json.dumps(Times(1, 10, 3, 0, 1000, 0).__dict__).encode()
        folder.keep(Done(first, {"provenance.json": made, "times.json": took}))
    measured = [Cost(100, 0, 0)] * 9
    monkeypatch.setattr(
        estimate,
        "_measured",
        lambda configs, *_: {kind_of(c): m for c, m in zip(configs, measured, strict=False)},
    )
    found = estimate.estimate(plan, folder, rest, 1)
    assert found.measured == bool(foreign)
    seconds = 100 if foreign else Cost(1, 0.01, 3).of(plan.runs[first])
    assert set(found.per_run.values()) == {seconds}


def test_time_is_that_of_the_worker_who_is_last() -> None:
    assert time_of([3, 3, 3, 3], 2) == 6
    assert time_of([1, 1, 5], 2) == 6
    assert time_of([5], 8) == 5
    assert time_of([], 2) == 0


def test_runs_that_cost_alike_are_of_one_kind(plan: StudyPlan) -> None:
    assert len({kind_of(config) for config in plan.runs.values()}) == 1
    wider = plan_study("capability")
    assert len({kind_of(config) for config in wider.runs.values()}) == 4


def test_the_time_left_shrinks_as_runs_end(plan: StudyPlan, capsys: pytest.CaptureFixture[str]) -> None:
    watch = StudyProgress(plan, 1, dict.fromkeys(plan.runs, 100.0), quiet=False)
    watch.begun(list(plan.runs), 0)
    watch.tick([At(next(iter(plan.runs)), 1, 2)])
    for one in plan.runs:
        watch.ended(one, None)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(plan.runs)
    assert lines[0].startswith("1/6 small-edge seed 0: done; 8 min")
    assert lines[-1].startswith("6/6 small-anywhere seed 2: done")


@pytest.mark.parametrize(
    ("seconds", "words"), [(59, "59 s"), (95, "1 min 35 s"), (1200, "20 min"), (7260, "2 h 1 min")]
)
def test_times_are_formatted_for_people(seconds: float, words: str) -> None:
    assert spell_time(seconds) == words


def test_calls_are_listed(plan: StudyPlan, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "out")
    with folder.begin(plan.study):
        for done, seconds in ((2, 1.5), (1, 2.5)):
            folder.note_call(Call("2026-11-24T00:00:00Z", done, 0, seconds, 0.1, 2, "LocalEngine"))
    assert [(call.done, call.seconds) for call in folder.calls()] == [(2, 1.5), (1, 2.5)]
    assert all(json.loads(line) for line in (folder.path / "calls.jsonl").read_text().splitlines())
