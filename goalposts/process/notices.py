"""Notices to the user that are not errors: a line on stderr in a command, a warning in Python.

Requires only the standard library. Read next: `experiments/cli/main.py`, which prints them.
"""

import sys
from collections.abc import Callable

from .patience import heard

printed: Callable[[str], object] | None = None
"""Function with which a command prints notices; None in a user's Python program."""
_told: set[str] = set()


def notice(message: str) -> None:
    """Show a message once per process."""
    from ..text import plain

    message = plain(message)
    if message in _told:
        return
    _told.add(message)
    if printed is not None:
        printed(message)
        heard()
        return
    import warnings

    workers = sys.modules.get("multiprocessing.process")
    if workers is not None and workers.parent_process() is not None:  # the parent shows it
        return
    warnings.warn(message, RuntimeWarning, stacklevel=3)


def progress(message: str) -> None:
    """Show a message about a slow operation once per process, in commands only."""
    if printed is not None:
        notice(message)
