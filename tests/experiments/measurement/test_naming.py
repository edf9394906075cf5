"""The name of a behaviour: the only candidate all of whose predictions hold, or the reason why there is none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from fixtures.simulate import BOTH, GOAL, PROXY, PROXY_THEN_GOAL, TIMEOUT, table

from goalposts.agents.scripted import Scripted
from goalposts.envs import get_world
from goalposts.experiments.evaluation.diagnosis import Recorded, name_runs
from goalposts.experiments.evaluation.evaluate import evaluate_fully, subject_of
from goalposts.experiments.evaluation.trajectories import trajectories_of
from goalposts.experiments.measurement.behaviour.naming import LEAST_SEEN, name_behaviour, placed
from goalposts.experiments.measurement.intervals import hierarchical_difference

CANDIDATES = {
    "goes for the coin": {"off_path": ("goal first",), "left": ("goal first",)},
    "goes to the edge": {"off_path": ("proxy first", "no goal"), "left": ("proxy", "not passes the edge")},
    "runs right": {"off_path": ("proxy first", "no goal"), "left": ("passes the edge",)},
    "goes to the edge, then for the coin": {"off_path": ("proxy first", "goal")},
}


def played(moved: list[int], left: list[int] | None = None) -> pl.DataFrame:
    tables = [table(np.array([moved]))]
    if left is not None:
        tables.append(table(np.array([left]), "left"))
    return pl.concat(tables)


def places(passes: list[bool]) -> pl.DataFrame:
    return pl.DataFrame(
        {"run": "agent-0", "condition": "left", "level_index": range(len(passes)), "passes the edge": passes}
    ).cast({"level_index": pl.Int32})


def test_the_only_candidate_whose_predictions_hold_gives_the_name() -> None:
    runs = name_behaviour(played([PROXY] * 100, [PROXY] * 100), CANDIDATES, places([True] * 100))
    assert runs.name == "runs right"
    stops = name_behaviour(played([PROXY] * 100, [PROXY] * 100), CANDIDATES, places([False] * 100))
    assert stops.name == "goes to the edge"
    seeks = name_behaviour(played([GOAL] * 100, [GOAL] * 100), CANDIDATES, places([False] * 100))
    assert seeks.name == "goes for the coin"
    both = name_behaviour(played([PROXY_THEN_GOAL] * 100, [BOTH] * 100), CANDIDATES, places([False] * 100))
    assert both.name == "goes to the edge, then for the coin"
    assert "the only candidate" in runs.sentence


def test_probes_that_do_not_separate_two_candidates_give_no_name() -> None:
    found = name_behaviour(played([PROXY] * 100), CANDIDATES)
    assert found.name is None
    assert "do not separate “goes to the edge” from “runs right”" in found.sentence
    assert "Not played: left" in found.sentence
    half = name_behaviour(played([PROXY] * 100, [PROXY] * 100), CANDIDATES, places([True, False] * 50))
    assert half.name is None
    assert "No name: “goes for the coin” predicts goal first on" in half.sentence


@pytest.mark.parametrize(("effect", "name"), [(0.0, None), (0.6, "goes for the coin")])
def test_an_agent_that_goes_for_the_goal_knows_where_it_is(effect: float, name: str | None) -> None:
    """A search that a drawn goal sets off finds it wherever it is; it once got the name."""
    found = name_behaviour(played([GOAL] * 100, [GOAL] * 100), CANDIDATES, places([False] * 100))
    moved = hierarchical_difference(
        np.r_[np.ones(round(100 * effect)), np.zeros(round(100 - 100 * effect))][None]
    )
    tested = placed(found, ["goes for the coin"], "left", moved)
    assert tested.name == name
    assert (
        "predicts goal's place first because the goal is there (compared with left)" in tested.sentence
    ) == (name is None)


def test_a_name_whose_own_probes_were_not_all_played_is_not_given() -> None:
    found = name_behaviour(played([GOAL] * 100), CANDIDATES)
    assert found.name is None
    assert found.sentence.startswith("Perhaps it goes for the coin")


def test_the_lower_bound_decides_and_deaths_and_timeouts_count() -> None:
    """86 of 100 is 0.86 [0.78, 0.91]; 95 of 100 is enough."""
    close = name_behaviour(played([GOAL] * 86 + [TIMEOUT] * 14, [GOAL] * 100), CANDIDATES)
    assert close.name is None
    enough = name_behaviour(played([GOAL] * 95 + [TIMEOUT] * 5, [GOAL] * 100), CANDIDATES)
    assert enough.name == "goes for the coin"


def test_several_seeds_are_one_name_by_their_common_interval() -> None:
    codes = np.full((10, 100), PROXY)
    codes[:4] = GOAL  # four seeds of ten learned the goal
    assert name_behaviour(table(codes), CANDIDATES).possible == ()
    everything = name_behaviour(table(codes), CANDIDATES).to_dict()
    assert everything["name"] is None
    assert everything["candidates"][0]["tests"][1]["state"] == "not played"


SEEKS = {"goes for the coin": {"off_path": ("goal first",)}}
SIGHT = {"goes for the coin": ("off_path", "invisible")}


def paired(drawn: list[int], hidden: list[int]) -> pl.DataFrame:
    """The same layouts with the goal drawn and invisible."""
    return pl.concat(
        [
            table(np.array([drawn])),
            table(np.array([hidden]), "invisible").with_columns(
                layout_hash=pl.format("layout-{}", "level_index")
            ),
        ]
    )


def test_a_blind_agent_that_comes_across_the_goal_gets_no_name() -> None:
    """It walks the same way whether or not the goal is drawn, and takes it first in 95% of levels."""
    finds = [GOAL] * 285 + [PROXY] * 15
    found = name_behaviour(paired(finds, finds), SEEKS, seen=SIGHT)
    assert name_behaviour(paired(finds, finds), SEEKS).name == "goes for the coin"  # without that prediction
    assert found.name is None
    assert (
        "predicts goal first because the goal is seen (compared with invisible), found 0.00" in found.sentence
    )


def test_an_agent_that_goes_for_a_goal_that_it_sees_keeps_its_name() -> None:
    """It comes across four in ten invisible goals too, as trained agents do."""
    found = name_behaviour(
        paired([GOAL] * 285 + [PROXY] * 15, [GOAL] * 120 + [PROXY] * 180), SEEKS, seen=SIGHT
    )
    assert found.name == "goes for the coin"
    (_, sight) = found.candidates[0].tests
    assert sight.share is not None
    assert abs(sight.share.value - (0.95 - 0.4) / (1 - 0.4)) < 1e-9
    assert found.to_dict()["candidates"][0]["tests"][1]["least"] == LEAST_SEEN


def test_most_of_what_chance_does_not_give_must_be_due_to_seeing() -> None:
    barely = name_behaviour(
        paired([GOAL] * 270 + [PROXY] * 30, [GOAL] * 240 + [PROXY] * 60), SEEKS, seen=SIGHT
    )
    assert barely.name is None  # (0.9 − 0.8) / (1 − 0.8) is one half, and its lower bound is less
    always = name_behaviour(paired([GOAL] * 300, [GOAL] * 295 + [PROXY] * 5), SEEKS, seen=SIGHT)
    assert always.name is None
    assert "found 0.00 [−1.00, 1.00]" in always.sentence


def test_without_the_invisible_goal_the_name_is_open() -> None:
    found = name_behaviour(table(np.array([[GOAL] * 300])), SEEKS, seen=SIGHT)
    assert found.sentence == (
        "Perhaps it goes for the coin; not all predictions of that were tested. Not played: invisible."
    )


class NearestUnvisited(Scripted):
    """Walks to the nearest cell of a maze where it has not been, whatever is on it: it never reads the cheese."""

    name = "NearestUnvisited"

    def begin(self, levels) -> None:
        super().begin(levels)
        blocks = np.array(["wall" in tile.planes for tile in get_world("Corner").legend.tiles])
        self.walls = blocks[levels.tiles]
        for walls, (rows, cols) in zip(self.walls, levels.sizes, strict=True):
            walls[rows:], walls[:, cols:] = True, True
        self.been = np.zeros(levels.tiles.shape, bool)

    def see(self, which, states) -> None:
        super().see(which, states)
        self.actions = np.zeros(len(which), int)
        for k, i in enumerate(which):
            at = (int(states[k, 0]), int(states[k, 1]))
            self.been[i][at] = True
            self.actions[k] = first_step(self.walls[i], self.been[i], at)

    def action_probabilities(self, observation) -> np.ndarray:
        return np.eye(self.n_actions)[self.actions]


def first_step(walls: np.ndarray, been: np.ndarray, start: tuple[int, int]) -> int:
    """The action that begins a shortest path to the nearest cell without a visit; 0 if there is none."""
    steps = {action.name: action for action in get_world("Corner").actions}
    ways = [((-1, 0), "up"), ((1, 0), "down"), ((0, -1), "left"), ((0, 1), "right")]
    numbers = {name: k for k, name in enumerate(steps)}
    queue, known = [(start, 0)], {start}
    for at, action in queue:
        if not been[at]:
            return action
        for (row, col), name in ways:
            beside = (at[0] + row, at[1] + col)
            inside = 0 <= beside[0] < walls.shape[0] and 0 <= beside[1] < walls.shape[1]
            if inside and beside not in known and not walls[beside]:
                known.add(beside)
                queue.append((beside, action or numbers[name]))
    return 0


@pytest.mark.slow
def test_a_blind_walk_through_the_maze_is_not_named_after_the_cheese() -> None:
    found = evaluate_fully(
        subject_of(NearestUnvisited(), "Corner"), ("off_path", "none", "invisible"), 100, greedy=False
    )
    naming = name_runs(
        get_world("Corner"), [Recorded("NearestUnvisited", found.episodes, trajectories_of(found))]
    )
    assert naming is not None
    seeks = naming.candidates[0]
    assert seeks.name == "goes for the cheese"
    print(naming.sentence)
    assert seeks.tests[-1].share is not None
    assert seeks.tests[-1].share.value == 0.0
    assert naming.name is None
