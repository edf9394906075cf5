"""Devices that see: the closed form against its definition, and what a mixture over trees must and must not learn."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goalposts.experiments.measurement.behaviour.seeing_devices import (
    MOST_FEATURES,
    SPLITS,
    Comparison,
    SeeingTest,
    Steps,
    compare,
    leaf_evidence,
    orders,
    seeing_evidence,
    tree_evidence,
)


def by_definition(bits: np.ndarray, actions: np.ndarray, n_actions: int, split: float, depth: int) -> float:
    """Recursively: stop with a Dirichlet-½ leaf, or split on the next feature."""
    stop = float(leaf_evidence(np.bincount(actions, minlength=n_actions).astype(float)))
    if depth == bits.shape[1]:
        return stop
    parts = [
        by_definition(bits[bits[:, depth] == b], actions[bits[:, depth] == b], n_actions, split, depth + 1)
        for b in (0, 1)
    ]
    return float(np.logaddexp(math.log1p(-split) + stop, math.log(split) + sum(parts)))


def contexts(bits: np.ndarray) -> np.ndarray:
    return bits.astype(np.int64) @ (1 << np.arange(bits.shape[1] - 1, -1, -1, dtype=np.int64))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 4), st.integers(1, 30), st.integers(0, 10**6), st.sampled_from(SPLITS))
def test_the_closed_form_is_the_mixture_over_all_trees(depth: int, n: int, seed: int, split: float) -> None:
    rng = np.random.default_rng(seed)
    bits, actions = rng.integers(0, 2, (n, depth)), rng.integers(0, 3, n)
    (found,) = tree_evidence(contexts(bits), actions, depth, 3, split, np.zeros(n, np.int64))
    assert found == pytest.approx(by_definition(bits, actions, 3, split, 0))


def test_the_evidence_of_all_action_sequences_adds_up_to_one() -> None:
    """So nothing is fitted: what is given to one sequence is taken from the others."""
    bits = np.array([[0, 1], [1, 1], [0, 0], [0, 1]])
    total = sum(
        math.exp(tree_evidence(contexts(bits), np.array(taken), 2, 3, 0.5, np.zeros(4, np.int64))[0])
        for taken in itertools.product(range(3), repeat=4)
    )
    assert total == pytest.approx(1.0)


def test_groups_have_trees_of_their_own_and_the_order_of_steps_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    bits, actions, group = rng.integers(0, 2, (60, 5)), rng.integers(0, 4, 60), np.arange(60) // 20
    together = tree_evidence(contexts(bits), actions, 5, 4, 0.5, group)
    for k in range(3):
        own = group == k
        (alone,) = tree_evidence(contexts(bits[own]), actions[own], 5, 4, 0.5, np.zeros(20, np.int64))
        assert together[k] == pytest.approx(alone)
    mixed = rng.permutation(60)
    again = tree_evidence(contexts(bits[mixed]), actions[mixed], 5, 4, 0.5, group[mixed])
    assert again == pytest.approx(together)


def steps(bits: np.ndarray, actions: np.ndarray, a_level: int = 10) -> Steps:
    names = tuple(f"f{k}" for k in range(bits.shape[1]))
    of_goal = np.arange(bits.shape[1]) == 0
    return Steps(bits, actions, np.arange(len(bits)) // a_level, names, of_goal, 4)


def test_a_reflex_on_what_it_sees_is_learned_and_one_on_the_goal_needs_the_goals_bits() -> None:
    rng = np.random.default_rng(2)
    bits = rng.integers(0, 2, (2000, 12))
    reflex = steps(bits, 2 * bits[:, 7] + bits[:, 4])
    (seen,) = seeing_evidence(reflex, 0.5, goal_bits=False, each=False)
    assert seen > -150  # a device that saw nothing would pay log 4 for each of 2,000 steps: −2,773
    goalward = steps(bits, bits[:, 0])
    with_bits, without = (seeing_evidence(goalward, 0.5, one, each=False)[0] for one in (True, False))
    assert with_bits > -100
    assert without < -1200


def test_orders_are_declared_fixed_and_of_all_features() -> None:
    made = orders(25)
    assert (made == orders(25)).all()
    assert made.shape == (8, 25)
    assert (np.sort(made, axis=1) == np.arange(25)).all()
    assert len({tuple(row) for row in made}) == 8
    with pytest.raises(ValueError, match="26 features"):
        orders(MOST_FEATURES + 1)


def test_agent_like_needs_every_sign() -> None:
    """The same agents, behind at 40 episodes only in one case, in all in the other: undecided, device-like."""
    rng = np.random.default_rng(3)
    made = steps(rng.integers(0, 2, (400, 6)), rng.integers(0, 4, 400))
    blind = {10: -140.0, 40: -560.0}
    alone = np.full(40, -14.0)

    def kind(at_10: float, at_40: float, each: float) -> str:
        return compare(made, {10: at_10, 40: at_40}, blind, np.full(40, each), alone).kind

    assert kind(-10.0, -40.0, -1.0) == "agent-like"
    assert kind(-10.0, -4000.0, -1.0) == "undecided"
    assert kind(-1000.0, -4000.0, -100.0) == "device-like"
    found = compare(made, {10: -10.0, 40: -40.0}, blind, np.full(40, -1.0), alone)
    assert {one.episodes for one in found.comparisons} == {1, 10, 40}
    assert len(found.comparisons) == 3 * 3 * 2
    assert found.at(40) == next(
        c.agents_ahead for c in found.comparisons if c.episodes == 40 and c.split == 0.5
    )
    assert "agent-like against devices that see: agents ahead by +" in str(found)


def test_signs_must_agree_between_classes_of_devices_and_between_orders() -> None:
    def kind(ahead: float, blind: float, least: float, most: float) -> str:
        one = Comparison(10, True, 0.5, ahead, blind, (least, most))
        return SeeingTest((one,), (0.0, 0.0), ("f",)).kind

    assert kind(5, 9, 6, 20) == "agent-like"
    assert kind(1, 9, -1, 20) == "undecided"  # behind the device of one order
    assert kind(-5, 9, -6, 20) == "undecided"  # before blind devices, and before other orders
    assert kind(-5, 9, -6, -2) == "device-like"  # behind every order
    assert kind(-5, -6, 3, 20) == "device-like"  # behind the blind devices
    text = str(SeeingTest((Comparison(10, True, 0.5, -5, 9, (-6, 20)),), (0.0, 0.0), ("f",)))
    assert "differs between blind devices and devices that see and between orders of the features" in text


def test_a_few_episodes_are_undecided() -> None:
    """One episode of an agent that flees from the goal was once enough for "agent-like"."""
    one = Comparison(1, True, 0.5, 5, 9, (6, 20))
    few = SeeingTest((one, replace(one, episodes=9)), (0.0, 0.0), ("f",))
    assert few.kind == "undecided"
    assert "undecided against devices that see (fewer than 10 episodes)" in str(few)
