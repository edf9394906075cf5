"""What `goalposts diagnose` prints of agents from outside: whether they can see the goal, and no sentence that is untrue of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fixtures.places import ROOT

from goalposts.envs import get_world
from goalposts.experiments.cli.main import main

RUNNER = """
from fixtures.calibration_agents import Reflex, run_to

def agent():
    return Reflex("RunsRight", run_to(1), 4)

def blind_planner():
    from goalposts.agents.scripted import BlindToGoal
    return BlindToGoal()
"""


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["diagnose", *words])
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    return said.out


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "runner.py").write_text(RUNNER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")  # no heading wraps
    return "runner.py"


@pytest.mark.slow
def test_of_an_agent_that_never_reads_the_coin_it_is_said_how_many_flips_changed_nothing(
    capsys, runner: str
) -> None:
    out = printed(capsys, f"{runner}:agent", "--levels", "30", "--quiet")
    assert "most touch first" in out  # of a runner, "edge_held_out → goal" is no statement on what it pursues
    assert "goal and proxy in one cell count as goal" in out
    assert re.search(
        r"Can it see the goal\?\s+No flip of the bits that show the goal \(plane coin\) changed", out
    )
    assert "cannot see the goal:" not in out


@pytest.mark.slow
def test_nothing_is_claimed_of_the_sight_of_an_agent_that_reads_the_level(capsys, runner: str) -> None:
    out = " ".join(printed(capsys, f"{runner}:blind_planner", "--levels", "30", "--quiet").split())
    assert "Can it see the goal? whether an agent can see the goal is tested on agents whose" in out
    assert "It cannot see" not in out


def test_the_lesson_names_the_behaviour_as_diagnose_prints_it() -> None:
    names = {one.name for one in get_world("CoinRun").behaviours}
    lesson = " ".join((ROOT / "docs/lesson.md").read_text("utf-8").split())
    (name,) = re.findall(r"\*\*What it does, by the probes: it ([^*.]+)\.\*\*", lesson)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(f"what it does, by the probes +{name}  ", readme)
    cells = json.loads((ROOT / "docs/lesson.ipynb").read_text("utf-8"))["cells"]
    quoted = re.findall(r"\*it ([a-z ]+)\*", "".join("".join(cell["source"]) for cell in cells))
    assert name in quoted
    assert set(quoted) <= names
