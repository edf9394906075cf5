"""Runs by a method: shipped ones, and one of 30 lines in a file outside the repository, in a run and in a study."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures import half_method
from fixtures.tiny import results

from goalposts.agents import BudgetExceeded, load_code, named_code
from goalposts.agents.named_code import CodeError
from goalposts.errors import UserError
from goalposts.experiments import ConfigError, Run, diagnose, load_config, train
from goalposts.experiments.measurement.episodes import read_episodes
from goalposts.experiments.study.design.plan import plan_study

SMALL = [
    *("train.total_steps=4096", "train.probe_every=2048", "train.probe_levels=10", "train.num_envs=16"),
    *(
        "train.batch_size=256",
        "env.levels=200",
        "evaluate.levels=20",
        "evaluate.conditions=[edge_held_out, off_path]",
    ),
]
MEASURED = ["evaluate.levels=300", "evaluate.conditions=[edge_held_out, off_path]", "evaluate.greedy=false"]
METHOD = Path(half_method.__file__).read_text("utf-8")


@pytest.fixture
def method(tmp_path: Path) -> str:
    (tmp_path / "half_method.py").write_text(METHOD)
    return str(tmp_path / "half_method.py") + ":HalfAndHalf"


# ── the config ──


def test_a_method_enters_the_hash_with_all_its_options() -> None:
    plain, plr = load_config("coinrun/edge"), load_config("coinrun/edge", ["method=plr"])
    assert plr.hash() != plain.hash()
    assert plr.method is not None
    assert plr.method.options["buffer"] == 4096
    assert load_config("coinrun/edge", ["method.name=plr", "method.replay=0.5"]).hash() == plr.hash()
    assert load_config("coinrun/edge", ["method.name=plr", "method.replay=0.3"]).hash() != plr.hash()
    short = ["method=plr", "method.replay=0.3"]  # in any order
    assert load_config("coinrun/edge", short) == load_config("coinrun/edge", short[::-1])
    assert load_config("coinrun/edge", short).hash() == plr.override(["method.replay=0.3"]).hash()
    assert plr.override(["method.replay=0.3"]).method.options["replay"] == 0.3  # type: ignore[union-attr]
    assert plr.override(["method.name=ensemble"]).method.options == {"members": 4}  # type: ignore[union-attr]
    assert "method" not in plain.to_yaml()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["method=plrr"], "there is no method 'plrr'; .* Did you mean 'plr'"),
        (["method.name=plr", "method.replya=0.3"], "plr has no option 'replya'.* Did you mean 'replay'"),
        (["method.name=plr", "method.buffer=x"], "buffer is 'x'; it must be a whole number"),
        (["method.name=plr", "method.labels=-1"], "-1 is out of range"),
        (["method.steps=3"], "method.name: this key is missing"),
    ],
)
def test_what_is_wrong_with_a_method_is_said(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("coinrun/edge", overrides)


def test_the_source_of_a_custom_method_enters_the_hash(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = ["method.name=half_method:HalfAndHalf"]
    unnamed = load_config("coinrun/edge", written)
    load_code(method)
    first = load_config("coinrun/edge", written)
    assert first.method is not None
    assert first.method.source == named_code.named_code("half_method:HalfAndHalf").digest
    assert first.method.options == {"shifted": 20}
    file = Path(method.rpartition(":")[0])
    file.write_text(METHOD + "# edited\n")
    monkeypatch.setattr(named_code, "_named", {})
    sys.modules.pop("half_method")
    load_code(method)
    edited = load_config("coinrun/edge", written)
    assert len({unnamed.hash(), first.hash(), edited.hash()}) == 3
    with pytest.raises(Exception, match="was edited since this config was resolved"):
        train(first, file.parent / "run")
    assert not (file.parent / "run").exists()


def test_a_config_does_not_import_the_method_that_it_names(method: str, tmp_path: Path) -> None:
    config = load_config("coinrun/edge", ["method.name=half_method:HalfAndHalf", *SMALL])
    with pytest.raises(CodeError, match="goalposts --code half_method:HalfAndHalf"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert "half_method" not in sys.modules


# ── runs ──


@pytest.mark.slow
def test_a_run_by_a_custom_method_is_a_run_like_any_other(method: str, tmp_path: Path) -> None:
    load_code(method)
    config = load_config("coinrun/edge", ["method.name=half_method:HalfAndHalf", "method.labels=20", *SMALL])
    run = train(config, tmp_path / "run")
    assert run.status().message == "4,096 of 4,096 environment steps, 20 of 20 labels"
    assert (run.status().state, [point.step for point in run.checkpoints()]) == ("finished", [4096])
    facts = json.loads((run.path / "provenance.json").read_text())
    assert list(facts["modules"]) == ["half_method"]
    assert diagnose(read_episodes(run.episodes_path)).label
    rows = run.progress()
    assert [row["step"] for row in rows] == [1024, 2048, 3072, 4096]
    assert rows[-1]["eval/off_path/goal_first"] is not None
    again = train(config, tmp_path / "again")
    assert results(again.path) == results(run.path)
    assert Run.open(run.path).config == config


@pytest.mark.slow
def test_a_method_beyond_its_budget_leaves_a_failed_run_that_says_why(tmp_path: Path) -> None:
    config = load_config("coinrun/edge", ["method.name=plain", "method.steps=3000", *SMALL])
    with pytest.raises(BudgetExceeded):
        train(config, tmp_path / "run")
    status = Run.open(tmp_path / "run").status()
    assert status.state == "failed"
    assert "more environment steps than its budget" in status.message


@pytest.mark.parametrize(
    ("body", "message"), [("None", "returned None"), ("task.nothing()", "AttributeError")]
)
def test_a_method_with_a_fault_leaves_a_failed_run_that_says_which(
    body: str, message: str, tmp_path: Path
) -> None:
    code = tmp_path / "faulty.py"
    code.write_text(f"class Faulty:\n    def train(self, task, seed):\n        return {body}\n")
    load_code(f"{code}:Faulty")
    config = load_config("coinrun/edge", ["method.name=faulty:Faulty", *SMALL])
    with pytest.raises((UserError, AttributeError)):
        train(config, tmp_path / "run")
    status = Run.open(tmp_path / "run").status()
    assert status.state == "failed"
    assert message in status.message


@pytest.mark.slow
def test_a_study_of_a_custom_method_resumes_on_two_workers(method: str, tmp_path: Path) -> None:
    """Against plain training; one half alone and then the rest gives the same bytes as all at once."""
    load_code(method)
    (tmp_path / "study.yaml").write_text(
        "name: cure\nbase: coinrun/edge\nseeds: 1\nconditions: [edge_held_out, off_path]\nlevels: 20\n"
        f"set: {{{', '.join(one.replace('=', ': ') for one in SMALL if not one.startswith('evaluate'))}}}\n"
        'arms: [{name: half, set: {method.name: "half_method:HalfAndHalf", method.labels: 20}}]\n'
    )
    assert len(plan_study(tmp_path / "study.yaml").runs) == 2

    def study(out: str, *more: str) -> None:
        words = ("study", "study.yaml", "--out", out, "--code", method, "--quiet", *more)
        command = [sys.executable, "-m", "goalposts", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout

    study("whole", "--workers", "2")
    study("parts", "--workers", "1", "--limit", "1")
    study("parts", "--workers", "2")
    for name in ("summary.csv", "episodes.parquet"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_tensorboard_holds_the_rows_and_statistics_of_every_learner(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = load_config("coinrun/edge", [*SMALL, "method.name=ensemble", "method.members=2"])
    run = train(config, tmp_path / "run", evaluate=False)
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    rows = run.progress()
    assert len(rows) > 2
    for column in ("ep_rew_mean", "policy_loss", "entropy", "learning_rate"):
        logged = {event.step: event.value for event in events.Scalars(f"goalposts/{column}")}
        expected = {row["step"]: row[column] for row in rows if row[column] is not None}
        assert logged == pytest.approx(expected, rel=1e-6), column
    losses = [event.step for event in events.Scalars("train/value_loss")]
    assert losses == [row["step"] for row in rows], "of both learners, at the steps of the task"


@pytest.mark.slow
def test_labelled_levels_move_the_goal_of_a_misgeneralized_agent(tmp_path: Path) -> None:
    """From `init_from`, and with the same labels from an untrained net; both runs say what they spent."""
    found = {}
    plain = train(
        load_config("coinrun/edge", ["train.total_steps=300_000", "train.probe_every=null", *MEASURED]),
        tmp_path / "plain",
    )
    for start in ("trained", "untrained"):
        cloned = ["method.name=labelled_cloning", "method.labels=100", f"method.start={start}"]
        config = load_config(
            "coinrun/edge",
            [*cloned, f"init_from={plain.path}", "method.updates=300", "train.probe_every=null", *MEASURED],
        )
        found[start] = train(config, tmp_path / start)
        assert re.fullmatch(
            r"[\d,]+ of 1,007,616 environment steps, 100 of 100 labels", found[start].status().message
        )
    preference = {
        name: diagnose(read_episodes(run.episodes_path)).numbers["preference"].value
        for name, run in {"plain": plain, **found}.items()
    }
    assert preference["trained"] > preference["plain"] + 0.2, preference
    assert preference["untrained"] > preference["plain"] + 0.2, preference
    assert found["trained"].config.hash() != found["untrained"].config.hash()
