"""Every page of results with training seeds says which kinds of seed it could miss."""

import pytest
from fixtures.places import ROOT

from goalposts.experiments.study.results.page_header import split, what_is_missed, with_missed

PAGES = sorted((ROOT / "docs/results").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_its_seeds_could_miss(page) -> None:
    header, body = split(page.read_text("utf-8"))
    n = str(header.get("n", ""))
    remedy = f"add it with: python -m goalposts.experiments.study.results.page_header {page}"
    assert with_missed(n, body) == body, remedy


def test_the_sentence_names_every_number_of_seeds_once() -> None:
    assert what_is_missed("1 or 5 training seeds per config") == ["up to 95% of seeds", "up to 45% of seeds"]
    assert what_is_missed("400 simulations per cell; no training seeds") == []
    page = with_missed("10 training seeds per point", "# A page\n")
    assert "up to 26% of seeds produce" in page
    assert with_missed("10 training seeds per point", page) == page
    some = with_missed(
        "9 or 10 training seeds per point", "With 9 seeds, up to 28% of seeds may be missing.\n"
    )
    assert (
        "kinds of agent that up to 28% of seeds (9 per point) or up to 26% of seeds (10 per point) produce"
        in some
    )
