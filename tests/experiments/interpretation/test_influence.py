"""Influence maps are exact: single bits, legal cells, known answers for a reflex agent, errors by level, the untrained net."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from goalposts.agents.shown_planes import shown_planes
from goalposts.envs.worlds.registry import get_world
from goalposts.errors import UserError
from goalposts.experiments.evaluation.evaluate import subject_of
from goalposts.experiments.interpretation.clusters import cluster_mean
from goalposts.experiments.interpretation.edits import (
    Planes,
    proxy_planes,
    proxy_sides,
    with_goal,
    with_rims,
    without_goal,
    without_rims,
)
from goalposts.experiments.interpretation.explain import explain_agent
from goalposts.experiments.interpretation.influence import influence, influence_map, towards
from goalposts.experiments.interpretation.states import States, held_out_states
from goalposts.experiments.interpretation.support import by_plane, support_of, untrained_agent
from goalposts.experiments.interpretation.words import used, valued, verdict_text
from goalposts.experiments.runs.run import Run
from goalposts.experiments.training.train import new_training

LEVELS = 16
ACTIONS = [action.name for action in get_world("CoinRun").actions]  # stay, left, right, jump


@pytest.fixture(scope="module")
def states() -> States:
    return held_out_states("CoinRun", "off_path", levels=LEVELS)


class Reflex:
    """Walks right, or left with probability 0.8 if any coin is in a column to its left."""

    def action_probabilities(self, observations: np.ndarray) -> np.ndarray:
        left = observations[:, 3, :, :7].any(axis=(1, 2))
        found = np.tile([0.0, 0.0, 1.0, 0.0], (len(observations), 1))
        found[left] = [0.0, 0.8, 0.2, 0.0]
        return found

    def predict(self, observation: np.ndarray, deterministic: bool = False) -> tuple[np.ndarray, None]:
        return self.action_probabilities(observation).argmax(axis=1), None


class Blind(Reflex):
    def action_probabilities(self, observations: np.ndarray) -> np.ndarray:
        return super().action_probabilities(observations * 0)


def test_map_of_a_reflex_agent_is_exact(states: States) -> None:
    found = influence_map(Reflex(), states).filter(pl.col("quantity") == "tv")
    left, rest = found.filter(pl.col("col") < 0), found.filter(pl.col("col") >= 0)
    assert left.height > 5 < rest.height
    assert left["mean"].to_numpy() == pytest.approx(0.8)
    assert rest["mean"].to_numpy() == pytest.approx(0.0)
    assert found["error"].to_numpy() == pytest.approx(0.0, abs=1e-12)
    pull = influence_map(Reflex(), states).filter(pl.col("quantity") == "pull", pl.col("col") < 0)
    assert pull["mean"].to_numpy() == pytest.approx(1.6)  # p(left) − p(right) goes from −1 to 0.6


def test_blind_agent_has_no_influence_at_all(states: States) -> None:
    found = influence(Blind(), states)
    assert found is not None
    assert (found.largest, found.pull, found.tv, found.same_sign) == (0.0, 0.0, 0.0, None)
    hidden = held_out_states("CoinRun", "off_path", "view(coin=0)", levels=LEVELS)
    assert influence(Blind(), hidden).edits == found.edits  # type: ignore[union-attr]


def test_an_edit_lights_one_legal_cell_and_changes_nothing_else(states: States) -> None:
    planes = Planes.of(states)
    which, cells = states.offsets()
    base = without_goal(states, planes)
    assert not base[:, 3].any()
    edited = with_goal(base, states, planes, which, cells)
    assert (edited[:, 3].sum(axis=(1, 2)) == 1).all()
    others = [0, 1, 2, 4]
    assert (edited[:, others] == states.observations[which][:, others]).all()
    row, col = (cells - states.corner[which]).T
    assert not edited[np.arange(len(which)), 0, row, col].any()  # never in a wall
    assert (cells != states.at[which]).any(axis=1).all()  # never where the agent is


def test_rim_is_erased_and_put_back(states: States) -> None:
    planes = Planes.of(states)
    none = without_rims(states, planes, ("right",))
    assert (none != states.observations).any()
    ends = np.array([states.facts[level].size[1] - 2 for level in states.level])
    cells = np.stack([states.at[:, 0], ends], axis=1)
    back = with_rims(none, states, planes, ("right",), np.arange(len(states)), cells)
    assert (back == states.observations).all()


def test_proxies_are_found_from_the_levels() -> None:
    expected = {"CoinRun": ("right",), "Corner": ("top", "right"), "Beacon": (), "ColourShape": ()}
    for world, sides in expected.items():
        drawn = held_out_states(world, get_world(world).default_condition("control"), levels=LEVELS)
        assert proxy_sides(drawn) == sides
        assert ("brightest" in proxy_planes(drawn)) == (world == "Beacon")


def test_world_without_a_movable_goal_is_refused_in_one_sentence() -> None:
    with pytest.raises(UserError, match="Overseer has no movable goal under watched_held_out"):
        held_out_states("Overseer", "watched_held_out", levels=2)
    with pytest.raises(UserError, match="CoinRun has no movable goal under none"):
        held_out_states("CoinRun", "none", levels=2)
    with pytest.raises(UserError, match="pixels have no bits"):
        held_out_states("CoinRun", "off_path", "rgb", levels=2)


@pytest.mark.parametrize("world", ["Shields", "KeysAndChests", "Beacon", "ColourShape"])
def test_goal_and_proxy_are_placed_where_planes_show_them(world: str) -> None:
    """Several goals, goals drawn as moving things, a light: one cell is set, and an agent that reads a plane reacts to it alone."""
    drawn = held_out_states(world, get_world(world).default_condition("control"), levels=LEVELS)
    shown = shown_planes(get_world(world))
    names = list(get_world(world).planes)
    for thing, own in (("goal", shown.goal), ("proxy", shown.proxy)):
        reads = _Reads(names.index(own[-1]))
        found = influence(reads, drawn, thing)
        assert found is not None
        assert found.tv == pytest.approx(0.5)
        other = influence(_Reads(names.index("wall")), drawn, thing)
        assert other is not None
        assert other.largest == 0.0


class _Reads:
    """Moves half of its probability if a bit of one plane is 1."""

    def __init__(self, plane: int) -> None:
        self.plane = plane

    def action_probabilities(self, observations: np.ndarray) -> np.ndarray:
        found = np.tile([1.0, 0.0, 0.0, 0.0, 0.0], (len(observations), 1))
        found[observations[:, self.plane].any(axis=(1, 2)), :2] = 0.5
        return found


def test_towards_counts_actions_that_approach() -> None:
    assert towards(np.array([[-2, -3], [0, 4], [0, 0]]), ACTIONS).tolist() == [
        [0, 1, -1, 1],
        [0, -1, 1, 0],
        [0, 0, 0, 0],
    ]


def test_errors_count_levels_not_states() -> None:
    values, level = np.array([[1.0], [3.0]]), np.array([0, 1])
    mean, error, n, levels = cluster_mean(values, level, np.zeros(2, np.int64), 1)
    assert (mean[0, 0], error[0, 0], n[0], levels[0]) == (2.0, pytest.approx(1.0), 2, 2)  # SD √2 over √2
    many = cluster_mean(values.repeat(50, axis=0), level.repeat(50), np.zeros(100, np.int64), 1)
    assert many[1][0, 0] == pytest.approx(1.0)
    assert many[2][0] == 100


def test_agent_without_weights_gets_maps_and_a_sentence() -> None:
    found = explain_agent(subject_of(Reflex()), levels=LEVELS)
    assert used(found, "goal") == "yes"
    assert valued(found) == "no critic"
    assert any("no value" in note for note in found.notes)
    assert "needs weights" in verdict_text([found])


# ── nets ──


def test_untrained_net_is_the_one_that_training_starts_from(tiny_run: Path) -> None:
    run = Run.open(tiny_run)
    own, other = untrained_agent(run).policy.state_dict(), untrained_agent(run, seed=9).policy.state_dict()
    first = new_training(run.config).agent().policy.state_dict()
    assert all(torch.equal(own[name], first[name]) for name in first)
    assert not all(torch.equal(own[name], other[name]) for name in first)


def test_weights_of_bits_that_were_never_1_do_not_move(tiny_run: Path) -> None:
    run = Run.open(tiny_run)
    table = support_of(run, subject_of(run).agent, untrained_agent(run))
    assert table.height == 5 * 9 * 15
    own = table.filter(pl.col("plane") == "self", pl.col("change") > 0).select("row", "col").rows()
    assert (4, 7) in own  # the agent is in the middle of its view
    assert len(own) <= 3  # its jump is shown there too
    counts = by_plane(table)
    assert counts["ever_1"].to_list() == [None] * 5  # not counted
    assert (counts["changed"] < counts["bits"]).all()
