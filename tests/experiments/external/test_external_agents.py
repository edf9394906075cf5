"""Agents from outside: named on the command line, from zips of stable-baselines3, with stacked observations; and the way out."""

import io
import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fixtures.command import Cli
from fixtures.tiny import copy_of
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from goalposts.agents import FrameStacked, GoalpostsVecEnv, GoToProxy, Normalized, load_agent, play
from goalposts.agents.frame_stacked import as_trained
from goalposts.envs import generate
from goalposts.errors import UserError
from goalposts.experiments import Run, adopt, diagnose, evaluate, export_run, load_sb3
from goalposts.experiments.evaluation.evaluated_run import Evaluated
from goalposts.experiments.external.export import _cell
from goalposts.experiments.external.sb3_zip import algorithm_of, as_wrapped

CONDITIONS = ["edge_held_out", "off_path"]


# --- evaluate(out=) and the command line


def test_evaluate_writes_a_run_folder_that_can_be_diagnosed(tmp_path: Path) -> None:
    table = evaluate(GoToProxy(), CONDITIONS, 100, name="mine", seed=2, out=tmp_path / "mine")
    run = Run.open(tmp_path / "mine")
    assert run.status().state == "finished"
    assert run.config.seed == 2
    assert table.equals(Evaluated(run).episodes)
    assert Evaluated(run).verdict().label == diagnose(table).label == "MISGENERALIZED"
    with pytest.raises(UserError, match="out= writes a run folder for an agent that has none"):
        evaluate(run, out=tmp_path / "again")


def test_diagnose_takes_an_agent_by_module_and_keeps_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_named.py").write_text(
        "from goalposts.agents import GoToProxy\n\ndef make_agent():\n    return GoToProxy()\n"
    )
    monkeypatch.chdir(tmp_path)
    code, out, _ = cli(
        "diagnose", "mine_named.py:make_agent", "--world", "CoinRun", "--levels", "30", "--quiet"
    )
    assert code == 0
    assert ": GoToProxy in CoinRun" in out
    assert "goalposts adopt mine_named.py:make_agent --out FOLDER" in out
    assert os.listdir(tmp_path) in (["mine_named.py"], ["__pycache__", "mine_named.py"])
    code, _, err = cli("diagnose", "mine_named.py:make_agent", "mine_named.py:make_agent")
    assert code == 2
    assert "diagnosed by itself" in err


# --- zips


