"""Redraw the committed figures of docs/results from the committed tables, and update their titles and captions on the pages.

    python docs/_build/figures.py              all of them
    python docs/_build/figures.py coinrun gem  those of these pages

Trains and measures nothing. Read next: `goalposts/experiments/report/figures/study_charts.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

import polars as pl
from quoted.committed_tables import RESULTS

from goalposts.experiments.analyses.all_worlds_page import draw as draw_worlds
from goalposts.experiments.analyses.outer_vs_inner import page as outer_vs_inner
from goalposts.experiments.report.figures.drawn import Drawn
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.design.study_file import shipped_studies
from goalposts.experiments.study.results.report import figures_of, file_stem


def drawn(pages: Sequence[str] = ()) -> dict[str, dict[str, Drawn]]:
    """The committed figures of these pages, else of all: by page, then by the stem of their files."""
    found = {}
    for name in shipped_studies():
        if pages and name not in pages:
            continue
        path = RESULTS / f"{name}.csv"
        table = pl.read_csv(path, infer_schema_length=None) if path.exists() else pl.DataFrame()
        if "measure" in table.columns:  # other pages of studies are made by analyses
            found[name] = {file_stem(name, one.name): one for one in figures_of(plan_study(name), table)}
    for name, draw in (("worlds", draw_worlds), ("outer-inner", outer_vs_inner.draw)):
        if not pages or name in pages:
            found[name] = {name: draw(pl.read_csv(RESULTS / f"{name}.csv"))}
    return found


def with_captions(text: str, figures: dict[str, Drawn]) -> str:
    """Replace the alternative text and the caption of each figure on a page."""
    for stem, one in figures.items():
        shown = re.compile(rf"!\[[^\]]*\]\({re.escape(stem)}\.svg\)(\n\n\*[^\n]*\*$)?", re.MULTILINE)
        ending = "" if one.title.endswith("?") else "."
        line = f"![{one.title}]({stem}.svg)\n\n*{one.title}{ending} {one.caption}*"
        text = shown.sub(lambda _, line=line: line, text)
    return text


def main(pages: Sequence[str]) -> None:
    found = drawn(pages)
    if missing := sorted(set(pages) - set(found)):
        sys.exit(
            f"no figures of {', '.join(missing)} are drawn from tables; pages with such figures: {', '.join(drawn())}"
        )
    for page, figures in found.items():
        path = RESULTS / f"{page}.md"
        path.write_text(with_captions(path.read_text("utf-8"), figures), "utf-8")
        for stem, one in figures.items():
            (RESULTS / f"{stem}.svg").write_bytes(one.svg())
            (RESULTS / f"{stem}.png").write_bytes(one.png())
            print(f"docs/results/{stem}.svg, .png: {one.title}")


if __name__ == "__main__":
    main(sys.argv[1:])
