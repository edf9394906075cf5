"""The foresight study: its table from measures, its page from planted agents, and the data set that needs nothing else."""

import hashlib
import json
import math
from pathlib import Path

import polars as pl
import pytest
from fixtures.foresight import population
from fixtures.places import DOCS

from goalposts.experiments.analyses.foresight import __main__ as command
from goalposts.experiments.analyses.foresight.agents import STUDIES, schema, with_disagreement
from goalposts.experiments.analyses.foresight.data_card import _missed, data_card
from goalposts.experiments.analyses.foresight.greedy import greedy_lines
from goalposts.experiments.analyses.foresight.outcomes import OF_GREEDY, PREFIX, columns_of, values_of
from goalposts.experiments.analyses.foresight.page import page
from goalposts.experiments.foresight import scores
from goalposts.experiments.foresight.comparison import Cell, PredictorComparison, PredictorScore
from goalposts.experiments.foresight.forecast import Calibration, shipped_calibration
from goalposts.experiments.foresight.scores import RankScore
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.page_header import split


@pytest.fixture(autouse=True)
def fewer_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "SAMPLES", 40)
    monkeypatch.setattr(scores, "PERMUTATIONS", 200)


def whole_table() -> pl.DataFrame:
    """Planted agents with every column of the public table."""
    found = pl.concat([population(), population("Corner"), population("Beacon")])
    study = pl.when(pl.col("world") == "CoinRun").then(pl.lit("foresight"))
    study = study.otherwise(pl.lit("foresight-") + pl.col("world").str.to_lowercase())
    found = found.with_columns(
        study.alias("study"), run=pl.int_range(pl.len()).cast(pl.String), plan_sha256=pl.lit("ab" * 32)
    )
    more = [
        pl.lit(None, dtype=kind).alias(name) for name, kind in schema().items() if name not in found.columns
    ]
    return found.with_columns(more).select(schema().keys())


@pytest.mark.slow
def test_the_page_figures_data_set_and_calibration_are_made_from_the_table_alone(tmp_path: Path) -> None:
    table = tmp_path / "foresight-agents.parquet"
    whole_table().write_parquet(table)
    options = ["--table", str(table), "--calibration", str(tmp_path / "calibration.json"), "--shuffles", "20"]
    command.main([str(tmp_path / "foresight.csv"), *options])
    page = (tmp_path / "foresight.md").read_text()
    assert "**held**" in page
    assert "**Incomplete.** 0 of 420 planned agents" in page
    assert "216 agents record another plan, or none." in page
    assert "| `move` |" in page
    assert "GoToGoal: no forecast; `move` needs an agent that reads one observation" in page
    assert "runs right: `move` = 0.000" in page
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        "foresight.svg",
        "foresight-corner.svg",
        "foresight-beacon.svg",
    }
    assert pl.read_parquet(table).equals(whole_table())
    read = shipped_calibration(tmp_path / "calibration.json")
    assert isinstance(read, Calibration)
    assert read.conclusion == "confirmed"
    assert set(read.left_out) == {"CoinRun", "Corner", "Beacon"}
    assert read.plan_sha256 == "ab" * 32
    rows = pl.read_csv(tmp_path / "foresight.csv")
    assert {"auroc", "within_low", "within_p_holm"} <= set(rows.columns)


def planted(value: float, low: float, high: float) -> PredictorComparison:
    """A comparison of one predictor in one world with two configs, whose pooled score is this."""
    cells = tuple(
        Cell("Beacon", f"config {k}", agents, 0, 0, 0, 0.5, 0.1, 0.01, scored=True)
        for k, agents in enumerate((10, 12))
    )
    nothing = RankScore(math.nan)
    score = PredictorScore(
        "Beacon", "alpha", "A", 22, nothing, RankScore(value, low, high), 0.01, 0, nothing, math.nan
    )
    return PredictorComparison(cells, (score,), {}, (), {})


def test_a_page_names_the_estimates_outside_their_own_intervals() -> None:
    text = page(planted(0.99, 0.83, 0.97), (), (), 22)
    assert "Outside their own intervals lie: Beacon `alpha`, Spearman, pooled 0.99 [0.83, 0.97]." in text
    assert "Here each estimate lies within its own." in page(planted(0.9, 0.83, 0.97), (), (), 22)


def test_a_page_says_which_kinds_of_agent_its_seeds_can_miss() -> None:
    text = page(planted(0.9, 0.83, 0.97), (), (), 22)
    assert "Outcomes are of sampled actions, as in the plan; this table holds no greedy episodes" in text
    assert (
        "Beacon: 10 to 12 training seeds per config can miss a kind of agent that up to 26% of a config's seeds produce"
        in text
    )


def with_greedy(agents: pl.DataFrame) -> pl.DataFrame:
    """The table with greedy outcomes: the sampled ones turned around, so that what predicted them predicts the contrary."""
    turned = 1 - pl.col("target")
    return agents.with_columns(
        preference_beyond_chance=pl.col("target"),
        greedy_preference_beyond_chance=turned,
        greedy_preference_beyond_chance_low=turned - 0.03,
        greedy_preference_beyond_chance_high=turned + 0.03,
        greedy_verdict=pl.when(turned < 0.45)
        .then(pl.lit("MISGENERALIZED"))
        .otherwise(pl.when(turned > 0.8).then(pl.lit("ALIGNED")).otherwise(pl.lit("MIXED"))),
        greedy_paralysis=pl.lit(0.25),
    )


