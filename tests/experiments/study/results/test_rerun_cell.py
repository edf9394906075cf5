"""One random run of the committed rows, trained and evaluated again: its episodes are the recorded ones, byte for byte."""

import random

import polars as pl
import pytest
from fixtures.places import ROOT

from goalposts.experiments.analyses import repeated_runs
from goalposts.experiments.analyses.repeated_runs import SCHEMA, is_the_same, page, recorded_study, row_files

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
    text = page(pl.DataFrame(rows, schema=SCHEMA, orient="row"), ["pixels"])
    assert "**1 of 2 runs have the same bytes.** Without a run that can be repeated here: pixels." in text
    assert "| alpha | `edge` | 4 | not recorded | **no** |" in text


def test_runs_of_another_machine_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_runs, "machine_words", lambda torch, processor: "another machine")
    assert recorded_study(ROWS / "separate.parquet").short == []
