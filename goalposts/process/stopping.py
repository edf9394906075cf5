"""End a command in order by SIGINT (Ctrl-C), SIGTERM or SIGHUP: the same cleaning up, one line, exit code 128 + the signal's number.

Requires only the standard library. Read next: `experiments/cli/main.py`, which prints the line.
"""

import os
import signal
from types import FrameType

SIGNALS = {
    getattr(signal, name): words
    for name, words in (
        ("SIGINT", "interrupted"),
        ("SIGTERM", "stopped by SIGTERM"),
        ("SIGHUP", "stopped by SIGHUP"),
    )
    if hasattr(signal, name)
}
IMPORTING = "<frozen importlib._bootstrap>"
_handled: set[int] = set()
_arrived: list[int] = []


def stop_on_signals() -> None:
    """Raise KeyboardInterrupt where a signal arrives; a signal that is ignored (`nohup`) or that has another handler keeps it."""
    for number in SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)
            _handled.add(number)


def end_at_once() -> None:
    """Let a further signal end the process without a word: nothing is left to clean up."""
    for number in _handled:
        signal.signal(number, signal.SIG_DFL)


def arrived() -> int:
    """The signal that stopped the command; SIGINT for a KeyboardInterrupt without a signal."""
    return _arrived[-1] if _arrived else int(signal.SIGINT)


def _stop(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, except during imports, where some modules (such as numpy.random) swallow the exception."""
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            os.write(2, (b"\r\x1b[K" if os.isatty(2) else b"") + f"goalposts: {SIGNALS[number]}\n".encode())
            os._exit(128 + number)
        frame = frame.f_back
    _arrived.append(number)
    raise KeyboardInterrupt
