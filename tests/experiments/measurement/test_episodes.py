"""The episodes table: validation messages, and complete, reproducible files."""

import os

import numpy as np
import polars as pl
import pytest
from fixtures.simulate import BOTH, DEATH, GOAL, PROXY, PROXY_THEN_GOAL, TIMEOUT, table

from goalposts.errors import UserError
from goalposts.experiments.measurement import episodes as module
from goalposts.experiments.measurement.episodes import (
    SCHEMA,
    EpisodesError,
    read_episodes,
    validate,
    write_episodes,
)


def good() -> pl.DataFrame:
    return table(np.array([[GOAL, PROXY, PROXY_THEN_GOAL, DEATH, TIMEOUT, BOTH]]))


def test_a_good_table_passes_unchanged():
    assert validate(good()).equals(good())
    assert list(validate(good().select(reversed(good().columns))).columns) == list(SCHEMA)


def test_whole_numbers_of_another_width_are_converted():
    wide = good().with_columns(pl.col("steps").cast(pl.Int64), pl.col("return").cast(pl.Float32))
    assert validate(wide).equals(good())


def test_an_empty_table_has_the_right_columns():
    assert validate(good().clear()).height == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop("regret"), "column 'regret' is missing"),
        (lambda t: t.rename({"regret": "regrets"}), "there is 'regrets': rename it"),
        (lambda t: t.with_columns(extra=1), "no column 'extra'"),
        (lambda t: t.with_columns(steps=pl.lit("12")), "'steps' is of type String; it must be Int32"),
        (lambda t: t.with_columns(steps=pl.lit(1.5)), "'steps' is of type Float64"),
        (lambda t: t.with_columns(steps=pl.lit(2**40)), "too large for Int32"),
        (lambda t: t.with_columns(steps=pl.lit(None, pl.Int32)), "'steps' has 6 empty cells"),
        (lambda t: t.with_columns(agent=pl.lit("x" * 600)), "more than 512 characters"),
        (lambda t: t.with_columns(role=pl.lit("test")), "role must be one of train, control, shift, probe"),
        (lambda t: t.with_columns(outcome_first=pl.lit("coin")), "outcome_first must be one of"),
        (lambda t: t.with_columns(outcome_end=pl.lit("won")), "outcome_end must be one of"),
        (lambda t: t.with_columns(regret=pl.lit(float("nan"))), "regret must be a finite number"),
        (lambda t: t.with_columns(steps_to_goal=pl.col("steps_to_goal").fill_null(-1)), "not −1"),
        (lambda t: t.with_columns(detour=pl.lit(-1, pl.Int32)), "detour must not be negative"),
        (lambda t: t.with_columns(steps=pl.lit(13, pl.Int32)), "steps_to_goal must not exceed steps"),
        (lambda t: t.with_columns(goal_count=pl.lit(0, pl.Int32)), "steps_to_goal and goal_count contradict"),
        (lambda t: t.with_columns(outcome_first=pl.lit("goal")), "outcome_first contradicts"),
        (lambda t: t.with_columns(outcome_end=pl.lit("goal")), "outcome_end is goal although"),
        (lambda t: t.with_columns(optimal_goal=pl.lit(21, pl.Int32)), "sooner than optimal_goal"),
        (lambda t: t.with_columns(optimal_proxy=pl.lit(19, pl.Int32)), "sooner than optimal_proxy"),
        (lambda t: t.with_columns(optimal_goal=pl.lit(None, pl.Int32)), "sooner than optimal_goal"),
        (
            lambda t: t.with_columns(
                distinguishing=pl.lit(False), optimal_proxy_avoiding_goal=pl.lit(19, pl.Int32)
            ),
            "sooner than optimal_proxy_avoiding_goal",
        ),
        (lambda t: t.with_columns(optimal_proxy_avoiding_goal=pl.lit(9, pl.Int32)), "must not be below"),
        (lambda t: t.with_columns(optimal_proxy_avoiding_goal=pl.lit(14, pl.Int32)), "called distinguishing"),
        (lambda t: t.with_columns(role=pl.Series(["shift"] * 5 + ["probe"])), "more than one role"),
        (lambda t: pl.concat([t, t.with_columns(level_hash=pl.lit("other"))]), "two different levels"),
    ],
)
def test_wrong_table_is_refused_with_a_message(change, words):
    with pytest.raises(EpisodesError, match=words):
        validate(change(good()))


