"""The cache of compiled kernels: damaged, truncated, or without a folder."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures.command import GOALPOSTS, LEVELS, run
from fixtures.faults import row

from goalposts.envs.jit.kernel_cache import KernelCache, damaged_files, keep
from goalposts.envs.jit.kernels import njit
from goalposts.process import cache_place


def add(x, y):
    return x + y


def fresh(folder: Path):
    """A dispatcher as in a new process."""
    dispatcher: Any = njit(add)
    dispatcher._cache = KernelCache(add, folder)
    return dispatcher


def flipped(content: bytes) -> bytes:
    """Flip one bit of the machine code, which numba's own cache would execute."""
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "garbage": lambda content: os.urandom(200),
    "zeros": lambda content: bytes(len(content)),
    "another pickle": lambda content: b"\x80\x04N.",
    "one bit": flipped,
}


@row("B1")
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_kernel_is_compiled_again(damage: str, suffix: str, tmp_path: Path) -> None:
    assert fresh(tmp_path)(1, 2) == 3
    (path,) = tmp_path.rglob(f"*{suffix}")
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    again = fresh(tmp_path)
    assert again(1, 2) == 3
    if suffix == ".nbc":
        assert not again.stats.cache_hits
    last = fresh(tmp_path)
    assert last(1, 2) == 3
    assert last.stats.cache_hits
    assert damaged_files(tmp_path) == []


@row("B1")
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_non_files_in_the_cache_are_reported_and_harmless(suffix: str, tmp_path: Path) -> None:
    assert fresh(tmp_path)(1, 2) == 3
    (path,) = tmp_path.rglob(f"*{suffix}")
    path.unlink()
    path.mkdir()
    assert fresh(tmp_path)(1, 2) == 3
    assert damaged_files(tmp_path) == [path]


@row("B1")
@pytest.mark.slow
def test_every_file_of_the_cache_damaged_at_once(tmp_path: Path) -> None:
    place = tmp_path / "cache"
    for damage in (lambda content: b"", lambda content: content[:100]):
        assert run([*GOALPOSTS, *LEVELS], tmp_path, NUMBA_CACHE_DIR=str(place)).returncode == 0
        for path in place.rglob("*.nb[ci]"):
            path.write_bytes(damage(path.read_bytes()))
        doctor = run([*GOALPOSTS, "doctor"], tmp_path, NUMBA_CACHE_DIR=str(place))
        assert "is damaged" in doctor.stdout
        assert (doctor.returncode, "interrupted" in doctor.stderr) == (0, False)
        done = run([*GOALPOSTS, *LEVELS], tmp_path, NUMBA_CACHE_DIR=str(place))
        assert (done.returncode, done.stderr) == (0, "")


@row("B1")
def test_end_of_file_is_not_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from goalposts.experiments.cli import main as line

    def cut(*_: object, **__: object) -> None:
        raise EOFError("Ran out of input")

    monkeypatch.setattr("goalposts.envs.worlds.registry.known_worlds", cut)
    with pytest.raises(SystemExit) as ended:
        line.main(["worlds"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "Ran out of input" in said
    assert "interrupted" not in said


@row("B1")
@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"__class__": "FontManager"}', bytes(range(128, 228))],
    ids=["empty", "cut", "a list", "another object", "garbage"],
)
def test_a_damaged_font_cache_stops_no_report(content: bytes, tmp_path: Path, tiny_run: Path) -> None:
    import matplotlib.font_manager as fonts

    (tmp_path / f"fontlist-v{fonts.FontManager.__version__}.json").write_bytes(content)
    code = (
        f"from pathlib import Path; from goalposts.experiments.runs.run import Run\n"
        f"from goalposts.experiments.publish.run_report import report_data; report_data([Run.open({str(tiny_run)!r})], 'x')"
    )
    done = run([sys.executable, "-c", code], tmp_path, MPLCONFIGDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


@row("B4")
def test_without_a_safe_folder_kernels_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_place._found.cache_clear()
    monkeypatch.setattr(cache_place, "_candidates", lambda asked: iter([(tmp_path / "file" / "cache", True)]))
    (tmp_path / "file").write_text("not a folder")
    try:
        with pytest.warns(RuntimeWarning, match="compiled into memory, again in each process, because"):
            dispatcher = keep(njit(add))
        assert dispatcher(1, 2) == 3
        assert [path.name for path in tmp_path.iterdir()] == ["file"]
    finally:
        cache_place._found.cache_clear()


@row("B4")
def test_a_disk_that_is_full_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    dispatcher = fresh(tmp_path)
    monkeypatch.setattr(os, "replace", full)
    assert dispatcher(1, 2) == 3
    assert not list(tmp_path.rglob("*.tmp.*"))


def read_only(folder: Path, command: str, *env: str) -> subprocess.CompletedProcess[str]:
    """Run a command with read-only checkout, Python and home. Requires root and namespaces."""
    from fixtures.places import ROOT

    places = {str(ROOT), str(Path.home()), sys.prefix}
    binds = " && ".join(f"mount --bind {p} {p} && mount -o remount,ro,bind {p}" for p in sorted(places))
    return run(["unshare", "-m", "sh", "-c", f"{binds} && exec env {' '.join(env)} {command}"], folder)


@row("B4")
@pytest.mark.slow
@pytest.mark.parametrize("env", [["HOME=/nonexistent"], ["-u", "HOME"], ["HOME="], ["HOME=here"], ["HOME=/"]])
def test_nothing_of_the_installation_can_be_written(env: list[str], tmp_path: Path) -> None:
    if os.getuid() != 0 or run(["unshare", "-m", "true"], tmp_path).returncode:
        pytest.skip("needs root and mount namespaces")
    temporary = tmp_path / "tmp"
    temporary.mkdir(mode=0o700)
    folder = tmp_path / "work"
    folder.mkdir()
    usual = [*env, f"TMPDIR={temporary}", "XDG_CACHE_HOME="]
    for words in ("levels --count 1", "doctor", "worlds"):
        done = read_only(folder, f"{GOALPOSTS[0]} {words}", *usual)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert list(folder.iterdir()) == []
    assert not Path("/nonexistent").exists()
