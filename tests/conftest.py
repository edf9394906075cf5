"""Settings of all tests: no window, one thread, reproducible hypothesis, the switch that updates golden files.

Without torch, the files that need it are not collected; the rest (levels, rules,
planner, measurement) can be tested on its own.
"""

import os
import re
import signal
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import hypothesis
import pytest
from fixtures.tiny import config_file

# Nothing above loads numpy, torch, pygame or matplotlib, which read these when they start.
os.environ |= {
    "SDL_VIDEODRIVER": "dummy",
    "SDL_AUDIODRIVER": "dummy",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "GOALPOSTS_PATIENCE": "0",  # what a command says when it takes long depends on the machine
}

# Background jobs of a shell ignore Ctrl-C, and so do their children; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

collect_ignore: list[str] = []
if find_spec("torch") is None:
    _needs_torch = re.compile(
        r"^\s*(?:from|import) +(?:torch|stable_baselines3|goalposts\.agents"
        r"|goalposts\.experiments(?!\.(?:measurement|report)))\b",
        re.MULTILINE,
    )
    _files = Path(__file__).parent.rglob("test_*.py")
    collect_ignore += [str(path) for path in _files if _needs_torch.search(path.read_text(encoding="utf-8"))]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files anew instead of comparing with them; look at the diff before you commit",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether to regenerate golden files (`pytest --update-golden`)."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config file whose training takes seconds."""
    return config_file(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="session")
def tiny_run(tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of that training, finished and evaluated. Must not be changed: see `tiny.copy_of`."""
    from goalposts.experiments import load_config, train

    return train(load_config(tiny_config), tmp_path_factory.mktemp("run") / "tiny-s0").path


@pytest.fixture(autouse=True)
def registrations(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Forget, after each test, the worlds and code that it registered, its imports from temporary folders, and what its commands spent."""
    from goalposts.agents import named_code
    from goalposts.envs.levels.level import LEGENDS
    from goalposts.envs.render.look import LOOKS
    from goalposts.envs.worlds.contract import sources
    from goalposts.envs.worlds.registry import _WORLDS

    monkeypatch.setattr("goalposts.envs.worlds.registry._WORLDS", dict(_WORLDS))
    monkeypatch.setattr(sources, "_sources", dict(sources._sources))
    monkeypatch.setattr(sources, "_entries", dict(sources._entries))
    monkeypatch.setattr(named_code, "_named", dict(named_code._named))
    monkeypatch.setattr("goalposts.process.budget._now", None)
    legends, looks = dict(LEGENDS), dict(LOOKS)
    before = set(sys.modules)
    yield
    LEGENDS.clear()
    LEGENDS.update(legends)
    LOOKS.clear()
    LOOKS.update(looks)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(
            tmp_path_factory.getbasetemp()
        ):
            del sys.modules[name]
