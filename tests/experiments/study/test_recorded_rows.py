"""A study done in parts: runs in a file of recorded rows are not repeated, and the tables are the same."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from fixtures.study_small import RUNS, done, start, tables, write_study

from goalposts.errors import UserError
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.folder.folder import RECORDED, StudyFolder
from goalposts.experiments.study.results import golden, recorded_rows
from goalposts.experiments.study.results.recorded_rows import read_rows, restore_rows, write_rows

GOLDEN = {"CoinRun training": "a", "CoinRun evaluation": "b"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(study file, folder of a finished study). Must not be changed."""
    folder = tmp_path_factory.mktemp("recorded")
    study = write_study(folder)
    code, said = done(start(study, folder / "out"))
    assert code == 0, said
    return study, folder / "out"


@pytest.mark.slow
def test_a_study_whose_runs_are_deleted_halfway_ends_in_the_same_tables(
    finished: tuple[Path, Path], tmp_path: Path
) -> None:
    study, whole = finished
    out, rows = tmp_path / "out", tmp_path / "rows.parquet"
    code, said = done(start(study, out, "--limit", "3", "--rows", str(rows)))
    assert code == 0, said
    assert "3 runs done" in said
    shutil.rmtree(out)  # the machine is lost
    code, said = done(start(study, out, "--rows", str(rows)))
    assert code == 0, said
    assert f"{RUNS - 3} to do now" in said
    assert f"{RUNS - 3} runs done" in said
    assert tables(out) == tables(whole)
    recorded = [path.parent.name for path in out.glob(f"runs/*/{RECORDED}")]
    assert len(recorded) == 3
    assert len(read_rows(rows).measures) == RUNS
    assert rows.stat().st_size < sum(len(table) for table in tables(whole)) * 2
    before = rows.read_bytes()
    code, said = done(start(study, out, "--rows", str(rows)))
    assert code == 0, said
    assert rows.read_bytes() == before


@pytest.mark.slow
def test_rows_of_code_that_trains_differently_are_refused(
    finished: tuple[Path, Path], tmp_path: Path
) -> None:
    study, whole = finished
    rows = tmp_path / "rows.parquet"
    plan = plan_study(study)
    assert write_rows(rows, StudyFolder(whole), plan, GOLDEN) == RUNS
    code, said = done(start(study, tmp_path / "out", "--rows", str(rows)))
    assert code == 2
    assert "trains or evaluates differently" in said
    assert "CoinRun training: a recorded" in said
    assert not (tmp_path / "out" / "summary.csv").exists()


@pytest.mark.slow
def test_golden_digests_do_not_depend_on_the_study_or_the_process(finished: tuple[Path, Path]) -> None:
    plan = plan_study(finished[0])
    found = golden.golden_digests(plan)
    assert set(found) == {"CoinRun training", "CoinRun evaluation"}
    assert golden.golden_digests(plan) == found


@pytest.mark.slow
def test_recorded_rows_round_trip(finished: tuple[Path, Path], tmp_path: Path) -> None:
    study, whole = finished
    rows, plan, folder = tmp_path / "rows.parquet", plan_study(study), StudyFolder(whole)
    write_rows(rows, folder, plan, GOLDEN)
    found = read_rows(rows)
    for one in plan.runs:
        assert json.loads(found.measures[one]) == json.loads((folder.run(one) / "measures.json").read_text())
        expected = pl.read_parquet(folder.run(one) / "episodes.parquet")
        keys = ["condition", "sampled", "level_index"]
        assert found.episodes[one].sort(keys).equals(expected.sort(keys))
    with pytest.raises(UserError, match="trains or evaluates differently"):
        restore_rows(rows, StudyFolder(tmp_path / "new"), plan, {**GOLDEN, "CoinRun training": "other"})


@pytest.mark.parametrize("content", [b"", b"no table", b"PAR1" * 9])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.parquet").write_bytes(content)
    with pytest.raises(UserError, match="recorded rows"):
        read_rows(tmp_path / "rows.parquet")


def test_measures_that_unpack_to_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64
    import zlib

    monkeypatch.setattr(recorded_rows, "MAX_MEASURES", 1000)
    packed = base64.b64encode(zlib.compress(b" " * 100_000)).decode()
    metadata = {
        recorded_rows.VERSION_KEY: "1",
        recorded_rows.MEASURES_KEY: packed,
        recorded_rows.GOLDEN_KEY: "{}",
    }
    pl.DataFrame({"run": []}, schema={"run": pl.String}).write_parquet(
        tmp_path / "rows.parquet", metadata=metadata
    )
    with pytest.raises(UserError, match="of measures"):
        read_rows(tmp_path / "rows.parquet")


def test_restored_episodes_are_in_the_order_of_an_evaluation() -> None:
    conditions = ("off_path", "edge_held_out", "none")
    played = pl.DataFrame(
        [(name, sampled, k, "r") for name in conditions for sampled in (True, False) for k in range(3)],
        schema=["condition", "sampled", "level_index", "run"],
        orient="row",
    )
    recorded = played.sort(recorded_rows.ORDER, maintain_order=True)
    assert not recorded.equals(played)
    assert recorded_rows.as_played(recorded, conditions).equals(played)
