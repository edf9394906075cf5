"""The fine-tuning test end to end: on a tiny run, killed at every checkpoint, and as a command."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from fixtures.tiny import copy_of, untouched

from goalposts.agents.policy.checkpoint import save_policy
from goalposts.errors import UserError
from goalposts.experiments.cli.main import main as command
from goalposts.experiments.cli.tables import diagnosis_text, recovery_text
from goalposts.experiments.config.schema import load_config
from goalposts.experiments.evaluation.evaluated_run import diagnoses_of, evaluated, open_runs
from goalposts.experiments.measurement.relearning import ARMS, SCHEMA
from goalposts.experiments.publish.run_report import report_data
from goalposts.experiments.report.page.page import build_page
from goalposts.experiments.runs.finetune_csv import FILE, read_finetuned
from goalposts.experiments.runs.run import Run
from goalposts.experiments.system.atomic_files import RunError
from goalposts.experiments.training import finetune as module
from goalposts.experiments.training.finetune import fewer_environments, finetune, marks_of, shifted
from goalposts.experiments.training.train import new_training

STEPS, LEVELS = (1000, 2500), 30  # of rollouts of 1024


class Killed(BaseException):
    pass


def main(given: list[str]) -> int:
    """Run a command line; returns its exit code."""
    with pytest.raises(SystemExit) as end:
        command(given)
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def tuned(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tiny run, fine-tuned."""
    path = copy_of(tiny_run, tmp_path_factory.mktemp("tuned") / "tiny-s0")
    finetune(Run.open(path), steps=STEPS, levels=LEVELS)
    return path


def test_all_arms_are_measured_on_the_same_held_out_levels(tuned: Path) -> None:
    table = read_finetuned(Run.open(tuned))
    assert table is not None
    assert dict(table.schema) == SCHEMA
    cells = table.group_by("arm", "steps", "sampled").agg(pl.col("level_index").sort())
    assert sorted(cells.select("arm", "steps", "sampled").rows()) == [
        (arm, k, sampled) for arm in ARMS for k in (0, 1024, 3072) for sampled in (False, True)
    ]
    assert all(levels == list(range(LEVELS)) for levels in cells["level_index"].to_list())
    assert not (tuned / "finetune").exists()


def test_before_any_training_one_arm_is_the_agent_itself(tuned: Path) -> None:
    table = read_finetuned(Run.open(tuned))
    assert table is not None
    (item,) = evaluated(open_runs([tuned]))
    for actions in (pl.col("sampled"), ~pl.col("sampled")):
        mine = table.filter((pl.col("steps") == 0) & (pl.col("arm") == "finetuned") & actions).sort(
            "level_index"
        )
        known = item.episodes.filter((pl.col("condition") == "off_path") & actions).sort("level_index")
        assert mine["outcome_end"].to_list() == known["outcome_end"].to_list()[:LEVELS]
        assert mine["run"].unique().to_list() == known["run"].unique().to_list()


def test_the_arm_of_matched_entropy_starts_as_randomly_as_a_fresh_net(tuned: Path) -> None:
    table = read_finetuned(Run.open(tuned))
    assert table is not None
    start = table.filter(pl.col("steps") == 0).sort("level_index")
    at = {
        (arm, sampled): start.filter((pl.col("arm") == arm) & (pl.col("sampled") == sampled))["outcome_end"]
        for arm in ARMS
        for sampled in (True, False)
    }
    assert not at["matched", True].equals(at["finetuned", True])
    assert at["matched", False].equals(at["finetuned", False]), "the likeliest action stays the likeliest"
    assert not at["scratch", False].equals(at["finetuned", False])
    (diagnosis,) = diagnoses_of(evaluated(open_runs([tuned])))
    assert diagnosis.recovery is not None
    assert "With the entropy of a fresh net at the start it" in diagnosis.recovery.explanation


