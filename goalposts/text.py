"""Escape untrusted text for terminals, pages, JSON and messages: names, paths, links, config values, library errors.

`plain` returns one line, `plain_lines` keeps line breaks, `json_text` writes JSON. Characters that are invisible, or that
move, hide or reorder others (escapes, C1 controls, bidi marks, zero-width characters, lone surrogates), are escaped as `\\x1b` or
`\\u202e`. Used at the boundaries: `UserError`, the commands' `say`, tables, pages; code in between need not escape again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

LONGEST = 4_000  # maximum length of a line of a message, in characters

# Printable in Unicode but invisible: joiners, fillers, variation selectors; and the fifth accent on one letter.
_UNSEEN = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
)
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")  # as harmless as an ordinary space
_STACKED = re.compile(
    "(?<=[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)


def plain(text: object, longest: int = LONGEST) -> str:
    """Convert a text to one line of visible characters, shortened in the middle beyond `longest`. `plain(plain(x)) == plain(x)`."""
    line = str(text)
    if len(line) > longest:  # shortens before escaping, since the text can be of any length
        line = _cut(line, longest)
    if not (line.isascii() and line.isprintable()):
        line = "".join(c if _is_visible(c) else _written_out(c) for c in line)
        line = _STACKED.sub("…", line)
    return line if len(line) <= longest else _cut(line, longest)


def plain_lines(text: object | Iterable[object]) -> str:
    """Convert a text, or an iterable of texts that each stay on one line, to lines of visible characters, of any length."""
    lines = text.split("\n") if isinstance(text, str) else [str(line) for line in text]  # type: ignore[union-attr]
    return "\n".join(plain(line, max(len(line) * 10, 1)) for line in lines)


def is_plain(text: str) -> bool:
    """Whether a text is already one line of visible characters."""
    return plain(text, max(len(text) * 10, 1)) == text


def json_text(value: Any, ascii_only: bool = False, **options: Any) -> str:
    """Write JSON with printable texts: characters that `plain` escapes become JSON escapes, so that parsing restores them."""
    text = json.dumps(value, ensure_ascii=ascii_only, **options)
    if text.isascii():  # `dumps` escapes all controls except one
        return text.replace("\x7f", "\\u007f")
    return "".join(
        c if c == "\n" or _is_visible(c) else json.dumps(c)[1:-1] for c in text.replace("\x7f", "\\u007f")
    )


def _is_visible(c: str) -> bool:
    return not _INVISIBLE.match(c) if c.isprintable() else _SPACE.match(c) is not None


def _cut(line: str, longest: int) -> str:
    """Shorten a line in the middle, since messages end with the remedy."""
    tail = longest // 3
    return f"{line[: max(longest - tail - 1, 0)]}…{line[len(line) - tail :] if tail else ''}"


def _written_out(c: str) -> str:
    return (
        repr(c)[1:-1]
        if not c.isprintable()
        else f"\\u{ord(c):04x}"
        if ord(c) < 0x10000
        else f"\\U{ord(c):08x}"
    )
