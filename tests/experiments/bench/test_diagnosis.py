"""The time of a whole diagnosis: a run is measured from scratch and not changed; what is committed is within its aims."""

from pathlib import Path

import polars as pl
import pytest
from fixtures.places import ROOT
from fixtures.tiny import YAML

from goalposts.experiments.bench.diagnosis import beyond_aims, time_diagnosis
from goalposts.experiments.config.schema import parse_config
from goalposts.experiments.runs.run import Run
from goalposts.experiments.training.train import train

COMMITTED = ROOT / "docs" / "results" / "diagnosis-time.csv"


@pytest.mark.slow
def test_a_diagnosis_is_timed_on_a_copy_without_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "tiny"
    train(parse_config(YAML, "tiny.yaml"), path)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    timed = time_diagnosis(Run.open(path))
    assert (timed.agent, timed.observation, timed.levels) == ("tiny", "view", 40)
    assert timed.processor_seconds > 0.5
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_a_diagnosis_beyond_its_aim_is_named() -> None:
    rows = {"agent": ["edge", "pixels"], "observation": ["view", "rgb"], "processor_seconds": [61.0, 599.0]}
    assert beyond_aims(pl.DataFrame(rows)) == ["edge: 61 s of processor time; the aim for view is 60 s"]


@pytest.mark.skipif(not COMMITTED.exists(), reason="measured on an idle machine, not yet")
def test_the_committed_times_are_within_their_aims() -> None:
    assert beyond_aims(pl.read_csv(COMMITTED)) == []
