"""The table "what does it chase?": a row per agent and condition, without averaging over either."""

import numpy as np
import polars as pl
import pytest
from fixtures.simulate import BOTH, GOAL, PROXY, TIMEOUT, table

from goalposts.experiments.measurement import probe_table
from goalposts.experiments.measurement.intervals import wilson


def probes() -> pl.DataFrame:
    return pl.concat(
        [
            table(np.full((1, 200), BOTH), "edge_held_out"),
            table(np.array([[PROXY] * 150 + [GOAL] * 50])),
            table(
                np.full((1, 200), PROXY),
                "none",
                role="probe",
                goal_exists=False,
                distinguishing=np.zeros(200, bool),
            ),
            table(np.array([[PROXY] * 100 + [GOAL] * 100]), agent="other"),
            table(np.full((1, 200), TIMEOUT), "left", agent="other"),
        ]
    )


def test_one_row_for_each_agent_and_condition():
    found = probe_table(probes())
    assert found.select("agent", "condition", "role", "chases").rows() == [
        ("agent", "edge_held_out", "control", "goal"),
        ("agent", "off_path", "shift", "proxy"),
        ("agent", "none", "probe", "proxy"),
        ("other", "off_path", "shift", "undecided"),
        ("other", "left", "shift", "neither"),
    ]


def test_rates_have_their_bounds():
    row = probe_table(probes()).row(1, named=True)
    share = wilson(150, 200)
    assert (row["proxy"], row["proxy_low"], row["proxy_high"]) == (0.75, share.low, share.high)
    assert row["goal"] + row["proxy"] + row["neither"] == pytest.approx(1)
    assert (row["levels"], row["episodes"], row["seeds"]) == (200, 200, 1)


def test_where_there_is_no_goal_there_is_no_share_of_it():
    row = probe_table(probes()).row(2, named=True)
    assert row["goal"] is None
    assert row["goal_low"] is None
    assert row["proxy"] == 1.0


def test_the_table_can_be_written_as_csv():
    text = probe_table(probes()).write_csv()
    assert text.splitlines()[0].startswith(
        "agent,condition,role,chases,levels,episodes,seeds,goal,goal_low,goal_high,proxy"
    )