def test_one_that_was_killed_ends_in_the_same_table(
    tiny_run: Path, tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real, calls = copy_of(tiny_run, tmp_path / "tiny-s0"), module.write_checkpoint, []

    def dies_after(folder: Path, step: int, *rest: object, **more: object) -> None:
        real(folder, step, *rest, **more)  # type: ignore[arg-type]
        calls.append((folder.name, step))
        raise Killed

    monkeypatch.setattr(module, "write_checkpoint", dies_after)
    for _ in range(9):
        with pytest.raises(Killed):
            finetune(Run.open(path), steps=STEPS, levels=LEVELS)
        assert read_finetuned(Run.open(path)) is None
    assert calls == [(arm, k) for arm in ARMS for k in (0, 1024, 3072)]
    finetune(Run.open(path), steps=STEPS, levels=LEVELS)
    assert (path / "finetune.csv").read_bytes() == (tuned / "finetune.csv").read_bytes()
    assert len(calls) == 9


def test_fewer_steps_than_a_rollout_are_trained_with_fewer_environments(tuned: Path, tmp_path: Path) -> None:
    """Each such number is a separate training from the same start, so what follows it is as without it."""
    config = shifted(Run.open(tuned).config, None, STEPS)
    few = fewer_environments(config, 100)
    assert (few.train.num_envs, few.train.rollout, few.train.batch_size, few.train.total_steps) == (
        4,
        128,
        128,
        128,
    )
    assert fewer_environments(config, 1024) == config
    assert fewer_environments(config, 513) == config
    whole, some = (new_training(config).model.policy.state_dict() for config in (config, few))
    assert all(whole[name].equal(some[name]) for name in whole)
    path = copy_of(tuned, tmp_path / "tiny-s0")
    (path / FILE).unlink()
    told: list[tuple[int, int]] = []
    table = finetune(
        Run.open(path), steps=(100, 1000, 2500), levels=LEVELS, tell=lambda *at: told.append(at[:2])
    )
    assert table["steps"].unique().sort().to_list() == [0, 128, 1024, 3072]
    recorded = read_finetuned(Run.open(tuned))
    assert recorded is not None
    assert table.filter(pl.col("steps") != 128).equals(recorded)
    assert told[-1] == (3 * 3072, 3 * 3072)
    after = {
        arm: table.filter((pl.col("arm") == arm) & (pl.col("steps") == 128) & pl.col("sampled"))[
            "outcome_end"
        ]
        for arm in ARMS
    }
    assert not after["scratch"].equals(after["finetuned"])
    alone = finetune(Run.open(path), steps=(100,), levels=LEVELS)
    assert alone.equals(table.filter(pl.col("steps") <= 128))


def test_other_algorithms_than_ppo_round_up_to_their_rollout() -> None:
    config = load_config("coinrun/edge", ["train.algorithm=A2C"])
    assert fewer_environments(config, 1) == config
    assert marks_of(config, (1,)) == [0, config.train.rollout]


def test_a_file_without_greedy_episodes_is_read_as_sampled_and_replaced(tuned: Path, tmp_path: Path) -> None:
    path = copy_of(tuned, tmp_path / "tiny-s0")
    new = read_finetuned(Run.open(path))
    assert new is not None
    old = new.filter("sampled").drop("sampled")
    (path / FILE).write_text(old.write_csv())
    as_sampled = read_finetuned(Run.open(path))
    assert as_sampled is not None
    assert new.filter("sampled").equals(as_sampled)
    (diagnosis,) = diagnoses_of(evaluated(open_runs([path])))
    assert diagnosis.recovery is not None
    assert diagnosis.recovery.greedy == ()
    assert "greedy" not in recovery_text(diagnosis.recovery)
    assert finetune(Run.open(path), steps=STEPS, levels=LEVELS).equals(new)
    assert (path / FILE).read_bytes() == (tuned / FILE).read_bytes()


def test_existing_results_are_kept_and_other_settings_replace_them(tuned: Path, tmp_path: Path) -> None:
    path = copy_of(tuned, tmp_path / "tiny-s0")
    before = untouched(path)
    finetune(Run.open(path), steps=STEPS, levels=LEVELS)
    after = untouched(path)
    assert before.pop(str(path / ".lock"), None) or True
    after.pop(str(path / ".lock"), None)
    assert {k: v for k, v in after.items() if v != before.get(k)} == {}
    found = finetune(Run.open(path), "left", (1000,), 10)
    assert found["condition"].unique().to_list() == ["left"]
    stored = read_finetuned(Run.open(path))
    assert stored is not None
    assert found.equals(stored)


def test_command_and_diagnosis_report_the_curve(
    tuned: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    given = ["finetune", str(tuned), *(f"--steps={k}" for k in STEPS), f"--levels={LEVELS}", "-q"]
    assert main(given) == 0
    shown = capsys.readouterr().out
    assert "3,072" in shown
    assert shown.splitlines()[-1] == f"next: goalposts diagnose {tuned}, goalposts report {tuned}"
    (diagnosis,) = diagnoses_of(evaluated(open_runs([tuned])))
    assert diagnosis.recovery is not None
    assert diagnosis.recovery.explanation in shown
    assert "the same levels with greedy actions; the conclusion rests on sampled ones" in shown
    last = diagnosis.recovery.greedy[-1]
    figures = f"3,072 {last.finetuned.short} {last.estimates['matched'].short} {last.scratch.short} {LEVELS}"
    assert figures in [" ".join(line.split()) for line in shown.splitlines()]
    assert diagnosis.recovery.explanation in diagnosis_text(diagnosis, "")
    assert diagnosis.to_dict()["finetuning"]["points"][0]["finetuned"]["n"] == LEVELS
    assert main([*given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["condition"] == "off_path"


def test_wrong_uses_are_refused_before_any_work(
    tuned: Path, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["finetune", str(tuned), "--condition", "none"]) == 2
    assert "shows no goal" in capsys.readouterr().err
    assert main(["finetune", str(tuned), "--condition", "offpath"]) == 2
    assert "off_path" in capsys.readouterr().err
    config = Run.open(tuned).config
    with pytest.raises(UserError, match="each once"):
        shifted(config, None, (5, 5))
    assert marks_of(config, (1, 1024, 1025)) == [0, 32, 1024, 2048]
    path = copy_of(tuned, tmp_path / "tiny-s0")
    (path / "finetune.csv").write_text("run,arm\nx,y\n")
    with pytest.raises(RunError, match="damaged"):
        read_finetuned(Run.open(path))


def test_weights_of_another_net_than_the_config_are_refused_with_a_message(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy_of(tiny_run, tmp_path / "tiny-s0")
    run = Run.open(path)
    last = run.latest_checkpoint()
    assert last is not None
    other = new_training(run.config.override(["train.net.trunk=[24]"])).agent()
    save_policy(last.path, other.policy, other.card)
    assert main(["finetune", str(path), "--steps", "1000", "--levels", "5"]) == 2
    said = capsys.readouterr()
    assert f"{last.path / 'checkpoint.json'} contradicts the run" in said.err
    assert "trunk (24,), not (32,)" in said.err
    assert "Restore it from a copy of the run" in said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert not (path / FILE).exists()


def test_all_arms_train_on_the_intended_reward(tuned: Path) -> None:
    config = Run.open(tuned).config.override(["env.reward=proxy"])
    found = shifted(config, None, STEPS)
    assert (found.env.reward, found.env.condition, found.train.anneal) == ("goal", "off_path", False)
    assert found.seed == config.seed


@pytest.mark.slow
def test_the_report_of_a_run_shows_it(tuned: Path, tiny_run: Path) -> None:
    """Even on a condition that the run was not evaluated on; a run without fine-tuning shows none."""
    page = build_page(report_data([Run.open(tuned)], ""))
    assert "Was the capability there?" in page
    assert 'data-csv="finetuning"' in page
    assert "Was the capability there?" not in build_page(report_data([Run.open(tiny_run)], ""))


def test_the_report_names_a_condition_that_only_the_fine_tuning_had(tuned: Path, tmp_path: Path) -> None:
    path = copy_of(tuned, tmp_path / "tiny-s0")
    (path / FILE).write_text((path / FILE).read_text().replace("off_path", "left"))
    assert "on held-out levels with the coin behind the start" in build_page(
        report_data([Run.open(path)], "")
    )
