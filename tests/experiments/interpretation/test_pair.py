"""Between two nets: the ends of the line are the nets, grafting all blocks makes the other one, unlike nets are refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from goalposts.errors import UserError
from goalposts.experiments.evaluation.evaluate import subject_of
from goalposts.experiments.interpretation.pair import blocks, check_pair, pair_table, weights_of, with_weights
from goalposts.experiments.interpretation.states import held_out_states
from goalposts.experiments.interpretation.support import untrained_agent
from goalposts.experiments.interpretation.use import Arena
from goalposts.experiments.runs.run import Run


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Run:
    return Run.open(tiny_run)


def test_blocks_are_all_weights_that_choose_the_action_and_each_once(run: Run) -> None:
    agent = subject_of(run).agent
    states = held_out_states("CoinRun", "edge_held_out", levels=2)
    found = blocks(agent, states)
    assert list(found)[:2] == ["goal's plane in the first layer", "rest of the first layer"]
    assert "action head" in found
    for name, one in weights_of(agent).items():
        times = sum(masks[name].int() for masks in found.values() if name in masks)
        assert torch.equal(torch.as_tensor(times), torch.ones_like(one, dtype=torch.int)), name
    goal = next(iter(found["goal's plane in the first layer"].values()))
    assert goal[0].reshape(agent.card.shape).sum() == goal[0].reshape(agent.card.shape)[3].sum() == 9 * 15
    assert not any("value_net" in name for masks in found.values() for name in masks)


@pytest.mark.slow
def test_line_ends_in_the_two_nets_and_a_copy_leaves_the_agent_alone(run: Run) -> None:
    agent, fresh = subject_of(run).agent, untrained_agent(run)
    states = held_out_states("CoinRun", "off_path", levels=4)
    before = agent.action_probabilities(states.observations)
    other = with_weights(agent, weights_of(fresh))
    assert other.action_probabilities(states.observations) == pytest.approx(
        fresh.action_probabilities(states.observations)
    )
    assert agent.action_probabilities(states.observations) == pytest.approx(before)
    subject = subject_of(run)
    arena = Arena.of(subject, "edge_held_out", "off_path", 1, 4)
    table = pair_table(agent, fresh, states, arena, random=1)
    line = table.filter(table["change"] == "interpolated")
    ends = [arena.scores(one)[0] for one in (agent, fresh)]
    assert line["capability"].to_list()[:: len(line) - 1] == [one.capability for one in ends]
    grafts = table.filter(table["change"] == "grafted")
    assert grafts["random_capability"].is_not_null().all()
    assert set(grafts["into"]) == {"first", "second"}


def test_unlike_nets_are_refused_in_one_sentence(run: Run) -> None:
    agent = subject_of(run).agent
    other = with_weights(agent, weights_of(agent))
    other.card = replace(agent.card, observation="view(coin=0)", name="other")
    ends = {"first": weights_of(agent), "second": weights_of(other)}
    with pytest.raises(UserError, match=r"see the same planes and have the same layers; .* and other differ"):
        check_pair(agent, other, ends)
    with pytest.raises(UserError, match="two actor-critic nets"):
        weights_of(object())  # type: ignore[arg-type]