def test_only_frames_are_tables():
    with pytest.raises(EpisodesError, match="not list"):
        validate([1, 2])  # pyright: ignore[reportArgumentType]
    assert issubclass(EpisodesError, UserError)


def test_the_message_names_the_first_row_and_how_many():
    bad = good().with_columns(steps_to_proxy=pl.col("steps_to_proxy").fill_null(-1))
    with pytest.raises(
        EpisodesError, match=r"in 3 of 6 rows: .*run 'agent-0', condition 'off_path', level 0"
    ):
        validate(bad)


def test_minus_one_for_impossible_is_refused():
    """As a number it would be averaged in."""
    with pytest.raises(EpisodesError, match="never and impossible are empty cells, not −1"):
        validate(good().with_columns(detour=pl.lit(-1, pl.Int32)))


def test_outcomes_of_the_next_episode_do_not_pass_as_this_ones():
    """Reading after autoreset shifts outcomes by one episode, and levels have different shortest paths."""
    levels = 40
    length = 10 + np.arange(levels, dtype=np.int32)
    t = table(np.full((1, levels), GOAL)).with_columns(
        optimal_goal=pl.Series(length), steps_to_goal=pl.Series(length), steps=pl.Series(length)
    )
    validate(t)
    slipped = t.with_columns(pl.col("steps", "steps_to_goal").gather((np.arange(levels) - 1) % levels))
    with pytest.raises(EpisodesError, match="sooner than optimal_goal"):
        validate(slipped)


def test_one_step_too_few_is_noticed():
    """Counting steps from zero where the planner counts from one."""
    t = table(np.full((1, 10), GOAL)).with_columns(optimal_goal=pl.col("steps_to_goal"))
    validate(t)
    with pytest.raises(EpisodesError, match="sooner than optimal_goal"):
        validate(t.with_columns(pl.col("steps_to_goal") - 1))


def test_a_file_comes_back_as_it_was_and_always_in_the_same_bytes(tmp_path):
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_episodes(good(), first)
    write_episodes(good(), second)
    assert read_episodes(first).equals(good())
    assert first.read_bytes() == second.read_bytes()
    assert pl.read_parquet_metadata(first)[module.VERSION_KEY] == "2"


def test_a_wrong_table_is_not_written(tmp_path):
    path = tmp_path / "episodes.parquet"
    write_episodes(good(), path)
    before = path.read_bytes()
    with pytest.raises(EpisodesError):
        write_episodes(good().drop("run"), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["episodes.parquet"]


def test_invalid_files_are_refused_by_name(tmp_path):
    path = tmp_path / "episodes.parquet"
    with pytest.raises(UserError, match="does not exist"):
        read_episodes(path)
    path.write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(EpisodesError, match=r"episodes\.parquet is not a complete Parquet file"):
        read_episodes(path)
    good().write_parquet(path)
    with pytest.raises(EpisodesError, match="carries no version"):
        read_episodes(path)
    good().write_parquet(path, metadata={module.VERSION_KEY: "7"})
    with pytest.raises(
        EpisodesError, match="has version '7'; this Goalposts reads episodes tables of versions 1 and 2"
    ):
        read_episodes(path)
    good().drop("run").write_parquet(path, metadata={module.VERSION_KEY: "1"})
    with pytest.raises(EpisodesError, match=r"episodes\.parquet: .*'run' is missing"):
        read_episodes(path)


def test_every_cut_of_a_file_is_refused(tmp_path):
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    write_episodes(good(), whole)
    content = whole.read_bytes()
    for length in range(0, len(content), 97):
        cut.write_bytes(content[:length])
        with pytest.raises(UserError):
            read_episodes(cut)


def test_too_many_rows_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "episodes.parquet"
    write_episodes(good(), path)
    monkeypatch.setattr(module, "MAX_ROWS", 5)
    with pytest.raises(EpisodesError, match="has 6 rows; at most 5"):
        read_episodes(path)
    with pytest.raises(EpisodesError, match="at most 5 are written"):
        write_episodes(good(), path)


def test_a_table_of_version_1_is_read_and_gives_the_same_numbers(tmp_path):
    """Version 1 had no `looped`; what is not known is empty."""
    path = tmp_path / "old.parquet"
    module.validate(good()).drop("looped").write_parquet(path, metadata={module.VERSION_KEY: "1"})
    found = module.read_episodes(path)
    assert found.equals(module.validate(good()))
    assert found["looped"].null_count() == found.height
