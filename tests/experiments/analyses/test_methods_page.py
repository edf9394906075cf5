"""The page of the study of methods: what the plan concludes from planted agents, and what it says of missing ones."""

import argparse
import math
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from fixtures.methods_planted import ALPHAS, LABELS, cells_from, curve, planned_from, planted, table

from goalposts.experiments.analyses.methods.__main__ import figures_of, write
from goalposts.experiments.analyses.methods.comparison import predictions as rules
from goalposts.experiments.analyses.methods.comparison.controls import CORNER, L0, L1, control_cells, of
from goalposts.experiments.analyses.methods.comparison.figures import effective_figure
from goalposts.experiments.analyses.methods.comparison.page import page
from goalposts.experiments.analyses.methods.comparison.predictions import Findings, findings_of
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.leaderboard import curves
from goalposts.experiments.study.leaderboard.agents import distinct, without
from goalposts.experiments.study.leaderboard.board import missing_of, seeds_text
from goalposts.experiments.study.leaderboard.cells import BUDGET, COLUMNS, CONTROL
from goalposts.experiments.study.leaderboard.points import planned_of

LABELLED = "methods-labelled"
STUDIES = Path(__file__).parents[3] / "configs" / "studies" / "methods"
SLOW = (0.13, 0.15, 0.3, 0.6, 0.9)
QUICK = (0.15, 0.4, 0.7, 0.9, 0.95)


pytestmark = pytest.mark.usefixtures("few_samples")


@cache
def everything(exact: tuple[float, ...] = QUICK, entry: float = 0.99) -> pl.DataFrame:
    """Agents of all four studies; exact: goal preference of the methods with exact regret; entry: at α = 1."""
    parts = []
    for study, seeds in (("methods-l1", 10), ("methods-corner", 5)):
        for name, values in (
            ("plain", SLOW),
            ("domain-randomization", SLOW),
            ("PLR-max-return", SLOW),
            ("PLR-regret", exact),
            ("ACCEL-identity-regret", exact),
        ):
            parts.append(planted(study, name, curve(values), seeds, lambda a: 2 * a))
        parts.append(planted(study, "all-levels", [(1.0, entry)], seeds))
    parts += [planted("methods-l1", "salient", [(0.01, 0.5)]), planted("methods-l1", "blind", [(0.1, 0.1)])]
    parts.append(planted("methods-l1", "PLR-shuffled", curve(SLOW)))
    parts += [planted("methods-l0", name, [(0.0, 0.13)]) for name in ("plain", "dropout-0.1")]
    for name in ("cloning", "dagger", "fine-tuning"):
        parts += [
            planted("methods-labelled", name + end, [(k, min(1.0, k / 60)) for k in LABELS], 5)
            for end in ("", "-untrained")
        ]
    return table(*parts)


def judged(agents: pl.DataFrame, planned: pl.DataFrame | None = None) -> Findings:
    return findings_of(agents, cells_from(agents), planned_from(agents) if planned is None else planned)


@cache
def whole() -> tuple[pl.DataFrame, Findings, str]:
    """Planted agents, what is found in them, and the page on them."""
    agents = everything()
    found = judged(agents)
    missing = ["`methods-l0`: 20 of 150 agents are recorded."]
    return agents, found, page(agents, cells_from(agents), found, missing, [])


def states(found: Findings) -> dict[str, str]:
    return {one.name[:1]: one.found for one in found.predictions}


def text_of(agents: pl.DataFrame, planned: pl.DataFrame | None = None) -> str:
    return page(agents, cells_from(agents), judged(agents, planned), [], [])


