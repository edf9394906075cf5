"""A fixture for the tests of the pages of methods."""

import pytest

from goalposts.experiments.study.leaderboard import curves


@pytest.fixture
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take few bootstrap samples: these tests read words and signs, not the ends of intervals."""
    monkeypatch.setattr(curves, "REPETITIONS", 20)
