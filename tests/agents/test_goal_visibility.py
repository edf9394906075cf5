"""What flips of goal bits show; only an agent without a plane that shows the goal is said not to see it."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.calibration_agents import Reflex, run_and_snatch, run_to

from goalposts.agents import GoToGoal
from goalposts.agents.goal_visibility import goal_planes, toggle_goal
from goalposts.envs import generate, get_world
from goalposts.errors import UserError

LEVELS = [generate("CoinRun", "edge", 1, 6), generate("CoinRun", "off_path", 1, 6)]


def test_flips_without_an_effect_are_reported_and_no_more_is_claimed() -> None:
    found = toggle_goal(Reflex("RunsRight", run_to(1), 4), LEVELS, most=20)
    assert (found.largest, found.planes) == (0.0, ("coin",))
    assert found.flips == found.observations * 9 * 15
    assert "No flip of the bits that show the goal (plane coin) changed any action probability" in str(found)
    assert f"{found.flips:,} flips in {found.observations} observations" in str(found)
    assert "cannot see" not in str(found)


def test_an_agent_that_reads_the_coin_in_a_rare_situation_is_not_said_to_be_blind() -> None:
    """It turns back if a coin is left of it and a monster directly ahead, which few observations show."""

    def turns_back(obs: np.ndarray) -> np.ndarray:
        coin_left, monster_ahead = obs[:, 3, 4, :7].any(axis=1), obs[:, 2, 4, 8] > 0
        return np.where(coin_left & monster_ahead, 1, run_to(1)(obs))

    found = toggle_goal(Reflex("TurnsBack", turns_back, 4), LEVELS, most=20)
    assert found.largest == 0.0  # the situation was not met
    assert not found.cannot_see
    assert "cannot see" not in str(found)


def test_every_repeat_of_a_goal_plane_is_flipped_alone_as_well() -> None:
    """This agent needs both copies of the plane to differ, so that flipping them together shows nothing."""

    def differ(obs: np.ndarray) -> np.ndarray:
        return np.where((obs[:, 3] != obs[:, 4]).any(axis=(1, 2)), 1, 2)

    found = toggle_goal(Reflex("Differ", differ, 4), LEVELS, "view(coin=2)", most=5)
    assert found.flips == found.observations * 9 * 15 * 3
    assert found.largest == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "plane"), [("Shields", "apple"), ("KeysAndChests", "chest"), ("ColourShape", "line")]
)
def test_goals_that_the_state_holds_are_shown_too(world: str, plane: str) -> None:
    levels = generate(world, get_world(world).default_condition("shift"), 1, 3)
    assert list(goal_planes(levels, "view")) == [plane]
    assert (plane in goal_planes(levels, f"view({plane}=0)")) is False


@pytest.mark.slow
def test_a_goal_whose_colour_is_still_shown_is_not_hidden() -> None:
    levels = generate("ColourShape", "pairs", 1, 3)
    assert {"red", "green"} <= set(goal_planes(levels, "view(line=0)"))


def test_a_single_cell_that_is_read_is_found() -> None:
    found = toggle_goal(Reflex("RunsAndSnatches", run_and_snatch, 4), LEVELS, most=20)
    assert found.largest == 1.0
    assert not found.cannot_see

    def faint(obs: np.ndarray) -> np.ndarray:
        return run_to(1)(obs)

    class Faint(Reflex):
        def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
            sure = super().action_probabilities(observation)
            share = 1e-9 * observation[:, 3, 0, 0][:, None]
            return (1 - share) * sure + share / 4

    faintly = toggle_goal(Faint("faint", faint, 4), LEVELS, most=20)
    assert 0 < faintly.largest < 1e-8
    assert not faintly.cannot_see


def test_a_plane_that_is_not_shown_cannot_be_seen() -> None:
    blind = toggle_goal(Reflex("x", lambda obs: np.full(len(obs), 2), 4), LEVELS, "view(coin=0)", most=5)
    assert (blind.cannot_see, blind.flips) == (True, 0)
    assert str(blind) == "It cannot see the goal: no plane of its observation shows the goal."


def test_without_probabilities_nothing_is_claimed() -> None:
    class Opaque:
        def predict(self, observation, deterministic=False):
            return np.zeros(len(observation), int), None

    with pytest.raises(UserError, match="Read the goal effect instead"):
        toggle_goal(Opaque(), LEVELS)
    with pytest.raises(UserError, match="reads the level or has a memory"):
        toggle_goal(GoToGoal(), LEVELS)
