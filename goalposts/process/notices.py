"""What a user should know although nothing is wrong: a line on stderr of a command, a warning in Python.

Needs the standard library only. Read next: `experiments/cli/main.py`, which prints them.
"""

import sys
from collections.abc import Callable

printed: Callable[[str], object] | None = None
"""How a command shows a notice; None in a Python program of a user's."""
_told: set[str] = set()


def notice(message: str) -> None:
    """Show a message, once in a process."""
    from ..text import plain

    message = plain(message)
    if message in _told:
        return
    _told.add(message)
    if printed is not None:
        printed(message)
        return
    import warnings

    workers = sys.modules.get("multiprocessing.process")
    if workers is not None and workers.parent_process() is not None:  # the parent says it
        return
    warnings.warn(message, RuntimeWarning, stacklevel=3)


def progress(message: str) -> None:
    """Show what takes its time, once in a process; only a command does."""
    if printed is not None:
        notice(message)
