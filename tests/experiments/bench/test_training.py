"""Benchmarks of training, whole runs and memory measure what they should and leave nothing behind."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from fixtures.tiny import YAML

from goalposts.envs import get_world, known_worlds
from goalposts.errors import UserError
from goalposts.experiments.bench.child_process import Task, side_by_side
from goalposts.experiments.bench.memory import bytes_per_env, memory
from goalposts.experiments.bench.rollouts import rollouts
from goalposts.experiments.bench.training import learning, recipe, whole_run
from goalposts.experiments.config.schema import ExperimentConfig, parse_config
from goalposts.experiments.system.processes import most_memory


@pytest.mark.parametrize("world", known_worlds())
def test_every_world_has_its_recipe(world):
    """Regression: `goalposts bench --world Corner` requested levels of CoinRun after measuring everything except training."""
    config = recipe(get_world(world), total_steps=123, precision="bf16")
    assert (config.world, config.train.total_steps, config.train.precision) == (world, 123, "bf16")
    get_world(world).condition(config.env.condition)


def test_coinruns_recipe_is_the_default_one():
    default = ExperimentConfig.parse({"name": "any"})
    assert recipe(get_world("CoinRun")).hash() == default.hash()


@pytest.mark.slow
def test_a_training_is_measured_whole_and_in_its_parts():
    rates = {figure.what: figure.rate for figure in learning(get_world("Corner"), 0.0)}
    for precision in ("fp32", "bf16"):
        whole, *parts = (
            rates.pop(f"PPO{part}, default recipe, {precision}")
            for part in ("", ", its rollouts alone", ", its updates alone")
        )
        assert 0 < whole < min(parts)
    assert list(rates) == ["evaluation, sampled"]


def test_a_whole_run_leaves_nothing_behind(tmp_path, monkeypatch):
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    scratch.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    figure = whole_run(parse_config(YAML, "tiny.yaml"))
    assert "8,192 steps" in figure.what
    assert figure.rate > 0
    assert list(here.iterdir()) == list(scratch.iterdir()) == []


def test_processes_do_their_tasks_side_by_side():
    for took in side_by_side([Task("levels", 300), Task("levels", 300, at_once=70)]):
        assert took.done == 300
        assert took.rate > 0
        assert took.mb > 20


def test_rollouts_and_copies_are_as_many_observations():
    assert [took.done for took in side_by_side([Task("steps", 2), Task("copies", 2)])] == [2 * 64 * 1024] * 2


@pytest.mark.slow
def test_rollouts_are_measured_alongside_copies():
    found = rollouts(get_world("CoinRun"), 0.05)
    assert [figure.what.split(", ")[1] for figure in found] == ["view", "full"]
    assert all(figure.rate > 0 and figure.ratio > 0 for figure in found)


def test_failing_process_is_reported():
    with pytest.raises(UserError, match=r"a measured process failed: .*unknown world 'Foo'"):
        side_by_side([Task("levels", 1, "Foo"), Task("levels", 1)])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only here a process can tell")
def test_a_process_does_not_count_what_its_parent_holds():
    """getrusage does, on Linux: a process forked from a large one would appear large itself."""
    held = np.ones(300_000_000, np.uint8)
    code = "from goalposts.experiments.system.processes import most_memory; print(most_memory())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert most_memory() > held.nbytes / 1e6
    assert 5 < float(said) < 150


def test_environment_memory_is_at_least_its_observations():
    world = get_world("CoinRun")
    for observation, cells in (("view", 15 * 9), ("full", 12 * 22)):
        each = bytes_per_env(world, 256, observation)
        assert cells * len(world.planes) < each < 20 * cells * len(world.planes)


@pytest.mark.slow
def test_memory_is_measured_of_everything():
    figures = memory(get_world("Corner"), updates=1, levels=6000)
    assert [figure.unit for figure in figures] == ["MB", "MB", "bytes", "bytes"]
    assert all(figure.rate > 0 and figure.ratio is None for figure in figures)
    assert ["training" in figure.what for figure in memory(get_world("Corner"), False, levels=10)] == [
        False
    ] * 3