def changed(agents: pl.DataFrame, of_study: str, of_method: str, **columns: object) -> pl.DataFrame:
    """Agents of which a method has other values in some columns."""
    own = (pl.col("study") == of_study) & (pl.col("method") == of_method)
    return agents.with_columns(
        pl.when(own).then(pl.lit(value, agents.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in columns.items()
    )


def replaced(
    agents: pl.DataFrame, study: str, method: str, values: list[tuple[float, float]]
) -> pl.DataFrame:
    """Agents of which a method has other goal preferences."""
    seeds = 10 if study == "methods-l1" else 5
    left = agents.filter((pl.col("study") != study) | (pl.col("method") != method))
    return pl.concat([left, table(planted(study, method, values, seeds, lambda a: 2 * a))])


def test_predictions_are_judged_as_the_plan_says() -> None:
    found = states(whole()[1])
    assert found == {
        "1": "holds",  # Corner: about 0.02, below 0.1; CoinRun: as plain PPO
        "2": "does not hold",  # exact regret needs less than half of it
        "3": "holds",
        "4": "holds",  # at equal effective α, exact regret is better
        "5": "holds",
        "6": "does not hold",  # no head start in capability
        "7": "holds",
    }
    found = states(judged(everything(exact=SLOW)))
    assert (found["2"], found["3"], found["4"]) == ("holds", "open", "does not hold")


def test_the_page_states_conclusions_controls_and_what_is_missing() -> None:
    text = whole()[2]
    assert "5 hold and 2 do not; none is open" in text
    assert "**Incomplete.** `methods-l0`: 20 of 150 agents are recorded." in text
    assert "**Controls that do not hold" not in text
    assert "By the plan's test: **not one curve**" in text
    assert "- **negative: blind**: holds. Chance-corrected preference of a blind agent at α = 0.1: " in text
    assert "| cloning | goal first of all | 0.5 |" in text
    assert (
        "CoinRun: rank correlation with the first shift over 33 points, those of controls included: 1 [1, 1]"
        in text
    )
    assert "0 of 250 agents have no goal preference" in text


def test_a_world_whose_agents_are_not_aligned_at_alpha_1_does_not_enter() -> None:
    agents = everything(entry=0.3)
    found = judged(agents)
    text = page(agents, cells_from(agents), found, [], [])
    closed = "This world does not enter: plain PPO is MISGENERALIZED (n = 10; ALIGNED with at least 5 seeds is needed)"
    assert text.count(closed) == 4  # both of class L1, and those of labels and of class L0
    assert "**Controls that do not hold (CoinRun, α = 1: fails; Corner, α = 1: fails).**" in text
    assert "| PLR-regret |" not in text
    assert "| dropout-0.1 |" not in text
    assert "0 hold and 0 do not; 7 not concluded." in text
    assert "- **4. Not one curve**: not concluded: control CoinRun, α = 1: fails.\n" in text
    assert figures_of(agents, found) == []


@pytest.mark.parametrize(
    ("method", "columns", "state", "concluded"),
    [
        ("blind", {"corrected": 0.5}, "negative: blind: fails", False),
        pytest.param(
            "salient", {"preference": 0.3}, "positive: salience: not shown", True, marks=pytest.mark.slow
        ),
        pytest.param(
            "salient",
            {"preference": None},
            "positive: salience: not computable",
            True,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("PLR-shuffled", {"study": "elsewhere"}, "negative: shuffled: not measured", True),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_control_that_does_not_hold_is_in_the_headline_and_stops_its_class_if_it_fails(
    method: str, columns: dict[str, object], state: str, concluded: bool
) -> None:
    agents = changed(everything(), L1, method, **columns)
    if state.endswith("not shown"):
        noise = pl.col("preference") + pl.when(pl.col("seed") % 2 == 0).then(0.3).otherwise(-0.3)
        own = pl.col("method") == method
        agents = agents.with_columns(pl.when(own).then(noise).otherwise("preference").alias("preference"))
    found = judged(agents)
    text = page(agents, cells_from(agents), found, [], [])
    assert text.split("\n")[6].startswith(f"**Controls that do not hold ({state}).**")
    assert {state for k, state in states(found).items() if k not in "56"} == (
        {"holds", "does not hold"} if concluded else {"not concluded"}
    )
    assert (states(found)["5"], states(found)["6"]) == ("holds", "does not hold")  # of other classes
    assert ("**not one curve**" in text) is concluded
    assert text.count(f"**Nothing is concluded from these tables: control {state}.**") == (
        0 if concluded else 2
    )
    assert sorted(control_cells(found.controls)["study"].to_list()) == [CORNER, L1]


def test_a_critical_alpha_beyond_the_range_leaves_its_predictions_open() -> None:
    agents = replaced(everything(), CORNER, "domain-randomization", [(a, 0.1) for a in ALPHAS[:4]])
    first = dict(rules._randomization(agents))[CORNER]
    assert first.found == "open"
    assert "upper end is only known to be above 0.03, the largest α tested" in first.words
    never = [(a, 0.1) for a in ALPHAS]
    both = replaced(agents, L1, "domain-randomization", never)
    second = dict(rules._randomization(both))[L1]
    assert second.found == "does not hold"
    assert "in CoinRun, over that of plain PPO: >4.8 [4" in second.words  # the bound decides
    for name in ("PLR-regret", "ACCEL-identity-regret"):
        both = replaced(both, L1, name, never)
    assert {part.found for study, part in rules._exact(both) if study == L1} == {"open"}
    assert "unknown [0, ∞] (n = 10 seeds)" in next(iter(rules._exact(both)))[1].words


def test_no_variant_of_class_l0_holds_without_a_value_from_every_planned_seed() -> None:
    names = ("plain", "dropout-0.1")
    parts = [planted(L0, name, [(0.0, 0.13)]) for name in names]
    agents = table(*parts, planted(L1, "all-levels", [(1.0, 0.99)]))
    fifth = judged(changed(agents, L0, "dropout-0.1", corrected=None)).predictions[4]
    assert fifth.found == "open"
    assert "not computable from all seeds: dropout-0.1 (0 of 10 seeds)" in fifth.words
    late = (pl.col("study") == L0) & (pl.col("method") == "dropout-0.1") & (pl.col("seed") > 506)
    fifth = judged(agents.filter(~late), planned_from(agents)).predictions[4]
    assert fifth.found == "not measured yet"
    assert "not all recorded: dropout-0.1 (7 of 10 seeds)" in fifth.words
    assert "over all agents, CAPABILITY LOSS included, the highest is dropout-0.1: 0.03" in fifth.words
    high = changed(agents, L0, "dropout-0.1", corrected=0.5).filter(~late)
    assert judged(high, planned_from(agents)).predictions[4].found == "does not hold"


def test_predictions_from_incomplete_studies_are_preliminary_and_do_not_count() -> None:
    agents = everything()
    early = agents.filter((pl.col("study") != L1) | (pl.col("seed") < 508))
    text = text_of(early, planned_from(agents))
    assert "1 holds and 1 does not; 5 preliminary." in text  # class L0 and labels are complete
    assert "- **3. Exact regret against max return**: holds (preliminary: 394 of 460 agents). " in text
    assert "By the plan's test: **not one curve (preliminary: 264 of 330 agents)**" in text


@pytest.mark.parametrize(
    ("goal", "able", "state"),
    [
        ((1.0, 1.0), (2.0, 3.0), "holds"),
        ((1.2, 1.5), (2.0, 3.0), "does not hold"),
        ((0.9, 1.5), (0.5, 1.0), "does not hold"),
        ((0.9, 1.5), (0.8, 1.5), "open"),
    ],
)
def test_the_prediction_on_labels_can_be_open(
    monkeypatch: pytest.MonkeyPatch, goal: tuple[float, float], able: tuple[float, float], state: str
) -> None:
    def start(measure: str, ends: tuple[float, float]) -> curves.HeadStart:
        return curves.HeadStart(measure, 0.5, curves.Span(1.0, *ends, 5), 0.0, math.inf)

    both = {"goal_first": start("goal_first", goal), "capability": start("capability", able)}
    monkeypatch.setattr(rules, "starts_of", lambda _: dict.fromkeys(rules.LEARNERS, both))
    found = rules._labels(table())
    assert found.found == state
    assert "cloning: goal at least 1 [" in found.words
    assert "(the agent passes from the start, scratch never passes)" in found.words


def test_a_sentence_that_names_no_world_holds_only_if_it_holds_in_both() -> None:
    agents = replaced(everything(), CORNER, "PLR-max-return", curve(QUICK))
    assert states(judged(agents))["3"] == "open"  # no difference in Corner
    parts = dict(rules._max_return(agents))
    assert (parts[L1].found, parts[CORNER].found) == ("holds", "open")
    assert "in Corner: 0 [0, 0] (n = 5 seeds)" in parts[CORNER].words


def test_free_edits_spend_labels_so_their_ratio_is_stated_and_not_judged() -> None:
    agents = everything(exact=SLOW)
    free = table(planted(L1, "ACCEL-free-regret", curve(QUICK), 10, lambda a: 2 * a))
    second = judged(pl.concat([agents, free])).predictions[1]
    assert second.found == "holds"
    assert "of ACCEL-free-regret, with another budget of labels and so not judged: 0.22 [" in second.words
    assert "ACCEL-free" not in judged(agents).predictions[1].words


def test_the_second_shift_is_judged_over_all_points_of_the_study() -> None:
    """Where only the points of controls break the order, the prediction fails; without them the number is stated."""
    agents = everything()
    high = pl.col("method").is_in(["PLR-shuffled", "blind", "salient", "all-levels"]) & (
        pl.col("study") == L1
    )
    turned = agents.with_columns(
        pl.when(high).then(1 - pl.col("goal_first")).otherwise("second_goal_first").alias("second_goal_first")
    )
    seventh = judged(turned).predictions[6]
    assert seventh.found == "does not hold"
    assert "(n = 33 points); without those of controls: 1 [1, 1] (n = 25 points)" in seventh.words


def test_rows_with_another_budget_are_marked_in_every_table() -> None:
    agents = everything()
    cells = cells_from(agents)
    mark = {"study": L1, "method": "PLR-regret", "measure": BUDGET, "words": "100 labels", "parameter": 0.01}
    text = page(agents, pl.concat([cells, pl.DataFrame([mark], schema=COLUMNS)]), judged(agents), [], [])
    corner = text.index("## Corner")
    # Full rows, four tables by α, differences from plain PPO, residuals, second shift.
    assert text.count("| PLR-regret (budget: 100 labels) |") == 8
    assert text.find("| PLR-regret |") > corner


def test_an_effective_alpha_of_0_is_said_to_have_a_place_on_the_axis() -> None:
    agents = changed(everything(), L1, "PLR-max-return", effective_alpha=0.0)
    assert "Agents whose effective α is 0 (50) are placed at a third of the smallest other one." in text_of(
        agents
    )


@pytest.mark.parametrize(
    ("lacking", "unknown", "closed"),
    [((L1,), "1234567", 2), ((L0, CORNER, LABELLED), "12356", 0)],
)
def test_without_a_study_its_predictions_are_open_and_the_page_says_which_is_missing(
    lacking: tuple[str, ...], unknown: str, closed: int
) -> None:
    """Half of the seeds of the study of class L1, and no row of others."""
    agents = everything(exact=SLOW)
    planned = planned_from(agents)
    early = agents.filter((pl.col("study") != L1) | (pl.col("seed") < 505))
    part = early.filter(~pl.col("study").is_in(lacking))
    found = judged(part, planned)
    for prediction in found.predictions:
        if prediction.name[0] in unknown:
            assert prediction.found in ("not measured yet", "not concluded"), prediction
            assert prediction.note or prediction.words, prediction
        else:
            assert "(preliminary: " in prediction.note, prediction
    text = page(part, cells_from(part), found, missing_of(part, planned), [])
    for study in lacking:
        assert f"`{study}`: none of " in text
    assert text.count("So no method is compared in it.") == closed


def test_a_method_with_the_runs_of_another_is_left_out_and_named() -> None:
    agents = everything()
    again = agents.filter(pl.col("study") == L1, pl.col("method") == "plain").with_columns(
        method=pl.lit("plain-tuned")
    )
    kept, copies = distinct(pl.concat([agents, again]))
    assert kept.equals(agents)
    assert without(planned_from(pl.concat([agents, again])), copies).height == agents.height
    plan = planned_of(plan_study(L1))
    same = [copy.method for copy in distinct(plan)[1]]
    tuned = plan.filter(pl.col("method") == "plain-tuned")["run"].to_list()
    shipped = plan.filter(pl.col("method") == "plain")["run"].to_list()
    assert same == (["plain-tuned"] if tuned == shipped else [])  # the search decides
    some = table(planted("methods-l0", "plain", [(0.0, 0.13)]))
    text = page(some, cells_from(some), judged(some), [], [], copies)
    assert "`plain-tuned` of `methods-l1` is left out: all its 50 agents are those of `plain`." in text


def test_missing_agents_are_named_by_method_parameter_and_seeds() -> None:
    agents = table(planted(L1, "plain", curve(SLOW), 3), planted(L1, "SFL", curve(SLOW), 3))
    gone = (pl.col("method") == "SFL") & (pl.col("parameter") > 0.02) & (pl.col("seed") > 500)
    planned = planned_from(agents)
    assert missing_of(agents.filter(~gone), planned) == [
        "`methods-l1`: 26 of 30 agents are recorded; missing: SFL at α = 0.03, 0.1 (seeds 501, 502)."
    ]
    assert missing_of(agents.filter(pl.col("seed") < 502), planned) == [
        "`methods-l1`: 20 of 30 agents are recorded; missing: every method (seed 502)."
    ]
    assert seeds_text((510, 511, 512, 515)) == "seeds 510 to 512, 515"
    assert missing_of(agents.filter(pl.col("parameter") < 0.02), planned) == [
        "`methods-l1`: 18 of 30 agents are recorded; missing: plain, SFL at α = 0.03, 0.1 (seeds 500 to 502)."
    ]
    assert missing_of(agents.head(0), planned) == ["`methods-l1`: none of 30 agents is recorded."]
    assert missing_of(agents, planned) == []


def test_a_page_from_few_rows_says_what_is_not_measured_yet() -> None:
    text = text_of(table(planted("methods-l0", "plain", [(0.0, 0.13)], seeds=2)))
    assert text.count("Not measured yet") >= 4
    assert "- **3. Exact regret against max return**: not measured yet." in text
    assert (
        "Whether this world enters is not measured yet: no agent recorded. So no method is compared in it."
        in text
    )
    assert "| plain |" not in text
    only = everything().filter((pl.col("study") == "methods-l1") & (pl.col("seed") < 502))
    assert "plain PPO is ALIGNED (n = 2" in text_of(only)


@pytest.mark.slow
def test_the_figure_states_the_finding_and_n() -> None:
    agents, found, _ = whole()
    drawn = effective_figure(of(agents, L1), found.curve, "CoinRun", "methods")
    assert drawn.title == "At equal effective α, methods differ in goal preference"
    assert "n = 10 training seeds" in drawn.caption


@pytest.mark.slow
def test_all_files_are_written_without_copies_and_the_board_records_controls(tmp_path: Path) -> None:
    agents = changed(everything(), L1, "salient", preference=None)
    again = agents.filter(pl.col("study") == L1, pl.col("method") == "plain")
    kept, copies = distinct(pl.concat([agents, again.with_columns(method=pl.lit("plain-tuned"))]))
    given = argparse.Namespace(out=tmp_path / "methods.csv", board=tmp_path / "board.csv", rows=tmp_path)
    write(given, kept, cells_from(kept), planned_from(agents), copies)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"methods.csv", "board.csv", "methods.md", "methods.svg", "methods-relearning.svg"} <= names
    cells = pl.read_csv(tmp_path / "board.csv", schema_overrides=COLUMNS)
    assert "plain-tuned" not in cells["method"].to_list()
    states = cells.filter(pl.col("measure").str.starts_with(CONTROL))
    assert dict(states.select("study", "words").iter_rows()) == dict.fromkeys(
        (L1, CORNER), "positive: salience: not computable"
    )
    assert "![At equal effective α" in (tmp_path / "methods.md").read_text("utf-8")
