"""The stable-baselines3 interface: its contract, clause by clause. Its agreement with the other two interfaces is
tested in tests/envs/test_gymnasium_envs.py."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor

from goalposts.agents import GoalpostsVecEnv
from goalposts.envs import LevelError, generate
from goalposts.envs.engine.engine import ActionError
from goalposts.envs.engine.level_stream import OptionError
from goalposts.envs.engine.outcome import O_STEPS
from goalposts.envs.gymnasium_envs import GoalpostsEnv


def test_it_is_a_vec_env_of_uint8_planes_and_four_actions() -> None:
    env = GoalpostsVecEnv(3)
    assert isinstance(env, VecEnv)
    assert env.num_envs == 3
    assert env.observation_space == spaces.Box(0, 1, (5, 9, 15), np.uint8)
    assert env.action_space == spaces.Discrete(4)
    obs = env.reset()
    assert isinstance(obs, np.ndarray)
    assert env.observation_space.contains(obs[0])
    obs, reward, done, infos = env.step(np.zeros(3, int))
    assert isinstance(obs, np.ndarray)
    assert (obs.shape, reward.shape, done.shape) == ((3, 5, 9, 15), (3,), (3,))
    assert (reward.dtype, done.dtype) == (np.float32, np.bool_)
    assert [type(info) for info in infos] == [dict] * 3


def test_it_does_what_dummy_vec_env_does_with_the_gymnasium_face() -> None:
    options: dict[str, Any] = {"max_steps": 7, "condition": "off_path", "slip": 0.2}
    mine: Any = GoalpostsVecEnv(4, **options)
    theirs: Any = DummyVecEnv([lambda: Monitor(GoalpostsEnv(**options))] * 4)
    mine.seed(11)
    theirs.seed(11)
    assert np.array_equal(mine.reset(), theirs.reset())
    luck = np.random.default_rng(0)
    ended = 0
    for _ in range(60):
        actions = luck.integers(4, size=4)
        a, b = mine.step(actions), theirs.step(actions)
        for x, y in zip(a[:3], b[:3], strict=True):
            assert np.array_equal(x, y)
        for info, other, done in zip(a[3], b[3], a[2], strict=True):
            if not done:
                assert info == {}
                continue
            ended += 1
            assert set(other) == set(info)
            assert info["TimeLimit.truncated"] is other["TimeLimit.truncated"]
            assert np.array_equal(info["terminal_observation"], other["terminal_observation"])
            assert (info["episode"]["r"], info["episode"]["l"]) == (
                other["episode"]["r"],
                other["episode"]["l"],
            )
            for name in set(info) - {"terminal_observation", "TimeLimit.truncated", "episode"}:
                assert info[name] == other[name]
    assert ended > 20


def test_seeds_take_effect_at_the_next_reset_and_once() -> None:
    env = GoalpostsVecEnv(2)
    assert list(env.seed(5)) == [5, 6]
    first = env.reset()
    second = env.reset()
    assert not np.array_equal(first, second)
    env.seed(5)
    assert np.array_equal(env.reset(), first)
    assert np.array_equal(env.reset(), second)


def test_a_level_can_be_given_to_some() -> None:
    levels = generate("CoinRun", "off_path", 3, 2)
    env = GoalpostsVecEnv(3)
    env.set_options([{"level": levels[0]}, {}, {"level": levels[1]}])
    env.reset()
    assert (env.stream.level(0), env.stream.level(2)) == (levels[0], levels[1])
    assert env.stream.level(1) not in list(levels)
    env.set_options({"level": "no level"})
    with pytest.raises(OptionError, match="is a str"):
        env.reset()


def test_outcomes_are_kept_until_they_are_taken() -> None:
    env = GoalpostsVecEnv(3, max_steps=2)
    env.reset()
    assert env.take_outcomes().shape == (0, 8)
    for _ in range(4):
        env.step(np.zeros(3, int))
    outcomes = env.take_outcomes()
    assert len(outcomes) >= 6
    assert (outcomes[:, O_STEPS] <= 2).all()
    assert env.take_outcomes().shape == (0, 8)


def test_methods_that_sb3_requires() -> None:
    env = GoalpostsVecEnv(3)
    assert env.get_attr("num_envs") == [3, 3, 3]
    assert env.get_attr("num_envs", [0, 2]) == [3, 3]
    env.set_attr("note", 7)
    assert env.get_attr("note", 1) == [7]
    assert env.env_method("take_outcomes", indices=[0])[0].shape == (0, 8)
    assert env.env_is_wrapped(Monitor) == [False] * 3
    with pytest.raises(AttributeError):
        env.get_attr("no_such_thing")
    env.close()


def test_sb3s_own_wrappers_and_algorithm_accept_it() -> None:
    env = VecMonitor(GoalpostsVecEnv(4, max_steps=5))
    model = PPO("MlpPolicy", env, n_steps=16, batch_size=64, n_epochs=1, device="cpu", seed=0)
    model.learn(64)
    assert model.num_timesteps == 64
    assert len(model.ep_info_buffer or ()) > 0


@pytest.mark.parametrize("actions", [np.zeros(2, int), np.array([0, 1, 4]), np.zeros((3, 1), int)])
def test_invalid_actions_are_refused(actions: np.ndarray) -> None:
    env = GoalpostsVecEnv(3)
    env.reset()
    with pytest.raises(ActionError):
        env.step(actions)


def test_wrong_options_are_refused() -> None:
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"condition": "egde"}, ValueError),
        ({"split": "x"}, LevelError),
        ({"slip": 2}, OptionError),
    ]
    for options, error in wrong:
        with pytest.raises(error):
            GoalpostsVecEnv(2, **options)
