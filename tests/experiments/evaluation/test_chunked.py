"""Evaluation in chunks: the same tables, rates and error messages as all levels at once."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from fixtures.tiny import copy_of
from polars.testing import assert_frame_equal

from goalposts.errors import UserError
from goalposts.experiments import Run, evaluate_fully, subject_of
from goalposts.experiments.evaluation import chunked
from goalposts.experiments.evaluation.chunked import evaluate_many
from goalposts.experiments.evaluation.evaluate import EvaluationSpec, plan_of
from goalposts.experiments.evaluation.trajectories import read_leakage, read_trajectories, record
from goalposts.experiments.measurement.episodes import read_episodes
from goalposts.experiments.measurement.rates import OUTCOMES, outcomes, pooled, rows_of

PAIR = ["edge_held_out", "off_path"]


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(chunked, "AT_ONCE", 16)
    return Run.open(copy_of(tiny_run, tmp_path / "run"))


def plan(run: Run, conditions: list[str], levels: int = 40) -> EvaluationSpec:
    return plan_of(subject_of(run), conditions, levels)


def test_parts_give_the_tables_and_the_rates_of_all_levels_at_once(run: Run, tmp_path: Path) -> None:
    whole = Run.open(Path(shutil.copytree(run.path, tmp_path / "whole")))
    expected = evaluate_fully(subject_of(whole), PAIR, 40)
    with whole.lock():
        record(whole, expected)
    with run.lock():
        found = evaluate_many(subject_of(run), plan(run, PAIR), run)
    order = ["condition", "sampled", "level_index"]
    assert_frame_equal(read_episodes(run.episodes_path).sort(order), expected.episodes.sort(order))
    files = [read_trajectories(r.path / "trajectories.parquet") for r in (run, whole)]
    assert_frame_equal(files[0].sort("condition", "level_index"), files[1].sort("condition", "level_index"))
    assert read_leakage(run) == read_leakage(whole) == found.leaked
    assert found.rows == rows_of(expected.episodes)
    assert not [p for p in run.path.iterdir() if ".part-" in p.name]


def test_parts_give_the_same_bytes_in_a_run_or_a_separate_file(run: Run, tmp_path: Path) -> None:
    with run.lock():
        evaluate_many(subject_of(run), plan(run, PAIR), run)
        first = run.episodes_path.read_bytes(), (run.path / "trajectories.parquet").read_bytes()
        evaluate_many(subject_of(run), plan(run, PAIR), run)
    assert first == (run.episodes_path.read_bytes(), (run.path / "trajectories.parquet").read_bytes())
    evaluate_many(subject_of(run), plan(run, PAIR), tmp_path / "alone.parquet")
    assert (tmp_path / "alone.parquet").read_bytes() == first[0]


def test_conditions_are_added_to_an_evaluation_on_the_same_levels_only(run: Run) -> None:
    before = read_episodes(run.episodes_path)
    with run.lock():
        evaluate_many(subject_of(run), plan(run, ["left"]), run, add=True)
        after = read_episodes(run.episodes_path)
        assert_frame_equal(after.filter(pl.col("condition") != "left"), before)
        assert after["condition"].unique().sort().to_list() == sorted(["left", *before["condition"].unique()])
        with pytest.raises(UserError, match="must not mix it with one on 41 levels"):
            evaluate_many(subject_of(run), plan(run, ["left"], 41), run, add=True)
    assert_frame_equal(read_episodes(run.episodes_path), after)


def test_more_episodes_than_a_table_may_hold_are_refused_before_one_is_played(run: Run) -> None:
    with pytest.raises(UserError, match="a table holds at most 50,000,000"):
        evaluate_many(
            subject_of(run), plan(run, [*PAIR, "left", "anywhere", "none", "mirrored"], 10_000_000), None
        )


def test_parts_that_a_killed_process_left_are_swept_away(run: Run) -> None:
    left = run.path / ".episodes.parquet.part-999999999-0123abcd"
    left.mkdir()
    (left / "episodes-000000.parquet").write_bytes(b"half")
    with run.lock():
        assert not left.exists()


def test_outcomes_are_pooled_for_one_agent_only(tiny_run: Path) -> None:
    one = read_episodes(Run.open(tiny_run).episodes_path)
    both = pl.concat([one, one.with_columns(pl.col("train_seed") + 1, run=pl.lit("another"))])
    halves = [outcomes(one.filter(pl.col("level_index") % 2 == k), condition="off_path") for k in range(2)]
    whole = outcomes(one, condition="off_path")
    assert all(getattr(pooled(halves), name) == getattr(whole, name) for name in OUTCOMES)
    with pytest.raises(ValueError, match="one agent"):
        pooled([outcomes(both, condition="off_path")] * 2)
