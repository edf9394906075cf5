"""DivDis: the losses on numbers worked out by hand, heads that part where they may, and one label that chooses."""

from math import log
from typing import Any

import numpy as np
import pytest
import torch
from fixtures.tasks import small_task

from goalposts.agents import Random
from goalposts.agents.methods.labelled.imitation import Pairs
from goalposts.agents.methods.unlabelled.diverse_heads import DivergingHeads, DiverseHeads
from goalposts.agents.methods.unlabelled.diversity import (
    mean_distance_to_prior,
    mean_mutual_information,
    mutual_information,
)
from goalposts.agents.visited_states import Visitor

SURE = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
EVEN = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
FIRST, SECOND = torch.tensor([[0.8, 0.2], [0.4, 0.6]]), torch.tensor([[0.5, 0.5], [0.1, 0.9]])


def test_mutual_information_by_hand() -> None:
    """FIRST and SECOND: joint [[.22, .38], [.08, .32]], marginals (.6, .4) and (.3, .7)."""
    by_hand = (
        0.22 * log(0.22 / 0.18) + 0.38 * log(0.38 / 0.42) + 0.08 * log(0.08 / 0.12) + 0.32 * log(0.32 / 0.28)
    )
    assert by_hand == pytest.approx(0.016409, abs=1e-6)
    assert float(mutual_information(FIRST, SECOND)) == pytest.approx(by_hand, abs=1e-6)
    assert float(mutual_information(SURE, SURE)) == pytest.approx(log(2))
    assert float(mutual_information(SURE, SURE.flip(0))) == pytest.approx(
        log(2)
    )  # opposites inform each other
    assert float(mutual_information(SURE, EVEN)) == pytest.approx(0, abs=1e-6)


def test_the_means_are_over_pairs_and_over_heads() -> None:
    heads = torch.stack([SURE, SURE, EVEN])
    assert float(mean_mutual_information(heads)) == pytest.approx(log(2) / 3)
    prior = torch.tensor([0.25, 0.75])
    even = 0.5 * log(0.5 / 0.25) + 0.5 * log(0.5 / 0.75)
    first = 0.6 * log(0.6 / 0.25) + 0.4 * log(0.4 / 0.75)
    assert float(mean_distance_to_prior(torch.stack([SURE, FIRST]), prior)) == pytest.approx(
        (even + first) / 2
    )


def test_heads_part_on_inputs_that_nothing_else_decides() -> None:
    """Training data: both halves say the same. Shifted inputs: they differ, so heads that disagree must follow different halves."""
    heads = DivergingHeads(
        DiverseHeads(updates=400, batch_size=64, learning_rate=5e-3, repulsion=3.0, prior=3.0),
        small_task().learner(),
        np.random.default_rng(0),
    )
    shape = heads.policy.observation_space.shape
    random = np.random.default_rng(1)

    def inputs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        seen = np.zeros((len(left), *shape), np.uint8)
        seen[:, :, :, :7], seen[:, :, :, 8:] = left[:, None, None, None], right[:, None, None, None]
        return seen

    label, one, other = (random.integers(0, 2, 400) for _ in range(3))
    heads.fit(Pairs(inputs(label, label), label), inputs(one, other))
    chosen = heads.logits(inputs(one, other)).argmax(2).numpy()
    assert (heads.logits(inputs(label, label)).argmax(2).numpy() == label).mean() > 0.95
    follows = [[float((head == side).mean()) for side in (one, other)] for head in chosen]
    apart = one != other
    assert (chosen[0] != chosen[1])[apart].mean() > 0.6, follows


def test_the_label_chooses_the_head_that_explains_it() -> None:
    learner = small_task().learner()
    heads = DivergingHeads(DiverseHeads(), learner, np.random.default_rng(0))
    with torch.no_grad():
        for number, head in enumerate(heads.heads):
            assert isinstance(head, torch.nn.Linear)
            head.weight.zero_()
            head.bias.copy_(torch.tensor([0.0, 2.0, 0, 0] if number else [2.0, 0, 0, 0]))
    label = Pairs(np.zeros((3, *learner.card().shape), np.uint8), np.array([1, 1, 0]))
    expected = [-log(1 + 3 * np.exp(-2.0)) - 2 * share for share in (2 / 3, 1 / 3)]
    assert heads.log_likelihoods(label) == pytest.approx(expected, abs=1e-5)
    heads.keep(1)
    assert learner.agent().action_probabilities(label.observations).argmax(1).tolist() == [1, 1, 1]


def test_one_label_and_the_inputs_are_all_that_it_sees_of_the_shift() -> None:
    task = small_task(labels=1, unlabelled=20)
    options: dict[str, Any] = {"levels": 10, "inputs": 20, "updates": 2, "teacher": "planner"}
    DiverseHeads(**options).train(task, 3)
    assert (task.labels.left, task.unlabelled.left) == (0, 0)


# Unlabelled inputs that an agent visits


def test_visited_inputs_are_random_states_of_episodes_whose_steps_count() -> None:
    task = small_task(unlabelled=40)
    seen = task.unlabelled_inputs(20, Random())
    assert seen.shape == (20, *task.card().shape)
    first = small_task(unlabelled=20).unlabelled_inputs(20)
    assert 0 < (seen == first).all(axis=(1, 2, 3)).sum() < 20
    assert task.steps.spent > 20
    assert (task.unlabelled.spent, task.labels.spent) == (20, 0)
    assert np.array_equal(seen, small_task(unlabelled=20).unlabelled_inputs(20, Random()))


class Still:
    """An agent that does nothing."""

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        return np.zeros(len(observation), np.int64), None


def test_a_visitor_keeps_every_step_of_each_level_equally_often() -> None:
    """Level 0 has five steps, level 1 three; the observation is the number of the step."""
    kept, random = [], np.random.default_rng(0)
    levels: Any = range(2)
    for _ in range(3000):
        visitor = Visitor(Still(), random)
        visitor.begin(levels)
        for step in range(5):
            alive = np.arange(2 if step < 3 else 1)
            visitor.see(alive, alive)
            visitor.predict(np.full((len(alive), 1), step))
        kept.append(visitor.kept[:, 0])
    for level, steps in ((0, 5), (1, 3)):
        counts = np.bincount(np.array(kept)[:, level], minlength=5) / len(kept)
        assert counts == pytest.approx([1 / steps] * steps + [0] * (5 - steps), abs=0.03)
