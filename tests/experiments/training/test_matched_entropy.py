"""Policies that are evened out to a fresh net's entropy: as random as it, with the same preferences."""

from pathlib import Path

import numpy as np
import pytest

from goalposts.agents import load_agent
from goalposts.agents.goal_visibility import own_observations
from goalposts.envs import generate
from goalposts.experiments import load_config
from goalposts.experiments.training.matched_entropy import can_match, match_entropy, mean_entropy
from goalposts.experiments.training.train import new_training


def test_entropy_of_known_distributions() -> None:
    assert mean_entropy(np.zeros((3, 4))) == pytest.approx(np.log(4))
    half = np.array([[0.0, 0.0, -1e3, -1e3], [0.0, -1e3, -1e3, -1e3]])
    assert mean_entropy(half) == pytest.approx(np.log(2) / 2)


def test_a_trained_policy_gets_a_fresh_nets_entropy_and_keeps_its_preferences(tiny_run: Path) -> None:
    agent = load_agent(tiny_run)
    fresh = new_training(load_config(tiny_run / "config.yaml")).agent()
    levels = generate("CoinRun", "off_path", 3, 20)
    seen = own_observations(fresh, levels, "view", 0)
    agent.policy.action_net.weight.data *= 30  # nearly certain
    before = np.asarray(agent.logits(seen), np.float64)
    wanted = mean_entropy(fresh.logits(seen))
    assert mean_entropy(before) < wanted - 0.1
    divisor = match_entropy(agent, fresh, levels, "view")
    assert divisor > 1
    after = np.asarray(agent.logits(seen), np.float64)
    assert mean_entropy(after) == pytest.approx(wanted, abs=1e-4)
    np.testing.assert_allclose(after * divisor, before, rtol=1e-3, atol=1e-3)
    assert match_entropy(agent, agent, levels, "view") == 1.0  # random enough already


def test_only_policies_with_one_layer_of_logits_can_be_matched(tiny_run: Path) -> None:
    assert can_match(load_agent(tiny_run))
    config = load_config(tiny_run / "config.yaml").override(["train.algorithm=DQN"])
    assert not can_match(new_training(config).agent())
