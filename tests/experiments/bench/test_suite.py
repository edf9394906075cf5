"""The benchmark's bookkeeping; no test asserts any speed."""

import json
import subprocess
import sys

import numpy as np
import pytest
from fixtures.places import ROOT
from typer.testing import CliRunner

from goalposts.agents.sb3_vec_env import GoalpostsVecEnv
from goalposts.envs import get_world
from goalposts.errors import UserError
from goalposts.experiments.bench.peers import PEERS, FreeEnv, bench_peers
from goalposts.experiments.bench.suite import environments, parts
from goalposts.experiments.bench.timing import Figure, best_rate, fallen, in_turns, paired, read_figures
from goalposts.experiments.cli.main import app, main
from goalposts.registration import WORLDS

BASELINE = read_figures(ROOT / "docs/results/bench.json")


def test_ratio_below_half_of_the_baseline_is_reported():
    before = [Figure("a", 100, "x/s", 2.0, "b"), Figure("c", 100, "x/s", 3.0, "d"), Figure("e", 9, "x/s")]
    now = [
        Figure("a", 10, "x/s", 1.01, "b"),
        Figure("c", 900, "x/s", 1.49, "d"),
        Figure("e", 1, "x/s"),
        Figure("new", 1, "x/s", 0.1),
    ]
    assert fallen(now, before) == ["c: 1.49 times d; the baseline is 3"]
    assert fallen(before, before) == []


def test_turns_are_taken_and_medians_reported():
    told = []
    ours, theirs = paired(lambda: told.append("ours") or 10, lambda: told.append("theirs") or 10, 0.0)
    assert told == ["ours", "theirs"] * 4
    assert ours > 0
    assert theirs > 0


def test_any_number_of_contestants_take_turns():
    told = []
    rates = in_turns([lambda name=name: told.append(name) or 5 for name in "abc"], 0.0, least=2)
    assert told == list("abc") * 3
    assert [len(found) for found in rates] == [2, 2, 2]


def test_measurement_follows_a_warm_up():
    told = []
    assert best_rate(lambda: told.append(0) or 7, 0.0) > 0
    assert len(told) == 2


def test_the_engines_figures_are_those_of_the_baseline():
    """`--check` looks figures up by name, so a renamed figure would never be compared again."""
    compared, alone = environments(get_world("CoinRun"), 0.0), parts(get_world("CoinRun"), 0.0)
    known = {(f.what, f.beside) for f in BASELINE if f.what.startswith("engine")}
    assert {(f.what, f.beside) for f in (*compared, *alone)} == known
    assert all(f.rate > 0 and f.ratio > 0 for f in compared)


def test_free_environment_replays_real_observations():
    real = GoalpostsVecEnv(3, world="CoinRun")
    free = FreeEnv(real, steps=5)
    obs, rewards, dones, infos = free.step(np.zeros(3))
    assert isinstance(obs, np.ndarray)
    assert obs.shape == real.observation_space.shape or obs.shape == (3, *real.observation_space.shape)
    assert not rewards.any()
    assert not dones.any()
    assert infos == [{}] * 3


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"what": 3, "rate": 1, "unit": "x"}]', '[{"surprise": 1}]', "x" * 2_000_000]
)
def test_invalid_baseline_is_refused(tmp_path, text):
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"bench\.json"):
        read_figures(path)


def test_step_is_measured_as_rules_and_both_observations():
    found = parts(get_world("Corner"), 0.05, n=4)
    assert [figure.what.split(", ")[1] for figure in found] == ["rules alone", "view", "full"]
    assert all(figure.rate > 0 and figure.ratio is None for figure in found)


@pytest.mark.parametrize("option", ["--all", "--peers"])
def test_bench_of_learning_in_a_custom_world_is_refused_early(option, monkeypatch, capsys):
    others = {name: entry for name, entry in WORLDS.items() if name != "Corner"}
    monkeypatch.setattr(
        "goalposts.registration.WORLDS", others
    )  # not delitem, which would restore it as the last entry
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--world", "Corner", option])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "Corner does not ship with Goalposts" in said
    assert "measuring" not in said


@pytest.mark.slow
def test_command_measures_compares_and_reports_regressions(tmp_path):
    options = ["bench", "--seconds", "0.05", "--no-training"]
    found = CliRunner().invoke(app, [*options, "--json"])
    assert found.exit_code == 0
    rows = json.loads(found.stdout)
    assert all(row["rate"] > 0 for row in rows)
    path = tmp_path / "bench.json"
    path.write_text(json.dumps([row | {"ratio": row["ratio"] and row["ratio"] * 1e6} for row in rows]))
    found = CliRunner().invoke(app, [*options, "--check", str(path)])
    assert found.exit_code == 1
    assert "slower than half the baseline:" in found.stderr


@pytest.mark.slow
def test_all_of_it_is_one_list_of_figures():
    options = ["bench", "--all", "--seconds", "0.05", "--no-training", "--json"]
    command = [
        sys.executable,
        "-m",
        "goalposts",
        *options,
    ]  # a process in which no other test has registered a world
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    figures = [Figure(**row) for row in json.loads(found.stdout)]
    assert all(figure.rate > 0 for figure in figures)
    names = [figure.what for figure in figures]
    assert len(names) == len(set(names))
    assert {
        "engine, view, 64 envs",
        "KeysAndChests, SB3 VecEnv, full, 64 envs",
        "Shields, 64×64 pictures",
    } <= set(names)
    assert {"MB", "bytes"} <= {figure.unit for figure in figures if figure.ratio is None}


@pytest.mark.slow
def test_every_peer_that_is_installed_runs():
    found = bench_peers(get_world("CoinRun"), 0.1)
    assert len(found) in (len(PEERS), len(PEERS) - 2)  # without Minigrid
    assert all(figure.ratio > 0 for figure in found)
    known = {(f.what, f.beside) for f in BASELINE}
    assert {(f.what, f.beside) for f in found} <= known
