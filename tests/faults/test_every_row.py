"""Every row of the list of faults has a test, and the list matches the page."""

import re

import pytest
from fixtures.faults import ROWS
from fixtures.places import ROOT, TESTS

PAGE = ROOT.parent / "shared" / "faults" / "README.md"
# Rows that another open issue resolves and mentions.
LEFT_OPEN = {"C11"}


def rows_with_tests() -> set[str]:
    found = set()
    for path in TESTS.rglob("test_*.py"):
        for ids in re.findall(r"^@row\(([^)]*)\)", path.read_text("utf-8"), re.MULTILINE):
            found |= set(re.findall(r'"([A-C]\d+)"', ids))
    return found


def test_every_row_has_a_test() -> None:
    assert rows_with_tests() == set(ROWS) - LEFT_OPEN


def test_the_rows_are_those_of_the_page() -> None:
    if not PAGE.exists():
        pytest.skip("the page is not part of the repository")
    assert re.findall(r"^\| ([A-C]\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE) == list(ROWS)
