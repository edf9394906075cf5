"""Every algorithm trains on the native environment, is saved and loaded without pickle, and resumes or reports that it cannot."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.algorithms import ALGORITHMS, LSTM
from fixtures.algorithms import small_training as made
from fixtures.little import ignore, weights

from goalposts.agents import CheckpointError, load_agent, play
from goalposts.agents.policy.checkpoint import build_policy, count_weights, read_card, save_policy
from goalposts.envs import generate

ON_POLICY = ("A2C", "RecurrentPPO", "TRPO")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checkpoint_gives_the_agent_that_was_trained(algorithm: str, tmp_path: Path) -> None:
    training = made(algorithm)
    training.run(ignore)
    save_policy(tmp_path, training.model.policy, training.card())
    agent = load_agent(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.json", "model.safetensors"]
    assert agent.card == training.card()
    assert (agent.card.algorithm, agent.card.step) == (algorithm, 512)
    seen = np.random.default_rng(0).integers(0, 2, (32, *agent.card.shape), np.uint8)
    theirs = training.model.predict(seen, deterministic=True)[0]
    assert np.array_equal(agent.predict(seen, deterministic=True)[0], theirs)
    probabilities = agent.action_probabilities(seen)
    assert np.array_equal(probabilities.argmax(axis=1), theirs)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert agent.value(seen).shape == (32,)
    assert count_weights(agent.card) == sum(p.numel() for p in agent.policy.parameters())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_weights_change_and_are_a_function_of_the_seed(algorithm: str) -> None:
    one = made(algorithm)
    before = weights(one)
    one.run(ignore)
    other = made(algorithm)  # created only now, since the random state is global
    other.run(ignore)
    assert weights(one) == weights(other) != before


@pytest.mark.parametrize("algorithm", ON_POLICY)
def test_on_policy_training_resumes_with_the_same_bytes(algorithm: str, tmp_path: Path) -> None:
    whole = made(algorithm)
    whole.run(ignore)

    class Killed(Exception):
        pass

    first = made(algorithm)

    def kill(_: object) -> None:
        if first.step == 256:
            first.save(tmp_path)
            raise Killed

    with pytest.raises(Killed):
        first.run(kill)
    second = made(algorithm)
    second.restore(tmp_path)
    assert second.step == 256
    second.run(ignore)
    assert weights(second) == weights(whole)


@pytest.mark.parametrize("algorithm", ["DQN", "QR-DQN"])
def test_off_policy_training_reports_that_it_starts_over(algorithm: str, tmp_path: Path) -> None:
    training = made(algorithm)
    training.save(tmp_path)
    assert not training.resumable
    with pytest.raises(CheckpointError, match="cannot resume, because its replay buffer is not saved"):
        training.restore(tmp_path)


def test_a_recurrent_agent_carries_its_state_per_level(tmp_path: Path) -> None:
    """It acts the same on levels played one by one, in batches or all at once; and its memory matters."""
    training = made("RecurrentPPO")
    with torch.no_grad():
        for weight in training.model.policy.lstm_actor.parameters():
            weight.mul_(6)
        training.model.policy.action_net.weight.mul_(200)
    save_policy(tmp_path, training.model.policy, training.card())
    levels = generate("CoinRun", "edge", 0, 12)
    agent = load_agent(tmp_path)
    together = play(agent, levels, max_steps=30).actions
    for batch in (1, 5):
        assert np.array_equal(play(agent, levels, max_steps=30, batch=batch).actions, together)
    agent.begin = lambda _: None  # type: ignore[attr-defined]
    agent.see = lambda *_: None  # type: ignore[attr-defined]
    assert not np.array_equal(play(agent, levels, max_steps=30).actions, together)


def test_epsilon_is_that_of_the_end_of_training() -> None:
    training = made("DQN")
    training.env.reset()
    agent = training.agent()
    seen = np.zeros((2000, *agent.card.shape), np.uint8)
    assert np.allclose(np.sort(agent.action_probabilities(seen)[0]), [0.0625, 0.0625, 0.0625, 0.8125])
    best = agent.predict(seen[:1], deterministic=True)[0][0]
    torch.manual_seed(0)
    assert float((agent.predict(seen)[0] == best).mean()) == pytest.approx(0.8125, abs=0.03)


WRONG = {
    "another algorithm": {"algorithm": "SAC"},
    "a class that is none of ours": {"options": {**LSTM, "policy_class": "os:system"}},
    "an argument of another algorithm": {"options": {**LSTM, "n_quantiles": 3}},
    "an argument is missing": {"options": {}},
    "a width of text": {"options": {**LSTM, "lstm_hidden_size": "8"}},
    "both critics": {"options": {**LSTM, "shared_lstm": True}},
    "options of text": {"options": "x"},
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_card_off_the_allow_list_is_refused(fault: str, tmp_path: Path) -> None:
    training = made("RecurrentPPO")
    save_policy(tmp_path, training.model.policy, training.card())
    file = tmp_path / "checkpoint.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | WRONG[fault]))
    with pytest.raises(CheckpointError, match="damaged"):
        load_agent(tmp_path)


def test_a_huge_lstm_is_refused_before_it_is_made(tmp_path: Path) -> None:
    training = made("RecurrentPPO")
    save_policy(tmp_path, training.model.policy, training.card())
    file = tmp_path / "checkpoint.json"
    data = json.loads(file.read_text())
    file.write_text(json.dumps(data | {"options": {**LSTM, "lstm_hidden_size": 4096}}))
    with pytest.raises(CheckpointError, match="do not match the net"):
        load_agent(tmp_path)


def test_count_weights_matches_every_net() -> None:
    pytest.importorskip("sb3_contrib")
    from goalposts.agents import AgentCard

    for shared, critic, layers in ((False, True, 2), (True, False, 1), (False, False, 1)):
        options = {
            "lstm_hidden_size": 7,
            "n_lstm_layers": layers,
            "shared_lstm": shared,
            "enable_critic_lstm": critic,
        }
        for observation, shape in (("view", (5, 9, 15)), ("rgb", (3, 64, 64))):
            card = AgentCard(
                "CoinRun",
                observation,
                shape,
                4,
                (6,),
                (5,),
                (3,),
                0,
                algorithm="RecurrentPPO",
                options=options,
            )
            assert count_weights(card) == sum(p.numel() for p in build_policy(card).parameters())


def test_pixels_train_by_another_algorithm(tmp_path: Path) -> None:
    training = made("A2C", total_steps=128, observation="rgb")
    training.run(ignore)
    save_policy(tmp_path, training.model.policy, training.card())
    assert read_card(tmp_path).shape == (3, 64, 64)
    assert load_agent(tmp_path).action_probabilities(np.zeros((2, 3, 64, 64), np.uint8)).shape == (2, 4)
