"""A process that may use little memory (`ulimit -v`, `ulimit -d`) ends in one message instead of a hang or an abort."""

import importlib
import sys
from pathlib import Path

import pytest
from fixtures.command import GOALPOSTS, run
from fixtures.faults import row

from goalposts.errors import UserError
from goalposts.experiments.cli import main as command_line
from goalposts.process import memory_limit
from goalposts.process.memory_limit import LIMITS, MB, NEEDS, OutOfRoom, needs_of


@row("A4", "B18")
@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("library", NEEDS)
def test_a_library_that_does_not_fit_is_refused_before_it_is_loaded(library: str, kind: str) -> None:
    needed = needs_of(library)[kind]
    assert OutOfRoom({kind: needed}).find_spec(library) is None
    assert OutOfRoom({}).find_spec(library) is None
    assert OutOfRoom({kind: 1}).find_spec("json") is None
    with pytest.raises(
        UserError, match=rf"ulimit -{LIMITS[kind]} allows a process .* need {needed // MB:,} MB"
    ):
        OutOfRoom({kind: needed - 1}).find_spec(library)


@row("A4", "B18")
def test_the_hook_is_there_only_under_a_low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(memory_limit, "own_limits", dict)
    memory_limit.refuse_what_does_not_fit()
    assert not isinstance(sys.meta_path[0], OutOfRoom)
    monkeypatch.setattr(memory_limit, "own_limits", lambda: {"RLIMIT_AS": 1300 * MB})
    memory_limit.refuse_what_does_not_fit()
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(UserError, match="load torch need"):
        importlib.import_module("torch")


@row("A4", "B18")
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "out of memory; reduce"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            "out of memory; reduce",
        ),
        (
            OSError("Could not find/load shared object file 'libllvmlite.so'"),
            "a library failed: Could not find",
        ),
        (OSError(28, "No space left on device"), "the output: No space left"),
    ],
    ids=["Python", "torch", "LLVM", "output"],
)
def test_what_failed_is_named(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Regression: a library that could not be loaded was called "the output", and torch's lack of memory was a traceback."""

    def fail(*anything: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(SystemExit) as ended:
        command_line.main(["worlds"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"goalposts: {said}")


@row("A4", "B18")
@pytest.mark.slow
@pytest.mark.parametrize("limit", ["-v 300000", "-v 600000", "-v 1300000", "-d 250000"])
@pytest.mark.parametrize("command", ["levels --count 1", "foresee run"])
def test_commands_under_a_low_limit_end_in_one_message(limit: str, command: str, tmp_path: Path) -> None:
    """Regression: `report` under 600 MB never ended, `diagnose` under 1,300 MB was aborted by LLVM."""
    done = run(
        ["bash", "-c", f'ulimit {limit} && exec "$@"', "-", *GOALPOSTS, *command.split()],
        tmp_path,
        timeout=200,
    )
    said = [line for line in done.stderr.splitlines() if not line.endswith("…") and "…" not in line]
    assert done.returncode in (0, 2), done
    assert len(said) == (done.returncode == 2), done.stderr
