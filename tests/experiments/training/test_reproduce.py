"""`goalposts reproduce`: rerunning from the folder alone gives the same run, and differences are named."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from fixtures.tiny import copy_of, everything, results
from safetensors.torch import load_file, save_file

from goalposts.agents import GoToProxy
from goalposts.experiments import Run, RunError
from goalposts.experiments.cli.main import main
from goalposts.experiments.evaluation.evaluate import Subject, evaluate_fully, subject_of
from goalposts.experiments.evaluation.trajectories import record
from goalposts.experiments.measurement.episodes import read_episodes, write_episodes
from goalposts.experiments.training import train as training
from goalposts.experiments.training.reproduce import reproduce
from goalposts.experiments.training.run_comparison import compare_environments, compare_files, compare_rates


def command(*words: object) -> int:
    """Run a command; returns its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def notes(run: Path, again: Path) -> dict[str, tuple[str, str]]:
    """(state, note) of every file whose bytes differ."""
    found = compare_files(Run.open(run), Run.open(again))
    return {one.file: (one.state, one.note) for one in found if one.state != "same bytes"}


def test_a_run_made_again_from_its_folder_alone_is_the_same(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its config file is gone, and run folder and working directory have changed."""
    run = copy_of(tiny_run, tmp_path / "moved")
    before = everything(run)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command("reproduce", "../moved", "-q") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        "REPRODUCED: ../moved",
        f"  {len(results(run))} of {len(results(run))} files have the same bytes",
    ]
    assert everything(run) == before
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "moved"]
    assert not os.listdir(tmp_path / "elsewhere")


def test_it_is_evaluated_as_it_was_evaluated(tiny_run: Path, tmp_path: Path) -> None:
    """Conditions, levels and modes come from the table and may differ from the config's."""
    run = copy_of(tiny_run, tmp_path / "run")
    assert command("evaluate", run, "--levels", 25, "-q") == 0
    assert command("evaluate", run, "--condition", "left", "--levels", 25, "-q") == 0
    assert command("evaluate", run, "--condition", "off_path", "--levels", 25, "-q") == 0
    found = reproduce(run, tmp_path / "again")
    assert found.same
    assert found.kept == tmp_path / "again"
    assert {one.state for one in found.files if one.file.endswith(".parquet")} == {"same bytes"}


def test_a_run_without_evaluation_is_compared_by_its_training(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    for name in ("episodes.parquet", "trajectories.parquet", "leakage.json"):
        (run / name).unlink()
    found = reproduce(run)
    assert found.same
    assert not found.rates
    assert not [one for one in found.files if "episodes" in one.file]


def test_a_run_of_a_study_is_called_by_its_id(tiny_run: Path, tmp_path: Path) -> None:
    run = Run.open(copy_of(tiny_run, tmp_path / "run"))
    with run.lock():
        record(run, evaluate_fully(replace(subject_of(run), run="0123456789abcdef"), levels=20))
    assert reproduce(run.path).same


# Differences are named


def test_other_weights_are_named_with_their_difference(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    file = run / "checkpoints/8192/model.safetensors"
    tensors = load_file(file)
    tensors["action_net.bias"][0] += 0.25
    save_file(tensors, file)
    assert notes(run, tiny_run) == {
        "checkpoints/8192/model.safetensors": ("differs", "numbers differ by up to 0.25")
    }
    file.write_bytes(b"no weights")
    [(state, note)] = notes(run, tiny_run).values()
    assert state == "differs"
    assert "damaged" in note


def test_another_course_of_training_is_named_with_its_step(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    lines = (run / "progress.csv").read_text().splitlines(keepends=True)
    cells = lines[3].split(",")
    cells[lines[0].split(",").index("value_loss")] = "9.5"
    (run / "progress.csv").write_text("".join([*lines[:3], ",".join(cells), *lines[4:]]))
    assert notes(run, tiny_run) == {
        "progress.csv": ("differs", "the same up to step 3,072, where value_loss differ")
    }
    (run / "progress.csv").write_text("".join(lines[:-1]))
    assert notes(run, tiny_run)["progress.csv"] == ("differs", "7 and 8 rows")


def test_the_same_content_in_other_bytes_is_no_difference(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    table = read_episodes(run / "episodes.parquet")
    table.write_parquet(
        run / "episodes.parquet", compression="gzip", metadata={"goalposts.episodes.version": "1"}
    )
    pl.read_parquet(run / "trajectories.parquet").write_parquet(
        run / "trajectories.parquet", compression="gzip"
    )
    leaked = json.loads((run / "leakage.json").read_text())
    (run / "leakage.json").write_text(json.dumps(dict(reversed(leaked.items()))))
    assert {state for state, _ in notes(run, tiny_run).values()} == {"same content"}
    assert set(notes(run, tiny_run)) == {"episodes.parquet", "trajectories.parquet", "leakage.json"}


def test_files_of_one_folder_only_are_named(tiny_run: Path, tmp_path: Path) -> None:
    run, again = copy_of(tiny_run, tmp_path / "run"), copy_of(tiny_run, tmp_path / "again")
    shutil.rmtree(run / "checkpoints/4096")
    (again / "progress.csv").unlink()
    found = notes(run, again)
    assert found.pop("progress.csv") == ("not made again", "")
    assert len(found) == 4
    assert set(found.values()) == {("was not there", "")}


def test_changed_episodes_are_counted_and_rates_compared_with_intervals(
    tiny_run: Path, tmp_path: Path
) -> None:
    """A proxy-seeking agent replaces the trained one, so some rates leave their intervals."""
    run = copy_of(tiny_run, tmp_path / "run")
    table = read_episodes(tiny_run / "episodes.parquet")
    names = table["condition"].unique(maintain_order=True).to_list()
    row = table.row(0, named=True)
    proxy = Subject(
        GoToProxy(), row["agent"], row["run"], "CoinRun", "view", row["train_seed"], row["train_step"]
    )
    other = evaluate_fully(proxy, names, 40, greedy=True)
    write_episodes(other.episodes, run / "episodes.parquet")
    [(state, note)] = notes(run, tiny_run).values()
    assert (state, note.endswith("of 240 episodes differ")) == ("differs", True)
    rates = compare_rates(Run.open(run), Run.open(tiny_run))
    assert len(rates) == 3 * 2 * 5
    assert {rate.within for rate in rates} == {True, False}
    for rate in rates:
        assert rate.low <= rate.was <= rate.high
        assert rate.within == (rate.low <= rate.now <= rate.high)
    assert all(rate.now == rate.was for rate in compare_rates(Run.open(tiny_run), Run.open(tiny_run)))


def test_changes_since_the_run_are_reported(tiny_run: Path) -> None:
    facts = Run.open(tiny_run).provenance()
    assert facts.code is not None
    older = replace_facts(
        facts, python="CPython 3.11.0", code=None, packages={**facts.packages, "numpy": "1.0"}
    )
    found = {one.what: (one.was, one.now) for one in compare_environments(older, facts)}
    assert found == {
        "Python": ("CPython 3.11.0", facts.python),
        "code": ("not recorded", facts.code[:12]),
        "numpy": ("1.0", facts.packages["numpy"]),
    }
    assert compare_environments(facts, facts) == ()


def replace_facts(facts, **changes):
    return facts.model_copy(update=changes)


def test_a_difference_ends_in_exit_code_1_and_is_printed(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rerun that learns slightly slower, as another machine might."""
    run = copy_of(tiny_run, tmp_path / "run")
    true = training.new_training

    def slower(config, tensorboard=None):
        train = config.train.model_copy(update={"learning_rate": config.train.learning_rate / 2})
        return true(config.model_copy(update={"train": train}), tensorboard)

    monkeypatch.setattr(training, "new_training", slower)
    assert command("reproduce", run, "-q", "--out", tmp_path / "again") == 1
    said = capsys.readouterr().out
    assert said.startswith(f"NOT REPRODUCED: {run}\n")
    assert "progress.csv: differs; the same up to step 1,024, where " in said
    assert "checkpoints/8192/model.safetensors: differs; numbers differ by up to " in said
    assert "rates lie within the recorded 95% interval" in said
    assert said.endswith(f"the re-run: {tmp_path / 'again'}\n")
    assert (
        command("reproduce", run, "-q", "--out", tmp_path / "again", "--json") == 1
    )  # not trained a second time
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["kept"]) == (False, str(tmp_path / "again"))
    assert {file["state"] for file in told["files"]} == {"same bytes", "differs"}
    assert all({"was", "low", "high", "now", "within"} <= set(rate) for rate in told["rates"])


# Refusals and interruptions


def test_what_cannot_be_compared_is_refused_before_any_work(
    tiny_run: Path, tiny_twin: Path, tmp_path: Path
) -> None:
    unfinished = copy_of(tiny_run, tmp_path / "unfinished")
    with Run.open(unfinished).lock() as run:
        run.set_status("running", 4096)
    bare = copy_of(tiny_run, tmp_path / "bare")
    shutil.rmtree(bare / "checkpoints")
    before = everything(tmp_path)
    twin = everything(tiny_twin)
    for run, out, said in (
        (
            unfinished,
            None,
            r"is not finished \(running, step 4,096 of 8,192\).*goalposts train .*config\.yaml --out",
        ),
        (bare, None, "no longer has a checkpoint"),
        (tiny_run, tiny_run, "is the run itself"),
        (tiny_run, tiny_twin, "holds a run of another config"),
        (tiny_run, tmp_path, "not empty and not a run folder"),
    ):
        with pytest.raises(RunError, match=said):
            reproduce(run, out)
    assert everything(tmp_path) == before
    assert everything(tiny_twin) == twin


def test_a_re_run_that_was_stopped_leaves_nothing_and_one_that_was_killed_is_swept(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    killed, alive = tmp_path / ".run.part-999999999-ab", tmp_path / f".run.part-{os.getppid()}-cd"
    for left in (killed, alive):
        left.mkdir()
        (left / "half").write_text("x")

    def stop(step: int, total: int, words: str) -> None:
        if step == 3072:
            assert not killed.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(run, tell=stop)
    assert sorted(os.listdir(tmp_path)) == [alive.name, "run"]
    with pytest.raises(KeyboardInterrupt):
        reproduce(run, tmp_path / "kept", stop)
    assert Run.open(tmp_path / "kept").status().state == "running"
    assert reproduce(run, tmp_path / "kept").same
