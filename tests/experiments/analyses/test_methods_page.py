"""The page of the study of methods: what the plan concludes from planted agents, and what it says of missing ones; the search's rule."""

import json
from pathlib import Path

import polars as pl
import pytest
from fixtures.methods_planted import ALPHAS, LABELS, cells_from, planted, table

from goalposts.errors import UserError
from goalposts.experiments.analyses.methods import search
from goalposts.experiments.analyses.methods.figures import effective_figure
from goalposts.experiments.analyses.methods.page import page
from goalposts.experiments.analyses.methods.predictions import L1, curve_of, of, predictions
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.leaderboard import curves

STUDIES = Path(__file__).parents[3] / "configs" / "studies" / "methods"
SLOW = (0.13, 0.15, 0.3, 0.6, 0.9)
QUICK = (0.15, 0.4, 0.7, 0.9, 0.95)


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "REPETITIONS", 60)


def curve(values: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(zip(ALPHAS, values, strict=True))


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


def text_of(agents: pl.DataFrame, missing: tuple[str, ...] = ()) -> str:
    return page(agents, cells_from(agents), missing, curve_of(agents), [])


def test_predictions_are_judged_as_the_plan_says() -> None:
    agents = everything()
    found = {one.name[:1]: one.found for one in predictions(agents, cells_from(agents))}
    assert found == {
        "1": "holds",  # Corner: about 0.02, below 0.1; CoinRun: as plain PPO
        "2": "does not hold",  # exact regret needs less than half of it
        "3": "holds",
        "4": "holds",  # at equal effective α, exact regret is better
        "5": "holds",
        "6": "does not hold",  # no head start in capability
        "7": "holds",
    }
    same = everything(exact=SLOW)
    found = {one.name[:1]: one.found for one in predictions(same, cells_from(same))}
    assert (found["2"], found["3"], found["4"]) == ("holds", "open", "does not hold")


def test_the_page_states_conclusions_controls_and_what_is_missing() -> None:
    text = text_of(everything(), ("`methods-l0`: 20 of 150 agents are recorded.",))
    assert "5 hold, 2 do not, 0 are open" in text
    assert "**Incomplete.** `methods-l0`: 20 of 150 agents are recorded." in text
    assert "**A control fails" not in text
    assert "By the plan's test: **not one curve**" in text
    assert "- **negative: blind**: holds. Chance-corrected preference of a blind agent at α = 0.1: " in text
    assert "| cloning | goal first of all | 0.5 |" in text
    assert "CoinRun: rank correlation with the first shift over 25 points: 1 [1, 1]" in text


def test_a_world_whose_agents_are_not_aligned_at_alpha_1_does_not_enter() -> None:
    text = text_of(everything(entry=0.3))
    assert (
        "This world does not enter: plain PPO is MISGENERALIZED (n = 10; ALIGNED with at least 5 seeds is needed)"
        in text
    )
    assert "**A control fails (CoinRun, α = 1; Corner, α = 1)" in text
    assert "| PLR-regret | 10 |" not in text


def test_a_page_from_few_rows_says_what_is_not_measured_yet() -> None:
    text = text_of(table(planted("methods-l0", "plain", [(0.0, 0.13)], seeds=2)))
    assert text.count("Not measured yet") >= 4
    assert "- **3. Exact regret against max return**: not measured yet." in text
    only = everything().filter((pl.col("study") == "methods-l1") & (pl.col("seed") < 502))
    assert "plain PPO is ALIGNED (n = 2" in text_of(only)


def test_the_figure_states_the_finding_and_n() -> None:
    agents = everything()
    found = curve_of(agents)
    drawn = effective_figure(of(agents, L1), found, "CoinRun", "methods")
    assert drawn.title == "Methods differ beyond how many distinguishing levels they show"
    assert "n = 10 training seeds" in drawn.caption


# ── the search ──


def trials(scores: list[float], abilities: list[float], runs: int = 2) -> pl.DataFrame:
    rows = [
        ("SFL", json.dumps({"method.share": k}), s, a, runs, 2, False)
        for k, (s, a) in enumerate(zip(scores, abilities, strict=True))
    ]
    return search.choose(pl.DataFrame(rows, schema=search.COLUMNS, orient="row"))


@pytest.mark.parametrize(
    ("scores", "abilities", "chosen"),
    [
        ([0.3, 0.5, 0.4, 0.4], [0.9] * 4, 1),
        ([0.3, 0.5, 0.4, 0.4], [0.9, 0.2, 0.9, 0.9], 2),  # the best is not capable; of equal ones, the first
        ([0.3, 0.5, 0.4, 0.4], [0.1] * 4, 1),  # none is
        ([0.396, 0.3, 0.4, 0.4], [0.9] * 4, 0),  # within 0.005 of the largest
    ],
)
def test_the_search_chooses_by_the_rule_of_the_plan(
    scores: list[float], abilities: list[float], chosen: int
) -> None:
    assert search.chosen_of(trials(scores, abilities)) == {"SFL": {"method.share": chosen}}


def test_an_incomplete_search_chooses_nothing() -> None:
    with pytest.raises(UserError, match="the search is incomplete: 4 of 4 trials lack runs"):
        search.chosen_of(trials([0.1] * 4, [0.9] * 4, runs=1))


def test_every_method_has_four_trials_and_chosen_options_reach_every_study_that_uses_them(
    tmp_path: Path,
) -> None:
    plan = plan_study("methods-search")
    counts = {
        arm: sum(point.arm == arm for point in plan.points) for arm in (point.arm for point in plan.points)
    }
    assert set(counts.values()) == {4}
    grids = {
        search.PLAIN: plan.study.grid,
        **{arm.name: arm.grid or plan.study.grid for arm in plan.study.arms},
    }
    last = {name: {key: values[-1] for key, values in grid.items()} for name, grid in grids.items()}
    for path in search.studies_in(STUDIES):
        (tmp_path / path.name).write_text(search.with_options(path.read_text("utf-8"), last))
    assert search.differing(tmp_path, last) == []
    assert len(search.differing(STUDIES, last)) > 30
    assert "{method.name: sfl, method.share: 1.0, method.every: 8}" in (tmp_path / "l1.yaml").read_text()
    again = search.with_options((tmp_path / "l1.yaml").read_text(), last)
    assert again == (tmp_path / "l1.yaml").read_text()


def test_the_studies_have_the_options_that_the_committed_search_chose() -> None:
    committed = STUDIES.parents[2] / "docs" / "results" / "methods-search.csv"
    if not committed.exists():
        pytest.skip("the search has not been run")
    chosen = search.chosen_of(pl.read_csv(committed, schema_overrides=search.COLUMNS))
    assert search.differing(STUDIES, chosen) == []
