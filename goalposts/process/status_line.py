"""A line at the end of a terminal that is overwritten, and erased before anything else is written there.

Requires only the standard library. Read next: `patience.py`, which shows it.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

ERASE = "\r\x1b[K"
USUAL = 80  # columns of a terminal that does not know its width


def on_terminal() -> bool:
    """Whether people see stderr as it is written, on a terminal that can erase a line."""
    try:
        return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    except (AttributeError, ValueError):
        return False


class StatusLine:
    """Shows a line on stderr and erases it before anything else is written to stdout or stderr."""

    def __init__(self, wrote: Callable[[], object]) -> None:
        """wrote: called after anything else was written."""
        self._lock = threading.RLock()
        self._shown = False
        self._wrote = wrote
        self._streams: list[Any] = []
        self._write: Callable[[str], object] = sys.stderr.write
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, ValueError):
                if stream.isatty():
                    self._wrap(stream)

    def _wrap(self, stream: Any) -> None:
        usual = stream.write

        def write(text: str) -> int:
            with self._lock:
                self.erase()
                written = usual(text)
            self._wrote()
            return written

        stream.write = write
        self._streams.append(stream)

    def show(self, text: str) -> None:
        """Replace the line by another text, cut to the width of the terminal."""
        with self._lock, suppress(OSError, ValueError):
            self._write(ERASE + text[: _columns() - 1])
            sys.stderr.flush()
            self._shown = True

    def erase(self) -> None:
        """Remove the line, if it is shown."""
        with self._lock:
            if self._shown:
                self._shown = False
                with suppress(OSError, ValueError):
                    self._write(ERASE)
                    sys.stderr.flush()

    def end(self) -> None:
        """Erase the line and leave the streams as they were."""
        self.erase()
        for stream in self._streams:
            with suppress(AttributeError):
                del stream.write
        self._streams.clear()


def _columns() -> int:
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or USUAL
    return USUAL
