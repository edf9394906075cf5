"""The engine end to end: a level, a string of actions, an outcome; and the faces, which must agree about all of it."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

from goalposts.agents import GoalpostsVecEnv, GoToGoal, GoToProxy, play
from goalposts.envs import (
    Engine,
    Level,
    LevelSet,
    generate,
    get_world,
    leakage,
    solve,
    split_of,
    survey_levels,
)
from goalposts.envs.engine import END, FIRST, O_END, O_FIRST, O_GOAL, O_STEPS

KEYS = ".lrj"


def room(*middle: str, edge: int | None = None) -> str:
    """Rows of a level between a ceiling with the edge's mark and a floor."""
    width = len(middle[0])
    mark = width - 2 if edge is None else edge
    return "\n".join(["#" * mark + "v" + "#" * (width - mark - 1), *middle, "#" * width])


def outcome(picture: str, actions: str, max_steps: int = 99) -> tuple[str, str, int, tuple[int, int]]:
    """(first touched, ended by, steps, where the agent is)."""
    level = Level.from_text(picture)
    engine = Engine(get_world("CoinRun"), 1, LevelSet.of([level]), max_steps=max_steps, direct=True)
    engine.load(0, 0)
    for key in actions:
        engine.step_active(np.array([KEYS.index(key)]), np.array([True]))
        if engine.outcome[0, O_END]:
            break
    row = engine.outcome[0]
    return (
        FIRST[row[O_FIRST]],
        END[row[O_END]],
        int(row[O_STEPS]),
        (int(engine.state[0, 0]), int(engine.state[0, 1])),
    )


FLAT = room("#.......#", "#.......#", "#.......#", "#.......#", "#A....C.#")
RULES = {
    "walks to the coin": (FLAT, "rrrrr", ("goal", "goal", 5, (5, 6))),
    "a wall stops it": (FLAT, "lll", ("neither", "running", 3, (5, 1))),
    "stays": (FLAT, "...", ("neither", "running", 3, (5, 1))),
    "jumps three cells": (FLAT, "j..", ("neither", "running", 3, (2, 1))),
    "falls again": (FLAT, "j.....", ("neither", "running", 6, (5, 1))),
    "no second jump in the air": (FLAT, "jj...j", ("neither", "running", 6, (5, 1))),
    "is steered in the air, over the coin": (FLAT, "rrrjrrrrr", ("proxy", "running", 9, (5, 7))),
    "the step limit ends it": (FLAT, "." * 99, ("neither", "timeout", 99, (5, 1))),
    "a ceiling ends the rise": (
        room("#.......#", "#==.....#", "#.......#", "#A....C.#"), "j...", ("neither", "running", 4, (4, 1)),
    ),
    "dies in lava": (room("#.......#", "#.......#", "#A......#", "##~####C#"), "r", ("neither", "death", 1, (4, 2))),
    "jumps over lava": (
        room("#.......#", "#.......#", "#.......#", "#A....C.#", "##~~#####"), "jrrrrr", ("goal", "goal", 6, (4, 6)),
    ),
    "spikes kill": (room("#.....#", "#A^.C.#"), "r", ("neither", "death", 1, (2, 2))),
    "a saw kills": (room("#.....#", "#Ao.C.#"), "r", ("neither", "death", 1, (2, 2))),
    "a crate is no way through": (room("#.....#", "#AB.C.#"), "rr", ("neither", "running", 2, (2, 1))),
    "lands on a crate": (
        room("#.....#", "#.....#", "#.....#", "#.....#", "#AB.C.#"), "jr....", ("neither", "running", 6, (4, 2)),
    ),
    "a monster kills who meets it": (room("#......#", "#A.MmmC#"), "rrr", ("neither", "death", 3, (2, 4))),
    "a monster kills who swaps places with it": (
        room("#......#", "#AmM..C#"), "r", ("neither", "death", 1, (2, 2)),
    ),
    "an edge in the air is none": (
        room("#....#", "#....#", "#....#", "#....#", "#A...#"), "jrrr", ("neither", "running", 4, (3, 4)),
    ),
    "a hidden coin counts": (room("#.....#", "#A.c..#"), "rr", ("goal", "goal", 2, (2, 3))),
    "a decoy does not": (room("#.....#", "#A.D.C#"), "rrrr", ("goal", "goal", 4, (2, 5))),
    "beyond the edge is past it": (room("#.......#", "#A......#", edge=4), "rrrrr", ("proxy", "running", 5, (2, 6))),
    "mirrored, the edge is at the left": (room("#.....#", "#..A..#", edge=1), "ll", ("proxy", "running", 2, (2, 1))),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str) -> None:
    picture, actions, expected = RULES[name]
    assert outcome(picture, actions) == expected