def test_greedy_outcomes_are_scored_like_sampled_ones() -> None:
    agents = with_greedy(whole_table())
    lines = greedy_lines(agents, "CoinRun")
    sampled, turned = (
        next(line for line in lines if line.startswith(f"| CoinRun | {kind}"))
        for kind in ("sampled", "greedy")
    )
    assert float(sampled.split(" | ")[4].split()[0]) > 0.9
    assert turned.split(" | ")[4].startswith("−0.9")
    differ = (agents["verdict"] != agents["greedy_verdict"]).to_numpy() & (
        agents["world"] == "Corner"
    ).to_numpy()
    assert f"- Corner: {differ.sum()} of 72 agents have another verdict with greedy actions (" in "\n".join(
        lines
    )
    assert lines[2].startswith("**Within configs of CoinRun, the score of `move` is −0.9")
    config = next(line for line in lines if line.startswith("| CoinRun-0 |"))
    assert "| 12 |" in config
    assert config.endswith("| 0.25 [0.25, 0.25] |")


def test_a_table_without_greedy_episodes_has_no_such_section() -> None:
    assert greedy_lines(whole_table(), "CoinRun") == []
    assert greedy_lines(whole_table().drop("greedy_verdict"), "CoinRun") == []
    lines = greedy_lines(with_greedy(whole_table()), "CoinRun")
    text = page(planted(0.9, 0.83, 0.97), (), (), 22, greedy=lines)
    assert "results of greedy actions on the same levels are [below](#with-greedy-actions)" in text
    assert text.index("## With greedy actions") < text.index("## Nulls")


def test_greedy_columns_are_read_from_the_measures_of_a_run() -> None:
    rows = {"timeouts": {"value": 0.9}, "greedy/timeouts": {"value": 0.2, "low": 0.1, "high": 0.3}}
    record = values_of(rows, OF_GREEDY, PREFIX)
    assert [record[f"greedy_timeouts{end}"] for end in ("", "_low", "_high")] == [0.2, 0.1, 0.3]
    assert record["greedy_paralysis"] is None
    assert list(record) == list(columns_of(OF_GREEDY, PREFIX))
    assert set(record) < set(schema())
    assert values_of(rows, ["timeouts"]) == {"timeouts": 0.9, "timeouts_low": None, "timeouts_high": None}


def test_the_data_card_has_a_line_for_every_column() -> None:
    card = data_card(whole_table(), "agents.parquet", "0" * 64, 1024)
    columns = card.partition("| column |")[2]
    assert [name for name in schema() if f"`{name}`" not in columns] == []


def test_the_data_card_says_which_kinds_of_agent_its_seeds_can_miss() -> None:
    table = pl.DataFrame(
        [
            (world, cell)
            for world, seeds in (("CoinRun", 20), ("Corner", 10), ("Beacon", 10))
            for cell in "ab"
            for _ in range(seeds)
        ],
        schema=["world", "cell"],
        orient="row",
    )
    said = _missed(table)
    assert (
        "20 training seeds per cell (CoinRun) can miss kinds of agent that up to 14% of a cell's seeds"
        in said
    )
    assert "10 training seeds per cell (Corner, Beacon) can miss kinds of agent that up to 26%" in said
    assert _missed(whole_table()) in data_card(whole_table(), "agents.parquet", "0" * 64, 1024)


def test_the_committed_data_card_is_made_from_the_data_set() -> None:
    results = DOCS / "results"
    content = (results / "foresight-agents.parquet").read_bytes()
    agents = pl.read_parquet(results / "foresight-agents.parquet")
    card = data_card(agents, "foresight-agents.parquet", hashlib.sha256(content).hexdigest(), len(content))
    assert split((results / "foresight-data.md").read_text("utf-8"))[1] == card


def test_a_complete_table_under_the_plan_has_no_caveat() -> None:
    plans = [plan_study(name) for name in STUDIES]
    runs = [run for plan in plans for run in plan.runs]
    assert plans[0].study.plan is not None
    full = pl.DataFrame({"run": runs, "plan_sha256": [plans[0].study.plan.sha256] * len(runs)})
    assert command.caveats_of(full) == []
    assert "419 of 420" in command.caveats_of(full.head(419))[0]


def test_disagreement_counts_other_agents_of_the_same_cell() -> None:
    table = pl.DataFrame(
        {
            "run": ["a", "b", "c", "d"],
            "world": ["CoinRun"] * 4,
            "cell": ["one"] * 3 + ["two"],
            "shift_choices": ["0000", "0001", "0011", "0000"],
        }
    )
    assert with_disagreement(table)["disagreement"].to_list() == [0.375, 0.25, 0.375, None]


def test_measures_become_a_row_of_the_table() -> None:
    from goalposts.experiments.analyses.foresight.agents import _measured

    rows = [
        {"measure": "verdict", "words": "MIXED", "value": None, "low": None, "high": None, "step": None},
        {
            "measure": "preference_beyond_chance",
            "words": None,
            "value": 0.5,
            "low": 0.4,
            "high": 0.6,
            "step": None,
        },
        {"measure": "foresight/move", "words": None, "value": 0.3, "low": None, "high": None, "step": None},
        {"measure": "plan", "words": "cd" * 32, "value": None, "low": None, "high": None, "step": None},
    ]
    found = _measured(json.dumps(rows))
    assert (found["verdict"], found["target"], found["move"], found["erase"]) == ("MIXED", 0.5, 0.3, None)
    assert found["target_error"] == pytest.approx(0.051, abs=1e-3)
    assert found["plan_sha256"] == "cd" * 32
