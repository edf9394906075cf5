"""Edits of observations are exact, and what an edited agent does is what the agent does on the edited observation."""

from typing import Any

import numpy as np
import pytest
from fixtures.algorithms import small_training
from fixtures.little import training
from hypothesis import given, settings
from hypothesis import strategies as st

from goalposts.agents import Edited, Edits, EnsembleAgent, GoalpostsVecEnv, play, play_edited
from goalposts.agents.interventions import EditError
from goalposts.envs import generate


def seen(observation: str = "view", n: int = 24) -> np.ndarray:
    env = GoalpostsVecEnv(n, condition="edge", observation=observation)
    return np.asarray(env.reset())


@pytest.mark.parametrize("observation", ["view", "full", "view(coin=3)", "view(deadly=0)"])
def test_planes_are_where_the_world_says(observation: str) -> None:
    edit, found = Edits("CoinRun", observation), seen(observation)
    assert edit.shape == found.shape[1:]
    assert sum(map(len, edit.planes.values())) == found.shape[1]
    cleared = edit.clear(found, "coin")
    others = [k for name, numbers in edit.planes.items() if name != "coin" for k in numbers]
    assert np.array_equal(cleared[:, others], found[:, others])
    assert not cleared[:, edit.planes["coin"]].any()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 8), st.integers(0, 14))
def test_set_then_clear_is_what_it_was(row: int, col: int) -> None:
    edit = Edits("CoinRun")
    found = np.random.default_rng(row * 15 + col).integers(0, 2, (4, *edit.shape), np.uint8)
    before = found.copy()
    lit = edit.set(found, "coin", row, col)
    number = edit.planes["coin"][0]
    assert (lit[:, number, row, col] == 1).all()
    assert int((lit != found).sum()) == int((found[:, number, row, col] == 0).sum())
    dark = edit.clear(lit, "coin", row, col)
    assert (dark[:, number, row, col] == 0).all()
    assert np.array_equal(found, before), "the original was changed"


def test_moving_a_bit_moves_only_what_is_there() -> None:
    edit, found = Edits("CoinRun"), seen(n=60)
    moved = edit.move(found, "coin", np.arange(60) % 9, 3)
    there = edit.count(found, "coin") > 0
    assert there.any()
    assert not there.all()
    assert (edit.count(moved, "coin") == there).all()
    for k, places in enumerate(edit.places(moved, "coin")):
        assert places.tolist() == ([[k % 9, 3]] if there[k] else [])


def test_every_place_is_one_bit_at_each() -> None:
    edit, found = Edits("CoinRun"), seen()
    many = edit.every_place(found[0], "coin")
    places = np.concatenate(edit.places(many, "coin"))
    assert places.tolist() == [[row, col] for row in range(9) for col in range(15)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e, s: e.set(s, "coinn", 1, 1), "'coinn' does not exist; planes are .* Did you mean 'coin'"),
        (lambda e, s: e.set(s, "coin", 9, 0), "rows are 0 to 8, columns 0 to 14"),
        (lambda e, s: e.set(s, "coin", 1.5, 0), "give whole numbers"),
        (lambda e, s: e.set(s[:, :2], "coin", 1, 1), "observations have shape"),
        (lambda e, s: Edits("CoinRun", "rgb"), "pixels have no planes"),
        (lambda e, s: Edits("CoinRun", "view(coin=0)").set(s, "coin", 1, 1), "is hidden from this agent"),
        (lambda e, s: Edits("CoinRun", "view(coin=1x3)"), "drawn 3 cells wide"),
    ],
)
def test_what_cannot_be_edited_is_said(call, message: str) -> None:
    with pytest.raises(EditError, match=message):
        call(Edits("CoinRun"), seen())


def test_an_edited_agent_acts_on_what_it_sees_after_the_edit() -> None:
    agent, edit, found = training().agent(), Edits("CoinRun"), seen()
    blind: Any = Edited(agent, lambda one: edit.clear(one, "coin"))
    without = edit.clear(found, "coin")
    assert np.array_equal(blind.action_probabilities(found), agent.action_probabilities(without))
    assert np.array_equal(blind.logits(found), agent.logits(without))
    assert np.array_equal(blind.value(found), agent.value(without))
    assert np.array_equal(
        blind.predict(found, deterministic=True)[0], agent.predict(without, deterministic=True)[0]
    )
    levels = generate("CoinRun", "edge", 0, 8)
    assert np.array_equal(
        play(blind, levels, max_steps=20).actions,
        play_edited(agent, levels, blind.edit, max_steps=20).actions,
    )
    same = Edited(agent, lambda one: one)
    assert np.array_equal(play(same, levels, max_steps=20).actions, play(agent, levels, max_steps=20).actions)


def test_activations_are_the_outputs_of_the_layers() -> None:
    agent, found = training().agent(), seen()
    inside = agent.activations(found)
    assert np.array_equal(inside["action_net"], agent.logits(found))
    assert np.array_equal(inside["value_net"][:, 0], agent.value(found))
    layer = agent.policy.features_extractor.layers[1]
    before = (
        found.reshape(len(found), -1).astype(np.float32) @ layer.weight.detach().numpy().T
        + layer.bias.detach().numpy()
    )
    assert np.allclose(inside["features_extractor.layers.1"], before, atol=1e-5)
    assert np.array_equal(
        inside["features_extractor.layers.2"], np.maximum(inside["features_extractor.layers.1"], 0)
    )
    assert not agent.policy.features_extractor.layers[1]._forward_hooks


@pytest.mark.parametrize("algorithm", ["DQN", "QR-DQN", "RecurrentPPO"])
def test_every_kind_of_agent_shows_what_is_inside(algorithm: str) -> None:
    agent = small_training(algorithm).agent()
    found = np.random.default_rng(0).integers(0, 2, (5, *agent.card.shape), np.uint8)
    assert agent.logits(found).shape == (5, 4)
    inside = agent.activations(found)
    assert inside
    assert all(len(values) == 5 for values in inside.values())


def test_an_ensemble_shows_its_members() -> None:
    agent = EnsembleAgent([training(seed=k).agent() for k in (1, 2)])
    found = seen(n=4)
    inside = agent.activations(found)
    assert np.array_equal(inside["member.1.action_net"], agent.members[1].logits(found))
    shifted = agent.logits(found)
    assert np.allclose(np.exp(shifted), agent.action_probabilities(found), atol=1e-6)
