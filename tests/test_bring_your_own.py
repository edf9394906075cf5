"""The programs of docs/bring-your-own.md run as they are printed."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.places import ROOT
from fixtures.tasks import small_task
from fixtures.tiny import copy_of

from goalposts.agents import GoalpostsVecEnv
from goalposts.agents.methods.task import finished
from goalposts.experiments.cli.main import main

PAGE = (ROOT / "docs" / "bring-your-own.md").read_text("utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def program(word: str) -> str:
    """The one program of the page that holds a word."""
    found = [one for one in PROGRAMS if word in one]
    assert len(found) == 1, word
    return found[0]


def run(word: str, **given: Any) -> dict[str, Any]:
    names = {"__name__": "page", **given}
    exec(compile(program(word), "docs/bring-your-own.md", "exec"), names)
    return names


def test_the_method_for_the_leaderboard_is_complete_and_trains() -> None:
    assert len(program("class ReplayFailures").splitlines()) <= 40
    method = run("class ReplayFailures")["ReplayFailures"]()
    task = small_task()
    assert finished(method.train(task, 3), task, "small").card.step == 2048


def test_the_method_trains_within_its_budgets() -> None:
    method = run("class HalfAndHalf")["HalfAndHalf"](shifted=5)
    task = small_task(labels=5)
    assert finished(method.train(task, 3), task, "small").card.step == 4096
    assert (task.steps.left, task.labels.left) == (0, 0)


def test_the_sampler_plays_what_failed() -> None:
    sampler = run("class Hardest")["Hardest"]()
    env = GoalpostsVecEnv(8, num_levels=20, sampler=sampler, max_steps=5)
    env.reset()
    for _ in range(60):
        env.step(np.full(8, 2))
    assert sampler.failures.shape == (20,)
    assert sampler.failures.min() >= 0.9**60


def test_the_inside_of_an_agent_is_shown(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    copy_of(tiny_run, tmp_path / "runs" / "edge-s0")
    monkeypatch.chdir(tmp_path)
    names = run("from goalposts.agents import Edited")
    assert names["effect"].shape == (64, 4)
    assert names["hidden"].shape == (64, 32)
    assert names["everywhere"].shape == (9 * 15, 4)


def test_an_agent_is_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_agent.py").write_text(program("class RunRight"), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    code = program("from goalposts.experiments import adopt").replace("levels=1000", "levels=10")
    names: dict[str, Any] = {}
    exec(compile(code, "docs/bring-your-own.md", "exec"), names)
    assert names["run"].status().state == "finished"


def test_a_zip_is_adopted_with_its_wrappers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(program("VecNormalize(").replace("500_000", "4096").replace("n_steps=64", "n_steps=16"), {})
    command = re.findall(r"    goalposts (adopt mine.zip .*)\n", PAGE)
    assert len(command) == 1
    with pytest.raises(SystemExit) as ended:
        main([*command[0].split(), "--levels", "10", "--condition", "edge_held_out"])
    assert ended.value.code == 0
    assert (tmp_path / "runs" / "zip-s0").is_dir()


def test_the_algorithm_learns_within_its_budget() -> None:
    method = run("class Reinforce")["Reinforce"]()
    rows: list[dict[str, Any]] = []
    task = small_task(steps=4096, log=lambda row, agent: rows.append(row))
    before = task.learner().agent().policy.state_dict()
    agent = finished(method.train(task, 3), task, "small")
    assert agent.card.step == 4096
    assert [row["step"] for row in rows] == [1024, 2048, 3072, 4096]
    after = agent.policy.state_dict()
    assert any(not before[name].equal(after[name]) for name in before)


def test_the_extractor_is_trained_and_judged(
    tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_nets.py").write_text(program("class MyExtractor"), "utf-8")
    code = program("load_code(").replace("levels=1000", "levels=10")
    code = code.replace('load_config("coinrun/edge"', f"load_config({str(tiny_config)!r}")
    names: dict[str, Any] = {}
    exec(compile(code, "docs/bring-your-own.md", "exec"), names)
    assert len(names["run"].config.train.net.source) == 64
    assert names["verdict"].label in ("INCONCLUSIVE", "CAPABILITY LOSS")


def test_every_program_of_the_page_is_tested() -> None:
    assert len(PROGRAMS) == 10  # nine here, the method of the leaderboard in study/leaderboard/test_added.py
