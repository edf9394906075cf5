"""Standard streams that a command can write to, whatever it was started with: closed, broken, or of a legacy encoding.

Needs the standard library only. Read next: `experiments/cli/main.py`, which uses it.
"""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from typing import Any

STREAMS = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w"))
BROKEN_PIPE = 141  # the exit code of a program whose reader has gone: 128 + SIGPIPE

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
    """Open what is closed, so that no file of ours takes its number, and let what an encoding lacks be replaced."""
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
    """Put the null device where a standard stream is closed; whether it was."""
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
    """What is written for characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_replaced, error.object[error.start : error.end])), error.end


def _replaced(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:  # a byte of a file name that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return _ASCII.get(character, "?")


def takes_unicode(stream: Any) -> bool:
    """Whether a stream can show every character."""
    return (getattr(stream, "encoding", None) or "").lower().replace("_", "-").startswith("utf")


def warn(message: str) -> None:
    """Write a line to stderr; where that is impossible, nothing, and nowhere else."""
    with suppress(OSError, ValueError):
        print(message, file=sys.stderr, flush=True)


def is_broken_pipe(error: BaseException | None) -> bool:
    """Whether an exception stems from a reader that has gone, however libraries wrapped it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, BrokenPipeError):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def stop_writing() -> int:
    """Send what is still to be written nowhere, so that Python does not complain when it ends. Returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return BROKEN_PIPE
