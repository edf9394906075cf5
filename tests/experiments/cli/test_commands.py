"""The command line in normal use: output, help, JSON, exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from fixtures.command import GOALPOSTS, Cli
from fixtures.tiny import copy_of, everything

from goalposts import __version__
from goalposts.envs import known_worlds, load_levels
from goalposts.experiments import load_config
from goalposts.experiments.cli.main import app
from goalposts.experiments.measurement import read_episodes


def commands_of(group: Any, above: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found += commands_of(command, f"{name} ") if inner else [above + name]
    return found


COMMANDS = sorted(commands_of(typer.main.get_command(app)))


# --- help


def test_every_module_of_commands_is_loaded() -> None:
    assert len(COMMANDS) >= 24
    assert {"demo", "levels", "study run", "sweep-goal", "config check"} <= set(COMMANDS)


@pytest.mark.parametrize("command", ["", "config", *COMMANDS])
def test_help_is_written_for_a_person(cli: Cli, command: str) -> None:
    code, out, err = cli(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"Usage: goalposts {command}".strip() in out
    assert not [line for line in out.splitlines() if len(line) > 100]
    bare = " ".join(out.split())
    for jargon in ("None", "NoneType", "sentinel", "Optional["):
        assert jargon not in bare


def test_every_option_is_explained() -> None:
    def unexplained(command: Any, name: str) -> list[str]:
        if hasattr(command, "commands"):
            return [bad for inner in command.commands.values() for bad in unexplained(inner, inner.name)]
        return [f"{name} {param.name}" for param in command.params if not getattr(param, "help", "x")]

    assert unexplained(typer.main.get_command(app), "goalposts") == []


@pytest.mark.parametrize("words", [(), ("config",)])
def test_command_line_without_arguments_shows_its_help(cli: Cli, words: tuple[str, ...]) -> None:
    code, out, err = cli(*words)
    assert (code, err) == (0, "")
    assert "Usage: goalposts" in out


def test_version(cli: Cli) -> None:
    assert cli("--version") == (0, f"goalposts {__version__}\n", "")


def test_help_comes_quickly() -> None:
    """0.2 s on an idle core; the bound allows for a busy one. `bench` and the docs report the true figure."""
    code = "import resource, goalposts.__main__ as m\ntry: m.main()\nexcept SystemExit: pass\n"
    code += "import sys; print(resource.getrusage(resource.RUSAGE_SELF).ru_utime, file=sys.stderr)"
    used = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
        )
        used.append(float(done.stderr))
    assert min(used) < 0.6


# --- JSON


def test_json_of_every_command_that_has_it(
    cli: Cli, tiny_run: Path, tiny_config: Path, tmp_path: Path
) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    found = {}
    for words in (
        ("worlds",),
        ("levels", "off_path", "--count", 2),
        ("doctor",),
        ("config", "show", tiny_config),
        ("evaluate", path, "--levels", 10),
        ("diagnose", path),
    ):
        code, out, err = cli(*words, "--json")
        assert (code, err) == (0, ""), words
        found[words[0]] = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert found["worlds"][0]["name"] == "CoinRun"
    assert [level["index"] for level in found["levels"]] == [0, 1]
    assert found["doctor"]["problems"] == []
    assert found["config"] == load_config(tiny_config).to_dict()
    assert found["evaluate"]["leaked"] == {
        "edge_held_out": 0,
        "off_path": 0,
        "edge": found["evaluate"]["leaked"]["edge"],
    }
    far = found["evaluate"]["distance"]
    assert far["edge_held_out"]["nearest"] >= 1
    assert far["edge"]["nearest"] == 0 or found["evaluate"]["leaked"]["edge"] == 0
    assert {row["condition"] for row in found["evaluate"]["outcomes"]} == {
        "edge_held_out",
        "off_path",
        "edge",
    }
    assert json.loads(cli("config", "schema")[1])["title"] == "Goalposts experiment"
    assert "CAPABILITY LOSS" in json.dumps(found["diagnose"])


# --- what is printed


def test_levels_are_shown_and_written_and_read(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("levels", "off_path", "--seed", 7, "--count", 2)
    assert (code, err) == (0, "")
    assert out.count("; CoinRun off_path level ") == 2
    for suffix in ("txt", "npz"):
        file = tmp_path / f"levels.{suffix}"
        assert cli("levels", "off_path", "--seed", 7, "--count", 2, "--out", file)[0] == 0
        assert len(load_levels(file)) == 2
        code, again, _ = cli("levels", "--file", file)
        assert code == 0
        pictures = [line for line in out.splitlines() if line and line[0] != ";"]
        assert [line for line in again.splitlines() if line and line[0] != ";"] == pictures


def test_worlds_command_lists_each_world_on_one_line(cli: Cli) -> None:
    code, out, _ = cli("worlds")
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == list(known_worlds())
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("CoinRun        the coin, or the right edge? ")


def test_worlds_command_lists_every_condition(cli: Cli) -> None:
    code, out, _ = cli("worlds", "CoinRun")
    assert code == 0
    for word in ("off_path", "mixture(…)", "shift", "hidden from the agent", "A level is a text of"):
        assert word in out


def test_a_config_is_checked_and_shown(cli: Cli, tiny_config: Path) -> None:
    code, out, _ = cli("config", "check", tiny_config, "seed=4")
    assert code == 0
    assert "is valid: experiment tiny, seed 4" in out
    code, out, _ = cli("config", "show", "coinrun/edge", "env.condition=mixture(0.5)")
    assert code == 0
    assert "condition: mixture(0.5)" in out


def test_an_evaluation_is_printed_and_kept(cli: Cli, tiny_run: Path, tmp_path: Path) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    code, out, err = cli(
        "evaluate", path, "--levels", 10, "--condition", "left", "--out", tmp_path / "left.parquet"
    )
    assert (code, err) == (0, "")
    assert "leakage (levels with a layout that was trained on): none" in out
    assert read_episodes(tmp_path / "left.parquet").height == 20
    assert everything(path) == everything(tiny_run)
    assert cli("evaluate", path, "--condition", "left")[0] == 0
    assert read_episodes(path / "episodes.parquet")["condition"].n_unique() == 4
    assert cli("evaluate", path)[0] == 0
    assert read_episodes(path / "episodes.parquet").equals(read_episodes(tiny_run / "episodes.parquet"))


def test_a_diagnosis_is_printed(cli: Cli, tiny_run: Path, tiny_twin: Path) -> None:
    code, out, err = cli("diagnose", tiny_run, tiny_twin)
    assert (code, err) == (0, "")
    assert out.count("CAPABILITY LOSS: ") == 2
    for word in ("capability in distribution", "95%", "thresholds"):
        assert word in out


# --- closed streams


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_output_device_is_reported_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "goalposts", "worlds"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "goalposts: the output: No space left on device; nothing more was written\n"


def test_broken_pipe_is_not_an_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "goalposts", "levels", "--count", "5000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("; CoinRun")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait(timeout=60)


def handles(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Whether a process has installed a handler for a signal."""
    mask = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return mask is not None and bool(int(mask[1], 16) >> (number - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("after", [0.0, 0.1, 0.3])
def test_ctrl_c_at_the_start_is_one_line(after: float) -> None:
    """From when the package is imported; before that, Python prints its own traceback."""
    process = subprocess.Popen(
        [*GOALPOSTS, "levels", "--count", "1000000", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = time.monotonic() + 60
    while not handles(process, signal.SIGTERM):  # Python has none, and installs its own for Ctrl-C only
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.001)
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("goalposts: interrupted")
    assert err.count("\n") == 1


def test_only_the_command_handles_signals_at_the_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import goalposts, signal; print(signal.getsignal(signal.SIGTERM).name)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "SIG_DFL\n"
