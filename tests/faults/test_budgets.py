"""Small files that would take gigabytes or minutes: each reader checks the budget first, and messages explain how to raise it."""

import gc
import io
import json
import os
import re
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fixtures.faults import row
from fixtures.places import TESTS

from goalposts.agents.policy.checkpoint import CheckpointError, read_tensors
from goalposts.envs import load_levels
from goalposts.envs.levels.level import Level
from goalposts.errors import UserError
from goalposts.experiments.config.schema import ConfigError
from goalposts.experiments.evaluation import chunked
from goalposts.experiments.evaluation.evaluate import plan_of, subject_of
from goalposts.experiments.evaluation.goal_sweep_file import SCHEMA as EXPLORED
from goalposts.experiments.evaluation.goal_sweep_file import read_sweep
from goalposts.experiments.evaluation.trajectories import levels_and_actions, read_recorded
from goalposts.experiments.measurement import episodes as episodes_module
from goalposts.experiments.measurement.episodes import METADATA, read_episodes, validate
from goalposts.experiments.runs.finetune_csv import parse_table
from goalposts.experiments.runs.progress_csv import read_rows
from goalposts.experiments.runs.run import Run
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.results import summary
from goalposts.experiments.study.results.recorded_rows import read_rows as read_recorded_rows
from goalposts.experiments.study.results.summary import read_summary
from goalposts.experiments.study.results.summary_check import read_measures
from goalposts.experiments.system import parquet
from goalposts.experiments.system.atomic_files import RunError, read_limited
from goalposts.process.budget import MEMORY, VARIABLE, Budget, OverBudget, parse_budget, reading_budget

MADE = TESTS / "fixtures" / "made_by_adb767d"
LEVEL = (MADE / "levels.txt").read_text("utf-8").split("\n\n")[0]


def sparse(path: Path, size: int) -> Path:
    """A sparse file of `size` bytes."""
    path.touch()
    os.truncate(path, size)
    return path


@row("A4")
def test_a_long_progress_file_is_refused_before_its_rows_are_made(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_bytes(b"step\n" + b"1\n" * 20_000_000)
    began = time.process_time()
    with pytest.raises(OverBudget, match=rf"would take 10,... MB .* may spend 2,000 MB .*{VARIABLE}=16GB"):
        read_rows(path)
    assert time.process_time() - began < 5


@row("A4")
@pytest.mark.parametrize("content", [b"step" + b",a" * 5_000 + b"\n", b"x" * 300_000, b"\n" * 1_000])
def test_invalid_progress_header_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "progress.csv").write_bytes(content)
    with pytest.raises(RunError, match="line 1 is damaged"):
        read_rows(tmp_path / "progress.csv")


