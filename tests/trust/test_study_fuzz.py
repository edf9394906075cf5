"""Untrusted study folders: study commands read any file contents or refuse them with a message."""

import json
import random
import shutil
from pathlib import Path

import polars as pl
import pytest
from harness import study_fuzz

from goalposts.experiments.study.design.measures import COLUMNS
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.summary import read_summary, summary_table
from goalposts.experiments.study.results.summary_check import read_measures
from goalposts.experiments.system.atomic_files import RunError

BASE = "name: tiny\nbase: coinrun/edge\n"
STUDY = "name: s\nbase: tiny.yaml\ngrid: {env.condition: [edge, anywhere]}\nseeds: 2\nconditions: [edge_held_out, off_path]\n"


@pytest.mark.parametrize("content", study_fuzz.TEXTS, ids=lambda content: repr(content[:8]))
def test_invalid_numbers_of_a_run_are_refused_with_a_remedy(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "measures.json").write_bytes(content)
    if content == b"[]":
        assert read_measures(tmp_path / "measures.json", "Do it anew") == []
        return
    with pytest.raises(RunError, match=r"measures\.json is damaged.*Do it anew"):
        read_measures(tmp_path / "measures.json", "Do it anew")


@pytest.fixture
def summary(tmp_path: Path) -> tuple[Path, list[dict]]:
    """A study's folder, and valid rows of its summary."""
    (tmp_path / "tiny.yaml").write_text(BASE)
    (tmp_path / "study.yaml").write_text(STUDY)
    plan = plan_study(tmp_path / "study.yaml")
    return tmp_path, study_fuzz.rows_of(plan)


def read(place: Path, rows: list[dict]) -> pl.DataFrame:
    plan = plan_study(place / "study.yaml")
    (place / "summary.csv").write_text(summary_table(plan, rows).write_csv())
    return read_summary(place / "summary.csv", plan)


def test_a_summary_that_its_study_can_have_is_read(summary: tuple[Path, list[dict]]) -> None:
    place, rows = summary
    assert read(place, rows).height == len(rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": 1.5}, "fraction is less than 0 or more than 1"),
        ({"value": float("nan")}, "value is not a number of any study's size"),
        ({"high": float("inf")}, "high is not a number of any study's size"),
        ({"low": None}, "only one end"),
        ({"low": None, "high": None}, "a value has no interval"),
        ({"low": 0.7}, "ends before it begins"),
        ({"step": 5, "value": None}, "there is a step without a value"),
        ({"n": -1}, "n is not a number"),
        ({"measure": "beauty"}, "no such measure"),
        ({"measure": "eval/off_path/goal_first", "step": 5, "value": 2.0}, "fraction is less"),
        ({"measure": "verdict", "words": "LOVELY"}, "no such verdict"),
        ({"condition": "nowhere"}, "no such condition"),
        ({"condition": None}, "of no condition"),
        ({"point": "elsewhere"}, "no such point"),
        ({"env.condition": "edge_held_out"}, "no such point"),
        ({"arm": "other"}, "no such point"),
        ({"run": "../../.."}, "no such run"),
        ({"run": None}, "a seed without its run"),
        ({"seed": 7}, "no such run"),
        ({"words": "x" * 3000}, "longer than"),
    ],
    ids=str,
)
def test_a_summary_that_its_study_cannot_have_is_refused(
    summary: tuple[Path, list[dict]], change: dict, words: str
) -> None:
    place, rows = summary
    rows[0] |= change
    with pytest.raises(RunError, match=rf"summary.csv is damaged: .*{words}.*goalposts study report"):
        read(place, rows)


def test_a_summary_without_a_verdict_or_with_two_is_refused(summary: tuple[Path, list[dict]]) -> None:
    place, rows = summary
    assert rows[1]["measure"] == "verdict"
    with pytest.raises(RunError, match=f"run {rows[1]['run']} has no verdict"):
        read(place, [*rows[:1], *rows[2:]])
    with pytest.raises(RunError, match="point s-edge has no verdict"):
        read(
            place,
            [row for row in rows if row["run"] or row["point"] != "s-edge" or row["measure"] != "verdict"],
        )
    with pytest.raises(RunError, match="occurs twice"):
        read(place, [*rows, rows[0]])


def test_a_summary_of_nothing_is_refused(summary: tuple[Path, list[dict]]) -> None:
    with pytest.raises(RunError, match="holds no numbers"):
        read(summary[0], [])


def test_a_summary_with_a_column_too_few_is_refused(summary: tuple[Path, list[dict]]) -> None:
    place, rows = summary
    plan = plan_study(place / "study.yaml")
    for column in (*COLUMNS, "env.condition"):
        (place / "summary.csv").write_text(summary_table(plan, rows).drop(column).write_csv())
        with pytest.raises(RunError, match=f"has no column {column}"):
            read_summary(place / "summary.csv", plan)


@pytest.mark.slow
def test_changed_study_folders_are_read_or_refused_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    found = study_fuzz.fuzz(study_fuzz.make_studies(tmp_path), 40, 0, tmp_path / "work")
    assert found["faults"] == []
    assert found["tally"]["read"] > 5
    assert found["tally"]["refused"] > 5


@pytest.mark.slow
def test_the_harness_finds_a_reader_that_lets_errors_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the checks, the same folders cause tracebacks."""
    monkeypatch.setattr("goalposts.experiments.study.results.summary.check", lambda table, *rest: table)
    monkeypatch.setattr(
        "goalposts.experiments.study.results.summary.read_measures",
        lambda path, remedy: json.loads(path.read_bytes()),
    )
    (tmp_path / "work").mkdir()
    studies = study_fuzz.make_studies(tmp_path)
    assert study_fuzz.fuzz(studies[:1], 40, 0, tmp_path / "work")["faults"]


def test_mutations_change_something(tmp_path: Path) -> None:
    """On dummy files of a study, nearly every drawn mutation changes the bytes."""
    origin = tmp_path / "origin"
    for run in (origin / "runs" / (digit * 16) for digit in "01"):
        run.mkdir(parents=True)
        for name in study_fuzz.OF_RUN:
            (run / name).write_text('[{"measure": "x", "value": 1.0, "words": null}]')
    (origin / "calls.jsonl").write_text('{"done": 1}')
    (origin / "summary.csv").write_text("arm,point\nmain,a\nmain,b\n")
    (tmp_path / "tiny.yaml").write_text(BASE)
    (origin / "study.yaml").write_text(STUDY.replace("tiny.yaml", str(tmp_path / "tiny.yaml")))

    def state(place: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()
        }

    changed = 0
    for case in range(60):
        copy = Path(shutil.copytree(origin, tmp_path / f"{case}"))
        study_fuzz.mutate(copy, [origin], random.Random(case))
        changed += state(copy) != state(origin)
    assert changed > 40
