"""Errors that a user can fix.

Every message says what was given, what is allowed and what to do next. The command line prints it without a traceback
and exits with code 2; a Python caller catches `UserError` or the narrower class that a function documents.
A message is one line, whatever names and paths it quotes (`goalposts/text.py`); further lines are given one by one.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, Self

from goalposts.process.streams import make_ready, stop_writing, warn

from .text import plain

P = ParamSpec("P")
MOST_LINES = 100  # of one message


class UserError(Exception):
    """Bad input: the message names the place, what is allowed there and the next step.

    message: one line. lines: those below it, such as a legend. Neither can hold a control character or a line break.
    """

    def __init__(self, message: object = "", *lines: object) -> None:
        if len(lines) > MOST_LINES:
            lines = (*lines[:MOST_LINES], f"  … and {len(lines) - MOST_LINES:,} more lines")
        super().__init__(plain(message), *map(plain, lines))

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))

    @property
    def message(self) -> str:
        """The first line."""
        return str(self.args[0]) if self.args else ""

    def within(self, place: str) -> Self:
        """The same error, its message begun with a place: `error.within("levels.txt: ")`."""
        return type(self)(f"{place}{self.message}", *self.args[1:])


def tells_exit_code(command: Callable[P, None]) -> Callable[P, int]:
    """Turn a module's main function into one that returns 0, or 2 after bad input, with its message on stderr."""

    @wraps(command)
    def inner(*given: P.args, **options: P.kwargs) -> int:
        make_ready()
        try:
            command(*given, **options)
            sys.stdout.flush()
        except UserError as error:
            warn(str(error))
            return 2
        except BrokenPipeError:
            return stop_writing()
        return 0

    return inner
