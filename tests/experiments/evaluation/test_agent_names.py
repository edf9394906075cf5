"""Two agents never get one name: an object keeps its name, and another object with that name is refused unless it is the same agent."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
import torch

from goalposts.agents import GoToGoal, Mixture
from goalposts.errors import UserError
from goalposts.experiments import evaluate
from goalposts.experiments.evaluation.agent_names import name_of
from goalposts.experiments.evaluation.evaluate import subject_of


class Mine:
    """An agent with the attribute `name`, as users write it."""

    def __init__(self, action: int, name: str = "Mine") -> None:
        self.action, self.name = action, name

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        return np.full(len(observation), self.action), None


class Partner:
    """Holds the agent that holds it."""

    def __init__(self, agent: Mine) -> None:
        self.agent = agent

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        return self.agent.predict(observation, deterministic)


def test_two_agents_of_one_name_cannot_be_joined_into_one() -> None:
    """One was to be evaluated on the control, the other on the shift: together they would have got one verdict."""
    right, jump = Mine(2), Mine(3)
    first = evaluate(right, ["edge_held_out"], levels=5)
    with pytest.raises(
        UserError, match=r"another agent in use is named 'Mine' too.*evaluate\(agent, name='…'\)"
    ):
        evaluate(jump, ["off_path"], levels=5)
    assert (
        evaluate(right, ["off_path"], levels=5)["agent"].unique().to_list()
        == first["agent"].unique().to_list()
    )
    assert evaluate(jump, ["off_path"], levels=5, name="jumper")["agent"][0] == "jumper"


def test_explicit_names_and_training_seeds_are_the_users_choice() -> None:
    first, second = Mine(2, "chosen"), Mine(3, "chosen")
    assert {subject_of(one, name="the same").label for one in (first, second)} == {"the same"}
    runs = [subject_of(one, seed=seed).run for seed, one in enumerate((first, second))]
    assert runs == ["chosen-s0", "chosen-s1"]
    with pytest.raises(UserError, match="is named 'chosen' too"):
        subject_of(Mine(1, "chosen"), seed=1)


def test_the_same_agent_constructed_again_keeps_its_name() -> None:
    agents = [GoToGoal(), GoToGoal(), Mixture(0.5), Mixture(0.5), Mine(2, "twice"), Mine(2, "twice")]
    assert [name_of(agent) for agent in agents] == ["GoToGoal"] * 2 + ["Mixture(0.5)"] * 2 + ["twice"] * 2
    with pytest.raises(UserError, match="Mixture"):
        name_of(Mixture(0.5, seed=1))


def test_the_name_of_an_agent_that_is_gone_is_free() -> None:
    old = Mine(2, "reloaded")
    assert name_of(old) == "reloaded"
    del old
    assert name_of(Mine(3, "reloaded")) == "reloaded"


def test_an_agent_in_a_cycle_of_references_is_gone_when_it_is_out_of_use() -> None:
    """As those that interventions return, which hold themselves in closures."""
    gc.disable()
    try:
        for k in range(3):
            agent = Mine(k, "cyclic")
            vars(agent)["itself"] = agent
            assert name_of(agent) == "cyclic"
            del agent
    finally:
        gc.enable()


def test_agents_that_hold_themselves_or_weights_are_compared_without_an_error() -> None:
    first, second = Mine(1, "looped"), Mine(1, "looped")
    for agent in (first, second):
        vars(agent)["partner"] = Partner(agent)
    assert name_of(first) == "looped"
    with pytest.raises(UserError, match="another agent in use is named 'looped'"):
        name_of(second)
    nets = [torch.nn.Linear(2, 2) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    third, fourth, fifth = (Mine(1, "net") for _ in range(3))
    for agent, net in ((third, nets[0]), (fourth, nets[1]), (fifth, torch.nn.Linear(2, 2))):
        vars(agent)["net"] = net
    assert name_of(third) == name_of(fourth) == "net"
    with pytest.raises(UserError, match="another agent in use is named 'net'"):
        name_of(fifth)
