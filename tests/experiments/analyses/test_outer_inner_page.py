"""The page of outer against inner alignment: which of two hypotheses the probes favour, where the table says so."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from fixtures.places import DOCS, ROOT
from polars.testing import assert_frame_equal

from goalposts.experiments.analyses.outer_vs_inner.__main__ import main
from goalposts.experiments.analyses.outer_vs_inner.greedy import with_greedy
from goalposts.experiments.analyses.outer_vs_inner.page import LEAD, draw, page
from goalposts.experiments.study.results.page_header import split
from goalposts.experiments.system.atomic_files import RunError

RESULTS = DOCS / "results"
TABLE = RESULTS / "outer-inner.csv"
WHOLE = pl.read_csv(TABLE)
OLD = WHOLE.select(pl.exclude("separated", f"^{LEAD}.*$", "^greedy_.*$", "^relocation_effect.*$"))


def written(table: pl.DataFrame) -> str:
    return page(table, draw(table), TABLE)


def test_the_probes_say_whether_it_is_the_edge_or_just_right() -> None:
    control = pl.col("procedure") == "anywhere"
    seed = pl.col("seed")
    table = OLD.with_columns(
        separated=pl.when(~control).then(
            pl.when(seed == 3).then(pl.lit("undecided")).otherwise(pl.lit("move_right"))
        ),
        **{f"{LEAD}no_wall": pl.when(~control).then(100.0 + seed)},
    )
    text = written(table)
    assert "before `survive`; past the edge: `move_right` |" in text
    assert "before `survive`; past the edge: `undecided` |" in text
    assert text.count("; past the edge: ") == table.filter(~control).height
    assert "`edge` move_right 9, undecided 1; `proxy-anywhere` move_right 9, undecided 1" in text
    assert "in nats: `edge` +100 to +109 on `no_wall`" in text


def test_the_committed_page_is_made_from_its_table() -> None:
    table = pl.read_csv(TABLE)
    again = page(table, draw(table), TABLE.relative_to(ROOT))
    assert split(TABLE.with_suffix(".md").read_text("utf-8"))[1] == split(again)[1]


def test_the_preference_by_chance_is_next_to_the_preference() -> None:
    text = written(OLD)
    assert "| goal preference | by chance | beyond chance |" in text
    first = OLD.row(0, named=True)
    assert f"| {first['chance']:.3f} [{first['chance_low']:.3f}, {first['chance_high']:.3f}] |" in text
    assert "Every column is of sampled actions." in text
    assert "the relocation effect, which the table of this page does not hold" in text


@pytest.mark.slow
def test_greedy_actions_and_the_relocation_effect_are_those_of_the_recorded_runs() -> None:
    """Of one agent per procedure, whose sampled numbers show that it is the recorded one."""
    some = pl.col("seed") == 3
    again = with_greedy(OLD.filter(some), RESULTS / "rows")
    added = [name for name in again.columns if name not in OLD.columns]
    assert {"greedy_verdict", "greedy_preference_low", "relocation_effect"} < set(added)
    assert_frame_equal(again.select(added), WHOLE.filter(some).select(added), abs_tol=6e-5, rel_tol=0)
    assert with_greedy(again, RESULTS / "rows").columns == again.columns, (
        "columns of an older call are replaced"
    )
    other = OLD.filter(some).with_columns(preference=pl.col("preference") + 0.01)
    with pytest.raises(RunError, match=r"seed 3 has another preference .*different agents\. Give RUNS"):
        with_greedy(other, RESULTS / "rows")
    with pytest.raises(RunError, match="has no run of anywhere, seed 99"):
        with_greedy(OLD.head(1).with_columns(seed=99), RESULTS / "rows")


def test_recorded_rows_that_are_not_there_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "outer-inner.csv"
    out.write_bytes(TABLE.read_bytes())
    assert main([str(out), "--rows", str(tmp_path)]) == 2
    assert f"{tmp_path / 'coinrun.parquet'} is missing" in capsys.readouterr().err
    assert out.read_bytes() == TABLE.read_bytes()


def test_the_page_compares_greedy_with_sampled_actions_by_procedure() -> None:
    table = WHOLE.with_columns(
        greedy_verdict=pl.when((pl.col("procedure") == "edge") & (pl.col("seed") < 3))
        .then(pl.lit("MIXED"))
        .otherwise("greedy_verdict")
    )
    text = written(table)
    assert text.index("## Greedy actions") < text.index("## What it shows")
    assert "MISGENERALIZED 7, MIXED 3 |" in text
    assert "3 of 30 agents, each judged alone, have another verdict with greedy actions." in text
    own = WHOLE.filter(pl.col("procedure") == "edge")["greedy_preference"]
    assert f"| edge | greedy | {own.mean():.3f} ({own.min():.3f} to {own.max():.3f}) |" in text
    assert text.splitlines()[1].endswith("outer-inner.csv RUNS --rows docs/results/rows")
    old = written(OLD)
    assert "## Greedy actions" not in old
    assert "--rows" not in old


def test_the_relocation_effect_by_procedure_is_that_of_the_study() -> None:
    study = pl.read_csv(RESULTS / "coinrun.csv", infer_schema_length=None).filter(
        (pl.col("measure") == "relocation_effect") & pl.col("seed").is_null()
    )
    text = written(WHOLE)
    for arm, procedure in (("main", "edge"), ("anywhere", "anywhere"), ("proxy_anywhere", "proxy-anywhere")):
        row = study.filter(pl.col("arm") == arm).row(0, named=True)
        value, low, high = (f"{row[key]:.3f}".replace("-", "−") for key in ("value", "low", "high"))
        assert f"`{procedure}` {value} [{low}, {high}]" in text


def test_a_table_without_these_columns_still_makes_a_page() -> None:
    text = written(OLD)
    assert "past the edge" not in text.lower()
    assert "just right" not in text
