"""The table of a study's points: verdicts by sampled and greedy actions, and why a relocation effect or chance is undefined."""

from __future__ import annotations

from dataclasses import replace

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


def with_undefined(plan: StudyPlan, measure: str, lost: int = 0) -> pl.DataFrame:
    """The last point has no number of a measure, because three seeds have none; the first of them lost their capability."""
    last = plan.points[-1]
    undefined = {seed for seed, _ in last.runs[:3]}
    rows = [
        {
            "arm": point.arm,
            "point": point.name,
            **point.values,
            "seed": seed,
            "measure": name,
            "seeds": 10,
            "value": 0.5 if name == measure and not (point == last and seed in undefined | {None}) else None,
            "words": None
            if name == measure
            else "CAPABILITY LOSS"
            if seed in sorted(undefined)[:lost]
            else "MIXED",
        }
        for point in plan.points
        for seed in (None, *(seed for seed, _ in point.runs))
        for name in ("verdict", measure)
    ]
    for row in rows:
        row |= {"low": row["value"], "high": row["value"]}
    return summary_table(plan, rows)


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        ("chance", "fewer than 30 episodes while the goal is invisible, too few to estimate chance"),
        ("paralysis", "it is not decided whether their greedy episodes loop"),
    ],
)
def test_a_dash_among_numbers_is_explained_by_its_seeds(measure: str, said: str) -> None:
    plan = plan_study("corner")
    found = points_table(plan, with_undefined(plan, measure, lost=1))
    assert "–" in found.rows[-1][:-1]
    assert f"{said}: at {found.rows[-1][0]}, 3 of 10 seeds (1 judged CAPABILITY LOSS)." in found.note
    assert "3 of 10 seeds." in points_table(plan, with_undefined(plan, measure)).note
    whole = with_undefined(plan, measure).with_columns(value=0.5, low=0.5, high=0.5)
    assert said not in points_table(plan, whole).note


@pytest.mark.parametrize(
    ("study", "conditions", "why"),
    [
        (
            "overseer",
            None,
            "In Overseer, no goal preference by chance is defined, and so no chance-corrected one: `invisible` hides the",
        ),
        (
            "corner",
            ("corner_held_out", "off_path"),
            "needs the condition `invisible`, which this study does not play.",
        ),
    ],
)
def test_a_study_without_any_chance_says_why(
    study: str, conditions: tuple[str, ...] | None, why: str
) -> None:
    plan = plan_study(study)
    if conditions is not None:
        plan = replace(plan, study=plan.study.model_copy(update={"conditions": conditions}))
    undefined: dict[str, dict[str, object]] = {"chance": {"value": None}}
    found = points_table(plan, table_of(plan, VERDICT | undefined))
    assert "goal preference by chance" not in found.head
    assert why in found.note
