"""First output: bad arguments and a missing screen are reported at once, and a line appears before compilation."""

import os
import pty
import queue
import subprocess
import sys
import threading
import time
import types
from importlib.machinery import ModuleSpec
from itertools import pairwise
from pathlib import Path

import pytest
from fixtures.command import GOALPOSTS, run
from fixtures.faults import row
from fixtures.surroundings import filled

from goalposts.experiments.cli.app import progress_bars
from goalposts.process import patience

LOADED = """
import sys
from goalposts.__main__ import main
sys.argv = ["goalposts", *sys.argv[1:]]
try:
    main()
finally:
    print("loaded:", *(m for m in ("torch", "numba", "matplotlib", "polars") if m in sys.modules), file=sys.stderr)
"""


OF_RUNS = ("finetune", "evaluate", "diagnose", "report", "record", "sweep-goal")


@row("B17")
@pytest.mark.parametrize(
    ("words", "said", "loaded"),
    [
        ("train coinrun/egde", "there is no config", ""),
        ("train coinrun/edge sed=3", "unknown key", ""),
        ("play", "no window can be opened", ""),
        ("watch GoToGoal", "no window can be opened", ""),
        ("edit", "no window can be opened", ""),
        ("edit level.jpg", "ends in .txt or .npz", ""),
        ("reproduce nothing", "there is no run folder", ""),
        ("study WRONG", "there is no study", ""),
        *((f"study {name} nothing", "is not a study folder", "") for name in ("status", "report")),
        ("study compare nothing nothing", "is not a study folder", ""),
        *((f"{name} nothing", "there is no run folder", "") for name in OF_RUNS),
    ],
)
def test_invalid_arguments_are_refused_before_any_import(
    words: str, said: str, loaded: str, tmp_path: Path
) -> None:
    done = run([sys.executable, "-c", LOADED, *words.split()], tmp_path, DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.splitlines()[-1] == f"loaded: {loaded}".strip()


def first_line(command: list[str], folder: Path, **variables: str) -> tuple[str, float, float]:
    """The first line on stderr, its time, and the time at which the libraries were loaded, in seconds of the process."""
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = threading.Timer(300, process.kill)
    limit.start()
    assert process.stderr is not None
    line = process.stderr.readline()
    while line.startswith("goalposts: loading "):
        line = process.stderr.readline()
    heard = time.monotonic() - began
    process.kill()
    process.wait()
    process.stderr.close()
    limit.cancel()
    return line, heard, began


@row("B17")
@pytest.mark.parametrize(
    ("words", "world"),
    [
        ("levels lit --world Beacon --count 1", "Beacon"),
        ("play Beacon --screenshot p.png", "Beacon"),
        ("evaluate GoToGoal --levels 5 --out t.parquet", "CoinRun"),
        ("demo --steps 4096", "CoinRun"),
    ],
)
@pytest.mark.slow
def test_a_line_is_shown_before_kernels_are_compiled(words: str, world: str, tmp_path: Path) -> None:
    place = tmp_path / "cache"
    line, heard, _ = first_line([*GOALPOSTS, *words.split()], tmp_path, NUMBA_CACHE_DIR=str(place))
    assert line == f"goalposts: compiling kernels for {world} …\n"
    assert len(list(place.rglob("*.nbc"))) <= 3, "much was compiled before the line"
    assert heard < 60  # generous for a busy machine; the loaded files above are the real test


@row("B17")
@pytest.mark.slow
@pytest.mark.parametrize("words", ["train tiny.yaml --out r", "watch GoToProxy --screenshot p.png"])
def test_the_line_comes_in_slow_commands_too(words: str, tmp_path: Path, tiny_config: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(tiny_config.read_text())
    line, *_ = first_line([*GOALPOSTS, *words.split()], tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert line == "goalposts: compiling kernels for CoinRun …\n"


@row("B17")
def test_names_of_scripted_agents_reach_the_commands() -> None:
    from goalposts.experiments.cli.app import AGENTS
    from goalposts.experiments.evaluation.subjects import _OLD, SCRIPTED

    assert set(AGENTS) == {*SCRIPTED, *_OLD, "Mixture", "mixture"}


@row("B17")
def test_a_folder_of_another_run_is_refused_before_torch_is_loaded(tmp_path: Path, tiny_run: Path) -> None:
    words = ["train", "coinrun/edge", "--out", str(tiny_run)]
    done = run([sys.executable, "-c", LOADED, *words], tmp_path)
    assert done.returncode == 2
    assert "holds a run of another config" in done.stderr
    assert "torch" not in done.stderr.splitlines()[-1]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> queue.Queue[str]:
    """What a command says that is silent, with a tenth of a second in place of one."""
    said: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(patience, "_write", said.put)
    for name, seconds in {"FIRST": 0.1, "NEXT": 0.1, "POLL": 0.01}.items():
        monkeypatch.setattr(patience, name, seconds)
    monkeypatch.setenv("GOALPOSTS_PATIENCE", "")
    monkeypatch.setattr(patience, "_silence", patience._Silence())
    return said


@row("B17")
def test_a_library_that_takes_long_to_load_is_named(
    lines: queue.Queue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = types.ModuleType("torch")
    slow.__spec__ = ModuleSpec("torch", None)
    slow.__spec__._initializing = True  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", slow)
    stopped = patience.watch_silence()
    assert lines.get(timeout=10) == "loading PyTorch …"
    slow.__spec__._initializing = False  # type: ignore[attr-defined]
    while (said := lines.get(timeout=10)).startswith("loading"):
        pass
    stopped.set()
    assert said == "working …"


@row("B17")
def test_a_silent_command_shows_its_progress(lines: queue.Queue[str]) -> None:
    stopped = patience.watch_silence()
    with progress_bars(["edge-s0"], quiet=False) as told:
        told(0, 2048, 8192, "")
        while (said := lines.get(timeout=10)).startswith(("working", "loading")):  # before there was progress
            pass
        assert said == "edge-s0: 2,048 of 8,192 …"
        told(0, 8192, 8192, "evaluating")
        while "2,048" in (said := lines.get(timeout=10)):
            pass
    stopped.set()
    assert said == "edge-s0: evaluating …"


@row("B17")
def test_a_long_run_is_heard_once_a_minute() -> None:
    gaps = [patience.gap_after(seconds) for seconds in (0, 60, 600, 3600, 10 * 3600)]
    assert gaps == [patience.NEXT, 6, 60, 60, 60]


@row("B17")
def test_a_window_a_bar_or_quiet_is_not_interrupted_by_lines(lines: queue.Queue[str]) -> None:
    with progress_bars(["edge-s0"], quiet=True) as told:
        told(0, 2048, 8192, "")
        stopped = patience.watch_silence()
        with pytest.raises(queue.Empty):
            lines.get(timeout=0.5)
    assert lines.get(timeout=10) == "working …"
    stopped.set()


@row("B17")
@pytest.mark.slow
@pytest.mark.parametrize("words", ["levels --count 1", "play --screenshot p.png"])
def test_no_silence_while_kernels_are_compiled(words: str, tmp_path: Path) -> None:
    """On a quiet machine no silence exceeds two seconds; the limit leaves room for a busy one."""
    process = subprocess.Popen(
        [*GOALPOSTS, *words.split()],
        cwd=tmp_path,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "GOALPOSTS_PATIENCE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    times = [time.monotonic()]
    while os.read(process.stdout.fileno(), 1 << 16):
        times.append(time.monotonic())
    process.stdout.close()
    assert process.wait() == 0
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert times[-1] - times[0] > 4, "nothing was compiled"
    assert max(gaps[:8]) < 5, gaps


def on_a_terminal(command: list[str], folder: Path, **variables: str) -> tuple[str, float, int]:
    """What a command writes on a terminal of 80 columns, its longest silence in seconds, and its exit code.

    Not counted: time in which the command waited for a core because the machine was busy.
    """
    reading, terminal = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"GOALPOSTS_PATIENCE": "", "TERM": "xterm", "COLUMNS": "80"} | variables,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    waits = Path(f"/proc/{process.pid}/schedstat")
    times, said = [time.monotonic()], b""

    def note() -> None:
        times.append(time.monotonic() - int(waits.read_text().split()[1]) / 1e9)

    try:
        while part := os.read(reading, 1 << 16):
            note()
            said += part
    except OSError:  # Linux's end of a terminal
        pass
    os.close(reading)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    note()
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return said.decode(), max(gaps), process.wait()


WAITING = """
import sys, time
from goalposts.process.patience import own_display, watch_silence
import goalposts.process.patience as patience
patience.PART = 10.0  # in a pipe the next line would now come after more than ten seconds
watch_silence()
time.sleep(4.5)
print("done", flush=True)
with own_display():
    time.sleep(1.5)
print("end", file=sys.stderr)
"""


LINUX = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="reads how long a process waits")


@row("B17")
@LINUX
def test_on_a_terminal_one_line_changes_each_second_and_other_output_erases_it(tmp_path: Path) -> None:
    said, silence, code = on_a_terminal([sys.executable, "-c", WAITING], tmp_path)
    assert code == 0
    assert silence < 2
    shown = said.split("\r\x1b[K")
    assert shown[1] == "goalposts: working …"
    assert all(line.startswith("goalposts: working … ") and line.endswith(" s") for line in shown[2:-1])
    assert len(shown) >= 4
    assert shown[-1] == "done\r\nend\r\n"


@row("B17")
@LINUX
def test_on_a_dumb_terminal_no_escape_is_written(tmp_path: Path) -> None:
    script = "import time\nfrom goalposts.process.patience import watch_silence\nwatch_silence()\ntime.sleep(1.5)\n"
    said, *_ = on_a_terminal([sys.executable, "-c", script], tmp_path, TERM="dumb")
    assert said == "goalposts: working …\r\n"


SLOWEST = (
    "train tiny.yaml --out new",
    "evaluate run --levels 200",
    "diagnose run",
    "explain run --levels 20",
    "foresee run",
    "live run --out live.html",
    "report run --out page.html",
    "study run small.yaml --out small --workers 1",
)


@row("B17")
@LINUX
@pytest.mark.slow
@pytest.mark.parametrize("words", SLOWEST)
def test_no_silence_on_a_terminal(words: str, tmp_path: Path, tiny_run: Path) -> None:
    _, silence, code = on_a_terminal([*GOALPOSTS, *words.split()], filled(tmp_path, tiny_run))
    assert code == 0
    assert silence < 2
