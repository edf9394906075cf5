"""Methods without labels: dropout's masks and gradients, hidden cells, the rule of early stopping, votes."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fixtures.little import training
from fixtures.tasks import small_task

from goalposts.agents import EnsembleAgent, GoalpostsVecEnv
from goalposts.agents.methods.regularized.dropout import Dropout
from goalposts.agents.methods.regularized.early_stopping import EarlyStopping, StoppingRule
from goalposts.agents.methods.regularized.observation_dropout import HiddenCells, ObservationDropout
from goalposts.errors import UserError

# Dropout


@pytest.mark.parametrize("net", [{"pi": (), "vf": ()}, {"trunk": (8, 6)}, {"trunk": ()}])
def test_dropout_has_the_outputs_and_gradients_of_autograd_with_the_same_masks(net: dict[str, Any]) -> None:
    learner = training(**net)
    model, policy = learner.model, learner.model.policy
    drop = model.drop_units(0.5, 3)
    obs = learner.env.reset()
    model._rows.put(0, obs)
    picks = np.arange(len(obs))
    model._net.refresh()
    logits, values = model._net.forward(model._rows, picks)
    body = [layer for layer in policy.features_extractor.layers if isinstance(layer, torch.nn.Linear)]
    pi, vf = (
        [layer for layer in part if isinstance(layer, torch.nn.Linear)]
        for part in (policy.mlp_extractor.policy_net, policy.mlp_extractor.value_net)
    )
    masks = [mask[: len(obs)] for mask in drop.masks]
    assert {float(value) for mask in masks for value in mask.unique()} == {0.0, 2.0}
    x = torch.from_numpy(obs).float().flatten(1)
    for layer, mask in zip(body, masks, strict=False):
        x = layer(x).relu() * mask
    sides = [x, x]
    if pi:
        width = pi[0].out_features
        last = masks[-1][:, :width], masks[-1][:, width:]
        sides = [layers[0](x).relu() * mask for layers, mask in zip((pi, vf), last, strict=True)]
    expected = policy.action_net(sides[0]), policy.value_net(sides[1])[:, 0]
    torch.testing.assert_close(logits, expected[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(values, expected[1], rtol=1e-4, atol=1e-5)
    to_logits, to_values = torch.randn_like(logits), torch.randn_like(values)
    policy.zero_grad()
    torch.autograd.backward(expected, (to_logits, to_values))
    wanted = {name: p.grad.clone() for name, p in policy.named_parameters()}
    model._net.backward(to_logits, to_values)
    for name, p in policy.named_parameters():
        torch.testing.assert_close(p.grad, wanted[name], rtol=1e-3, atol=1e-4)


def test_an_update_sees_the_masks_of_its_rollout() -> None:
    """With other masks, the ratio of PPO would not start at 1."""
    learner = training(total_steps=512)
    model, gaps = learner.model, []
    drop = model.drop_units(0.3, 0)
    train, first = model.train, [mask.clone() for mask in drop.masks]

    def checked() -> None:
        picks, buffer = np.arange(512), model.rollout_buffer
        actions = torch.from_numpy(buffer.actions.reshape(-1, 1)).long()
        for masked in (True, False):
            model._net.dropout = drop if masked else None
            logits, _ = model._net.forward(model._rows, picks)
            now = torch.log_softmax(logits, 1).gather(1, actions)[:, 0]
            gaps.append(float((now - torch.from_numpy(buffer.log_probs.reshape(-1))).abs().max()))
        model._net.dropout = drop
        train()

    model.train = checked
    learner.run(lambda progress: None)
    assert gaps[0] < 1e-5 < 1e-4 < gaps[1]
    drop.redraw()
    assert not torch.equal(first[0], drop.masks[0])


def test_dropout_leaves_an_ordinary_net_and_changes_what_it_learns() -> None:
    plain, dropped = (method.train(small_task(), 3) for method in (Dropout(0.0), Dropout(0.5)))
    same = small_task()
    reference = same.run(same.learner()).agent().policy.state_dict()
    assert all(torch.equal(reference[name], tensor) for name, tensor in plain.policy.state_dict().items())
    changed = dropped.policy.state_dict()
    assert changed.keys() == reference.keys()
    assert not all(torch.equal(reference[name], tensor) for name, tensor in changed.items())


@pytest.mark.parametrize("method", [Dropout(), ObservationDropout()])
def test_dropout_of_pixels_is_refused(method: Any) -> None:
    with pytest.raises(UserError, match=r"Set (train\.algorithm=PPO and )?env\.observation=view"):
        method.train(small_task(observation="rgb"), 3)


# Observation dropout


def test_cells_are_hidden_in_all_planes() -> None:
    seen = HiddenCells(0.25, 0)(np.ones((400, 3, 5, 7), np.uint8))
    assert seen.dtype == np.uint8
    assert (seen == seen[:, :1]).all()
    assert abs(float(seen.mean()) - 0.75) < 0.02
    assert not (seen[0] == seen[1]).all()


def test_what_leaves_the_environment_is_augmented_once_and_everywhere() -> None:
    env = GoalpostsVecEnv(4, condition="edge", num_levels=10, max_steps=2)
    env.augment = lambda observations: observations * 0
    assert not np.asarray(env.reset()).any()
    env.step(np.zeros(4, np.int64))
    obs, _, done, infos = env.step(np.zeros(4, np.int64))
    assert done.all()
    assert not np.asarray(obs).any()
    assert not infos[0]["terminal_observation"].any()


# Early stopping


def told(rule: StoppingRule, *updates: tuple[int, float | None]) -> list[bool]:
    return [rule(SimpleNamespace(episodes=n, ep_rew_mean=mean)) for n, mean in updates]


def test_the_rule_needs_enough_episodes_and_enough_updates_in_a_row() -> None:
    rule = StoppingRule(EarlyStopping(mean_return=0.9, episodes=20, updates=2))
    assert told(rule, (10, 1.0), (0, None)) == [False, False]  # 10 episodes are too few
    assert told(rule, (10, 1.0)) == [False]  # 1.0, the first in a row
    assert told(rule, (10, 0.5)) == [False]  # (1.0 + 0.5) / 2: the row ends
    assert told(rule, (10, 1.0), (10, 1.0)) == [False, False]  # 0.75, then 1.0
    assert told(rule, (15, 0.9)) == [True]  # (10 · 1.0 + 15 · 0.9) / 25 = 0.94


def test_early_stopping_leaves_steps_unspent() -> None:
    rows: list[dict[str, Any]] = []
    task = small_task(log=lambda row, agent: rows.append(row))
    EarlyStopping(mean_return=0.0, episodes=1, updates=2).train(task, 3)
    assert (task.steps.spent, task.steps.left) == (1024, 3072)
    assert [row["step"] for row in rows] == [512, 1024]
    never = small_task()
    EarlyStopping(mean_return=2.0).train(never, 3)
    assert never.steps.spent == 2048


# Votes


class Fixed:
    """A member with fixed probabilities and a card."""

    def __init__(self, *rows: list[float]) -> None:
        learner = small_task().learner()
        self.card, self.policy = learner.card(), learner.model.policy
        self.rows = np.array(rows)

    def action_probabilities(self, observation: Any) -> np.ndarray:
        return self.rows


def test_votes_are_counted_and_ties_go_to_the_mean() -> None:
    members: Any = [
        Fixed([0.4, 0.3, 0.3, 0], [0.9, 0.1, 0, 0]),
        Fixed([0.4, 0.3, 0.3, 0], [0.4, 0.6, 0, 0]),
        Fixed([0, 0, 1, 0], [0, 0.4, 0.6, 0]),
    ]
    seen = np.zeros((2, 1))
    voted, mean = EnsembleAgent(members, votes=True), EnsembleAgent(members)
    assert np.allclose(
        voted.action_probabilities(seen), [[2 / 3, 0, 1 / 3, 0], [1 / 3, 1 / 3, 1 / 3, 0]], atol=1e-5
    )
    assert mean.action_probabilities(seen).argmax(1).tolist() == [2, 0]
    assert voted.action_probabilities(seen).argmax(1).tolist() == [0, 0]
    assert voted.card.options["votes"] is True
    assert "votes" not in mean.card.options
