"""Rollouts packed for the player: keeps everything that moves and cuts everything else."""

from dataclasses import replace

import pytest
from fixtures.specimen import estimate, recording

from goalposts.experiments.report import OutcomeRow, ReportData
from goalposts.experiments.report.page.bars import roles
from goalposts.experiments.report.page.page import build_page
from goalposts.experiments.report.page.replays import LINGER, pack, settled
from goalposts.experiments.report.page.view import agents


def test_a_replay_keeps_what_moves_and_cuts_what_shows_nothing(twins: ReportData) -> None:
    packed = pack(twins)
    level = packed["levels"][0]
    board = level["boards"][0]
    assert board["w"] == 20
    assert board["h"] < 12
    assert board["h"] + board["top"] == 12
    assert len(board["tiles"]) == board["w"] * board["h"]
    assert packed["home"] == ["edge_held_out"]
    assert packed["moved"] == ["off_path", "none"]
    take = next(t for t in level["takes"] if t["a"] == 0 and t["c"] == "off_path")
    names = packed["names"]
    start = {
        names[take["frames"][0][i]]: take["frames"][0][i + 1 : i + 3]
        for i in range(0, len(take["frames"][0]), 3)
    }
    assert start["agent_right"] == [10 - board["top"], 0]
    assert take["camera"][0][0] == 6 - board["top"]
    assert take["said"] == "reaches the right edge, past the coin; after step 25 of 139 nothing new happens"


def test_empty_rows_are_cut_despite_walls_on_both_sides(twins: ReportData) -> None:
    replay = twins.replays[0]
    tiles = list(replay.rollout.tiles)
    tiles[0] = ("wall",) * 20
    tiles[1:5] = [("wall", *("sky",) * 18, "crate")] * 4
    walled = replace(replay.rollout, tiles=tuple(tiles))  # type: ignore[type-var]
    board = pack(replace(twins, replays=[replace(replay, rollout=walled)]))["levels"][0]["boards"][0]
    assert (board["top"], board["h"]) == (5, 7)  # the agent reaches row 6; one row above it is kept


def test_nearly_all_is_not_printed_as_all(twins: ReportData) -> None:
    rows = [OutcomeRow("edge", estimate(0.9999), estimate(0.0001), estimate(0.0))]
    data = replace(twins, agents=[replace(twins.agents[0], outcomes=rows)])
    assert roles(data, agents(data))[0].conditions[0].bars[0].first.startswith("the coin first 99.9%")


def test_waiting_until_time_runs_out_is_cut(twins: ReportData) -> None:
    waiting = next(r.rollout for r in twins.replays if r.rollout.outcome_end == "timeout")
    assert settled(waiting) == 19 + LINGER
    assert settled(replace(waiting, outcome_end="goal")) == len(waiting.frames) - 1  # type: ignore[type-var]


def test_levels_beyond_the_budget_are_counted_and_reported(
    twins: ReportData, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(twins, budget=9_000)
    assert len(packed["levels"]) + packed["left_out"] == 3
    assert packed["left_out"] > 0
    monkeypatch.setattr("goalposts.experiments.report.page.page.pack", lambda data: packed)
    assert f"{packed['left_out']} more recorded levels were left out" in build_page(twins)


def test_a_replay_of_an_unknown_agent_is_refused(twins: ReportData) -> None:
    with pytest.raises(ValueError, match=r"'who'.*edge-0, anywhere-0"):
        build_page(replace(twins, replays=(replace(twins.replays[0], agent="who"),)))


def test_an_ending_in_which_something_still_happens_is_not_cut() -> None:
    """A chest is opened in a cell visited earlier: the replay must not end before that."""
    waiting = recording("off_path", (5, 14), takes_coin=False, waits=120)
    assert settled(waiting) < waiting.steps
    gone = tuple(
        tuple(s for s in frame if s.name != "coin") if time >= 100 else frame
        for time, frame in enumerate(waiting.frames)
    )
    assert settled(replace(waiting, frames=gone)) == 100 + LINGER
