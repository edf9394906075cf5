"""Probes, erasure and interventions on activations: their defining properties, and what they must leave alone."""

from pathlib import Path

import numpy as np
import pytest

from goalposts.agents.rollout import play
from goalposts.envs.generation.generate import generate
from goalposts.errors import UserError
from goalposts.experiments.evaluation.evaluate import subject_of
from goalposts.experiments.interpretation.activations import Intervened, hidden_layer, read_layer
from goalposts.experiments.interpretation.leace import fit_eraser, random_erasers
from goalposts.experiments.interpretation.probes import RAW, factorial, probe_agent, ridge
from goalposts.experiments.interpretation.states import held_out_states
from goalposts.experiments.interpretation.support import untrained_agents
from goalposts.experiments.interpretation.use import Arena, use_table
from goalposts.experiments.runs.run import Run


def example(n: int = 600, width: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features, two of them constant or copies, that depend on a label linearly."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, n)
    x = rng.normal(size=(n, width)) @ rng.normal(size=(width, width))
    x[:, :4] += 6.0 * label[:, None]
    x[:, 4], x[:, 5] = 1.0, x[:, 0]
    return x, label


def loss(x: np.ndarray, y: np.ndarray) -> float:
    """Least mean squared error of a linear predictor with a constant."""
    ones = np.column_stack([x, np.ones(len(x))])
    weights, *_ = np.linalg.lstsq(ones, y, rcond=1e-9)
    return float(((ones @ weights - y) ** 2).mean())


def test_after_erasure_no_linear_predictor_beats_a_constant() -> None:
    x, label = example()
    constant = float(label.var())
    assert loss(x, label) < 0.5 * constant
    for concept in (label, np.eye(2)[label]):
        eraser = fit_eraser(x, concept)
        assert eraser.rank == 1
        erased = eraser(x)
        assert loss(erased, label) == pytest.approx(constant, rel=1e-6)
        assert np.abs((erased - erased.mean(axis=0)).T @ (label - label.mean())).max() < 1e-6
        assert eraser(erased) == pytest.approx(erased, abs=1e-6)


def test_erasure_changes_less_than_projecting_out_the_difference_of_means() -> None:
    x, label = example()
    eraser = fit_eraser(x, label)
    gap = x[label == 1].mean(axis=0) - x[label == 0].mean(axis=0)
    gap /= np.linalg.norm(gap)
    projected = x - np.outer((x - x.mean(axis=0)) @ gap, gap)
    least = ((eraser(x) - x) ** 2).sum(axis=1).mean()
    assert 0 < least < ((projected - x) ** 2).sum(axis=1).mean()


def test_random_erasers_leave_the_label_decodable() -> None:
    x, label = example()
    rng = np.random.default_rng(1)
    kept = [loss(one(x), label) for one in random_erasers(x, 1, rng, 10)]
    assert np.median(kept) < 0.5 * label.var()


def test_nothing_to_erase_is_the_identity() -> None:
    x, _ = example()
    eraser = fit_eraser(x, np.zeros(len(x)))
    assert eraser.rank == 0
    assert (eraser(x) == x).all()


def test_ridge_solves_a_known_problem() -> None:
    x = np.array([[0.0], [1.0], [2.0]])
    assert ridge(x, np.array([1.0, 3.0, 5.0]), 0.0) == pytest.approx([2.0, 1.0], abs=1e-6)


# ── a net ──


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Run:
    return Run.open(tiny_run)


def test_factorial_is_balanced_and_differs_in_the_goal_only() -> None:
    states = held_out_states("CoinRun", "edge_held_out", levels=12)
    found = factorial(states)
    assert found.right.mean() == 0.5
    others = [0, 1, 2, 4]
    assert (found.observations[:, others] == found.base[:, others]).all()
    assert (found.observations[:, 3].sum(axis=(1, 2)) == 1).all()
    columns = found.observations[:, 3].argmax(axis=2).max(axis=1)
    assert ((columns > 7) == found.right).all()


def test_raw_observation_and_shuffled_labels_frame_the_probes(run: Run) -> None:
    states = held_out_states("CoinRun", "edge_held_out", levels=24)
    found = probe_agent(subject_of(run).agent, untrained_agents(run, 2), states)
    rows = {row["row"]: row for row in found.iter_rows(named=True)}
    assert rows[RAW]["accuracy"] > 0.95
    assert all(abs(row["shuffled"] - 0.5) < 0.15 for row in rows.values())
    assert rows["untrained"]["minus_untrained"] == pytest.approx(0)


def test_an_unchanged_layer_plays_the_same_episodes(run: Run) -> None:
    agent = subject_of(run).agent
    levels = generate("CoinRun", "off_path", 1, 6)
    layer = hidden_layer(agent)
    assert "policy_net" in layer  # the tiny net has separate heads
    same = play(Intervened(agent, layer, [lambda x, seen, extra: x]), levels)
    plain = play(agent, levels)
    assert (same.actions == plain.actions).all()
    both = [lambda x, seen, extra: x, lambda x, seen, extra: 0 * x]
    many = play(Intervened(agent, layer, both), levels[np.tile(np.arange(6), 2)], batch=12)
    assert (many.outcome[:6] == plain.outcome).all()
    constant = Intervened(agent, layer, [lambda x, seen, extra: 0 * x]).action_probabilities(
        held_out_states("CoinRun", "off_path", levels=4).observations
    )
    assert constant == pytest.approx(np.repeat(constant[:1], len(constant), axis=0))


def test_agent_without_a_layer_is_refused_in_one_sentence() -> None:
    with pytest.raises(UserError, match="this agent has no net"):
        hidden_layer(object())


def test_patching_the_input_and_reading_it_back_agree(run: Run) -> None:
    states = held_out_states("CoinRun", "off_path", levels=4)
    agent, layer = subject_of(run).agent, hidden_layer(subject_of(run).agent)
    source = lambda seen: read_layer(agent, layer, 0 * seen)  # noqa: E731
    patched = Intervened(agent, layer, [lambda x, seen, extra: extra], source)
    found, expected = (
        patched.action_probabilities(states.observations),
        agent.action_probabilities(0 * states.observations),
    )
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_every_intervention_has_its_random_controls(run: Run) -> None:
    subject = subject_of(run)
    states = held_out_states("CoinRun", "edge_held_out", levels=10)
    table = use_table(subject, states, Arena.of(subject, "edge_held_out", "off_path", 1, 6), random=3)
    titles = table["intervention"].to_list()
    assert titles[:3] == [
        "none",
        "goal's bits erased from the input",
        "whole layer patched from the view without the goal",
    ]
    assert len(titles) == 12
    assert table["random_capability"][3:].is_not_null().all()
    assert ((table["capability"] >= 0) & (table["capability"] <= 1)).all()
