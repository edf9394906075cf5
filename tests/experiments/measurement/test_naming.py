"""The name of a behaviour: the only candidate all of whose predictions hold, or the reason why there is none."""

from __future__ import annotations

import numpy as np
import polars as pl
from fixtures.simulate import BOTH, GOAL, PROXY, PROXY_THEN_GOAL, TIMEOUT, table

from goalposts.experiments.measurement.behaviour.naming import name_behaviour

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
