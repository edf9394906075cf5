"""The page of outer against inner alignment: which of two hypotheses the probes favour, where the table says so."""

from __future__ import annotations

import polars as pl
from fixtures.places import DOCS, ROOT

from goalposts.experiments.analyses.outer_vs_inner.page import LEAD, draw, page
from goalposts.experiments.study.results.page_header import split

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


def test_a_table_without_these_columns_still_makes_a_page() -> None:
    text = written(OLD)
    assert "past the edge" not in text.lower()
    assert "just right" not in text