@row("A4")
def test_headers_of_a_million_names_reach_no_parser(tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(MADE / "study", study)
    header = b"arm" + b",a" * 1_000_000 + b"\n"
    (study / "summary.csv").write_bytes(header)
    with pytest.raises(RunError, match="not a summary of a study"):
        read_summary(study / "summary.csv", plan_study(study))
    with pytest.raises(RunError, match="is damaged"):
        parse_table(header, tmp_path / "finetune.csv")
    with pytest.raises(OverBudget, match=r"would take 2,... MB"):
        parse_table(b"\n" * 270_000_000, tmp_path / "finetune.csv")


@row("A4")
def test_a_table_is_measured_unpacked_however_often_it_shares_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone = {name: pl.Series([None], dtype=dtype) for name, dtype in EXPLORED.items()}
    table = (
        pl.DataFrame(lone)
        .with_columns(level=pl.lit("#" * 30_000))
        .select(pl.all().repeat_by(9_000).explode())
    )
    table.write_parquet(tmp_path / "goal_sweep.parquet")
    assert (tmp_path / "goal_sweep.parquet").stat().st_size < 50_000
    parquet._reader.end()  # discards memory left over from other tests
    monkeypatch.setenv(VARIABLE, "100MB")
    with pytest.raises(OverBudget, match=r"would take 2\d\d MB"):
        read_sweep(tmp_path / "goal_sweep.parquet")
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(RunError, match="not have the columns"):
        read_sweep(tmp_path / "goal_sweep.parquet")
    pl.DataFrame({f"c{k}": [1] for k in range(1_000)}).write_parquet(tmp_path / "episodes.parquet")
    with pytest.raises(UserError, match="1,000 columns"):
        read_episodes(tmp_path / "episodes.parquet")


@row("A4")
def test_kilobytes_of_explored_levels_do_not_hold_millions_of_rows(tmp_path: Path) -> None:
    """Regression: 5.5 kB took 92 s."""
    lone = pl.DataFrame({name: pl.Series([None], dtype=dtype) for name, dtype in EXPLORED.items()})
    lone.select(pl.all().repeat_by(1_000_000).explode()).write_parquet(tmp_path / "goal_sweep.parquet")
    with pytest.raises(RunError, match="claims more episodes than its size or the limit allows"):
        read_sweep(tmp_path / "goal_sweep.parquet")


@row("A4")
@pytest.mark.parametrize(
    "text", ["\r" * 20_000_000, "\u2028" * 20_000_000, "A\n\n" * 10_000_000], ids=["cr", "ls", "short"]
)
def test_a_text_of_millions_of_lines_is_refused_before_it_is_split(tmp_path: Path, text: str) -> None:
    (tmp_path / "levels.txt").write_text(text, encoding="utf-8", newline="")
    with pytest.raises(OverBudget, match="would take"):
        load_levels(tmp_path / "levels.txt")


@row("A4")
def test_one_large_level_does_not_make_all_others_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "60MB")
    wide = "\n".join(["#" * 256] * 64)
    (tmp_path / "levels.txt").write_text(f"{wide}\n\n" + "#\n\n" * 2_000, "utf-8")
    with pytest.raises(OverBudget, match="would take"):
        load_levels(tmp_path / "levels.txt")
    table = pl.DataFrame({"level": [wide, *["#"] * 2_000], "world": "CoinRun", "actions": [b"\0"] * 2_001})
    with pytest.raises(OverBudget, match="recorded episodes"):
        levels_and_actions(table)
    long = pl.DataFrame(
        {"level": [LEVEL] * 1_000, "world": "CoinRun", "actions": [b"\0" * 100_000, *[b"\0"] * 999]}
    )
    with pytest.raises(OverBudget, match="recorded episodes"):
        levels_and_actions(long)


