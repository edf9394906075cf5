"""gymnasium's wrappers, recorders and vector environments, used as their documentation uses them."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from fixtures.board import ID
from fixtures.tried import tried
from gymnasium import wrappers
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import vector

OPTIONS: dict[str, Any] = {"condition": "off_path", "max_steps": 6}


def single(**options: Any) -> gym.Env:
    return gym.make(ID, **{**OPTIONS, **options})


def several(mode: str | None = None, **options: Any) -> gym.vector.VectorEnv:
    return gym.make_vec(ID, num_envs=4, vectorization_mode=mode, **{**OPTIONS, **options})


def some_episodes(env: gym.Env, episodes: int = 2) -> list[dict[str, Any]]:
    ends = []
    for episode in range(episodes):
        env.reset(seed=episode)
        while True:
            *_, ended, cut, info = env.step(env.action_space.sample())
            if ended or cut:
                ends.append(info)
                break
    return ends


@tried("gymnasium", "`check_env`, with every render mode")
def test_check_env() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(single().unwrapped)


@tried(
    "gymnasium",
    "`RecordEpisodeStatistics`, `TimeLimit`, `AddRenderObservation`, `HumanRendering`, `FlattenObservation`",
)
def test_wrappers_of_one_environment() -> None:
    ends = some_episodes(wrappers.RecordEpisodeStatistics(single()))
    assert all(info["episode"]["l"] == info["steps"] for info in ends)
    limited = wrappers.TimeLimit(single(max_steps=None), 3)
    assert some_episodes(limited)
    shown = wrappers.AddRenderObservation(single(render_mode="rgb_array"))
    assert shown.observation_space.contains(shown.reset(seed=1)[0])
    some_episodes(wrappers.HumanRendering(single(render_mode="rgb_array")), 1)
    flat = wrappers.FlattenObservation(single())
    assert flat.observation_space.contains(flat.reset(seed=1)[0])


@tried("gymnasium", '`render_mode="rgb_array_list"` (`RenderCollection`)')
def test_lists_of_frames() -> None:
    env = single(render_mode="rgb_array_list")
    env.reset(seed=1)
    env.step(2)
    frames: Any = env.render()
    assert [frame.shape for frame in frames] == [frames[0].shape] * 2


@tried("gymnasium", "`RecordVideo`", needs=("moviepy",))
def test_record_video(tmp_path: Path) -> None:
    some_episodes(
        env := wrappers.RecordVideo(single(render_mode="rgb_array"), str(tmp_path / "v"), lambda k: True)
    )
    env.close()
    assert len(list((tmp_path / "v").glob("*.mp4"))) == 2


@tried("gymnasium", "the vector `RecordVideo`, in each autoreset mode", needs=("moviepy",))
@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP"])
def test_vector_record_video(mode: str, tmp_path: Path) -> None:
    envs = several(render_mode="rgb_array", autoreset_mode=mode)
    env = vector.RecordVideo(envs, str(tmp_path / "v"), episode_trigger=lambda k: True)
    env.reset(seed=1)
    for _ in range(15):
        env.step(env.action_space.sample())
    env.close()
    assert len(list((tmp_path / "v").glob("*.mp4"))) >= 2


@tried(
    "gymnasium",
    "vector `RecordEpisodeStatistics`, `NormalizeObservation`, `NormalizeReward`, `DictInfoToList`",
)
@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP"])
def test_vector_wrappers(mode: str) -> None:
    envs = vector.RecordEpisodeStatistics(several(autoreset_mode=mode))
    observing = (
        (vector.NormalizeObservation, vector.FlattenObservation) if mode == "NEXT_STEP" else ()
    )  # its own rule
    for wrapped in (envs, vector.NormalizeReward(envs), *(wrapper(envs) for wrapper in observing)):
        wrapped.reset(seed=1)
        lengths: list[float] = []
        for _ in range(14):
            obs, *_, infos = wrapped.step(wrapped.action_space.sample())
            assert obs.shape == wrapped.observation_space.shape
            lengths += infos["episode"]["l"][infos["_episode"]].tolist() if "episode" in infos else []
        assert len(lengths) >= 4
        assert max(lengths) == OPTIONS["max_steps"]
    listed = vector.DictInfoToList(several(autoreset_mode="NEXT_STEP"))
    listed.reset(seed=1)
    infos = [info for _ in range(7) for info in listed.step(np.full(4, 2))[4]]
    assert any("is_success" in info for info in infos)


@tried(
    "gymnasium",
    "`SyncVectorEnv`, and `AsyncVectorEnv` by fork and by spawn, against the native vector environment",
)
@pytest.mark.slow
@pytest.mark.parametrize("context", [None, "fork", "spawn"])
def test_vector_environments_of_gymnasium(context: str | None) -> None:
    native = several(autoreset_mode="NEXT_STEP")
    other = gym.make_vec(
        ID,
        num_envs=4,
        vectorization_mode="async" if context else "sync",
        vector_kwargs={"context": context} if context else None,
        **OPTIONS,
    )
    try:
        for seed in (3, [5, None, 1, 2], None):
            assert np.array_equal(native.reset(seed=seed)[0], other.reset(seed=seed)[0])  # type: ignore[arg-type]
            for action in (2, 1, 3, 0, 2, 2, 2, 3):
                one, two = native.step(np.full(4, action)), other.step(np.full(4, action))
                assert all(np.array_equal(a, b) for a, b in zip(one[:4], two[:4], strict=True))
    finally:
        other.close()


@tried("gymnasium", "an environment spec as JSON and as a pickle; `goalposts/World-v0`")
def test_specs() -> None:
    env = gym.make("goalposts:goalposts/World-v0", world="CoinRun", **OPTIONS)
    assert env.spec is not None
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    third = gym.make(pickle.loads(pickle.dumps(env.spec)))
    assert np.array_equal(env.reset(seed=2)[0], again.reset(seed=2)[0])
    assert np.array_equal(env.reset(seed=2)[0], third.reset(seed=2)[0])
