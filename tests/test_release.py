"""A release has the same version everywhere, and the newcomers' notebook runs from top to bottom."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fixtures.places import DOCS, ROOT

from goalposts import __version__

NOTEBOOK = DOCS / "demo.ipynb"


def release(root: Path, *tag: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(root / ".ci" / "release.py"), *tag], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_package_and_citation_name_one_version() -> None:
    assert release(ROOT) == (0, "")


def test_a_tag_of_another_version_is_refused(tmp_path: Path) -> None:
    for name in (".ci/release.py", "goalposts/__init__.py", "CITATION.cff", "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    log = tmp_path / "CHANGELOG.md"
    log.write_text(f"# Changelog\n\n## [Unreleased]\n\n## [{__version__}] - 2026-12-01\n")
    assert release(tmp_path, f"v{__version__}") == (0, "")
    code, told = release(tmp_path, "v9.9.9")
    assert (code, told) == (1, f"the tag is v9.9.9, the package's version {__version__}\n")
    log.write_text("# Changelog\n\n## [Unreleased]\n")
    code, told = release(tmp_path, f"v{__version__}")
    assert code == 1
    assert "CHANGELOG.md is none" in told


def test_the_citation_has_what_a_citation_needs() -> None:
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "type", "authors", "version", "license"} <= found.keys()
    assert all(author.get("name") or author.get("family-names") for author in found["authors"])


def test_the_demo_notebook_is_committed_without_outputs_and_parses() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    for source in code:
        ast.parse(source)


@pytest.mark.slow
def test_the_demo_notebook_runs(tmp_path: Path) -> None:
    """Every cell, with trainings too short to learn anything."""
    pytest.importorskip("ipykernel")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=os.environ | {"DEMO_STEPS": "16384", "DEMO_FOLDER": str(tmp_path / "demo")})
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in shown)
    assert any("image/gif" in output.get("data", {}) for output in shown)
    assert text.count("-s0: ") == 2
    assert "report.html" in text
