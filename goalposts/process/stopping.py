"""End a command in order by SIGINT (Ctrl-C), SIGTERM, SIGHUP or SIGXCPU: the same cleaning up, one line, exit code 128 + signal.

The system sends SIGXCPU at the limit of processor time, and SIGKILL at once if that is also the hard limit, as `ulimit -t` sets it.

Requires only the standard library. Read next: `experiments/cli/main.py`, which prints the line.
"""

import os
import signal
from contextlib import suppress
from types import FrameType

SIGNALS = {
    getattr(signal, name): words
    for name, words in (
        ("SIGINT", "interrupted"),
        ("SIGTERM", "stopped by SIGTERM"),
        ("SIGHUP", "stopped by SIGHUP"),
        ("SIGXCPU", "stopped at the limit of processor time (ulimit -t)"),
    )
    if hasattr(signal, name)
}
TO_STOP = (2, 10)
"""Least and most seconds of processor time for stopping in order; between them, a tenth of the limit."""
IMPORTING = "<frozen importlib._bootstrap>"
_handled: set[int] = set()
_arrived: list[int] = []


def stop_on_signals() -> None:
    """Raise KeyboardInterrupt where a signal arrives; a signal that is ignored (`nohup`) or that has another handler keeps it."""
    for number in SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)
            _handled.add(number)
    _leave_time_to_stop()


def _leave_time_to_stop() -> None:
    """Lower the soft limit of processor time below the hard limit, at which the system kills the process without a word."""
    with suppress(ImportError, ValueError, OSError):  # Windows; a limit that may not be set
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
        early = hard - min(max(hard // 10, TO_STOP[0]), TO_STOP[1])
        if hard != resource.RLIM_INFINITY and early > 0 and not 0 <= soft <= early:
            resource.setrlimit(resource.RLIMIT_CPU, (early, hard))


def end_at_once() -> None:
    """Let a further signal end the process without a word: nothing is left to clean up."""
    for number in _handled:
        signal.signal(number, signal.SIG_DFL)


def arrived() -> int:
    """The signal that stopped the command; SIGINT for a KeyboardInterrupt without a signal."""
    return _arrived[-1] if _arrived else int(signal.SIGINT)


def _stop(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, except during imports, where some modules (such as numpy.random) swallow the exception."""
    if number == getattr(signal, "SIGXCPU", None):  # comes again each second
        signal.signal(number, signal.SIG_IGN)
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            os.write(2, (b"\r\x1b[K" if os.isatty(2) else b"") + f"goalposts: {SIGNALS[number]}\n".encode())
            os._exit(128 + number)
        frame = frame.f_back
    _arrived.append(number)
    raise KeyboardInterrupt
