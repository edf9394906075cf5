"""Lazy exports: names that a package imports on first use."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = """
from typing import TYPE_CHECKING
from goalposts.lazy import lazy_exports
if TYPE_CHECKING:
    from json import dumps as dumps, loads as read
    from .inner import VALUE as VALUE
__getattr__, __all__ = lazy_exports(__name__, first=".before")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / "lazy_specimen"
    folder.mkdir()
    (folder / "__init__.py").write_text(SOURCE)
    (folder / "before.py").write_text("")
    (folder / "inner.py").write_text("import sys\nVALUE = 'lazy_specimen.before' in sys.modules\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "lazy_specimen"
    for name in [name for name in sys.modules if name.startswith("lazy_specimen")]:
        del sys.modules[name]


def test_names_are_imported_when_first_used(package: str) -> None:
    made = __import__(package)
    assert made.__all__ == ["VALUE", "dumps", "read"]
    assert f"{package}.inner" not in sys.modules
    assert made.VALUE is True  # `first` was imported before
    assert vars(made)["VALUE"] is True  # later accesses need no lookup
    assert made.read("[1]") == [1]


def test_an_unknown_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="module 'lazy_specimen' has no attribute 'nothing'"):
        _ = __import__(package).nothing


def test_a_star_brings_every_name_and_importing_a_package_brings_no_torch() -> None:
    code = "import sys, goalposts.agents, goalposts.experiments; assert 'torch' not in sys.modules; from goalposts.envs import *; solve"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
