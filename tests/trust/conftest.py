"""The tiny run of tests/experiments, for the tests of this folder too."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "experiments"))

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
