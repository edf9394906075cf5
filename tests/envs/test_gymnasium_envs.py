"""The three interfaces, gymnasium's Env and VectorEnv and stable-baselines3's VecEnv, agree on the same engine.

Invalid input and rendering are tested in test_gymnasium_envs_misuse.py.
"""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from fixtures.board import ID, SMALL, make, make_vec
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

from goalposts.agents import GoalpostsVecEnv
from goalposts.envs import LevelSet, generate, solve

OBSERVATIONS = ("view", "full", "rgb")
FIELDS = {
    "is_success",
    "outcome_first",
    "outcome_end",
    "return",
    "steps",
    "steps_to_goal",
    "steps_to_proxy",
    "goal_count",
    "proxy_count",
}


# The checkers


@pytest.mark.parametrize("render_mode", ["rgb_array", "ansi", None])
@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_gymnasium_accepts_it_without_a_warning(observation: str, render_mode: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(observation=observation, render_mode=render_mode))


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_stable_baselines3_accepts_it(observation: str) -> None:
    """Its only warnings state, correctly, that planes are not images for its CnnPolicy."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env_of_sb3(make(observation=observation), warn=True)
    assert all("image" in str(warning.message) for warning in caught)
    assert len(caught) == (0 if observation == "rgb" else 2)


# The three agree


class Three:
    """n environments behind each interface, stepped together and compared."""

    def __init__(self, n: int, seed: int, **options) -> None:
        self.n = n
        self.singles = [make(**options) for _ in range(n)]
        self.vector = make_vec(n, **options)
        self.sb3 = GoalpostsVecEnv(n, **options)
        self.sb3.seed(seed)
        seen = self.vector.reset(seed=seed)[0]
        assert seen.dtype == np.uint8
        assert self.vector.observation_space.contains(seen)
        assert np.array_equal(seen, self.sb3.reset())
        assert np.array_equal(seen, [env.reset(seed=seed + i)[0] for i, env in enumerate(self.singles)])

    def step(self, actions: np.ndarray) -> int:
        """Step all; returns the number of ended episodes."""
        obs, reward, terminated, truncated, infos = self.vector.step(actions)
        sb3_obs, sb3_reward, sb3_done, sb3_infos = self.sb3.step(actions)
        done = terminated | truncated
        assert self.vector.observation_space.contains(obs)
        assert isinstance(sb3_obs, np.ndarray)
        assert np.array_equal(obs, sb3_obs)
        assert np.array_equal(reward, sb3_reward)
        assert np.array_equal(done, sb3_done)
        assert not (terminated & truncated).any()
        assert set(infos) == (
            {"final_obs", "_final_obs", "final_info", "_final_info"} if done.any() else set()
        )
        for i, env in enumerate(self.singles):
            one, reward_of_one, ended, cut, info = env.step(int(actions[i]))
            assert (reward_of_one, ended, cut) == (reward[i], terminated[i], truncated[i])
            assert set(info) == (FIELDS if done[i] else set())
            if done[i]:
                self.compare_ends(i, one, info, infos, sb3_infos[i], bool(cut))
                one, info = env.reset()
                assert info == {}
            else:
                assert sb3_infos[i] == {}
            if done.any():
                assert infos["_final_obs"][i] == infos["_final_info"][i] == done[i]
                assert (infos["final_obs"][i] is None) == (not done[i])
            assert np.array_equal(one, obs[i])
            assert env.level == self.vector.stream.level(i) == self.sb3.stream.level(i)
        return int(done.sum())

    def compare_ends(self, i: int, last: np.ndarray, info: dict, infos: dict, sb3: dict, cut: bool) -> None:
        assert np.array_equal(last, infos["final_obs"][i])
        assert np.array_equal(last, sb3["terminal_observation"])
        assert sb3["TimeLimit.truncated"] == cut == (info["outcome_end"] == "timeout")
        assert (sb3["episode"]["r"], sb3["episode"]["l"]) == (info["return"], info["steps"])
        for name, value in info.items():
            assert infos["final_info"][name][i] == value
            assert infos["final_info"][f"_{name}"].tolist() == infos["_final_info"].tolist()
            assert sb3[name] == value


LIMITED = generate("CoinRun", "off_path", 7, 9)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**31),
    observation=st.sampled_from(["view", "full"]),
    levels=st.sampled_from([{}, {"num_levels": 1}, {"num_levels": 7}, {"levels": LIMITED}]),
    condition=st.sampled_from(["edge", "off_path", "mixture(0.4)", "mirrored"]),
    reward=st.sampled_from(["goal", "proxy"]),
    slip=st.sampled_from([0.0, 0.3]),
    max_steps=st.sampled_from([None, 1, 9]),
    n=st.integers(1, 4),
)
def test_all_three_interfaces_agree_step_by_step(seed, n, levels, **options) -> None:
    three = Three(n, seed, **levels, **options)
    luck = np.random.default_rng(seed)
    ended = sum(three.step(luck.integers(4, size=n)) for _ in range(60))
    if options["max_steps"]:
        assert ended >= 60 // 9


@settings(max_examples=3)
@given(seed=st.integers(0, 2**31), slip=st.sampled_from([0.0, 0.3]), limit=st.sampled_from([None, 5]))
def test_all_three_interfaces_agree_in_pixels(seed: int, slip: float, limit: int | None) -> None:
    three = Three(2, seed, observation="rgb", slip=slip, num_levels=limit, max_steps=8)
    luck = np.random.default_rng(seed)
    assert sum(three.step(luck.integers(4, size=2)) for _ in range(20)) >= 4


def test_reaching_the_coin_ends_the_episode_in_all_interfaces() -> None:
    three = Three(2, 0, levels=LevelSet.of([SMALL]))
    assert [three.step(np.array([2, 0])) for _ in range(4)] == [0, 0, 0, 1]


# The same level everywhere


@pytest.mark.parametrize("limit", [None, 11])
def test_seed_gives_the_same_levels_in_every_interface_batch_and_slot(limit: int | None) -> None:
    """Episode e of seed s is independent of everything else that is played."""
    options = {"condition": "off_path", "level_seed": 3, "num_levels": limit, "max_steps": 2}

    def episodes(env, slot: int, first: np.ndarray | None = None) -> list[str]:
        seen = []
        for _ in range(4):
            seen.append(env.stream.level(slot).level_hash)
            for _ in range(2):
                env.step(np.zeros(env.num_envs, int))
        return seen

    alone = make(**options)
    expected = []
    for _ in range(4):
        alone.reset(seed=105 if not expected else None)
        expected.append(alone.level.level_hash)
    assert len(set(expected)) > 1
    for n, seed, slot in ((1, 105, 0), (6, 100, 5), (64, 103, 2)):
        vector = make_vec(n, **options)
        vector.reset(seed=seed)
        assert episodes(vector, slot) == expected
        sb3 = GoalpostsVecEnv(n, **options)
        sb3.seed(seed)
        sb3.reset()
        assert episodes(sb3, slot) == expected
    vector = make_vec(2, **options)
    vector.reset(seed=[9, 105])
    assert episodes(vector, 1) == expected
    code = (
        f"import gymnasium as gym\ne = gym.make({ID!r}, **{options!r}).unwrapped\n"
        "for s in (105, None, None, None): e.reset(seed=s); print(e.level.level_hash)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == expected


def test_seeds_and_level_seeds_choose_other_levels() -> None:
    def first(seed: int, **options) -> str:
        env = make(**options)
        env.reset(seed=seed)
        return env.level.level_hash

    assert len({first(seed) for seed in range(20)}) > 10
    assert len({first(1, level_seed=seed) for seed in range(20)}) > 10
    assert len({first(seed, num_levels=3) for seed in range(20)}) <= 3


def test_first_unseeded_reset_is_random_and_the_next_continues() -> None:
    firsts = set()
    for _ in range(8):
        env = make()
        env.reset()
        firsts.add(env.level.level_hash)
    assert len(firsts) > 1
    one, other = make(), make()
    one.reset(seed=4)
    other.reset(seed=4)
    for _ in range(3):
        assert np.array_equal(one.reset()[0], other.reset()[0])


def test_splits_can_be_chosen() -> None:
    env = make(condition="edge", split="test", level_seed=2)
    env.reset(options={"index": 5})
    assert env.level == generate("CoinRun", "edge_held_out", 2, 1, first=5)[0]


# Reset's options


def test_reset_plays_a_given_level_or_index_in_every_interface() -> None:
    options = {"condition": "off_path", "level_seed": 8}
    wanted = generate("CoinRun", "off_path", 8, 50)[49]
    single, vector, sb3 = make(**options), make_vec(3, **options), GoalpostsVecEnv(3, **options)
    for asked in ({"level": wanted}, {"index": 49}, {"index": np.int64(49)}):
        obs, _ = single.reset(seed=1, options=asked)
        assert single.level == wanted
        batch, _ = vector.reset(seed=1, options=asked)
        assert [vector.stream.level(i) for i in range(3)] == [wanted] * 3
        sb3.set_options(asked)
        assert np.array_equal(batch, sb3.reset())
        assert np.array_equal(batch, np.stack([obs] * 3))
    path = solve(wanted).path_to_goal
    assert path is not None
    for action in path[:-1]:
        assert single.step(action)[1:4] == (0.0, False, False)
    assert single.step(path[-1])[1:4] == (1.0, True, False)
    single.reset()
    assert single.level != wanted
    sb3.reset()
    assert sb3.stream.level(0) != wanted  # once only


def test_reset_mask_resets_some_and_gives_only_them_the_level() -> None:
    """Regression: the level in the options was loaded into all environments, interrupting running episodes."""
    vector = make_vec(4)
    vector.reset(seed=0)
    vector.step(np.full(4, 2))
    before = [vector.stream.level(i) for i in range(4)]
    state = vector.stream.engine.state.copy()
    mask = np.array([False, True, False, True])
    vector.reset(options={"reset_mask": mask, "level": SMALL})
    assert [vector.stream.level(i) for i in range(4)] == [before[0], SMALL, before[2], SMALL]
    assert np.array_equal(vector.stream.engine.state[~mask], state[~mask])
    vector.reset(options={"reset_mask": mask})
    assert vector.stream.level(1) != SMALL
    assert vector.stream.engine.outcome[:, 2].tolist() == [1, 0, 1, 0]


# Returned arrays belong to the caller


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_returned_arrays_are_fresh(observation: str) -> None:
    """Overwriting all returned arrays does not affect later results."""
    options = {"observation": observation, "max_steps": 4}
    rude, polite = make_vec(3, **options), make_vec(3, **options)
    obs, _ = rude.reset(seed=1)
    polite.reset(seed=1)
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    luck = np.random.default_rng(0)
    for _ in range(12):
        obs[:] = 1
        actions = luck.integers(4, size=3)
        obs, reward, ended, cut, infos = rude.step(actions)
        expected = polite.step(actions)
        for mine, theirs in zip((obs, reward, ended, cut), expected[:4], strict=True):
            assert np.array_equal(mine, theirs)
        kept.append((expected[0], expected[0].copy()))
        for mine in infos.get("final_obs", ()):
            if mine is not None:
                mine[:] = 1
        for values in infos.get("final_info", {}).values():
            values[:] = 0
        reward[:] = ended[:] = cut[:] = 1
    for array, at_once in kept:  # and later steps do not change kept arrays
        assert np.array_equal(array, at_once)
