"""The twin of the tiny training in `../conftest.py`, and commands that run in the test's own process."""

from pathlib import Path

import pytest
from fixtures.command import Cli


@pytest.fixture(scope="session")
def tiny_twin(tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run's twin, trained with the coin anywhere. Must not be changed either."""
    from goalposts.experiments import load_config, train

    config = load_config(tiny_config, ["name=tiny-anywhere", "env.condition=anywhere"])
    return train(config, tmp_path_factory.mktemp("twin") / "tiny-anywhere-s0").path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in this process; returns (exit code, stdout, stderr)."""
    from goalposts.experiments.cli.main import main

    def run(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, said.err

    return run
