"""Standard streams that are closed, broken or use a legacy encoding: no traceback, and no misdirected output."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.command import GOALPOSTS, run
from fixtures.faults import row

GP = shlex.quote(GOALPOSTS[0])
FULL = Path("/dev/full")


def shell(command: str, folder: Path) -> tuple[int, str, str]:
    done = run(["bash", "-o", "pipefail", "-c", command], folder, timeout=120)
    return done.returncode, done.stdout, done.stderr


@row("B6")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.slow
def test_a_closed_stream_changes_no_exit_code(closed: str, tmp_path: Path) -> None:
    code, out, err = shell(f"{GP} --version {closed}", tmp_path)
    assert (code, err) == (0, "")
    assert out == ("" if ">&-" in closed.replace("2>&-", "") else "goalposts 0.1.0\n")
    code, out, err = shell(f"{GP} diagnose no-such-run --json {closed}", tmp_path)
    assert (code, out) == (2, "")
    assert ("no-such-run" in err) == ("2>&-" not in closed)


@row("B6")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.slow
def test_files_do_not_take_the_number_of_a_closed_stream(closed: str, tmp_path: Path) -> None:
    code, _, _ = shell(f"{GP} levels --count 2 --out levels.txt {closed}", tmp_path)
    assert code == 0
    text = (tmp_path / "levels.txt").read_text()
    assert "written" not in text
    assert "goalposts:" not in text


@row("B8")
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "gbk", "ascii", "cp437", "shift_jis", "utf-16"])
def test_what_an_encoding_lacks_is_replaced(encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*GOALPOSTS, "--help"],
        capture_output=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "goalposts demo" in done.stdout.decode(encoding)


@row("B8")
@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["latin-1", "gbk", "ascii"])
def test_commands_end_well_in_any_encoding(encoding: str, tmp_path: Path, tiny_run: Path) -> None:
    for command in (
        "worlds",
        "worlds Beacon",
        f"diagnose {tiny_run}",
        "doctor",
        f"evaluate {tiny_run} --levels 5 --out t.parquet",
    ):
        done = run([*GOALPOSTS, *command.split()], tmp_path, PYTHONIOENCODING=encoding)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (command, done.stderr)


@row("B8")
def test_json_loses_nothing_in_a_legacy_encoding(tmp_path: Path) -> None:
    done = run([*GOALPOSTS, "worlds", "Beacon", "--json"], tmp_path)
    legacy = run([*GOALPOSTS, "worlds", "Beacon", "--json"], tmp_path, PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout) == json.loads(legacy.stdout)
    assert not done.stdout.isascii() or done.stdout == legacy.stdout


@row("B16")
@pytest.mark.parametrize(
    "command",
    [
        f"{GP} levels --count 2000 | head -1",
        f"{GP} levels --count 2000 --json | head -1",
        f"{GP} --help | true",
        f"{GP} levels nonsense 2>&1 | true",
    ],
)
@pytest.mark.slow
def test_a_reader_that_stops_early_is_no_error(command: str, tmp_path: Path) -> None:
    code, _, err = shell(command, tmp_path)
    assert code in (0, 2, 141)
    assert (code == 2) == ("nonsense" in command and code != 141)
    assert err == ""


@row("B16")
@pytest.mark.slow
@pytest.mark.parametrize("command", ["diagnose {run}", "diagnose {run} --json", "worlds --json", "doctor"])
def test_tables_for_a_reader_that_stops_early(command: str, tmp_path: Path, tiny_run: Path) -> None:
    code, _, err = shell(f"{GP} {command.format(run=tiny_run)} | true", tmp_path)
    assert code in (0, 141)
    assert err == ""


@row("B6", "B16")
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_full_output_gives_one_message(tmp_path: Path) -> None:
    code, _, err = shell(f"{GP} --help > /dev/full", tmp_path)
    assert code == 2
    assert err.startswith("goalposts: the output: No space left on device")
    assert err.count("\n") == 1


@row("B6")
def test_modules_run_by_name_survive_closed_streams(tmp_path: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m goalposts.experiments.training.precompile nonsense"
    assert shell(f"{command} 2>&-", tmp_path)[:2] == (2, "")
    assert shell(f"{command} >&-", tmp_path)[0] == 2