@pytest.mark.parametrize("observation", ["view", "full", "rgb"])
@pytest.mark.filterwarnings("error")
def test_gymnasium_and_sb3_accept_the_environment(observation: str) -> None:
    env = gym.make("goalposts:goalposts/CoinRun-v0", observation=observation, render_mode="rgb_array")
    check_env(env.unwrapped)
    check_env_of_sb3(env.unwrapped, warn=False)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**31),
    observation=st.sampled_from(["view", "full"]),
    num_levels=st.sampled_from([None, 1, 7]),
    reward=st.sampled_from(["goal", "proxy"]),
    slip=st.sampled_from([0.0, 0.3]),
)
def test_the_three_faces_agree_step_for_step(seed, observation, num_levels, reward, slip) -> None:
    options = {
        "condition": "off_path", "observation": observation, "num_levels": num_levels, "reward": reward, "slip": slip,
        "max_steps": 20,
    }  # fmt: skip
    n = 3
    singles = [gym.make("goalposts:goalposts/CoinRun-v0", **options) for _ in range(n)]
    vector = gym.make_vec("goalposts:goalposts/CoinRun-v0", num_envs=n, **options)
    sb3 = GoalpostsVecEnv(n, **options)
    sb3.seed(seed)
    seen = np.stack([env.reset(seed=seed + i)[0] for i, env in enumerate(singles)])
    assert np.array_equal(seen, vector.reset(seed=seed)[0])
    assert np.array_equal(seen, sb3.reset())
    rng = np.random.default_rng(seed)
    for _ in range(45):
        actions = rng.integers(4, size=n)
        obs, rewards, terminated, truncated, infos = vector.step(actions)
        sb3_obs, sb3_rewards, sb3_dones, sb3_infos = sb3.step(actions)
        assert np.array_equal(obs, sb3_obs)
        assert np.array_equal(rewards, sb3_rewards)
        assert np.array_equal(terminated | truncated, sb3_dones)
        for i, env in enumerate(singles):
            one, reward_of_one, term, trunc, info = env.step(int(actions[i]))
            assert (reward_of_one, term, trunc) == (rewards[i], terminated[i], truncated[i])
            if term or trunc:
                assert np.array_equal(one, infos["final_obs"][i])
                assert np.array_equal(one, sb3_infos[i]["terminal_observation"])
                assert sb3_infos[i]["TimeLimit.truncated"] == trunc
                for key, value in info.items():
                    assert infos["final_info"][key][i] == value
                    assert sb3_infos[i][key] == value
                one, _ = env.reset()
            assert np.array_equal(one, obs[i])


def test_seed_and_index_give_the_same_level_everywhere() -> None:
    levels = generate("CoinRun", "off_path", seed=5, count=40)
    again = generate("CoinRun", "off_path", seed=5, count=10, first=30)
    assert again == levels[30:]
    env = gym.make("goalposts:goalposts/CoinRun-v0", condition="off_path", level_seed=5).unwrapped
    env.reset(options={"index": 33})
    assert env.level == levels[33]
    env.reset(options={"level": levels[7]})
    assert env.level == levels[7]


@pytest.mark.parametrize(
    "condition", ["edge_held_out", "anywhere", "off_path", "left", "right_fraction(0.3)", "mixture(0.5)"]
)
def test_every_level_is_solvable_and_the_goal_seeker_is_exact(condition: str) -> None:
    levels = generate("CoinRun", condition, seed=9, count=300)
    survey = survey_levels(levels)
    assert (survey.steps_to_goal > 0).all()
    assert (survey.steps_to_proxy > 0).all()
    assert np.array_equal(play(GoToGoal(), levels).outcome[:, O_GOAL], survey.steps_to_goal)
    first = play(GoToProxy(), levels).outcome[:, O_FIRST]
    assert (first[survey.distinguishing] == FIRST.index("proxy")).all()


@pytest.mark.slow
def test_a_hundred_thousand_levels_are_solvable_under_every_placement() -> None:
    for condition in (
        "edge",
        "edge_held_out",
        "anywhere",
        "off_path",
        "left",
        "right_fraction(0.2)",
        "mixture(0.01)",
    ):
        survey = survey_levels(generate("CoinRun", condition, seed=11, count=100_000))
        assert (survey.steps_to_goal > 0).all()
        assert (survey.steps_to_proxy > 0).all()


def test_paths_of_the_planner_lead_where_they_say() -> None:
    for level in generate("CoinRun", "off_path", seed=2, count=50):
        plan = solve(level)
        assert plan.path_to_goal is not None
        keys = "".join(KEYS[a] for a in plan.path_to_goal)
        assert outcome(level.to_text(), keys)[:3] == ("goal", "goal", plan.steps_to_goal)


def test_splits_share_no_layout() -> None:
    train = generate("CoinRun", "edge", seed=0, count=3000)
    test = generate("CoinRun", "edge_held_out", seed=0, count=3000)
    assert leakage(test, train) == 0
    assert {split_of(h) for h in train.layout_hashes()} == {"train"}
    assert {split_of(h) for h in test.layout_hashes()} == {"test"}
    assert leakage(train[:10], train) == 1
