"""The page of what nets use over α: links, nulls that may break, interventions, and an empty folder."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from goalposts.experiments.analyses.explain.full import use_lines
from goalposts.experiments.analyses.explain.numbers import BLIND, MAIN, UNTRAINED, finished_runs, rank_link
from goalposts.experiments.analyses.explain.page import figure_of, page, title_of
from goalposts.experiments.interpretation.probes import SCHEMA as PROBES
from goalposts.experiments.interpretation.use import SCHEMA as USE
from goalposts.experiments.runs.run import RunError


def agents(blind: float = 0.0) -> pl.DataFrame:
    """Six seeds of two α, in which the influence and the preference have the same order; nulls."""

    def row(arm: str, alpha: float, seed: int, tv: float, preference: float | None) -> dict[str, Any]:
        found: dict[str, Any] = {
            "arm": arm,
            "alpha": alpha,
            "seed": seed,
            "preference": preference,
            "capability": 0.99,
        }
        for role in ("control", "shift"):
            found |= {f"goal_tv_{role}": tv, f"goal_pull_{role}": tv, f"goal_logits_{role}": tv}
        found |= {"value_without_goal": -tv, "value_without_proxy": -1.0, "policy_without_goal": tv}
        return found | {"policy_without_proxy": 0.1}

    rows = [row(MAIN, a, k, a / 2 + k / 100, a / 2 + k / 50) for a in (0.0, 1.0) for k in range(6)]
    rows += [row(BLIND, 0.0, 0, blind, 0.1), row(UNTRAINED, 0.0, 0, 0.0001, None)]
    return pl.DataFrame(rows, infer_schema_length=None)


def test_link_is_pooled_and_within_alpha() -> None:
    found = rank_link(agents(), "goal_tv_control")
    assert found is not None
    assert (found.n, found.groups) == (12, 2)
    assert found.within is not None
    assert found.pooled.value == found.within.value == pytest.approx(1)
    reverse = agents().with_columns(pl.when(pl.col("seed") < 6).then(-pl.col("seed")).alias("backwards"))
    found = rank_link(reverse, "backwards")
    assert found is not None
    assert found.within is not None
    assert found.within.value == pytest.approx(-1)
    assert rank_link(agents().head(3), "goal_tv_control") is None


def test_page_says_whether_the_nulls_hold() -> None:
    links = {"policy moves": rank_link(agents(), "goal_tv_control"), "other": None}
    good = page(agents(), links, "explain", [])
    assert title_of(agents()) in good
    assert "(1 agents): the coin moves at most 0.000% of the action probability, exactly: null." in good
    assert "within α 1.00" in good
    assert "other: too few agents" in good
    assert "**not null**" in page(agents(blind=0.2), links, "explain", [])


def test_figure_has_a_map_per_alpha() -> None:
    rows = [
        {
            "arm": MAIN,
            "alpha": alpha,
            "thing": thing,
            "role": role,
            "row": 0,
            "col": col,
            "mean": alpha * col / 2,
        }
        for alpha in (0.0, 1.0)
        for thing in ("goal", "proxy")
        for role in ("control", "shift")
        for col in (-1, 1)
    ]
    figure = figure_of(pl.DataFrame(rows), "A title")
    assert figure is not None
    svg = figure.svg().decode()
    for text in ("0%", "100%", "A title", "levels with the coin off the path", "turns towards", "agent"):
        assert text in svg


def test_interventions_that_break_the_null_are_named() -> None:
    probes = pl.DataFrame(
        [["this agent", *[0.6] * (len(PROBES) - 1)], ["raw observation", *[1.0] * (len(PROBES) - 1)]],
        schema=PROBES,
        orient="row",
    )
    none = ["none", 0.5, 1.0, None, None, None, None, None, None, None, 50]
    moved = ["steered", 0.9, 1.0, 0.7, 0.6, 0.8, 1.0, 1.0, 1.0, 1.0, 50]
    use = pl.DataFrame([none, moved], schema=USE, orient="row")
    facts = [pl.lit(0.0).alias("alpha"), pl.lit(0).alias("seed"), pl.lit(40).alias("levels")]
    lines = use_lines({"probes": probes.select(*facts, pl.all()), "use": use.select(*facts, pl.all())})
    assert any("**the null breaks** in 1 of 1 cases" in line for line in lines)
    assert any(line.startswith("| steered | 0.90 [0.70]; 1.00 [1.00] |") for line in lines)
    assert "--full N" in use_lines({})[0]


def test_folder_without_finished_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no finished run of CoinRun"):
        finished_runs(tmp_path)
