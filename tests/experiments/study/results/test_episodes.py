"""Reading episodes of many runs together gives the same tables and the same messages as reading them one by one."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from goalposts.experiments.measurement.episodes import EpisodesError, read_episodes, write_episodes
from goalposts.experiments.study.results import episodes
from goalposts.experiments.study.results.episodes import read_episodes_of
from goalposts.experiments.system.atomic_files import RunError

RUNS = 7
ROW = {
    "world": "CoinRun",
    "agent": "a",
    "train_seed": 0,
    "train_step": 100,
    "condition": "off_path",
    "role": "shift",
    "layout_hash": "l",
    "level_hash": "h",
    "sampled": True,
    "outcome_first": "goal",
    "outcome_end": "goal",
    "return": 1.0,
    "steps": 9,
    "steps_to_goal": 9,
    "steps_to_proxy": None,
    "optimal_goal": 8,
    "optimal_proxy": 12,
    "optimal_proxy_avoiding_goal": 12,
    "distinguishing": True,
    "detour": 2,
    "regret": 0.0,
    "goal_count": 1,
    "proxy_count": 0,
}


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    """Tables of one to seven episodes, by run."""
    found = {f"run{k}": tmp_path / f"{k}.parquet" for k in range(RUNS)}
    for k, (one, path) in enumerate(found.items()):
        rows = [{**ROW, "run": one, "level_index": i} for i in range(k + 1)]
        write_episodes(pl.DataFrame(rows, infer_schema_length=None), path)
    return found


@pytest.mark.parametrize(("files", "large"), [(3, 1 << 18), (100, 1 << 18), (100, 1)])
def test_together_as_one_by_one(
    paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch, files: int, large: int
) -> None:
    monkeypatch.setattr(episodes, "FILES", files)
    monkeypatch.setattr(episodes, "LARGE", large)
    found = read_episodes_of(paths)
    assert list(found) == list(paths)
    for one, path in paths.items():
        assert_frame_equal(found[one], read_episodes(path))


def test_bundles_are_asked_for_once(paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    read = episodes.read_parquets
    monkeypatch.setattr(episodes, "read_parquets", lambda *words: asked.append(words) or read(*words))
    monkeypatch.setattr(episodes, "read_episodes", lambda path: pytest.fail("read by itself"))
    read_episodes_of(paths)
    assert len(asked) == 1


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _other_columns(path: Path) -> None:
    pl.read_parquet(path).drop("regret").write_parquet(path, metadata={"goalposts.episodes.version": "1"})


def _no_version(path: Path) -> None:
    pl.read_parquet(path).write_parquet(path)


def _contradicts(path: Path) -> None:
    pl.read_parquet(path).with_columns(outcome_first=pl.lit("proxy")).write_parquet(
        path, metadata={"goalposts.episodes.version": "1"}
    )


@pytest.mark.parametrize("damage", [_cut, _other_columns, _no_version, _contradicts, Path.unlink])
def test_the_one_that_is_damaged_is_named(paths: dict[str, Path], damage: Callable[[Path], object]) -> None:
    damage(paths["run4"])
    with pytest.raises((EpisodesError, RunError)) as alone:
        read_episodes(paths["run4"])
    with pytest.raises((EpisodesError, RunError)) as together:
        read_episodes_of(paths)
    assert str(together.value) == str(alone.value)
    assert str(paths["run4"]) in str(together.value)


def test_tables_of_other_runs_than_their_own_are_read_by_themselves(paths: dict[str, Path]) -> None:
    paths["run2"].write_bytes(paths["run5"].read_bytes())
    found = read_episodes_of(paths)
    assert_frame_equal(found["run2"], read_episodes(paths["run5"]))
    assert_frame_equal(found["run3"], read_episodes(paths["run3"]))
