"""SIGTERM, SIGHUP and Ctrl-C pressed again: the same cleaning up as Ctrl-C, one line, nothing half-written, and the run can be resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.command import GOALPOSTS, run
from fixtures.faults import row

STEPS = 200_000


def _not_ignored() -> None:
    """Signals that this process may have inherited as ignored, such as SIGHUP below nohup."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def started(words: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*GOALPOSTS, *words.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_not_ignored,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)


@row("B1", "A9")
@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGTERM, "stopped by SIGTERM"), (signal.SIGHUP, "stopped by SIGHUP")]
)
def test_a_command_that_is_stopped_says_so(number: signal.Signals, words: str, tmp_path: Path) -> None:
    process = started("levels --count 1000000 --json", tmp_path)
    time.sleep(1)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, "")
    assert err.startswith(f"goalposts: {words}")
    assert err.count("\n") == 1


@row("B1")
def test_nohup_still_works(tmp_path: Path) -> None:
    line = '"$@" & sleep 1; kill -HUP $!; wait $!'
    done = run(
        [
            "bash",
            "-c",
            f"trap '' HUP; {line}",
            "-",
            *GOALPOSTS,
            "levels",
            "--count",
            "20000",
            "--out",
            "l.npz",
        ],
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "l.npz").exists()


@row("B1", "A9")
@pytest.mark.slow
@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM], [signal.SIGHUP], [signal.SIGINT] * 5], ids=["TERM", "HUP", "INT"]
)
def test_a_training_that_is_stopped_can_be_resumed(
    signals: list[signal.Signals], tmp_path: Path, tiny_config: Path
) -> None:
    words = f"train {tiny_config} train.total_steps={STEPS} --out new --no-evaluate"
    process = started(words, tmp_path)
    wait_for(tmp_path / "new" / "progress.csv", process)
    for number in signals:
        if process.poll() is None:
            os.kill(process.pid, number)
            time.sleep(0.05)
    _, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    assert process.returncode in (128 + signals[0], -signals[0]), (
        err
    )  # the latter: once there is nothing left to clean up
    assert not [path for path in tmp_path.rglob("*") if ".part-" in path.name]
    done = run([*GOALPOSTS, *words.split()], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "trained 200,704 steps" in done.stdout
    assert "): new" in done.stdout


@row("B18")
def test_a_limit_of_processor_time_is_named(tmp_path: Path) -> None:
    """Regression: `ulimit -t` is the soft and the hard limit, and the system kills a process at its hard limit without a word."""
    line = 'ulimit -t 3; exec "$@"'
    words = [*GOALPOSTS, "levels", "--count", "1000000", "--json"]
    done = run(["bash", "-c", line, "-", *words], tmp_path, GOALPOSTS_PATIENCE="0")
    assert (done.returncode, done.stdout) == (128 + signal.SIGXCPU, "")
    assert "goalposts: stopped at the limit of processor time (ulimit -t)" in done.stderr


@row("A4", "B18")
def test_a_limit_of_processor_time_leaves_that_of_memory() -> None:
    """Regression: with a lower limit of time set, the reader of untrusted tables had none of memory."""
    code = (
        "import resource, sys; sys.stdin = open('/dev/null'); sys.argv = ['x']\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 20))\n"
        "from goalposts.experiments.system import parquet_worker\n"
        "parquet_worker.limit(10**10, 60.0)\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["10000000000", "(19,", "20)"], done.stderr
