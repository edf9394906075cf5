"""Errors that users can fix.

Every message states what was given, what is allowed and what to do next. The command line prints it without a traceback
and exits with code 2; a Python caller catches `UserError` or the narrower class that a function documents.
A message is always one line, even if it quotes names and paths (`goalposts/text.py`); further lines are separate arguments.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, Self

from goalposts.process.streams import make_ready, stop_writing, warn

from .text import plain

P = ParamSpec("P")
MOST_LINES = 100  # maximum number of lines of a message


class UserError(Exception):
    """Invalid input; the message names the place, what is allowed there and the next step.

    message: one line. lines: further lines, such as a legend. Control characters and line breaks in both are escaped.
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
        """Return the same error with a place before its message: `error.within("levels.txt: ")`."""
        return type(self)(f"{place}{self.message}", *self.args[1:])


def tells_exit_code(command: Callable[P, None]) -> Callable[P, int]:
    """Decorate a module's main function to return 0, or 2 after invalid input with the message on stderr."""

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
