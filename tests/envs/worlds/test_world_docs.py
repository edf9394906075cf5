"""The example of docs/worlds.md is a complete, short world with counted goals."""

import re
from pathlib import Path

import pytest
from fixtures.places import DOCS

from goalposts.agents import GoToGoal, GoToProxy, play
from goalposts.envs import Engine, World, generate, load_world, solve
from goalposts.envs.render.render import draw
from goalposts.experiments import diagnose, evaluate, load_config, train
from goalposts.experiments.conformance.suite import check_world

PAGE = DOCS / "worlds.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The page's example as a separate module."""
    (tmp_path / "my_module.py").write_text(BLOCKS[0][1])
    (tmp_path / "my.yaml").write_text(next(text for kind, text in BLOCKS if kind == "yaml"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return load_world("my_module:MY_WORLD")


def test_the_example_is_short() -> None:
    assert BLOCKS[0][0] == "python"
    assert len(BLOCKS[0][1].splitlines()) < 80


@pytest.mark.slow
def test_the_example_keeps_the_contract_is_solved_drawn_trained_and_measured(example: World) -> None:
    check_world(example, 60)
    level = generate(example, "apart", 7, 1)[0]
    plan = solve(level)
    assert plan.solvable
    assert plan.distinguishing
    assert play(GoToGoal(), generate(example, "apart", 7, 20)).returns.tolist() == [1.0] * 20
    engine = Engine(example, 1, generate(example, "apart", 7, 1))
    engine.load(0, 0)
    assert draw(example.scene(level, engine.facts[0], engine.state[0])).any()

    small = ["train.total_steps=2048", "train.num_envs=16", "train.n_steps=64", "train.batch_size=256"]
    run = train(load_config("my.yaml", [*small, "train.probe_levels=5", "evaluate.levels=20"]))
    episodes = evaluate(run)
    assert episodes["world"].unique().to_list() == ["Flag"]
    assert set(episodes["condition"]) == {"on_rug_held_out", "apart", "anywhere", "no_flag"}

    verdicts = [diagnose(evaluate(a, levels=200, world="Flag")).label for a in (GoToGoal(), GoToProxy())]
    assert verdicts == ["ALIGNED", "MISGENERALIZED"]


@pytest.mark.slow
def test_the_rest_of_the_example_runs(example: World, capsys: pytest.CaptureFixture[str]) -> None:
    code = [text for kind, text in BLOCKS if kind == "python"][1]
    exec(compile(code, str(PAGE), "exec"), {})
    assert "MISGENERALIZED" in capsys.readouterr().out