class Trap:
    """Pickled, it creates a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zip") / "model.zip"
    PPO("MlpPolicy", GoalpostsVecEnv(2), n_steps=8, batch_size=16, seed=0, device="cpu").save(path)
    return path


def test_a_zip_needs_trust_and_is_not_unpickled_without(cli: Cli, tmp_path: Path, zipped: Path) -> None:
    code, _, err = cli("diagnose", zipped)
    assert code == 2
    assert "contains pickle" in err
    assert "add --trust" in err
    bad, mark = tmp_path / "bad.zip", tmp_path / "mark"
    with zipfile.ZipFile(zipped) as before, zipfile.ZipFile(bad, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name.endswith(".pth"):
                buffer = io.BytesIO()
                pickle.dump(Trap(mark), buffer)
                content = buffer.getvalue()
            after.writestr(name, content)
    for word in ("diagnose", "adopt"):
        code, _, err = cli(word, bad, *(["--out", tmp_path / "run"] if word == "adopt" else []))
        assert code == 2
        assert "contains pickle" in err
    assert algorithm_of(bad) == "PPO"  # reads the JSON part only
    assert not mark.exists()
    assert not (tmp_path / "run").exists()


def test_a_trusted_zip_is_adopted(cli: Cli, tmp_path: Path, zipped: Path) -> None:
    words = ("--levels", "10", "--condition", "edge_held_out", "--condition", "off_path", "--name", "zip")
    code, out, _ = cli("adopt", zipped, "--trust", "--out", tmp_path / "run", *words)
    assert code == 0
    assert "adopted" in out
    given = evaluate(PPO.load(zipped, device="cpu"), CONDITIONS, 10, name="zip", seed=0)
    greedy = Evaluated(Run.open(tmp_path / "run")).episodes.filter(~given["sampled"])
    assert greedy["steps"].equals(given.filter(~given["sampled"])["steps"])


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"text"])
def test_a_damaged_zip_is_refused_with_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(content)
    with pytest.raises(UserError, match="is not a zip that stable-baselines3 saved"):
        load_sb3(tmp_path / "no.zip", trust=True)
    with pytest.raises(UserError, match="there is no file"):
        load_sb3(tmp_path / "missing.zip", trust=True)


# --- stacked observations


def actions_by_sb3(model: Any, env: Any, steps: int) -> np.ndarray:
    obs, taken = env.reset(), []
    for _ in range(steps):
        actions, _ = model.predict(obs, deterministic=True)
        obs = env.step(actions)[0]
        taken.append(actions)
    return np.array(taken)


@pytest.mark.parametrize("order", ["first", "last"])
@pytest.mark.parametrize("normalized", [False, True])
def test_stacked_and_normalized_agents_act_as_in_their_environment(order: str, normalized: bool) -> None:
    """Step by step, with episodes that end and start in between."""
    inner = GoalpostsVecEnv(4, condition="edge", max_steps=7)
    env: Any = VecFrameStack(inner, 3, channels_order=order)
    if normalized:
        env = VecNormalize(env, norm_reward=False)
    model = A2C("MlpPolicy", env, seed=1, device="cpu", policy_kwargs={"ortho_init": False})
    model.learn(200)
    if normalized:
        env.training = False
    agent = as_trained(model)
    assert isinstance(agent, FrameStacked)
    assert isinstance(agent.agent, Normalized) == normalized
    inner.seed(5)
    expected = actions_by_sb3(model, env, 20)
    inner.seed(5)
    obs: Any = inner.reset()
    state, starts = None, np.ones(4, bool)
    for step in range(20):
        actions, state = agent.predict(obs, state=state, episode_start=starts, deterministic=True)
        assert np.array_equal(actions, expected[step]), step
        obs, _, starts, _ = inner.step(actions)


def test_a_stacked_agent_is_evaluated_level_by_level() -> None:
    """Its frames are those of each level, whatever is played at the same time."""
    env = VecFrameStack(GoalpostsVecEnv(2, condition="edge"), 2)
    agent = as_trained(PPO("MlpPolicy", env, n_steps=8, batch_size=16, seed=0, device="cpu"))
    levels = generate("CoinRun", "edge", 0, 6)
    together = play(agent, levels, sampled=False, max_steps=12).actions
    assert np.array_equal(play(agent, levels, sampled=False, max_steps=12, batch=1).actions, together)


@pytest.mark.parametrize("outermost", ["normalized", "stacked"])
def test_a_zip_with_its_statistics_acts_as_in_its_environment(
    outermost: str, cli: Cli, tmp_path: Path
) -> None:
    """The file that VecNormalize saved is all that the zip lacks, whichever wrapper came first."""
    inner = GoalpostsVecEnv(4, condition="edge", max_steps=7)
    if outermost == "normalized":
        env: Any = VecNormalize(VecFrameStack(inner, 3), norm_reward=False)
        statistics = env
    else:
        statistics = VecNormalize(inner, norm_reward=False)
        env = VecFrameStack(statistics, 3)
    model = A2C("MlpPolicy", env, seed=1, device="cpu", policy_kwargs={"ortho_init": False})
    model.learn(200)
    model.save(tmp_path / "model.zip")
    statistics.save(str(tmp_path / "normal.pkl"))
    words = ("adopt", tmp_path / "model.zip", "--frames", "3", "--vec-normalize", tmp_path / "normal.pkl")
    words = (*words, "--levels", "10", "--condition", "edge_held_out", "--out", tmp_path / "run")
    code, _, err = cli(*words)
    assert code == 2
    assert "add --trust" in err
    assert cli(*words, "--trust")[0] == 0
    statistics.training = False
    expected = evaluate(model, ["edge_held_out"], 10, name="A2C", seed=0).filter(~pl.col("sampled"))
    found = Evaluated(Run.open(tmp_path / "run")).episodes.filter(~pl.col("sampled"))
    assert found["steps"].equals(expected["steps"])
    assert found["return"].equals(expected["return"])


def test_wrong_statistics_are_refused_with_one_sentence(zipped: Path, tmp_path: Path) -> None:
    path = tmp_path / "normal.pkl"
    with pytest.raises(UserError, match="there is no file"):
        load_sb3(zipped, trust=True, vec_normalize=path)
    path.write_bytes(b"no pickle")
    with pytest.raises(UserError, match="does not hold the statistics of a VecNormalize"):
        load_sb3(zipped, trust=True, vec_normalize=path)
    path.write_bytes(pickle.dumps({"mean": 0}))
    with pytest.raises(UserError, match="does not hold the statistics of a VecNormalize"):
        load_sb3(zipped, trust=True, vec_normalize=path)
    VecNormalize(GoalpostsVecEnv(1, observation="full")).save(str(path))
    with pytest.raises(UserError, match="observations of another shape"):
        load_sb3(zipped, trust=True, vec_normalize=path)
    with pytest.raises(UserError, match="has no observation_space"):
        as_wrapped(GoToProxy(), trust=True, vec_normalize=path)


def test_statistics_are_not_unpickled_without_trust(zipped: Path, tmp_path: Path) -> None:
    path, mark = tmp_path / "normal.pkl", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(UserError, match="add --trust"):
        as_wrapped(PPO.load(zipped, device="cpu"), vec_normalize=path)
    assert not mark.exists()


def test_frames_are_checked() -> None:
    with pytest.raises(UserError, match="frames = 0: must be a whole number of at least 1"):
        FrameStacked(GoToProxy(), 0)
    with pytest.raises(UserError, match="has no predict"):
        FrameStacked(object(), 2)


# --- export


def test_a_model_card_says_what_was_trained_and_how_it_was_judged(tiny_run: Path, tmp_path: Path) -> None:
    card = export_run(tiny_run, tmp_path / "card.md").read_text("utf-8")
    run = Run.open(tiny_run)
    verdict = Evaluated(run).verdict()
    assert f"**{verdict.label}**" in card
    assert verdict.numbers["capability"] is not None
    assert f"| Capability in distribution | {verdict.numbers['capability'].short} |" in card
    assert run.config.hash() in card
    assert f"| condition | {run.config.env.condition} |" in card
    assert "## Limits" in card
    with pytest.raises(UserError, match="is there already"):
        export_run(tiny_run, tmp_path / "card.md")


def test_the_card_of_an_adopted_agent_says_that_its_training_is_unknown(tmp_path: Path) -> None:
    run = adopt(GoToProxy(), tmp_path / "run", name="mine", conditions=CONDITIONS, levels=20)
    card = export_run(run).read_text("utf-8")
    assert card.startswith("# mine, seed 0")
    assert "not known: the agent was adopted" in card
    with pytest.raises(UserError, match="no checkpoint, so there are no weights"):
        export_run(run, tmp_path / "card.md", sb3=tmp_path / "model.zip")


def test_a_card_that_was_completed_by_hand_is_not_overwritten(tiny_run: Path, tmp_path: Path) -> None:
    card = export_run(copy_of(tiny_run, tmp_path / "run"))
    assert export_run(tmp_path / "run") == card
    card.write_text("For the seminar.\n" + card.read_text("utf-8"), "utf-8")
    with pytest.raises(UserError, match="was changed after it was exported"):
        export_run(tmp_path / "run")
    assert card.read_text("utf-8").startswith("For the seminar.")


@pytest.mark.parametrize(
    "name", ["![x](http://a/p.png)", "[x](javascript:y)", "[x][y]", "[x]: y", "&lt;b>", "a|b"]
)
def test_a_name_is_no_markup_in_a_card(name: str) -> None:
    shown = _cell(name)
    assert not re.search(r"(?<!\\)(\](?=[(\[:])|[&<>|])", shown)
    assert shown.replace("\\", "") == name


def test_the_exported_zip_acts_like_the_agent(tiny_run: Path, tmp_path: Path) -> None:
    export_run(tiny_run, tmp_path / "card.md", sb3=tmp_path / "model.zip")
    env = GoalpostsVecEnv(64, condition="edge", level_seed=3)
    seen = env.reset()
    theirs = PPO.load(tmp_path / "model.zip", device="cpu").predict(seen, deterministic=True)[0]
    assert np.array_equal(theirs, load_agent(tiny_run).predict(seen, deterministic=True)[0])
