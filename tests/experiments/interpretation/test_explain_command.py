"""`goalposts explain`: what it prints, keeps and writes, and what it refuses in one sentence."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from fixtures.command import Cli
from fixtures.tiny import copy_of

from goalposts.agents import GoToGoal
from goalposts.experiments.external.adopt import adopt
from goalposts.experiments.publish.explained import explained
from goalposts.experiments.report.page.inside import inside
from goalposts.experiments.runs.run import Run, RunError

AGENT = """
import numpy as np

class Right:
    def predict(self, observation, deterministic=False):
        return np.full(len(observation), 2), None

    def action_probabilities(self, observation):
        return np.tile([0.0, 0.0, 1.0, 0.0], (len(observation), 1))

class Silent:
    def predict(self, observation, deterministic=False):
        return np.full(len(observation), 2), None
"""


@pytest.fixture(scope="module")
def run(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(tiny_run, tmp_path_factory.mktemp("explain") / "tiny-s0")


def test_it_prints_keeps_and_writes(run: Path, tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "explained"
    code, said, _ = cli("explain", run, "--out", out, "--levels", "8", "--quiet")
    assert code == 0
    for words in ("What moves the policy", "Policy against value", "In words", "untrained", "plane coin"):
        assert words in said
    names = {path.name for path in out.iterdir()}
    assert names == {"maps.csv", "effects.csv", "support.csv", "explanation.json", "influence.svg"}
    title = ElementTree.fromstring((out / "influence.svg").read_text("utf-8"))
    assert "the policy of" in " ".join(" ".join(title.itertext()).split())
    kept = json.loads((run / "explanation.json").read_text("utf-8"))
    assert [one["agent"] for one in kept] == ["tiny-s0", "untrained"]
    assert json.loads((out / "explanation.json").read_text("utf-8")) == kept
    maps = (out / "maps.csv").read_text("utf-8")
    for quantity in ("pull", "tv", "p(jump)", "logit(left)", "value"):
        assert f",{quantity}," in maps
    code, _, said = cli("explain", run, "--out", out)
    assert code == 2
    assert "is there already" in said

    item: Any = SimpleNamespace(run=Run.open(run), name="A name")
    found = explained([item])
    assert [one.agent for one in found] == ["A name", "untrained"]
    data: Any = SimpleNamespace(inside=found, world=SimpleNamespace(goal="the coin", proxy="the right edge"))
    view = inside(data)
    assert view is not None
    assert view.svg.startswith("<svg")
    assert view.rows[0][0] == "A name"
    kept[0]["step"] = 1  # another checkpoint
    (run / "explanation.json").write_text(json.dumps(kept))
    assert explained([item]) == []
    (run / "explanation.json").write_text(json.dumps([{"agent": 1}]))
    with pytest.raises(RunError, match="is damaged"):
        explained([item])


@pytest.mark.parametrize(
    ("change", "damaged"),
    [
        ({}, False),
        ({"row": 10**9}, True),
        ({"col": -(10**9)}, True),
        ({"mean": float("inf")}, True),
        ({"mean": float("nan")}, True),
        ({"mean": 1e308}, True),
        ({"goal_used": "x" * 5_000}, True),
    ],
)
def test_only_a_map_that_an_explanation_can_have_is_read(
    change: dict[str, Any], damaged: bool, tiny_run: Path, tmp_path: Path
) -> None:
    """Regression: an infinite cell in an untrusted explanation.json was a traceback of `report`, a far one 21 s of drawing."""
    run = Run.open(copy_of(tiny_run, tmp_path / "run"))
    last = run.latest_checkpoint()
    assert last is not None
    row = {"row": 0, "col": 1, "mean": 0.5} | change
    words = dict.fromkeys(("decodable", "goal_used", "proxy_used", "critic_values"), "yes")
    words |= {name: value for name, value in change.items() if name in words}
    columns = ["role", "thing", "row", "col", "mean", "error", "states", "levels"]
    rows = [["control", "goal", row["row"], row["col"], row["mean"], 0.1, 5, 5]]
    kept = {
        "agent": "a",
        "step": last.step,
        "in_words": words,
        "map": {"columns": columns, "rows": rows},
    }
    (run.path / "explanation.json").write_text(json.dumps([kept]))
    item: Any = SimpleNamespace(run=run, name="A name")
    if damaged:
        with pytest.raises(RunError, match="is damaged"):
            explained([item])
    else:
        assert len(explained([item])) == 1


def test_agent_that_is_not_a_run_gets_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    (tmp_path / "right_runner_x.py").write_text(AGENT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")  # no cell wraps
    code, said, _ = cli("explain", "right_runner_x:Right", "--levels", "8")
    assert code == 0
    assert "no: no bit changes anything" in said
    assert "needs weights" in said
    code, _, said = cli("explain", "right_runner_x:Silent")
    assert code == 2
    assert "has no action_probabilities" in said
    code, _, said = cli("explain", "right_runner_x:Right", "--full")
    assert code == 2
    assert "without --full" in said
    code, _, said = cli("explain", "right_runner_x:Right", "--observation", "rgb")
    assert code == 2
    assert "sees pixels" in said
    sys.modules.pop("right_runner_x", None)


def test_world_without_a_movable_goal_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    (tmp_path / "right_runner_y.py").write_text(AGENT.replace("1.0, 0.0]", "1.0, 0.0, 0.0]"))
    monkeypatch.syspath_prepend(tmp_path)
    code, _, said = cli("explain", "right_runner_y:Right", "--world", "Overseer")
    assert code == 2
    assert "Overseer has no movable goal" in said


def test_folder_of_an_adopted_agent_says_that_the_agent_itself_is_needed(tmp_path: Path, cli: Cli) -> None:
    run = adopt(GoToGoal(), tmp_path / "adopted", levels=2, conditions=["edge_held_out", "off_path"])
    for command in ("explain", "foresee"):
        code, _, said = cli(command, run.path)
        assert code == 2
        assert "holds the episodes of an adopted agent, but no agent to ask" in said
        assert "--world CoinRun" in said
