"""A proxy and a target that the shift does not separate are compared on the probes that do, and undecided where these do not say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest

from goalposts.experiments.measurement.attribution import Attribution
from goalposts.experiments.measurement.behaviour.separation import Separation, separations

Evidence = dict[str, tuple[float, float]]  # by hypothesis: shared, each


def attribution(evidence: Evidence, best: str = "right_edge", tied: tuple[str, ...] = ()) -> Attribution:
    rows = [(name, *logs) for name, logs in evidence.items()]
    table = pl.DataFrame(rows, ["hypothesis", "log_evidence", "log_evidence_each"], orient="row")
    return cast(Attribution, SimpleNamespace(table=table, best=best, tied=tied))


def compared(best: str = "right_edge", **probes: tuple[float, float]) -> tuple[Separation, ...]:
    """probes: the lead of move_right over right_edge, shared and each."""
    on_probes = {
        condition: attribution(
            {"coin": (-900, -900), "right_edge": (-500, -600), "move_right": (a - 500, b - 600)}
        )
        for condition, (a, b) in probes.items()
    }
    shift = attribution({"coin": (-900, -900), "right_edge": (-500, -600)}, best)
    return separations("off_path", shift, on_probes, ("right_edge",), ("move_right",))


@pytest.mark.parametrize(
    ("probes", "better"),
    [
        ({"no_wall": (151.0, 300.0)}, "move_right"),
        ({"no_wall": (-151.0, -300.0)}, "right_edge"),
        ({"no_wall": (2.9, 300.0)}, None),  # within odds of 20 to 1
        ({"no_wall": (151.0, -1.0)}, None),  # the poolings disagree
        ({"no_wall": (151.0, 300.0), "mirrored": (0.4, 1.0)}, "move_right"),  # one probe decides
        ({"no_wall": (-151.0, -300.0), "mirrored": (53.0, 90.0)}, None),  # the probes disagree
    ],
)
def test_the_better_one_is_named_only_if_the_probes_agree(
    probes: dict[str, tuple[float, float]], better: str | None
) -> None:
    (separation,) = compared("right_edge", **probes)
    assert separation.better == better
    name = f"“{(better or '').replace('_', ' ')}” explains the actions better"
    assert (name if better else "it is undecided which of them") in separation.sentence
    assert separation.to_dict()["better"] == better


def test_the_sentence_says_by_how_much_and_on_what() -> None:
    (separation,) = compared(no_wall=(151.04, 343.7), mirrored=(53.5, 1042.6))
    assert separation.sentence == (
        "off_path does not separate “right edge” from “move right”; on the probes that do, “move right” explains the actions better "
        "(lead of “move right”: no_wall +151.0 nats, mirrored +53.5 nats)"
    )


def test_without_such_a_probe_the_sentence_says_so() -> None:
    (separation,) = compared()
    assert separation.better is None
    assert separation.sentence.endswith("and no probe that does was played")


def test_nothing_is_said_of_an_agent_that_the_proxy_does_not_explain_best() -> None:
    assert compared(best="coin", no_wall=(151.0, 300.0)) == ()
