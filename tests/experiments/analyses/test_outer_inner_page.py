"""The page of outer against inner alignment: which of two hypotheses the probes favour, where the table says so."""

from __future__ import annotations

import polars as pl
from fixtures.places import DOCS

from goalposts.experiments.analyses.outer_vs_inner.page import LEAD, draw, page

TABLE = DOCS / "results" / "outer-inner.csv"
OLD = pl.read_csv(TABLE).select(pl.exclude("separated", f"^{LEAD}.*$"))


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


def test_a_table_without_these_columns_still_makes_a_page() -> None:
    text = written(OLD)
    assert "past the edge" not in text.lower()
    assert "just right" not in text
