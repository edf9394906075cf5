"""Every whole number that a user gives has a checked range: a wrong one gets one message with the range, not an error of NumPy or numba."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from fixtures.faults import row

from goalposts.agents import GoalpostsVecEnv, GoToGoal, Mixture, Noisy, play
from goalposts.envs import LevelSet, generate, generate_at
from goalposts.errors import UserError
from goalposts.experiments import ExperimentConfig, FilmSpec, evaluate, load_config
from goalposts.experiments.conformance.suite import check_world
from goalposts.whole_numbers import kind_of

ID = "goalposts:goalposts/CoinRun-v0"
HUGE = (2**40, 2**63, 2**64 - 1, 10**30, 10**5000, np.uint64(2**64 - 1))
SENSELESS = (-1, np.int8(-1), -(2**63), 1.5, float("nan"), True, "3")


@pytest.fixture(scope="module")
def levels() -> LevelSet:
    return generate("CoinRun", seed=1, count=4)


CALLS: dict[str, Callable[[Any, LevelSet], object]] = {
    "num_envs": lambda n, _: gym.make_vec(ID, num_envs=n),
    "num_envs of the VecEnv": lambda n, _: GoalpostsVecEnv(n),
    "num_levels": lambda n, _: gym.make(ID, num_levels=n),
    "max_steps": lambda n, _: gym.make(ID, max_steps=n),
    "count": lambda n, _: generate("CoinRun", count=n),
    "levels of evaluate": lambda n, _: evaluate(GoToGoal(), conditions=["off_path"], levels=n),
    "max_steps of play": lambda n, levels: play(GoToGoal(), levels, max_steps=n),
    "index of a level": lambda n, levels: levels[[n]] if n != -1 else levels[[-5]],
    "levels of the conformance suite": lambda n, _: check_world(None, n),  # type: ignore[arg-type]
    "levels to film": lambda n, _: FilmSpec(count=n).check(),
}
SEEDS: dict[str, Callable[[Any, LevelSet], object]] = {
    "level_seed": lambda n, _: gym.make(ID, level_seed=n),
    "seed of generate": lambda n, _: generate("CoinRun", seed=n),
    "first": lambda n, _: generate("CoinRun", first=n),
    "index of generate_at": lambda n, _: generate_at("CoinRun", "edge", 0, [n]),
    "array for generate_at": lambda n, _: generate_at("CoinRun", "edge", 0, np.array([n])),
    "index of reset": lambda n, _: gym.make(ID).reset(options={"index": n}),
    "noise_seed": lambda n, levels: play(GoToGoal(), levels, noise_seed=n),
    "seed of a mixture": lambda n, _: Mixture(0.5, seed=n),
}


@row("B14", "C8")
@pytest.mark.parametrize("name", CALLS)
def test_a_number_out_of_range_gets_one_message(name: str, levels: LevelSet) -> None:
    for value in (*HUGE, *SENSELESS):
        with pytest.raises(UserError, match=r"must be|there are") as error:
            CALLS[name](value, levels)
        assert len(str(error.value)) < 300


@row("B14", "C8")
@pytest.mark.parametrize("name", SEEDS)
def test_a_seed_or_index_out_of_range_gets_one_message(name: str, levels: LevelSet) -> None:
    for value in (*HUGE[1:], *SENSELESS):
        with pytest.raises(UserError, match=r"must be|there are") as error:
            SEEDS[name](value, levels)
        assert len(str(error.value)) < 300


@row("C8")
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "1", None])
def test_a_probability_out_of_range_gets_one_message(value: Any, levels: LevelSet) -> None:
    for call in (
        lambda: Mixture(value),
        lambda: Noisy(GoToGoal(), value),
        lambda: gym.make(ID, slip=value),
        lambda: play(GoToGoal(), levels, slip=value),
    ):
        with pytest.raises(UserError, match="must be a probability from 0 to 1"):
            call()


@row("C8")
@pytest.mark.parametrize(
    ("value", "kind"),
    [(1, "an int"), ("", "a str"), (np.uint8(1), "a uint8"), ([], "a list"), (None, "None")],
)
def test_a_message_names_a_type_with_its_article(value: Any, kind: str) -> None:
    assert kind_of(value) == kind


@row("C8")
def test_a_set_of_levels_is_a_sequence(levels: LevelSet) -> None:
    assert levels[-1] == levels[3] == list(levels)[3]
    assert levels[np.uint8(3)] == levels[3]
    assert len(levels[[]]) == len(levels[4:]) == 0
    assert [level == levels[3] for level in levels[np.arange(4) == 3]] == [True]
    for wrong in (4, -5, 2**70):
        with pytest.raises(IndexError, match=r"there are 4 levels, 0 to 3"):
            levels[wrong]


@row("C8")
def test_the_largest_step_limit_counts_down_from_there() -> None:
    """It was cut to 32 bits, so that 2**32 was no limit at all."""
    env = gym.make(ID, max_steps=2**31 - 1)
    env.reset(seed=0)
    assert env.unwrapped.stream.engine.limits.tolist() == [2**31 - 1]  # type: ignore[attr-defined]


@row("B14", "C10")
def test_a_config_made_in_python_takes_numpys_numbers() -> None:
    given = {
        "name": "x",
        "seed": np.int64(3),
        "train": {"gamma": np.float64(0.5), "net": {"trunk": [np.uint8(8)]}},
    }
    config = ExperimentConfig.parse(given)
    assert (config.seed, config.train.gamma, config.train.net.trunk) == (3, 0.5, (8,))  # type: ignore[union-attr]
    assert type(config.seed) is int
    assert load_config("coinrun/edge", "seed=3").seed == 3
    with pytest.raises(UserError, match="an override is text"):
        load_config("coinrun/edge", [("seed", 3)])  # type: ignore[list-item]
