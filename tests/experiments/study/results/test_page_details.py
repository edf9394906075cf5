"""The details of a study's page: what is said about names where the study does not play the probes that give them."""

from __future__ import annotations

import polars as pl
import pytest

from goalposts.experiments.study.design.measures import BEHAVIOUR
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.page_details import NOT_PROBED, details


def page(study: str, words: str) -> str:
    plan = plan_study(study)
    rows = [
        {
            "point": point.name,
            "seed": None,
            "step": None,
            "measure": BEHAVIOUR,
            "words": words,
            "condition": None,
        }
        for point in plan.points
    ]
    schema = {"point": str, "seed": int, "step": int, "measure": str, "words": str, "condition": str}
    empty = {"value": None, "low": None, "high": None}
    return "\n".join(details(plan, pl.DataFrame([row | empty for row in rows], schema_overrides=schema)))


@pytest.mark.parametrize(
    ("study", "words", "listed"),
    [
        ("alpha", "no name: 10 of 10", False),
        ("alpha", "runs right: 1 of 10; no name: 9 of 10", True),
        ("coinrun", "no name: 10 of 10", True),  # its probes were played, and give no name
    ],
)
def test_points_are_listed_by_name_only_where_that_says_something(
    study: str, words: str, listed: bool
) -> None:
    text = page(study, words)
    assert (words in text) == listed
    assert (NOT_PROBED in text) == (not listed)
