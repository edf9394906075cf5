"""Row B1: damaged files of an installation, which every command loads, are one message with the remedy."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from fixtures.command import GOALPOSTS, run
from fixtures.faults import row

from goalposts.experiments.system.installation import check_installation
from goalposts.process.broken_install import cause_of


@row("B1")
def test_a_cut_file_of_compiled_python_is_named(tmp_path: Path) -> None:
    """Regression: "EOFError: marshal data too short" and a traceback at each start, without the name of the file."""
    compiled = str(tmp_path / "compiled")
    assert (
        run(
            [*GOALPOSTS, "--version"], tmp_path, PYTHONPYCACHEPREFIX=compiled, PYTHONDONTWRITEBYTECODE=""
        ).returncode
        == 0
    )
    (path,) = tmp_path.rglob("cli/app.*.pyc")
    path.write_bytes(path.read_bytes()[:300])
    done = run([*GOALPOSTS, "--version"], tmp_path, PYTHONPYCACHEPREFIX=compiled, PYTHONDONTWRITEBYTECODE="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"goalposts: the file {path}, which Python compiled, is damaged; delete it")
    assert done.stderr.count("\n") == 1


@row("B1")
def test_a_library_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a traceback. The code of a user, such as a method's, keeps its own."""
    name = "goalposts.experiments.report.film.encode"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError) as ours:
        import_module(name)
    with pytest.raises(ImportError) as theirs:
        import_module("nothing_of_that_name")
    message = cause_of(ours.value) or ""
    assert message.startswith("PIL cannot be loaded: ")
    assert "pip install --force-reinstall goalposts" in message
    assert cause_of(theirs.value) is cause_of(ValueError()) is None


@row("B1")
def test_doctor_names_a_library_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: "No problem found." where polars could not be loaded."""
    assert check_installation().problems == ()
    monkeypatch.setitem(sys.modules, "polars", None)
    (problem,) = check_installation().problems
    assert problem.startswith("polars ")
    assert "cannot be imported" in problem
