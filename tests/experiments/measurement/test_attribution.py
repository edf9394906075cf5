"""Pooling and posterior of goal attribution, against closed forms and examples worked by hand."""

import json
import math

import numpy as np
import polars as pl
import pytest
from scipy.special import betaln, gammaln

from goalposts.experiments.measurement.attribution import (
    DEVICES,
    Evidence,
    Hypothesis,
    averaged,
    devices,
    evidence_table,
    mixture_of,
    said_of,
    weigh,
)

A = 4


def some_actions(seed: int = 0, n: int = 9, width: int = 14) -> tuple[np.ndarray, np.ndarray]:
    """Slightly repetitive actions, with lengths from 0 to the width; 255 after the end."""
    rng = np.random.default_rng(seed)
    actions = np.repeat(rng.integers(0, A, (n, (width + 1) // 2)), 2, axis=1)[:, :width].astype(np.uint8)
    lengths = rng.integers(1, width + 1, n)
    lengths[0], lengths[1] = 0, width
    actions[np.arange(width) >= lengths[:, None]] = 255
    return actions, lengths


def dirichlet_multinomial(counts: np.ndarray) -> float:
    """Log marginal likelihood of a sequence with these counts under Dirichlet(1, …, 1)."""
    return float(gammaln(len(counts)) - gammaln(len(counts) + counts.sum()) + gammaln(1 + counts).sum())


def closed_forms(actions: np.ndarray, lengths: np.ndarray) -> list[float]:
    """Log marginal likelihood of each device, with parameters shared over the episodes."""
    moves = np.zeros((A + 1, A))
    for row, length in zip(actions, lengths, strict=True):
        for t in range(length):
            moves[row[t - 1] if t else A, row[t]] += 1
    repeats, later = np.trace(moves[:A]), moves[:A].sum()
    repeat = (
        betaln(1 + repeats, 1 + later - repeats)
        - (later - repeats) * np.log(A - 1)
        - moves[A].sum() * np.log(A)
    )
    return [
        -moves.sum() * np.log(A),
        dirichlet_multinomial(moves.sum(axis=0)),
        float(repeat),
        sum(dirichlet_multinomial(row) for row in moves),
    ]


def test_devices_are_their_marginal_likelihoods_in_closed_form():
    actions, lengths = some_actions()
    shared, each = devices(actions, lengths, A)
    assert said_of(shared, actions, lengths).sum(axis=1) == pytest.approx(closed_forms(actions, lengths))
    own = said_of(each, actions, lengths)
    for i in range(len(lengths)):
        part = slice(i, i + 1)
        assert own[:, i] == pytest.approx(closed_forms(actions[part], lengths[part]))


def test_devices_give_probabilities_without_looking_ahead():
    actions, lengths = some_actions(1)
    before = devices(actions, lengths, A)
    for usual in before:
        assert usual.shape == (len(DEVICES), *actions.shape, A)
        assert usual.sum(axis=-1) == pytest.approx(1.0)
        assert (usual > 0).all()
    changed = actions.copy()
    changed[5, 3] = (changed[5, 3] + 1) % A
    lengths[5] = max(lengths[5], 4)
    for k, (old, new) in enumerate(zip(before, devices(changed, lengths, A), strict=True)):
        assert np.array_equal(old[:, :5], new[:, :5])
        assert np.array_equal(old[:, 5, :4], new[:, 5, :4])
        assert np.array_equal(old[:, 6:], new[:, 6:]) == (k == 1)  # `each` forgets, `shared` remembers


def test_entries_after_the_end_of_an_episode_are_ignored():
    actions, lengths = some_actions(2)
    other = np.where(np.arange(actions.shape[1]) < lengths[:, None], actions, 3).astype(np.uint8)
    for a, b in zip(devices(actions, lengths, A), devices(other, lengths, A), strict=True):
        assert said_of(a, actions, lengths) == pytest.approx(said_of(b, other, lengths))


def example() -> Evidence:
    """Two agents, one with two settings, and a device; three episodes."""
    hypotheses = (
        Hypothesis("coin", "agent", "", ("cold", "hot")),
        Hypothesis("edge", "agent", ""),
        Hypothesis("uniform", "device", ""),
    )
    each = np.log([[0.5, 0.2, 0.25], [0.1, 0.6, 0.25], [0.3, 0.3, 0.25]])
    return Evidence(
        hypotheses,
        (np.log([0.02, 0.0004]), np.log([0.03]), np.log([0.25**3])),
        each,
        np.array([1, 1, 1]),
    )


def test_posterior_worked_by_hand():
    found = weigh(example())
    coin, edge, uniform = (0.02 + 0.0004) / 2, 0.03, 0.25**3
    agents, devices = (coin + edge) / 2, uniform
    total = agents + devices
    rows = {r["hypothesis"]: r for r in found.table.to_dicts()}
    assert [r["hypothesis"] for r in found.table.to_dicts()] == ["edge", "uniform", "coin"]
    assert rows["edge"]["posterior"] == pytest.approx(edge / 2 / total)
    assert rows["coin"]["posterior"] == pytest.approx(coin / 2 / total)
    assert rows["uniform"]["posterior"] == pytest.approx(uniform / total)
    assert rows["coin"]["setting"] == "cold"
    assert found.p_agent == pytest.approx(agents / total)
    assert found.p_device == pytest.approx(devices / total)
    assert found.agent_over_device == pytest.approx(math.log(agents / devices))
    assert found.goal_directed
    assert (found.best, found.second) == ("edge", "uniform")
    assert found.margin == pytest.approx(math.log(edge / uniform))
    assert found.tied == ("uniform", "coin")
    assert (found.episodes, found.steps) == (3, 3)


def test_pooling_by_episode_worked_by_hand():
    found = weigh(example())
    rows = {r["hypothesis"]: r for r in found.table.to_dicts()}
    assert rows["edge"]["log_evidence_each"] == pytest.approx(math.log(0.2 * 0.6 * 0.3))
    assert rows["edge"]["episodes_best"] == pytest.approx((0 + 1 + 0.5) / 3)
    assert rows["coin"]["episodes_best"] == pytest.approx((1 + 0 + 0.5) / 3)
    odds = np.log([0.35 / 0.25, 0.35 / 0.25, 0.3 / 0.25])
    assert found.agent_over_device_each[0] == pytest.approx(odds.mean())
    assert found.agent_over_device_each[1] == pytest.approx(odds.std(ddof=1) / math.sqrt(3))
    assert found.goal_directed_episodes == 1.0
    total = 0.5 * (0.5 + 0.2) / 2 + 0.5 * 0.25
    first = evidence_table(example()).filter(pl.col("episode") == 0)
    assert first["posterior"].to_list() == pytest.approx(
        [0.25 * 0.5 / total, 0.25 * 0.2 / total, 0.125 / total]
    )
    assert first["hypothesis"].to_list() == ["coin", "edge", "uniform"]


def test_freedom_is_paid_for():
    """A hypothesis with many settings, one of them right, trails that single setting by the log of their number."""
    grid = np.array([-10.0, -5000.0, -5000.0, -5000.0])
    assert averaged(grid) == pytest.approx(-10 - math.log(4))
    assert averaged(np.full(50, -7.0)) == pytest.approx(-7.0)


def test_an_attribution_can_be_written_as_json():
    found = weigh(example())
    again = json.loads(json.dumps(found.to_dict()))
    assert again["best"] == "edge"
    assert again["goal_directed"] is True
    assert len(again["table"]) == 3
    assert "edge, by" in str(found)


def test_overwhelming_evidence_overflows_nothing():
    one = example()
    huge = Evidence(
        one.hypotheses,
        (np.array([-9e5, -9e5]), np.array([-2e6]), np.array([-5e6])),
        one.each * 1e6,
        one.steps,
    )
    found = weigh(huge)
    assert found.p_agent == 1.0
    assert found.table["posterior"].to_list() == [1.0, 0.0, 0.0]
    assert np.isfinite(found.table["log_evidence_each"].to_numpy()).all()


def test_a_mixture_is_named_where_episodes_are_clearly_of_two_kinds():
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1], [60, 140])
    each = rng.normal(-40, 1, (200, 3))
    each[np.arange(200), kinds] += 20
    assert mixture_of(each, ["coin", "edge", "uniform"]) == ("edge", "coin")
    each[kinds == 0, 0] -= 20
    each[kinds == 0, 1] += 20  # all of one kind
    assert mixture_of(each, ["coin", "edge", "uniform"]) == ()


def test_a_mixture_whose_episodes_are_short_is_said_to_be_possible():
    """Half coin, half edge, with three steps per episode: once "shield, by 11.9 nats before apple" alone."""
    lead = np.where(np.arange(100) % 10 < 4, 4.0, 2.0) * np.where(np.arange(100) < 50, 1.0, -1.0)
    each = np.stack([-6 + lead / 2, -6 - lead / 2, np.full(100, -20.0)], axis=1)
    kinds = (Hypothesis("coin", "agent", ""), Hypothesis("edge", "agent", ""), DEVICES[0])
    shared = tuple(np.array([total]) for total in each.sum(axis=0) + np.array([1.0, 0.0, 0.0]))
    found = weigh(Evidence(kinds, shared, each, np.full(100, 3)))
    assert (found.best, found.mixture) == ("coin", ())
    assert set(found.perhaps_mixture) == {"coin", "edge"}
    assert "perhaps a mixture of" in str(found)
    sure = weigh(Evidence(kinds, shared, each * np.array([1.0, 5.0, 5.0]), np.full(100, 3)))
    assert sure.perhaps_mixture == ()
    assert "perhaps" not in str(sure)


def test_two_hypotheses_that_explain_the_same_episodes_are_no_mixture():
    rng = np.random.default_rng(1)
    each = np.repeat(rng.normal(-10, 3, (300, 1)), 2, axis=1) + rng.normal(0, 0.5, (300, 2))
    assert mixture_of(each, ["edge", "nearest edge"]) == ()


def test_a_mixture_names_hypotheses_that_its_episodes_do_not_separate_as_one():
    rng = np.random.default_rng(0)
    each = rng.normal(-40, 1, (200, 2))
    each[np.arange(200), np.repeat([0, 1], [60, 140])] += 20
    each = np.column_stack([each, each[:, 1] - 0.5])
    assert mixture_of(each, ["coin", "edge", "right"]) == ("edge or right", "coin")
