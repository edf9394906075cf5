"""Row C3: recurrent agents keep their memory per level, and normalized agents use their statistics."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixtures.calibration_agents import RIGHT, STAY, Counting, constant, run_to
from fixtures.faults import row
from gymnasium.spaces import Box
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from goalposts.agents import FrameStacked, GoalpostsVecEnv, Normalized, Played, play
from goalposts.envs import LevelSet, generate
from goalposts.envs.engine.outcome import O_STEPS
from goalposts.errors import UserError
from goalposts.experiments import diagnose, evaluate
from goalposts.experiments.evaluation.evaluate import subject_of
from goalposts.experiments.external.sb3_zip import load_sb3


class Lstm:
    """A small recurrent net with random weights and SB3's state layout: float32[layers, n, width], twice."""

    def __init__(self) -> None:
        torch.manual_seed(5)
        self.net, self.head = torch.nn.LSTM(5 * 9 * 15, 8), torch.nn.Linear(8, 4)

    def predict(
        self, observation: np.ndarray, state: Any = None, episode_start: Any = None, deterministic=False
    ):
        n = len(observation)
        zeros = np.zeros((1, n, 8), np.float32)
        before = [np.where(episode_start[:, None], zeros, part) for part in state or (zeros, zeros)]
        with torch.no_grad():
            seen = torch.as_tensor(observation.reshape(1, n, -1), dtype=torch.float32)
            out, after = self.net(seen, tuple(torch.as_tensor(part) for part in before))
            inclined = self.head(5 * out[0]) + torch.tensor([-1.0, -1.0, 1.5, 1.0])
            return inclined.argmax(1).numpy(), tuple(part.numpy() for part in after)


class OwnMemory:
    """Run right for a number of steps given by the row of its level in the first batch; counts internally."""

    def __init__(self) -> None:
        self.row_of_step: list[int] = []

    def predict(self, observation: np.ndarray, episode_start: Any = None, deterministic: bool = False):
        if episode_start.all():
            self.left = np.arange(len(observation)) + 1
        self.row_of_step.append(len(observation))
        self.left -= 1
        return np.where(self.left >= 0, RIGHT, STAY), "mine"


class Tells(Counting):
    """An agent with memory that also reports probabilities, which cannot depend on it."""

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        raise AssertionError("these are not the probabilities of the agent with its memory")


def recurrent_ppo() -> Any:
    contrib = pytest.importorskip("sb3_contrib")
    env = GoalpostsVecEnv(4, condition="edge", max_steps=30)
    sizes = {"lstm_hidden_size": 8, "net_arch": []}
    model = contrib.RecurrentPPO(
        "MlpLstmPolicy", env, n_steps=32, batch_size=64, n_epochs=1, seed=0, device="cpu", policy_kwargs=sizes
    )
    return model.learn(256)


def one_by_one(make: Callable[[], Any], levels: LevelSet) -> list[Played]:
    return [
        play(make(), replace(levels[k : k + 1], index=levels.index[k : k + 1]), sampled=False, max_steps=40)
        for k in range(len(levels))
    ]


@row("C3")
@pytest.mark.parametrize(
    "make", [Lstm, lambda: Counting(run_to(1), 12), pytest.param(recurrent_ppo, marks=pytest.mark.slow)]
)
def test_an_agent_with_a_memory_plays_each_level_as_if_it_were_alone(make: Callable[[], Any]) -> None:
    agent, levels = make(), generate("CoinRun", "edge", 3, 40)
    together = play(agent, levels, sampled=False, max_steps=40)
    lengths = together.outcome[:, O_STEPS]
    assert len(set(lengths)) > 2  # levels end at different steps
    for k, alone in enumerate(one_by_one(lambda: agent, levels)):
        assert np.array_equal(
            alone.outcome[0, :-1], together.outcome[k, :-1]
        )  # the last is the row of the level
        assert np.array_equal(alone.actions[0, : lengths[k]], together.actions[k, : lengths[k]])
    split = play(agent, levels, sampled=False, max_steps=40, batch=7)
    assert np.array_equal(split.outcome[:, :-1], together.outcome[:, :-1])


@row("C3")
def test_a_counting_agent_stops_after_four_steps_of_every_episode() -> None:
    agent = Counting(run_to(1))
    played = play(agent, generate("CoinRun", "edge_held_out", 0, 60), sampled=True)
    for actions, steps in zip(played.actions, played.outcome[:, O_STEPS], strict=True):
        assert (actions[4:steps] == STAY).all()
    verdict = diagnose(evaluate(agent, ["edge_held_out", "off_path"], 100))
    assert verdict.label == "CAPABILITY LOSS"


