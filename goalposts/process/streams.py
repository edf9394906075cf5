"""Make standard streams writable for a command, even if they are closed, broken or use a legacy encoding.

Requires only the standard library. Read next: `experiments/cli/main.py`, which uses it.
"""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from typing import Any

STREAMS = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w"))
BROKEN_PIPE = 141  # exit code of a program whose output pipe is broken: 128 + SIGPIPE

_ASCII = {
    "–": "-",
    "—": "-",
    "−": "-",
    "‑": "-",
    "…": "...",
    "×": "x",
    "·": "*",
    "•": "*",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "≈": "~",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "±": "+-",
    "α": "alpha",
    "½": "1/2",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "━": "-",
    "─": "-",
    "│": "|",
    "█": "#",
    "✓": "ok",
    "\u202f": " ",
    "\u00a0": " ",
    "\u2009": " ",
}


def make_ready() -> None:
    """Reopen closed standard streams on the null device, and replace characters that an encoding cannot represent."""
    codecs.register_error("legible", _legible)
    for number, (name, flags, mode) in enumerate(STREAMS):
        was_closed = _fill(number, flags)
        stream = getattr(sys, name)
        if stream is None:  # Python found it closed
            path = number if was_closed else os.devnull
            stream = open(path, mode, encoding="utf-8", errors="legible", closefd=not was_closed)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="legible")


def _fill(number: int, flags: int) -> bool:
    """Open the null device in place of a closed standard stream; returns whether it was closed."""
    try:
        os.fstat(number)
        return False
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)
        return True


def _legible(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler that replaces characters which the encoding cannot represent."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_replaced, error.object[error.start : error.end])), error.end


def _replaced(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return _ASCII.get(character, "?")


def takes_unicode(stream: Any) -> bool:
    """Whether a stream's encoding can represent every character."""
    return (getattr(stream, "encoding", None) or "").lower().replace("_", "-").startswith("utf")


def warn(message: str) -> None:
    """Write a line to stderr; do nothing if that fails."""
    with suppress(OSError, ValueError):
        print(message, file=sys.stderr, flush=True)


def is_broken_pipe(error: BaseException | None) -> bool:
    """Whether an exception is due to a broken pipe, even if libraries wrapped it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, BrokenPipeError):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def stop_writing() -> int:
    """Discard pending output, so that Python does not report an error at exit. Returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return BROKEN_PIPE
