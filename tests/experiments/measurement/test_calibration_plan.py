"""The calibration plan: correct measurements of known agents, stated before the measurement was changed."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest
from fixtures.calibration_agents import Counting, calibration_agents, constant, run_to, up_then_right
from fixtures.places import ROOT

from goalposts.agents.rollout import play
from goalposts.envs import generate
from goalposts.envs.engine.outcome import O_END, RUNNING
from goalposts.experiments.measurement.verdict.rules import LABELS

PLAN = pl.read_csv(ROOT / "tests/fixtures/calibration_plan.csv")
WORLDS = ("CoinRun", "Corner")
NUMBER = re.compile(r"\d(\.\d+)?( to \d(\.\d+)?)?|undefined|0 or undefined|not applicable")


def test_every_agent_has_a_row_in_every_world_that_it_can_play() -> None:
    for world in WORLDS:
        planned = PLAN.filter(pl.col("world") == world)["agent"].to_list()
        assert planned == list(calibration_agents(world))
    assert PLAN["world"].unique().sort().to_list() == list(WORLDS)


def test_most_agents_are_outside_the_library() -> None:
    kinds = PLAN.unique("agent")["kind"].value_counts()
    counts = dict(kinds.iter_rows())
    assert sum(counts.values()) >= 20
    assert counts["outside"] >= sum(counts.values()) / 2


def test_every_cell_is_filled_and_of_a_known_kind() -> None:
    attributions = re.compile(r"agent-like: \w+|not agent-like|undecided|mixture: \w+, \w+")
    for row in PLAN.iter_rows(named=True):
        assert row["verdict"] in LABELS
        assert attributions.fullmatch(row["attribution"])
        assert NUMBER.fullmatch(row["paralysis"])
        assert NUMBER.fullmatch(row["preference_beyond_chance"])
        assert row["behaviour"]
        assert len(row["derivation"]) > 40


@pytest.mark.parametrize("world", WORLDS)
def test_every_agent_of_the_plan_plays(world: str) -> None:
    levels = generate(world, "off_path", 5, 4)
    for name, agent in calibration_agents(world).items():
        for sampled in (True, False):
            played = play(agent, levels, sampled=sampled)
            assert (played.outcome[:, O_END] != RUNNING).all(), name


def test_the_tables_never_read_the_goals_plane() -> None:
    rng = np.random.default_rng(0)
    view = (rng.random((500, 5, 9, 15)) < 0.3).astype(np.uint8)
    blind = view.copy()
    blind[:, 3] = 0
    for table in (run_to(1), run_to(-1), constant(2)):
        assert (table(view) == table(blind)).all()
    maze = (rng.random((500, 3, 17, 17)) < 0.3).astype(np.uint8)
    blind = maze.copy()
    blind[:, 2] = 0
    assert (up_then_right(maze) == up_then_right(blind)).all()


def test_the_counting_agent_counts_the_steps_of_each_episode() -> None:
    agent, view = Counting(constant(2), 2), np.zeros((2, 5, 9, 15), np.uint8)
    state, taken = None, []
    for start in ([True, True], [False, False], [False, True], [False, False]):
        action, state = agent.predict(view, state, np.array(start))
        taken.append(action.tolist())
    assert taken == [[2, 2], [2, 2], [0, 2], [0, 2]]