@row("C3")
def test_a_memory_that_the_agent_keeps_by_itself_stays_with_its_level() -> None:
    agent, levels = OwnMemory(), generate("CoinRun", "edge", 3, 20)
    played = play(agent, levels, sampled=False, max_steps=30)
    assert set(agent.row_of_step) == {20}
    for k, steps in enumerate(played.outcome[:, O_STEPS]):
        assert (played.actions[k, :steps] == np.where(np.arange(steps) < k + 1, RIGHT, STAY)).all()


@row("C3")
def test_agent_without_memory_is_queried_about_running_levels_only() -> None:
    class Runs:
        def __init__(self) -> None:
            self.asked: list[int] = []

        def predict(self, observation: np.ndarray, **options: Any):
            assert options["state"] is None
            assert options["episode_start"].all() == (not self.asked)
            self.asked.append(len(observation))
            return run_to(1)(observation), options["state"]

    agent = Runs()
    play(agent, generate("CoinRun", "edge", 3, 30), sampled=False)
    assert agent.asked[0] == 30 > agent.asked[-1] > 0


@row("C3")
def test_agent_with_memory_is_sampled_by_its_predict() -> None:
    levels = generate("CoinRun", "edge", 3, 10)
    told, plain = play(Tells(constant(RIGHT)), levels), play(Counting(constant(RIGHT)), levels)
    assert np.array_equal(told.actions, plain.actions)


@row("C3")
def test_normalized_agent_sees_the_same_inputs_as_in_training() -> None:
    env = VecNormalize(GoalpostsVecEnv(4, condition="edge", max_steps=30), norm_reward=False)
    model = PPO("MlpPolicy", env, n_steps=16, batch_size=64, n_epochs=1, seed=0, device="cpu").learn(64)
    seen: list[np.ndarray] = []
    real = model.predict
    model.predict = lambda obs, *rest, **named: (seen.append(obs), real(obs, *rest, **named))[1]  # type: ignore[method-assign]
    table = evaluate(model, ["edge_held_out"], 4, name="normalized")
    assert all(obs.dtype == np.float32 for obs in seen)
    assert (seen[0] < 0).any()
    model.env = None  # as after loading from a file
    seen.clear()
    given = evaluate(Normalized(model, env), ["edge_held_out"], 4, name="normalized")
    assert all(obs.dtype == np.float32 for obs in seen)
    assert given["level_hash"].equals(table["level_hash"])
    for parts in ((model, object()), (object(), env)):
        with pytest.raises(UserError, match=r"has no (predict|normalize_obs): give Normalized"):
            Normalized(*parts)


class Flattening:
    """A user's own agent, whose predict flattens what its model's space describes."""

    observation_space = Box(0, 1, (845,), np.uint8)

    def predict(self, observation: np.ndarray, **_: Any) -> tuple[np.ndarray, None]:
        return np.zeros(len(observation), np.int64), None


def little_model(env: Any) -> Any:
    return PPO("MlpPolicy", env, n_steps=16, batch_size=64, n_epochs=1, seed=0, device="cpu").learn(64)


@row("C3")
def test_a_model_from_a_file_is_not_played_on_other_observations_than_in_training(tmp_path: Path) -> None:
    plain = GoalpostsVecEnv(4, condition="edge", max_steps=30)
    little_model(VecNormalize(plain, norm_reward=False)).save(tmp_path / "normalized.zip")
    little_model(VecFrameStack(plain, 3)).save(tmp_path / "stacked.zip")
    little_model(plain).save(tmp_path / "plain.zip")
    normalized, stacked, model = (
        load_sb3(tmp_path / f"{name}.zip", trust=True) for name in ("normalized", "stacked", "plain")
    )
    cases: tuple[tuple[Any, dict[str, Any], str], ...] = (
        (normalized, {}, "trained on normalized observations.*--vec-normalize FILE"),
        (stacked, {}, r"trained on observations of shape \(5, 9, 45\).*gives \(5, 9, 15\); give --frames 3"),
        (FrameStacked(stacked, 2), {}, r"gives \(5, 9, 30\) in 2 frames; give --frames 3"),
        (FrameStacked(model, 2), {}, "leave --frames out"),
        (model, {"observation": "full"}, "give the world and the observation"),
        (model, {"world": "Corner"}, "give the world and the observation"),
        (model, {"observation": "rgb"}, r"gives \(64, 64, 3\); give the world and the observation"),
    )
    for agent, options, words in cases:
        with pytest.raises(UserError, match=words):
            subject_of(agent, **options)
    for agent in (model, FrameStacked(stacked, 3), FrameStacked(stacked, 3, "last"), Flattening()):
        subject_of(agent)
