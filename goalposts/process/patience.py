"""Break the silence of a command: after 1.2 s without output, a line on stderr says what it is doing.

The line names the large library that is being imported or the progress, or says that the command compiles or works. On a terminal it is
one line that changes before two seconds have passed, and that other output erases. In a pipe or a file more lines follow every two seconds,
later each time that a tenth of the time so far has passed, and from the tenth minute on once a minute.
`GOALPOSTS_PATIENCE=0` turns this off. Requires only the standard library. Read next: `goalposts/__main__.py`, which starts it.
"""

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .status_line import StatusLine, on_terminal

LARGE = {
    "torch": "PyTorch",
    "numba": "numba",
    "polars": "polars",
    "scipy": "SciPy",
    "matplotlib": "matplotlib",
    "pygame": "pygame",
    "ray": "Ray",
    "goalposts.experiments.cli.main": "the commands",
}
# Seconds of silence before the first line and the next ones; part of the time so far.
FIRST, NEXT, PART = 1.2, 1.7, 0.1
ON_TERMINAL = 1.0  # seconds of silence before the line on a terminal changes
MOST = 60.0  # seconds between two lines, however long the command has run
POLL = 0.1


class _Silence:
    """Time of the last output, the progress to show, and how many windows and progress bars are open."""

    def __init__(self) -> None:
        self.heard = time.monotonic()
        self.progress = ""
        self.displays = 0
        self.line: StatusLine | None = None  # on a terminal


_silence = _Silence()


def heard() -> None:
    """Note that the command has just shown something."""
    _silence.heard = time.monotonic()


def show_progress(text: str) -> None:
    """Set the progress that the next line shows; empty: none."""
    _silence.progress = text


@contextmanager
def own_display() -> Iterator[None]:
    """Show no lines while a window or a progress bar is open."""
    _silence.displays += 1
    if _silence.line is not None:
        _silence.line.erase()
    try:
        yield
    finally:
        _silence.displays -= 1
        heard()


def watch_silence(before: float = 0.0) -> threading.Event:
    """Start the thread that writes the lines; set the returned event to stop it. It stops when Python exits.

    before: seconds of silence so far.
    """
    stopped = threading.Event()
    if os.environ.get("GOALPOSTS_PATIENCE", "").strip() == "0":
        return stopped
    _silence.heard = time.monotonic() - before
    line = _silence.line = StatusLine(heard) if on_terminal() else None
    thread = threading.Thread(target=_watch, args=(stopped,), name="goalposts-patience", daemon=True)
    thread.start()

    def stop() -> None:
        stopped.set()
        thread.join(1)  # a thread that writes while Python exits would abort it
        if line is not None:
            line.end()

    atexit.register(stop)
    return stopped


def silence_so_far() -> float:
    """Seconds since this process started, at most 1; its processor time where the system does not say when it started."""
    try:
        with open("/proc/self/stat") as facts:
            started = int(facts.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return min(max(time.clock_gettime(time.CLOCK_BOOTTIME) - started, 0.0), 1.0)
    except (OSError, ValueError, IndexError, AttributeError):
        return min(time.process_time(), 1.0)


def importing() -> str | None:
    """Name of the large library being imported, or of the part of Goalposts that imports others; or None."""
    for name, shown in LARGE.items():
        if getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False):
            return shown
    return None


def _current() -> str:
    if library := importing():
        return f"loading {library}"
    lock = getattr(sys.modules.get("numba.core.compiler_lock"), "global_compiler_lock", None)
    if lock is not None and lock.is_locked():
        return "compiling"
    return _silence.progress or "working"


def gap_after(seconds: float) -> float:
    """Seconds of silence before the next line in a pipe or a file, of a command that has run so long."""
    return min(max(NEXT, PART * seconds), MOST)


def _watch(stopped: threading.Event) -> None:
    status = _silence.line
    began, last, limit = time.monotonic(), "", FIRST
    while not stopped.wait(POLL):
        now = time.monotonic()
        if _silence.displays or now - _silence.heard < limit:
            continue
        what = f"{_current()} …"
        line = what if what != last else f"{what} {now - began:.0f} s"
        if status is None:
            _write(line)
            limit = gap_after(now - began)
        else:
            status.show(_shown(line))
            limit = ON_TERMINAL
        last = what
        heard()


def _shown(line: str) -> str:
    from goalposts.text import plain

    return plain(f"goalposts: {line}")


def _write(line: str) -> None:
    from .streams import warn

    warn(_shown(line))
