"""The twin of the tiny training in `../conftest.py`, for tests that look at two finished runs."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_twin(tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run's twin, trained with the coin anywhere. Must not be changed either."""
    from goalposts.experiments import load_config, train

    config = load_config(tiny_config, ["name=tiny-anywhere", "env.condition=anywhere"])
    return train(config, tmp_path_factory.mktemp("twin") / "tiny-anywhere-s0").path
