"""Level samplers choose the levels and receive the outcomes, in the native environment and in gymnasium's."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from goalposts.agents import GoalpostsVecEnv
from goalposts.envs import LevelError, generate
from goalposts.envs.engine.level_sampler import UniformSampler
from goalposts.envs.engine.options import OptionError


class InTurn:
    """A sampler that plays the pool in order and records its outcomes."""

    def begin(self, pool: Any, num_envs: int) -> None:
        self.pool, self.at, self.told = pool, 0, []

    def choose(self, slots: np.ndarray) -> np.ndarray:
        first, self.at = self.at, self.at + len(slots)
        return np.arange(first, self.at) % len(self.pool)

    def ended(self, slots: np.ndarray, levels: np.ndarray, returns: np.ndarray, outcome: np.ndarray) -> None:
        self.told += list(
            zip(slots.tolist(), levels.tolist(), returns.tolist(), outcome[:, 2].tolist(), strict=True)
        )


@pytest.mark.parametrize("observation", ["view", "rgb"])
def test_chosen_levels_are_played(observation: str) -> None:
    sampler = InTurn()
    env = GoalpostsVecEnv(
        3, condition="edge", observation=observation, num_levels=40, sampler=sampler, max_steps=6
    )
    env.reset()
    played: list[list[int]] = [[k] for k in range(3)]
    hashes = [sampler.pool[k].level_hash for k in range(40)]
    for _ in range(40):
        _, _, dones, infos = env.step(np.full(3, 2))
        for slot in np.flatnonzero(dones):
            played[slot].append(hashes.index(env.stream.level(int(slot)).level_hash))
            assert infos[slot]["steps"] <= 6
    flat = [place for slot in played for place in slot]
    assert len(set(flat)) == len(flat) > 15  # each once: in turn, one episode ahead
    assert max(flat) < len(flat) + 3
    assert [level for slot, level, _, _ in sampler.told if slot == 0] == played[0][:-1]
    assert all(steps <= 6 for *_, steps in sampler.told)


def test_returns_are_reported_to_the_sampler() -> None:
    sampler = InTurn()
    env = gym.make_vec(
        "goalposts:goalposts/CoinRun-v0", num_envs=16, condition="edge", num_levels=40, sampler=sampler
    )
    env.reset(seed=0)
    rng, earned = np.random.default_rng(0), 0.0
    for _ in range(500):
        _, reward, *_ = env.step(rng.integers(0, 4, 16))
        earned += float(reward.sum())
    assert sum(one[2] for one in sampler.told) == earned > 0


def test_a_uniform_sampler_plays_everything() -> None:
    env = GoalpostsVecEnv(8, num_levels=10, sampler=UniformSampler(0), max_steps=2)
    env.reset()
    seen = set()
    for _ in range(60):
        env.step(np.zeros(8, np.int64))
        seen |= set(env.stream.engine.outcome[:, 7].tolist()) | {env.stream.level(0).level_hash}
    assert len({one for one in seen if isinstance(one, str)}) == 10


class Wrong(InTurn):
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def choose(self, slots: np.ndarray) -> Any:
        return self.answer


@pytest.mark.parametrize(
    ("sampler", "options", "message"),
    [
        (InTurn(), {}, "chooses from a pool of levels; give num_levels="),
        (InTurn, {"num_levels": 5}, "is a class; give an object"),
        (object(), {"num_levels": 5}, r"has no begin\(…\)"),
        (Wrong(np.array([0, 5])), {"num_levels": 5}, "chose level 0 … 5; the pool has levels 0 to 4"),
        (Wrong(np.array([-1, 0])), {"num_levels": 5}, "chose level -1 … 0"),
        (Wrong(np.array([0.0, 1.0])), {"num_levels": 5}, "needed are 2 whole numbers"),
        (Wrong([0]), {"num_levels": 5}, "needed are 2 whole numbers, one per slot"),
    ],
)
def test_invalid_samplers_are_reported(sampler: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        GoalpostsVecEnv(2, sampler=sampler, **options).reset()


def test_interfaces_without_outcome_reports_refuse_samplers() -> None:
    for make in (
        lambda: gym.make("goalposts:goalposts/CoinRun-v0", num_levels=5, sampler=InTurn()),
        lambda: gym.make_vec(
            "goalposts:goalposts/CoinRun-v0",
            num_envs=2,
            num_levels=5,
            sampler=InTurn(),
            autoreset_mode="NEXT_STEP",
        ),
    ):
        with pytest.raises(OptionError, match="autoreset_mode SAME_STEP"):
            make()


@pytest.mark.parametrize("observation", ["view", "rgb"])
def test_a_pool_grows_without_changing_what_runs(observation: str) -> None:
    """Levels added between steps are played exactly, and what runs is the same without them."""
    options: dict[str, Any] = {
        "condition": "edge",
        "observation": observation,
        "num_levels": 6,
        "max_steps": 5,
    }
    more = generate("CoinRun", "off_path", 4, 9, split="train")
    played: list[list[str]] = []
    for added in (None, more[:4], more):
        sampler = InTurn()
        env = GoalpostsVecEnv(2, sampler=sampler, **options)
        found = []
        env.reset()
        for k in range(30):
            if k == 7 and added is not None:
                assert env.stream.extend(added).tolist() == list(range(6, 6 + len(added)))
                assert env.stream.extend(added[:0]).tolist() == []
            found.append(env.stream.level(0).level_hash)
            env.step(np.full(2, 2))
        played.append(found)
        if added is not None:
            sampler.pool, sampler.at = range(6, 6 + len(added)), 0  # type: ignore[assignment]
            env.stream.sampler.choose = lambda slots: 6 + np.arange(len(slots))  # type: ignore[method-assign]
            env.reset()
            assert [env.stream.level(i).level_hash for i in (0, 1)] == added[:2].level_hashes()
            assert env.stream.engine.pool[6 + len(added) - 1].level_hash == added[len(added) - 1].level_hash
    assert played[0] == played[1] == played[2]


def test_only_a_sampler_plays_added_levels() -> None:
    env = GoalpostsVecEnv(2, num_levels=5)
    with pytest.raises(OptionError, match="give the environment a sampler"):
        env.stream.extend(generate("CoinRun", "edge", 0, 1))
    env = GoalpostsVecEnv(2, num_levels=5, sampler=InTurn())
    with pytest.raises(LevelError, match="do not fit"):
        env.stream.extend(generate("Corner", "corner", 0, 1))
