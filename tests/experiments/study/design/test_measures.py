"""Measures of a run and of a point: recorded episodes give the same rows again, and what is not in them is kept."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

from goalposts.experiments.evaluation.held_out import held_out
from goalposts.experiments.measurement import read_episodes
from goalposts.experiments.runs.run import Run
from goalposts.experiments.study.design.measures import (
    BEHAVIOUR,
    DISTANCE,
    RELOCATION,
    is_of_actions,
    measured_again,
    measures_of_point,
    measures_of_run,
)


def test_rows_of_other_code_are_measured_again_and_recorded_actions_are_kept(tiny_run: Path) -> None:
    run = Run.open(tiny_run)
    rows = measures_of_run(run)
    of_actions = [row for row in rows if is_of_actions(row["measure"])]
    assert [row["words"] for row in of_actions if row["measure"] == BEHAVIOUR]
    old = [row | {"value": 0.123} if row["measure"] == "capability" else row for row in rows]
    again = measured_again(read_episodes(run.episodes_path), run.config, old)

    def as_text(some: Iterable[object]) -> list[str]:
        return sorted(map(str, some))

    assert as_text(again) == as_text(rows)
    assert as_text(row for row in again if is_of_actions(row["measure"])) == as_text(of_actions)


def test_a_point_counts_the_names_of_its_seeds_and_says_how_far_its_levels_are_from_training(
    tiny_run: Path,
) -> None:
    run = Run.open(tiny_run)
    rows = pl.DataFrame(
        measures_of_point(
            read_episodes(run.episodes_path),
            run.config,
            0,
            [{"measure": BEHAVIOUR, "words": name} for name in ("runs right", "", "runs right")],
        ),
        infer_schema_length=None,
    )
    assert rows.filter(pl.col("measure") == BEHAVIOUR)["words"].to_list() == [
        "runs right: 2 of 3; no name: 1 of 3"
    ]
    median = rows.filter(pl.col("measure") == f"{DISTANCE}median")
    expected = held_out(run.config, run.config.evaluate.conditions, run.config.evaluate.levels)
    assert dict(median.select("condition", "value").iter_rows()) == {
        name: one.median for name, one in expected.items()
    }


def test_a_point_has_the_mean_relocation_effect_of_its_seeds(tiny_run: Path) -> None:
    run = Run.open(tiny_run)
    episodes = read_episodes(run.episodes_path)

    def over_seeds(levels: tuple[int, int]) -> list[dict[str, object]]:
        of_actions = [
            {
                "measure": RELOCATION,
                "condition": "off_path",
                "value": value,
                "low": value - 0.1,
                "high": value + 0.1,
                "n": n,
                "words": "anywhere",
            }
            for value, n in zip((0.4, 0.6), levels, strict=True)
        ]
        rows = measures_of_point(episodes, run.config, 0, of_actions)
        return [row for row in rows if row["measure"] == RELOCATION]

    (found,) = over_seeds((653, 653))
    assert found["value"] == pytest.approx(0.5)
    assert (found["condition"], found["words"], found["n"], found["seeds"]) == (
        "off_path",
        "anywhere",
        653,
        2,
    )
    assert over_seeds((653, 60)) == []
