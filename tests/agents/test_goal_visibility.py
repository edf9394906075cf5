"""Only an agent whose probabilities no goal bit changes is said not to see the goal."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.calibration_agents import Reflex, run_and_snatch, run_to

from goalposts.agents import GoToGoal
from goalposts.agents.goal_visibility import toggle_goal
from goalposts.envs import generate
from goalposts.errors import UserError

LEVELS = [generate("CoinRun", "edge", 1, 6), generate("CoinRun", "off_path", 1, 6)]


def test_a_table_that_never_reads_the_coin_cannot_see_it() -> None:
    found = toggle_goal(Reflex("RunsRight", run_to(1), 4), LEVELS, most=20)
    assert found.cannot_see
    assert found.flips == found.observations * 9 * 15
    assert "cannot see the goal: none of" in str(found)


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
    assert str(blind) == "It cannot see the goal: no plane that it observes shows the goal."


def test_without_probabilities_nothing_is_claimed() -> None:
    class Opaque:
        def predict(self, observation, deterministic=False):
            return np.zeros(len(observation), int), None

    with pytest.raises(UserError, match="Read the goal effect instead"):
        toggle_goal(Opaque(), LEVELS)
    with pytest.raises(UserError, match="reads the level or has a memory"):
        toggle_goal(GoToGoal(), LEVELS)
