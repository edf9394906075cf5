"""Local features and places of recorded episodes, from their actions alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from goalposts.agents import GoToProxy
from goalposts.agents.recorded import MOST_FEATURES, feature_names, seen_steps
from goalposts.envs import Level, LevelSet, generate, get_world
from goalposts.envs.worlds.contract.behaviour import behaviours_of
from goalposts.envs.worlds.registry import known_worlds
from goalposts.experiments.evaluation.diagnosis import places_of
from goalposts.experiments.evaluation.evaluate import evaluate_fully, subject_of
from goalposts.experiments.evaluation.trajectories import trajectories_of

WORLD = get_world("CoinRun")
LEVEL = Level.from_text(
    """\
######v#
#......#
#...C..#
#......#
#.A.^..#
########
"""
)


def said(bits: np.ndarray) -> set[str]:
    return {name for name, bit in zip(feature_names(WORLD), bits, strict=True) if bit}


def test_features_by_hand() -> None:
    actions = np.array([[2, 3, 2]], np.uint8)  # right, jump, right
    found = seen_steps(LevelSet.of([LEVEL]), actions, np.array([3]))
    assert found.actions.tolist() == [2, 3, 2]
    assert found.episode.tolist() == [0, 0, 0]
    start, after_right, risen = (said(row) for row in found.bits)
    goal = {"goal visible", "goal right", "goal above"}
    floor = {"wall at +1,+0", "wall at +1,+1", "wall at +1,-1"}
    assert start == goal | floor
    assert after_right == goal | floor | {"thing at +0,+1", "thing down ahead", "last action right"}
    assert risen == goal | {"thing down ahead", "rising", "last action jump"}
    assert set(np.array(found.names)[found.of_goal]) >= goal


FAST = ("CoinRun", "Corner")  # the kernels of the others take seconds to compile


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in FAST else pytest.mark.slow) for n in sorted(known_worlds())]
)
def test_every_world_has_features_and_candidates(name: str) -> None:
    world = get_world(name)
    names = feature_names(world)
    assert len(set(names)) == len(names) <= MOST_FEATURES
    levels = generate(world, world.default_condition("shift"), 3, 5)
    found = seen_steps(levels, np.full((5, 4), 1, np.uint8), np.array([4, 0, 2, 4, 1]))
    assert found.bits.shape == (11, len(names))
    assert np.bincount(found.episode, minlength=5).tolist() == [4, 0, 2, 4, 1]
    conditions = {c.name for c in world.conditions}
    for one in behaviours_of(world):
        assert set(one.conditions) <= conditions


def test_where_the_planners_agent_got_to() -> None:
    """GoToProxy stops at the edge on no_wall and goes to the left edge on mirrored."""
    found = evaluate_fully(subject_of(GoToProxy()), ["mirrored", "no_wall"], 12, greedy=False)
    places = places_of(WORLD, trajectories_of(found))
    assert places.height == 24
    assert not places.filter(pl.col("condition") == "no_wall")["passes the edge"].any()
    assert not places.filter(pl.col("condition") == "mirrored")["reaches the wall opposite to the edge"].any()
