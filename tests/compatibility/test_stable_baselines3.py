"""stable-baselines3's wrappers and recorders over the native VecEnv, and its adapters over gymnasium's interface."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from fixtures.board import ID
from fixtures.tried import tried
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
    VecVideoRecorder,
)

from goalposts.agents import GoalpostsVecEnv


def native(n: int = 3) -> GoalpostsVecEnv:
    return GoalpostsVecEnv(n, condition="off_path", max_steps=6)


@tried("stable-baselines3", "`check_env`")
def test_check_env() -> None:
    check_env(gym.make(ID).unwrapped, warn=False)


@tried(
    "stable-baselines3",
    "`VecMonitor`, `VecNormalize` and `VecFrameStack` over the native `VecEnv`; `render()`",
)
def test_wrappers() -> None:
    env = VecFrameStack(VecNormalize(VecMonitor(native(), info_keywords=("is_success",))), 2)
    env.reset()
    ends = []
    for _ in range(8):
        _, _, _, infos = env.step(np.array([2, 3, 0]))
        ends += [info for info in infos if "episode" in info]
    assert len(ends) >= 3
    assert all(info["episode"]["is_success"] == info["is_success"] for info in ends)
    picture = env.render()
    assert picture is not None
    assert picture.ndim == 3


@tried("stable-baselines3", "`VecVideoRecorder` over the native `VecEnv`", needs=("moviepy",))
def test_video(tmp_path: Path) -> None:
    env = VecVideoRecorder(native(), str(tmp_path), lambda step: step == 0, video_length=10)
    env.reset()
    for _ in range(12):
        env.step(np.array([2, 3, 0]))
    env.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]


@tried("stable-baselines3", "PPO, A2C and DQN; `evaluate_policy`; the success rate of the log")
@pytest.mark.slow
def test_algorithms() -> None:
    model = PPO(
        "MlpPolicy",
        VecMonitor(native()),
        n_steps=16,
        batch_size=48,
        n_epochs=1,
        device="cpu",
        seed=250,
    )
    model.learn(96)
    assert len(model.ep_success_buffer or ()) > 3
    A2C("MlpPolicy", native(), device="cpu").learn(30)
    DQN("MlpPolicy", native(), learning_starts=10, buffer_size=100, device="cpu").learn(60)
    _, lengths = evaluate_policy(model, VecMonitor(native()), 5, return_episode_rewards=True)
    assert isinstance(lengths, list)
    assert len(lengths) == 5


def apart(start: str | None, **options: Any) -> Any:
    """Two environments of SB3's kind, in processes by a start method or in this one."""
    kind, more = (DummyVecEnv, {}) if start is None else (SubprocVecEnv, {"start_method": start})
    return make_vec_env(ID, 2, seed=4, vec_env_cls=kind, env_kwargs=options, vec_env_kwargs=more)


@tried(
    "stable-baselines3",
    "`make_vec_env` with `DummyVecEnv`, and `SubprocVecEnv` by fork, forkserver and spawn",
)
@pytest.mark.slow
@pytest.mark.parametrize("start", [None, "fork", "forkserver", "spawn"])
def test_its_own_vec_envs(start: str | None) -> None:
    env = apart(start, condition="off_path", max_steps=6)
    mine: Any = native(2)
    mine.seed(4)
    try:
        assert np.array_equal(env.reset(), mine.reset())
        for action in (2, 1, 3, 0, 2, 2, 2, 3):
            one, two = env.step(np.full(2, action)), mine.step(np.full(2, action))
            assert all(np.array_equal(a, b) for a, b in zip(one[:3], two[:3], strict=True))
        meanings = env.env_method("get_wrapper_attr", "get_action_meanings")
        assert [ask() for ask in meanings] == [[action.name for action in mine.stream.world.actions]] * 2
        assert env.render().ndim == 3
    finally:
        env.close()


@tried("stable-baselines3", "`VecVideoRecorder` over `SubprocVecEnv`", needs=("moviepy",))
@pytest.mark.slow
def test_video_of_processes(tmp_path: Path) -> None:
    env = VecVideoRecorder(apart("fork", max_steps=6), str(tmp_path), lambda step: step == 0, video_length=10)
    env.reset()
    for _ in range(12):
        env.step(np.array([2, 3]))
    env.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]
