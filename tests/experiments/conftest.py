"""One tiny training for all tests of this folder that look at a finished run."""

from pathlib import Path

import pytest
from tiny import config_file


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config file of a training of seconds."""
    return config_file(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="session")
def tiny_run(tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that training, finished and evaluated. Not to be changed: see `tiny.copy_of`."""
    from goalposts.experiments import load_config, train

    return train(load_config(tiny_config), tmp_path_factory.mktemp("run") / "tiny-s0").path


@pytest.fixture(scope="session")
def tiny_twin(tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its twin, trained with the coin anywhere. Not to be changed either."""
    from goalposts.experiments import load_config, train

    config = load_config(tiny_config, ["name=tiny-anywhere", "env.condition=anywhere"])
    return train(config, tmp_path_factory.mktemp("twin") / "tiny-anywhere-s0").path
