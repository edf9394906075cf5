"""The made-up report shared by this folder's tests, its page, and the parsed page."""

import pytest
from fixtures.parsed import Page
from fixtures.specimen import specimen

from goalposts.experiments.report import ReportData
from goalposts.experiments.report.page.page import build_page


@pytest.fixture(scope="session")
def twins() -> ReportData:
    return specimen()


@pytest.fixture(scope="session")
def html(twins: ReportData) -> str:
    return build_page(twins)


@pytest.fixture(scope="session")
def page(html: str) -> Page:
    return Page(html)
