"""One random run of the committed rows, trained and evaluated again: its episodes are the recorded ones, byte for byte."""

import random
from dataclasses import replace

import polars as pl
import pytest
from fixtures.places import ROOT

from goalposts.experiments.analyses import repeated_runs
from goalposts.experiments.analyses.repeated_runs import (
    AGAIN,
    SCHEMA,
    RepeatableStudy,
    is_the_same,
    page,
    recorded_study,
    row_files,
    trained_again,
)
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.recorded_rows import RecordedRows

ROWS = ROOT / "docs" / "results" / "rows"
METHODS = "methods-"  # the studies of methods, of which one run is always repeated


@pytest.mark.slow
@pytest.mark.parametrize("start", ["", METHODS], ids=["any study", "a study of methods"])
def test_a_random_run_of_the_committed_rows_has_the_same_bytes_again(start: str) -> None:
    files = row_files(ROWS, start)
    random.shuffle(files)
    recorded = next((one for one in map(recorded_study, files) if one.short), None)
    if recorded is None:
        pytest.skip("no short run was recorded on a machine like this one")
    run = random.choice(recorded.short)
    assert is_the_same(recorded, run), f"{recorded.config(run)} differs; rows and code do not belong together"


def test_the_page_says_how_many_runs_are_the_same() -> None:
    rows = [
        ("coinrun", "a", "edge", 3, "0123456789ab", 5.0, True),
        ("alpha", "b", "edge", 4, "not recorded", 6.0, False),
    ]
    again = pl.DataFrame([("seeds", 30, 29, 1_000_000)], schema=AGAIN, orient="row")
    text = page(pl.DataFrame(rows, schema=SCHEMA, orient="row"), ["pixels"], again)
    assert "**29 of 30 have the same sampled episodes**" in text
    assert "| seeds | 30 | 29 | 1,000,000 |" in text
    assert "trained again" not in page(pl.DataFrame(rows, schema=SCHEMA, orient="row"), [], again.clear())
    assert "**1 of 2 runs have the same bytes.** Without a run that can be repeated here: pixels." in text
    assert "| alpha | `edge` | 4 | not recorded | **no** |" in text


def test_runs_of_another_machine_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_runs, "machine_words", lambda torch, processor: "another machine")
    assert recorded_study(ROWS / "separate.parquet").short == []


def played(run: str, seed: int, steps: int, greedy: bool) -> pl.DataFrame:
    """Two sampled episodes of a run, and a greedy one."""
    rows = [(run, "edge", seed, "off_path", True, level, steps + level) for level in (1, 0)]
    rows += [(run, "edge", seed, "off_path", False, 0, 99)] * greedy
    names = ["run", "agent", "train_seed", "condition", "sampled", "level_index", "steps"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_a_study_that_was_trained_again_is_compared_by_config_and_seed() -> None:
    plan = plan_study("separate")
    earlier = {"a": played("a", 1, 5, greedy=False), "b": played("b", 2, 5, greedy=False)}
    now = {
        "c": played("c", 1, 5, greedy=True),
        "d": played("d", 2, 6, greedy=True),
        "e": played("e", 3, 5, greedy=True),
    }
    found = trained_again(plan, RecordedRows(episodes=now), RecordedRows(episodes=earlier))
    assert found == {"study": "separate", "runs": 2, "same": 1, "steps": 0}
    assert trained_again(plan, RecordedRows(episodes=earlier), RecordedRows(episodes=earlier)) is None


def test_a_run_is_kept_while_it_can_be_repeated() -> None:
    plan = plan_study("separate")
    recorded = RepeatableStudy("separate", plan, RecordedRows(), ["a", "b"])
    rows = [("separate", "b", "edge", 3, "x", 5.0, True), ("alpha", "a", "edge", 4, "x", 6.0, True)]
    before = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    kept = repeated_runs._kept(before, recorded)
    assert kept is not None
    assert (kept["run"], kept["same"]) == ("b", True)
    assert repeated_runs._kept(before, replace(recorded, short=["c"])) is None
    assert repeated_runs._kept(None, recorded) is None