@row("A4")
@pytest.mark.parametrize(
    "change",
    [("seeds", "1000000"), ("seeds", "100000"), ("grid", "{train.n_epochs: [%s], env.levels: [%s]}")],
)
def test_studies_of_more_runs_than_anyone_does_are_refused_at_once(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    """Regression: a million seeds took 36 s in `study status`, and a grid of 2,199 x 399 never finished."""
    key, value = change
    value = value.replace("%s", ", ".join(map(str, range(1, 1_000)))) if key == "grid" else value
    (tmp_path / "s.yaml").write_text(f"name: s\nbase: coinrun/edge\narms: [{{name: b}}]\n{key}: {value}\n")
    began = time.process_time()
    with pytest.raises(ConfigError, match=r"at most 100,000|must be 1 to 100,000"):
        plan_study(tmp_path / "s.yaml")
    assert time.process_time() - began < 2


@row("A4")
def test_points_of_one_name_are_numbered_in_no_time_and_as_before(tmp_path: Path) -> None:
    values = ", ".join(f'"mixture(0.{k:03})"' for k in range(1, 40))
    text = f"name: {'n' * 72}\nbase: coinrun/edge\nseeds: 1\ngrid: {{env.condition: [{values}]}}\n"
    (tmp_path / "s.yaml").write_text(text)
    names = [point.name for point in plan_study(tmp_path / "s.yaml").points]
    assert names == ["n" * 72, *(f"{'n' * 72}-{k}" for k in range(2, 40))]


@row("A4")
def test_json_of_millions_of_values_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for content in (b"[" + b"0," * 12_000_000 + b"0]", b"[" * 12_000_000, b'{"":' * 6_000_000):
        (tmp_path / "measures.json").write_bytes(content)
        with pytest.raises(OverBudget, match="would take"):
            read_measures(tmp_path / "measures.json", "Do it again")


@row("A4")
def test_weights_with_a_header_of_a_million_names_are_refused(tmp_path: Path) -> None:
    empty = {f"t{k}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for k in range(30_000)}
    header = json.dumps(empty).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(CheckpointError, match="damaged"):
        read_tensors(tmp_path / "model.safetensors")


@row("A4")
def test_a_sparse_file_is_refused_by_its_size_and_a_log_is_read_at_its_beginning(tmp_path: Path) -> None:
    with pytest.raises(OverBudget, match=r"would take 4,295 MB"):
        read_limited(sparse(tmp_path / "episodes.parquet", 1 << 32), 1 << 33)
    study = tmp_path / "study"
    shutil.copytree(MADE / "study", study)
    (study / "failed").mkdir()
    log = study / "failed" / f"{'0' * 16}.log"
    log.write_bytes(b"why\n")
    sparse(log, 1 << 32)
    assert StudyFolder.open(study).failed() == {"0" * 16: "why"}


@row("A4")
def test_held_memory_counts_until_released() -> None:
    budget, thing = Budget(memory=100), pl.DataFrame({"x": [1]})
    budget.hold(thing, 60, "a.parquet")
    with pytest.raises(OverBudget, match=r"b\.parquet would take"):
        budget.claim(41, "b.parquet")
    del thing
    gc.collect()
    budget.claim(100, "b.parquet")


@row("A4")
def test_time_adds_up_over_a_command_and_grows_with_what_is_read() -> None:
    budget = Budget(seconds=0.05, total=True)

    def work() -> None:
        with budget.clock("x.csv"):
            end = time.process_time() + 0.03
            while time.process_time() < end:
                pass

    work()
    with pytest.raises(OverBudget, match=r"reading x.csv took longer than the 0\.05 s"):
        work()
    budget.read(10**6, 1e-6)
    work()
    with pytest.raises(OverBudget):
        for _ in budget.each(iter(int, 1), "a loop without end"):
            pass


@row("A4")
def test_budget_is_reported_and_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_budget("") == (2 * 10**9, 60.0)
    assert parse_budget("8GB,300s") == (8 * 10**9, 300.0)
    assert parse_budget("500mb") == (5 * 10**8, 60.0)
    assert parse_budget("2min") == (MEMORY, 120.0)
    for wrong in ("8", "lots", "-1GB", "0GB", "1e9GB", "8GB;rm"):
        with pytest.raises(UserError, match=f"{VARIABLE}=8GB,300s"):
            parse_budget(wrong)
    monkeypatch.setenv(VARIABLE, "3GB")
    assert reading_budget().memory == 3 * 10**9


@row("A4")
def test_output_of_our_commands_is_read_as_before(tmp_path: Path) -> None:
    """A table in many parts has the same rows in the same order with the same types."""
    table = read_episodes(MADE / "run" / "episodes.parquet")
    large = pl.concat(
        [table.with_columns(pl.lit(f"run-{k}").alias("run")) for k in range(200_000 // table.height + 1)]
    )
    content = io.BytesIO()
    large.write_parquet(content, metadata={"goalposts.episodes.version": "1"}, row_group_size=70_000)
    (tmp_path / "episodes.parquet").write_bytes(content.getvalue())
    assert read_episodes(tmp_path / "episodes.parquet").equals(large)
    level = Level.from_text(LEVEL)
    assert np.array_equal(load_levels(MADE / "levels.txt")[0].tiles, level.tiles)


@row("A4")
@pytest.mark.slow
def test_the_usual_budget_reads_a_million_levels_in_six_conditions(
    tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output of `evaluate --levels 1_000_000` for the shipped recipe: 6,000,000 episodes."""
    monkeypatch.delenv(VARIABLE, raising=False)
    episodes = read_episodes(tiny_run / "episodes.parquet")
    lone = episodes.filter("sampled", condition="off_path")
    million = pl.concat([lone] * (1_000_000 // lone.height)).with_columns(
        level_index=pl.int_range(0, 1_000_000, dtype=pl.Int32)
    )
    names = ["edge_held_out", "anywhere", "off_path", "left", "right_fraction(0.5)", "mixture(0.5)"]
    table = pl.concat([million.with_columns(condition=pl.lit(name)) for name in names])
    table.write_parquet(tmp_path / "episodes.parquet", metadata=METADATA, row_group_size=100_000)
    del million, table
    assert read_episodes(tmp_path / "episodes.parquet").height == 6_000_000


@row("A4")
def test_one_wrong_row_among_very_many_is_found(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes_module, "MANY_ROWS", 50)
    table = validate(read_episodes(tiny_run / "episodes.parquet"))
    assert table.height > 150
    with pytest.raises(UserError, match=r"in 1 of .* steps_to_goal must not exceed steps"):
        validate(
            table.with_columns(
                steps=pl.when(pl.int_range(pl.len()) == first_with_goal(table)).then(0).otherwise("steps")
            )
        )
    other = pl.when(pl.int_range(pl.len()) == 170).then(pl.lit("0" * 16)).otherwise("layout_hash")
    with pytest.raises(UserError, match="is two different levels"):
        validate(table.with_columns(layout_hash=other))


def first_with_goal(table: pl.DataFrame) -> int:
    """The last row in which the goal was touched, after the first part of the table."""
    return int(table.with_row_index().filter(pl.col("steps_to_goal").is_not_null())["index"].to_list()[-1])


@row("A4")
def test_evaluate_says_what_reading_its_result_will_take(
    tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(chunked, "notice", told.append)
    monkeypatch.setenv(VARIABLE, "10MB")
    subject = subject_of(Run.open(tiny_run))
    spec = plan_of(subject, ["off_path"], 10)
    chunked.evaluate_many(subject, spec, tmp_path / "t.parquet")
    assert told == []
    chunked._tell_what_reading_takes(30_000_000, 0)
    assert told[0].startswith("commands that read these 30,000,000 episodes will need GOALPOSTS_BUDGET=11GB")


@row("A4")
def test_a_large_study_is_written_in_pieces_to_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a study with more than 3.3 million episodes lost its episodes.parquet."""
    tables = []
    for held in (10**9, 0):
        study = tmp_path / f"study{held}"
        shutil.copytree(MADE / "study", study)
        monkeypatch.setattr(summary, "MAX_HELD", held)
        folder = StudyFolder.open(study)
        summary.write_tables(folder, plan_study(study))
        tables.append((read_episodes(study / "episodes.parquet"), (study / "summary.csv").read_bytes()))
        assert not [name for name in os.listdir(study) if "part-" in name]
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1] == tables[1][1]


@row("A4")
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs a file that is longer than it says")
def test_a_file_that_grows_while_it_is_read_counts_as_long_as_it_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(read_limited(Path("/proc/self/maps"), 1 << 24)) > 1_000
    monkeypatch.setenv(VARIABLE, "1KB")
    with pytest.raises(OverBudget, match="maps would take"):
        read_limited(Path("/proc/self/maps"), 1 << 24)


def aborted(*_: object) -> None:
    raise parquet.Died("memory allocation of 134217728 bytes failed\n", killed=False)


def ran_out(*_: object) -> tuple[dict, list]:
    return {"refused": "memory ran out", "failed": True, "scarce": True}, []


@row("A4")
@pytest.mark.parametrize("ask", [aborted, ran_out])
@pytest.mark.parametrize(
    "read",
    [
        read_episodes,
        lambda path: read_recorded(path, b"PAR1", {}, 5, ("recorded actions", "evaluate")),
        read_sweep,
        read_recorded_rows,
        lambda path: read_summary(path, plan_study(MADE / "study")),
        lambda path: parse_table(b"arm,steps", path),
    ],
    ids=["episodes", "trajectories", "goal sweep", "recorded rows", "summary", "fine-tuning"],
)
def test_a_lack_of_memory_is_not_called_damage(
    read: Callable[[Path], object],
    ask: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: a panic of polars for lack of memory read as a damaged file. A claim that no memory could meet still does."""
    name = "trajectories.parquet"
    (tmp_path / name).write_bytes(b"PAR1")
    monkeypatch.setattr(parquet._reader, "ask", ask)
    with pytest.raises(
        OverBudget, match=rf"memory ran out while \S+ was read .* may use 1,.* MB.*{VARIABLE}=\dGB"
    ):
        read(tmp_path / name)
    monkeypatch.setattr(parquet, "_limit_of_this_process", lambda: 10**9)
    with pytest.raises(OverBudget, match=r"allows a process 1,000 MB .*ulimit -v"):
        read(tmp_path / name)
    monkeypatch.setattr(parquet, "SCARCE", re.compile("no words"))
    if ask is aborted:
        with pytest.raises(UserError, match=r"damaged|not a complete|not a file of recorded rows"):
            read(tmp_path / name)
