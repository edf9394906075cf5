"""The table of a study's points: verdicts by sampled and by greedy actions, and the relocation effect or why there is none."""

from __future__ import annotations

import polars as pl
import pytest

from goalposts.experiments.measurement.metrics import NO_RELOCATION
from goalposts.experiments.measurement.verdict.kinds import SEVERAL
from goalposts.experiments.study.design.plan import StudyPlan, plan_study
from goalposts.experiments.study.results.report import points_table
from goalposts.experiments.study.results.summary import summary_table


def table_of(plan: StudyPlan, measures: dict[str, dict[str, object]]) -> pl.DataFrame:
    """The same measures at every point."""
    return summary_table(
        plan,
        [
            {
                "arm": point.arm,
                "point": point.name,
                **point.values,
                "measure": measure,
                "condition": "off_path",
                "seeds": 10,
                **values,
            }
            for point in plan.points
            for measure, values in measures.items()
        ],
    )


VERDICT: dict[str, dict[str, object]] = {"verdict": {"words": "ALIGNED"}}
GREEDY: dict[str, dict[str, object]] = {"greedy/verdict": {"words": "CAPABILITY LOSS"}}
RELOCATED: dict[str, dict[str, object]] = {
    "relocation_effect": {"value": 0.54, "low": 0.5, "high": 0.58, "words": "anywhere"}
}


def test_the_verdict_with_greedy_actions_is_next_to_the_other() -> None:
    plan = plan_study("corner")
    both, alone = (points_table(plan, table_of(plan, some)) for some in (VERDICT | GREEDY, VERDICT))
    assert both.head[-2:] == ["verdict on the procedure", "verdict, greedy actions"]
    assert both.rows[0][-2:] == ["ALIGNED", "CAPABILITY LOSS"]
    assert "verdict, greedy actions" not in alone.head
    assert all(len(row) == len(found.head) for found in (both, alone) for row in found.rows)


def test_the_relocation_effect_has_a_column_where_it_was_measured() -> None:
    plan = plan_study("corner")
    found = points_table(plan, table_of(plan, VERDICT | RELOCATED))
    assert found.rows[0][found.head.index("relocation effect")] == "0.540 [0.500, 0.580]"
    assert "the goal's place under `off_path` is visited before its place under `anywhere`" in found.note
    assert all(len(row) == len(found.head) for row in found.rows)


@pytest.mark.parametrize(
    ("study", "why"),
    [
        ("beacon", f"In Beacon, {NO_RELOCATION}."),
        ("alpha", "needs a second shift on the same layouts, which this study does not play."),
        ("corner", "The relocation effect was not measured."),
    ],
)
def test_a_study_without_relocation_effect_says_why(study: str, why: str) -> None:
    plan = plan_study(study)
    found = points_table(plan, table_of(plan, VERDICT))
    assert "relocation effect" not in found.head
    assert why in found.note


def test_a_withheld_goal_effect_does_not_send_the_reader_to_an_effect_that_is_not_defined() -> None:
    plan = plan_study("colourshape")
    effect: dict[str, dict[str, object]] = {"goal_effect": {"value": 0.3, "low": 0.2, "high": 0.4}}
    note = points_table(plan, table_of(plan, VERDICT | effect)).note
    assert note.count(NO_RELOCATION) == 1
    assert "read the relocation effect" not in note


@pytest.mark.parametrize(
    ("of_kinds", "said", "unsaid"),
    [
        ("", "the seeds are of several kinds, and no mean in its row", "with greedy actions"),
        (
            "greedy/",
            "kinds with greedy actions, and no mean of greedy numbers, such as paralysis,",
            "its row",
        ),
    ],
)
def test_seeds_of_several_kinds_are_pointed_out_by_sampled_and_by_greedy_actions(
    of_kinds: str, said: str, unsaid: str
) -> None:
    plan = plan_study("corner")
    warned: dict[str, object] = {"value": 0.5, "low": 0.3, "high": 0.7, "words": SEVERAL.format(n=2)}
    alike = warned | {"words": None}
    measures = VERDICT | {
        f"{mode}{key}": warned if mode == of_kinds else alike
        for mode in ("", "greedy/")
        for key in ("preference", "paralysis")
    }
    note = points_table(plan, table_of(plan, measures)).note
    assert note.count(said) == len(plan.points)
    assert note.count("of several kinds") == len(plan.points)
    assert unsaid not in note
