"""Paths, overrides, names and environments of studies and runs."""

import os
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from fixtures.faults import row
from fixtures.places import ROOT, TESTS
from fixtures.tiny import YAML

from goalposts.errors import UserError
from goalposts.experiments.cli.main import main
from goalposts.experiments.external.agent_options import AgentOptions
from goalposts.experiments.external.named_agent import agent_named
from goalposts.experiments.runs.run import Run
from goalposts.experiments.study.design.config import read_study
from goalposts.experiments.study.design.plan import refuse_changes
from goalposts.experiments.study.session import choose_engine

MADE = TESTS / "fixtures" / "made_by_adb767d"
RUN = str(MADE / "run")


@row("C9")
def test_no_extra_is_without_code() -> None:
    assert "wandb" not in (ROOT / "pyproject.toml").read_text("utf-8")


@row("B12")
def test_a_cluster_in_the_environment_and_workers_contradict_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6390")
    with pytest.raises(UserError, match=r"RAY_ADDRESS=127.*leave out --workers"):
        choose_engine("ray", None, 1)


@row("B12")
@pytest.mark.parametrize(
    ("variables", "address", "asked", "said"),
    [
        (
            {"RAY_ADDRESS": "host:1"},
            None,
            "host:1",
            r"cluster 'host:1' \(RAY_ADDRESS\) cannot be reached: no\. Is it up",
        ),
        ({"RAY_ADDRESS": "host:1"}, "other:2", "other:2", r"cluster 'other:2' cannot be reached"),
        ({"RAY_ADDRESS": "local", "RAY_NAMESPACE": "x"}, None, None, r"unset RAY_ADDRESS, RAY_NAMESPACE"),
        (
            {"RAY_ADDRESS": " "},
            None,
            None,
            r"cannot be started here: no; unset RAY_ADDRESS.* leave out --engine ray",
        ),
        ({}, None, None, r"cannot be started here: no; either install Ray again"),
    ],
)
def test_what_ray_refuses_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    address: str | None,
    asked: str | None,
    said: str,
) -> None:
    def init(**options: object) -> None:
        assert options["address"] == asked
        raise RuntimeError("no.")

    monkeypatch.setitem(sys.modules, "ray", types.SimpleNamespace(init=init))
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=said):
        choose_engine("ray", address, None if asked else 1)


@row("C10")
def test_a_base_on_the_command_line_is_seen_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.yaml").write_text(YAML, "utf-8")
    monkeypatch.chdir(tmp_path)
    base: Any = read_study("alpha", ["base=my.yaml"])[0].base
    assert base["train"]["total_steps"] == 8192


@row("C10")
def test_a_study_folder_is_not_made_another_study(tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(MADE / "study", study)
    with pytest.raises(UserError, match="holds another study: levels"):
        refuse_changes(study, ["levels=7"], None)
    refuse_changes(study, ["seeds=7"], None)
    refuse_changes(study, ["levels=7"], tmp_path / "other")


@row("C10")
def test_a_run_below_runs_is_suggested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(MADE / "run", tmp_path / "runs" / "edge-s0")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="Did you mean runs/edge-s0"):
        Run.open("edge-s0")


@row("B12")
@pytest.mark.parametrize(
    ("reason", "address", "said"),
    [
        (
            "Version mismatch: The cluster was started with: Ray: 2.9.0",
            "host:1",
            "other versions.*Ray: 2.9.0. Install",
        ),
        (
            "Python minor versions differ between client and server",
            "ray://host:1",
            "other versions.*Install the same",
        ),
        ("bad address", "http://host:8265", "Ray's dashboard, not a cluster; give host:6379"),
    ],
)
def test_a_cluster_that_is_up_is_not_called_down(
    monkeypatch: pytest.MonkeyPatch, reason: str, address: str, said: str
) -> None:
    def init(**options: object) -> None:
        raise RuntimeError(reason)

    monkeypatch.setitem(sys.modules, "ray", types.SimpleNamespace(init=init))
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UserError, match=said) as refused:
        choose_engine("ray")
    assert "Is it up" not in str(refused.value)
    assert "(RAY_ADDRESS)" in str(refused.value)


@row("C9")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["diagnose", RUN, "--levels", "7"], "--levels: only for an agent that is not a run"),
        (
            ["diagnose", RUN, "--observation", "full", "--trust"],
            "--observation and --trust: only for an agent",
        ),
        (["foresee", RUN, "--frames", "4"], "--frames: only for an agent that is not a run"),
        (
            ["explain", RUN, "--vec-normalize", "v.pkl"],
            "--vec-normalize: only for an agent that is not a run",
        ),
        (
            ["levels", "off_path", "--file", "l.txt"],
            "--file shows all levels of its file; leave the condition",
        ),
        (["levels", "--file", "l.txt", "--count", "1"], "--file shows all levels of its file"),
        (["record", RUN, "--start", "2"], "--start is the index of a level of --file; give --file"),
        (["edit", "l.txt", "--condition", "left"], "l.txt is there already, with its own levels; leave"),
    ],
)
def test_no_option_is_ignored_in_silence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "l.txt").write_text("; CoinRun\n")
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert (tmp_path / "l.txt").read_text() == "; CoinRun\n"


@row("C3")
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("json:dumps", "json:dumps cannot be called without arguments (missing a required argument: 'obj')"),
        ("math:pi", "math:pi is float; give an agent with predict"),
    ],
)
def test_what_is_no_agent_is_named(word: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        agent_named(word, AgentOptions())
    assert said in str(refused.value)
