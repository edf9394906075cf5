"""The search for the options of methods: the plan's rule, and that chosen options reach the studies."""

import json
from pathlib import Path

import polars as pl
import pytest

from goalposts.errors import UserError
from goalposts.experiments.analyses.methods import search
from goalposts.experiments.study.design.plan import plan_study

STUDIES = Path(__file__).parents[3] / "configs" / "studies" / "methods"


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


def test_a_search_counts_the_runs_that_finished_and_stops_at_a_trial_without_any() -> None:
    part = trials([0.1, 0.2, 0.3, 0.1], [0.9] * 4, runs=1)
    assert search.chosen_of(part) == {"SFL": {"method.share": 2}}
    assert search.lacking_of(part)[2] == 'SFL {"method.share": 2}: 1 of 2 runs'
    assert search.lacking_of(trials([0.1] * 4, [0.9] * 4)) == []
    none = part.with_columns(n=pl.Series([1, 1, 1, 0]))
    with pytest.raises(UserError, match=r'1 of 4 trials have no run \(SFL \{"method.share": 3\}\)'):
        search.chosen_of(none)


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
