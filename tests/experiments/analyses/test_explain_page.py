"""The page of what nets use over α: links, nulls that may break, interventions, and an empty folder."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from fixtures.places import DOCS

from goalposts.errors import UserError
from goalposts.experiments.analyses.explain.answers import answers
from goalposts.experiments.analyses.explain.critic import critic_lines
from goalposts.experiments.analyses.explain.figures import figure_of, worlds_figure
from goalposts.experiments.analyses.explain.full import use_lines
from goalposts.experiments.analyses.explain.numbers import (
    BLIND,
    MAIN,
    UNTRAINED,
    finished_runs,
    rank_link,
    with_verdicts,
)
from goalposts.experiments.analyses.explain.others_page import pair_lines, worlds_lines
from goalposts.experiments.analyses.explain.page import LIMITS, _fewer_seeds, page, title_of
from goalposts.experiments.analyses.explain.parts import kept
from goalposts.experiments.analyses.explain.texts import ACTIONS
from goalposts.experiments.interpretation.pair import SCHEMA as PAIRS
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
        used = {"goal_used": "yes" if tv >= 0.05 else "hardly", "proxy_used": "yes", "map_agreement": 0.5}
        return found | used | {"policy_without_proxy": 0.1, "progress": -0.6 if seed == 0 else -0.1}

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
    good = page(agents(), links, "explain", {})
    assert title_of(agents()) in good
    assert "(1 agents): the coin moves at most 0.000% of the action probability, exactly: null." in good
    assert "within α 1.00" in good
    assert "other: too few agents" in good
    assert "**not null**" in page(agents(blind=0.2), links, "explain", {})


def test_page_says_what_few_seeds_of_other_worlds_and_separate_nets_can_miss() -> None:
    """In Beacon, one condition has five seeds and the other two: the fewer count."""
    rows = [
        {"arm": arm, "world": world, "condition": condition, "seed": seed}
        for arm, world, condition, seeds in (
            *((MAIN, "Corner", name, 5) for name in ("corner", "anywhere")),
            *((MAIN, "Beacon", name, seeds) for name, seeds in (("lit", 5), ("anywhere", 2))),
            (UNTRAINED, "Corner", "corner", 1),
        )
        for seed in range(seeds)
    ]
    of_alpha = [(MAIN, alpha) for alpha, seeds in ((0.0, 5), (0.03, 20), (1.0, 5)) for _ in range(seeds)]
    separate = pl.DataFrame(of_alpha, schema=["arm", "alpha"], orient="row")
    said = "\n".join(_fewer_seeds({"worlds": pl.DataFrame(rows), "separate": separate}))
    end = "of seeds produce (95% confidence)."
    assert (
        f"- Beacon: n = 2 training seeds per condition can miss kinds of agent that up to 78% {end}" in said
    )
    assert (
        f"- Corner: n = 5 training seeds per condition can miss kinds of agent that up to 45% {end}" in said
    )
    assert (
        f"- Separate nets, α = 0%, 100%: n = 5 training seeds per α can miss kinds of agent that up to 45% {end}"
        in said
    )
    assert (
        f"- Separate nets, α = 3%: n = 20 training seeds per α can miss kinds of agent that up to 14% {end}"
        in said
    )
    assert _fewer_seeds({}) == []


def test_the_committed_page_says_which_actions_it_rests_on_and_what_its_fewer_seeds_miss() -> None:
    tables = {
        name: pl.read_csv(DOCS / "results" / f"explain-{name}.csv", infer_schema_length=None)
        for name in ("worlds", "separate")
    }
    assert "\n".join([LIMITS, "", ACTIONS, *_fewer_seeds(tables)]) in (
        DOCS / "results" / "explain.md"
    ).read_text("utf-8")


def test_agents_that_lost_their_capability_are_not_in_the_mean_preference(tmp_path: Path) -> None:
    def judged(lost: set[tuple[str, str, int]]) -> pl.DataFrame:
        keys = [("main", f"mixture({a})", k) for a in (0, 1) for k in range(6)] + [("blind", "mixture(0)", 0)]
        rows = [("verdict", *key, "CAPABILITY LOSS" if key in lost else "MISGENERALIZED") for key in keys]
        schema = ["measure", "arm", "env.condition", "seed", "words"]
        pl.DataFrame(rows, schema=schema, orient="row").write_csv(tmp_path / "alpha.csv")
        return with_verdicts(agents(), tmp_path / "alpha.csv")

    # Preferences are 0, 0.02, …, 0.10 at α = 0; without the last, their mean is 0.04.
    text = page(judged({("main", "mixture(0)", 5), ("blind", "mixture(0)", 0)}), {}, "explain", {})
    assert "| 0.040 [0.001, 0.079] (n = 5) |" in text
    assert "| 0.100 (all CAPABILITY LOSS) |" in text
    assert "left out of the means of goal preference: 1 of 6 (sees the coin, α = 0%)." in text
    assert "is marked and says little: 1 of 1 (blind, α = 0%)." in text
    assert "CAPABILITY LOSS" not in page(judged(set()), {}, "explain", {})
    unknown = page(with_verdicts(agents(), tmp_path / "none.csv"), {}, "explain", {})
    assert "no agent is left out" in unknown


def test_figure_has_a_map_per_alpha() -> None:
    rows = [
        {
            "arm": MAIN,
            "alpha": alpha,
            "thing": thing,
            "role": role,
            "quantity": "pull",
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
    facts = [
        pl.lit(MAIN).alias("arm"),
        pl.lit(0.0).alias("alpha"),
        pl.lit(0).alias("seed"),
        pl.lit(40).alias("levels"),
    ]
    lines = use_lines({"probes": probes.select(*facts, pl.all()), "use": use.select(*facts, pl.all())})
    assert any("**the null breaks** in 1 of 1 cases (steered at α = 0%: 1)" in line for line in lines)
    assert any("100% at α = 0%" in line for line in lines)  # steering's sign
    assert any(line.startswith("| steered | 0.90 [0.70]; 1.00 [1.00] |") for line in lines)
    assert "--full N" in use_lines({})[0]


def test_every_agent_gets_plain_answers() -> None:
    own, blind = ["this agent", 0.9, 0.01], ["this agent", 0.5, 0.0]
    rest = [0.5, 0.6, 0.3, 0.3, 0.6, 0.55, 0.65]
    probes = pl.DataFrame([own + rest, blind + rest], schema=PROBES, orient="row")
    who = pl.DataFrame({"arm": [MAIN, BLIND], "alpha": [1.0, 0.0], "seed": [3, 0], "levels": [40, 40]})
    found = answers(agents(), pl.concat([who, probes], how="horizontal"))
    rows = {(row["arm"], row["alpha"], row["seed"]): row for row in found.iter_rows(named=True)}
    assert len(rows) == 13  # not the untrained net
    assert [rows[MAIN, 1.0, 3][key] for key in ("goal_decodable", "goal_used")] == ["yes", "yes"]
    assert rows[BLIND, 0.0, 0]["goal_decodable"] == "no"
    assert rows[MAIN, 0.0, 1]["goal_decodable"] == "not asked"
    assert rows[MAIN, 0.0, 1]["critic_values"] == "neither"  # no more than the untrained nets' wall
    assert rows[MAIN, 1.0, 5]["critic_values"] == "the coin"
    assert rows[MAIN, 1.0, 0]["critic_values"] == "progress"


def test_separate_nets_are_compared_with_the_shared_trunk() -> None:
    separate = agents().filter(pl.col("arm") == MAIN)
    lines = critic_lines(agents(), separate)
    assert sum(line.startswith("| separate |") for line in lines) == 2
    assert "in 6 of 6 of these agents" in lines[-1]
    assert "without any layer that actor and critic share" in lines[-1]
    assert "`--separate` of its command" in critic_lines(agents(), None)[-1]


def test_other_worlds_are_rows_and_maps() -> None:
    row = {"goal_tv_control": 0.4, "value_without_goal": -1.0, "drop_failures": 1, "n_failures": 4}
    who = [
        {"arm": arm, "world": "Beacon", "condition": condition, "seed": seed, **row}
        for condition in ("lit", "mixture(0.1)", "anywhere")
        for arm in (MAIN, UNTRAINED)[: 2 if condition == "lit" else 1]
        for seed in (0, 1)
    ]
    lines = worlds_lines(pl.DataFrame(who))
    assert [line.split(" | ")[2] for line in lines if line.startswith("| Beacon")] == ["2", "2", "2", "2"]
    assert "25% of 8" in lines[2]
    cells = [
        {**one, "thing": thing, "role": "control", "quantity": "pull", "row": 0, "col": 1, "mean": 0.5}
        for one in who
        for thing in ("goal", "proxy")
    ]
    figure = worlds_figure(pl.DataFrame(cells), "A title")
    assert figure is not None
    assert "Beacon: the station placed in each cell" in figure.svg().decode()


def test_pairs_are_means_with_what_random_changes_do() -> None:
    spans = [0.2, 0.1, 0.3, 0.95]
    rows = [
        ["interpolated", what, "", p, c, *[None] * 5]
        for what, p, c in (("0", 0.1, 1.0), ("0.5", 0.3, 0.4), ("1", 1.0, 1.0))
    ]
    rows += [["grafted", "action head", into, 0.6, 0.8, *spans, 1.5] for into in ("first", "second")]
    table = pl.DataFrame(rows, schema=PAIRS, orient="row")
    facts = [pl.lit(0).alias("seed"), pl.lit(100).alias("levels")]
    lines = pair_lines(table.select(*facts, pl.all()))
    assert "| action head: anywhere into edge | 0.60 | 0.20 | 0.80 | 0.95 | 1.50 |" in lines
    assert "crosses a capability barrier: mean capability falls from 1.00 to 0.40" in lines[-1]


def test_an_agent_that_is_done_is_not_computed_again(tmp_path: Path) -> None:
    run: Any = SimpleNamespace(path=Path("a-run"))
    assert kept(tmp_path / "parts", run, lambda run: [1.5, None]) == [1.5, None]
    assert kept(tmp_path / "parts", run, lambda run: 1 / 0) == [1.5, None]
    (tmp_path / "parts" / "a-run.json").write_text("[1.5,")
    with pytest.raises(UserError, match="is damaged; delete it"):
        kept(tmp_path / "parts", run, lambda run: 1)


def test_folder_without_finished_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no finished run of CoinRun"):
        finished_runs(tmp_path)
