"""Python functions behind the commands give the same results without the command line."""

from pathlib import Path

import pytest
from fixtures.tiny import copy_of

from goalposts.errors import UserError
from goalposts.experiments import (
    FilmSpec,
    choose_engine,
    evaluate_named,
    prepare_study,
    record_film,
    study_status,
)
from goalposts.experiments.measurement import read_episodes
from goalposts.experiments.study.workers.local import LocalEngine


def test_evaluate_a_scripted_agent_into_a_file(tmp_path: Path) -> None:
    out = tmp_path / "table.parquet"
    summary = evaluate_named("GoToGoal", ["off_path"], 5, out=out)
    assert (summary.stored, summary.leaked) == (out, {})
    assert [row.outcomes.condition for row in summary.rows] == ["off_path"] * 2
    assert read_episodes(out).height == 10
    with pytest.raises(UserError, match="is there already"):
        evaluate_named("GoToGoal", ["off_path"], 5, out=out)
    assert evaluate_named("GoToGoal", ["off_path"], 5).stored is None


def test_evaluate_a_run_into_its_folder(tiny_run: Path, tmp_path: Path) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    before = read_episodes(path / "episodes.parquet")["condition"].n_unique()
    told: list[str] = []
    summary = evaluate_named(str(path), ["none"], 40, tell=lambda words, done, total: told.append(words))
    assert summary.stored == path / "episodes.parquet"
    assert read_episodes(path / "episodes.parquet")["condition"].n_unique() >= before
    assert "none" in told


def test_film_a_run(tiny_run: Path, tmp_path: Path) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    assert record_film([str(path)], spec=FilmSpec(tile_size=8)) == path / "rollout.gif"
    with pytest.raises(UserError, match="must be 8, 16 or 32"):
        record_film([str(path)], tmp_path / "film.gif", FilmSpec(tile_size=7))
    with pytest.raises(UserError, match="--file brings its own levels"):
        record_film([str(path)], None, FilmSpec(file=tmp_path / "levels.txt", condition="none"))


def test_plan_a_study_without_running_it(tmp_path: Path) -> None:
    task = prepare_study("alpha", ["seeds=1"], tmp_path / "alpha", limit=2)
    assert len(task.todo) == 2
    assert set(task.todo) <= set(task.plan.runs)
    assert not (tmp_path / "alpha").exists()
    engine = choose_engine(workers=3)
    assert isinstance(engine, LocalEngine)
    assert engine.workers == 3
    with pytest.raises(UserError, match="unknown engine 'cloud'"):
        choose_engine("cloud")


def test_the_status_of_a_study() -> None:
    from fixtures.places import TESTS

    status = study_status(TESTS / "fixtures" / "made_by_adb767d" / "study")
    assert (status.done, status.runs, status.running, status.others) == (2, 2, False, 0)
    assert [point.done for point in status.points] == [1, 1]
    assert status.to_dict()["points"][0]["failed"] == {}
