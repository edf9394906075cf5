"""Worlds that a test enters for itself."""

import pytest

from goalposts.envs.level import LEGENDS
from goalposts.envs.worlds.registry import _WORLDS


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch):
    """What a test enters is gone after it."""
    monkeypatch.setattr("goalposts.envs.worlds.registry._WORLDS", dict(_WORLDS))
    kept = dict(LEGENDS)
    yield
    LEGENDS.clear()
    LEGENDS.update(kept)
