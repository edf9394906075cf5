"""Errors that a user can fix.

Every message says what was given, what is allowed and what to do next. The command line prints it without a traceback
and exits with code 2; a Python caller catches `UserError` or the narrower class that a function documents.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from goalposts.streams import make_ready, stop_writing, warn

P = ParamSpec("P")


class UserError(Exception):
    """Bad input: the message names the place, what is allowed there and the next step."""


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
